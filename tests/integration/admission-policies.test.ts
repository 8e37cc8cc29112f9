/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { callsTo, type Engine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings'
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'

const matching = (resource: string, group = ''): object => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
})

const deployment = (name: string, replicas: number): object => ({
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'a', image: 'x' }] } },
  },
})

describe('ValidatingAdmissionPolicies', () => {
  let server: TestApiServer
  let call: Engine['call']
  before(async () => {
    server = await startTestApiServer()
    call = callsTo(server.api.handle)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
  })

  async function bind(name: string, spec: object, binding: object = {}): Promise<void> {
    const policy = await call('POST', POLICIES, { metadata: { name }, spec })
    assert.equal(policy.status, 201, policy.text)
    const bound = await call('POST', BINDINGS, {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'], ...binding },
    })
    assert.equal(bound.status, 201, bound.text)
  }

  async function unbind(...names: string[]): Promise<void> {
    for (const name of names) {
      await call('DELETE', `${BINDINGS}/${name}`)
      await call('DELETE', `${POLICIES}/${name}`)
    }
  }

  it('refuse a Deployment with the expression, the reason and the code', async () => {
    await bind('replicas', {
      matchConstraints: matching('deployments', 'apps'),
      variables: [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'isOdd', expression: 'variables.replicas % 2 == 1' },
      ],
      validations: [
        { expression: 'variables.replicas > 1', messageExpression: "'wants more than ' + string(variables.replicas)" },
        { expression: 'variables.isOdd', message: 'replicas must be odd', reason: 'Forbidden' },
      ],
    })
    await eventually(async () => {
      const refused = await call('POST', DEPLOYMENTS, deployment('a', 1))
      assert.equal(refused.status, 422)
      assert.equal(
        refused.json.message,
        `deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas' denied request: wants more than 1`,
      )
    })
    const even = await call('POST', DEPLOYMENTS, deployment('a', 2))
    assert.equal(even.status, 403)
    assert.match(even.json.message, /denied request: replicas must be odd$/)
    assert.equal((await call('POST', DEPLOYMENTS, deployment('a', 3))).status, 201)
    await unbind('replicas')
    await eventually(async () => assert.equal((await call('POST', DEPLOYMENTS, deployment('b', 1))).status, 201))
  })

  it('take parameters, ask who may do what, and warn', async () => {
    await call('POST', MAPS, { metadata: { name: 'limits' }, data: { forbidden: 'secret' } })
    await bind(
      'params',
      {
        matchConstraints: matching('configmaps'),
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        matchConditions: [{ name: 'named', expression: "request.name.startsWith('checked')" }],
        validations: [
          { expression: 'params.data.forbidden != object.data.word' },
          {
            expression:
              "authorizer.group('').resource('secrets').check('list').allowed() && authorizer.requestResource.check('create').allowed()",
          },
          { expression: "namespaceObject.metadata.name == 'default' && request.userInfo.groups.exists(g, g == 'system:masters')" },
        ],
      },
      { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' }, validationActions: ['Warn'] },
    )
    await eventually(async () => {
      const warned = await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'checked' }, data: { word: 'secret' } })
      assert.equal(warned.status, 201)
      assert.match(
        warned.headers['warning'] ?? '',
        /Validation failed for ValidatingAdmissionPolicy 'params' with binding 'params': failed expression: params\.data\.forbidden != object\.data\.word/,
      )
    })
    const fine = await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'checked' }, data: { word: 'open' } })
    assert.equal(fine.headers['warning'], undefined)
    await call('DELETE', `${MAPS}/limits`)
    await eventually(async () => {
      const lost = await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'checked' }, data: {} })
      assert.match(lost.text, /no params found for policy binding with `Deny` parameterNotFoundAction/)
    })
    await unbind('params')
  })

  it('follow the failure policy when an expression fails', async () => {
    for (const failurePolicy of ['Fail', 'Ignore']) {
      await bind('failing', {
        failurePolicy,
        matchConstraints: matching('configmaps'),
        validations: [{ expression: 'object.nothing == 1' }],
      })
      await eventually(async () => {
        const answer = await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'x' } })
        assert.equal(answer.status, failurePolicy === 'Fail' ? 422 : 201)
        if (failurePolicy === 'Fail')
          assert.match(answer.json.message, /expression 'object\.nothing == 1' resulted in error: no such key: nothing$/)
      })
      await unbind('failing')
    }
  })

  it('are refused when an expression does not compile, by its field', async () => {
    const answer = await call('POST', POLICIES, {
      metadata: { name: 'broken' },
      spec: {
        matchConstraints: matching('configmaps'),
        variables: [
          { name: 'late', expression: 'variables.early' },
          { name: 'early', expression: '1' },
        ],
        matchConditions: [{ name: 'c', expression: 'request.nope == 1' }],
        validations: [{ expression: 'params.x == 1', messageExpression: '1 +' }],
      },
    })
    assert.equal(answer.status, 422)
    assert.deepEqual(
      answer.json.details.causes.map((cause: { field: string }) => cause.field),
      [
        'spec.variables[0].expression',
        'spec.matchConditions[0].expression',
        'spec.validations[0].expression',
        'spec.validations[0].messageExpression',
      ],
    )
    assert.match(answer.json.message, /undeclared reference to 'params' \(in container ''\)/)
  })

  it('tell in their status where expressions do not fit the kinds they are about', async () => {
    const confused = { expression: "object.spec.replicas > '1'", messageExpression: "'got ' + object.spec.replicas" }
    for (const [name, validation] of [
      ['fitting', { expression: "variables.count > 1 && object.spec.template.spec.containers.all(c, c.image != '')" }],
      ['confused', confused],
    ] as const) {
      const variables = [{ name: 'count', expression: 'object.spec.replicas' }]
      await call('POST', POLICIES, {
        metadata: { name },
        spec: { matchConstraints: matching('deployments', 'apps'), variables, validations: [validation] },
      })
    }
    await eventually(async () => {
      const { status } = (await call('GET', `${POLICIES}/fitting`)).json
      assert.deepEqual(status, { observedGeneration: 1, typeChecking: {} })
    })
    await eventually(async () => {
      const { typeChecking } = (await call('GET', `${POLICIES}/confused`)).json.status
      const [first, second] = typeChecking.expressionWarnings
      assert.deepEqual([first.fieldRef, second.fieldRef], ['spec.validations[0].expression', 'spec.validations[0].messageExpression'])
      assert.match(first.warning, /^apps\/v1, Kind=Deployment: ERROR: .*found no matching overload for '_>_' applied to '\(int, string\)'/)
      assert.match(second.warning, /found no matching overload for '_\+_' applied to '\(string, int\)'/)
    })
  })

  it('have a status endpoint', async () => {
    await call('POST', POLICIES, {
      metadata: { name: 's' },
      spec: { matchConstraints: matching('configmaps'), validations: [{ expression: 'true' }] },
    })
    await eventually(async () => assert.ok((await call('GET', `${POLICIES}/s`)).json.status.typeChecking !== undefined))
    const { json } = await call('GET', `${POLICIES}/s`)
    const conditions = [{ type: 'T', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2024-01-01T00:00:00Z' }]
    const updated = await call('PUT', `${POLICIES}/s/status`, { ...json, status: { conditions } })
    assert.equal(updated.json.status.conditions[0].type, 'T')
    await call('DELETE', `${POLICIES}/s`)
  })

  it('webhooks: match conditions must compile, and decide who is asked', async () => {
    const webhook = (expression: string): object => ({
      metadata: { name: 'conditional' },
      webhooks: [
        {
          name: 'conditional.example.com',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
          matchConditions: [{ name: 'c', expression }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds: 1,
        },
      ],
    })
    const refused = await call('POST', WEBHOOKS, webhook('... [} bad expression'))
    assert.equal(refused.status, 422)
    assert.match(
      refused.json.message,
      /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed: ERROR: <input>:1:/,
    )
    assert.equal((await call('POST', WEBHOOKS, webhook("object.metadata.name == 'asked'"))).status, 201)
    await eventually(async () => assert.equal((await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'asked' } })).status, 500))
    assert.equal((await call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'other' } })).status, 201)
    await call('DELETE', `${WEBHOOKS}/conditional`)
  })
})
