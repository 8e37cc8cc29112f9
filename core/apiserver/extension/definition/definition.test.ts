import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CustomResourceDefinition } from '../../../api/types/apiextensions-v1.ts'
import type { JsonSchema } from '../schema/json-schema.ts'
import { CLEANUP_FINALIZER, customResourceDefinitionHooks } from './hooks.ts'
import { planStatus } from './status.ts'
import { definitionErrors } from './validate.ts'

const NOW = '2024-01-01T00:00:00Z'

interface Changes {
  readonly spec?: Record<string, unknown>
  readonly version?: Record<string, unknown>
  readonly schema?: JsonSchema
  readonly metadata?: Record<string, unknown>
  readonly status?: Record<string, unknown>
}

function crd({ spec, version, schema, metadata, status }: Changes = {}): CustomResourceDefinition {
  const made = {
    metadata: { name: 'foos.example.com', ...metadata },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'foos', kind: 'Foo' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema ?? { type: 'object' } }, ...version }],
      ...spec,
    },
    status: { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions: [], ...status },
  } as unknown as CustomResourceDefinition
  customResourceDefinitionHooks.applyDefaults(made as never)
  return made
}

const problems = (next: CustomResourceDefinition, old?: CustomResourceDefinition): string[] =>
  definitionErrors(next, old).map((error) => `${error.field}: ${error.message}`)

const props = (name: string, schema: JsonSchema): JsonSchema => ({ type: 'object', properties: { [name]: schema } })
const SCHEMA = 'spec.validation.openAPIV3Schema'

describe('a definition', () => {
  it('is defaulted', () => {
    const { spec, status } = crd()
    assert.deepEqual(spec.names, { plural: 'foos', kind: 'Foo', singular: 'foo', listKind: 'FooList' })
    assert.deepEqual([spec.conversion, status.storedVersions], [{ strategy: 'None' }, ['v1']])
    assert.deepEqual(problems(crd()), [])
  })

  for (const [changes, want] of [
    [{ metadata: { name: 'x' } }, ['metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group']],
    [
      { spec: { group: 'nodot' }, metadata: { name: 'foos.nodot' } },
      ['spec.group: Invalid value: "nodot": should be a domain with at least one dot'],
    ],
    [
      { spec: { names: { plural: 'foos', kind: 'Foo', listKind: 'Foo' } } },
      ['spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same'],
    ],
    [{ spec: { scope: '' } }, ['spec.scope: Required value']],
    [{ version: { storage: false } }, ['spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version']],
    [{ version: { schema: undefined } }, [`${SCHEMA}: Required value: schemas are required`]],
    [{ schema: { type: 'string' } }, [`${SCHEMA}.type: Invalid value: "string": must be object at the root`]],
    [{ schema: props('a', {}) }, [`${SCHEMA}.properties[a].type: Required value: must not be empty for specified object fields`]],
    [{ schema: props('a', { type: 'array' }) }, [`${SCHEMA}.properties[a].items: Required value: must be specified`]],
    [
      { schema: props('a', { type: 'array', items: {} }) },
      [`${SCHEMA}.properties[a].items.type: Required value: must not be empty for specified array items`],
    ],
    [
      { schema: props('a', { type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } }) },
      [`${SCHEMA}.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
    ],
    [
      { schema: props('a', { type: 'array', uniqueItems: true, items: { type: 'string' } }) },
      [`${SCHEMA}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`],
    ],
    [
      { schema: props('metadata', { type: 'object', properties: { labels: { type: 'object' } } }) },
      [
        `${SCHEMA}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
    [
      { schema: props('a', { type: 'object', anyOf: [{ properties: { b: { minimum: 1 } } }] }) },
      [`${SCHEMA}.properties[a].properties[b]: Required value: because it is defined in ${SCHEMA}.properties[a].anyOf[0].properties[b]`],
    ],
    [
      { schema: props('a', { type: 'object', anyOf: [{ type: 'object' }] }) },
      [`${SCHEMA}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
    ],
    [{ schema: props('a', { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }) }, []],
    [
      { schema: props('a', { type: 'integer', minimum: 3, default: 1 }) },
      [`${SCHEMA}.properties[a].default: Invalid value: 1:  in body should be greater than or equal to 3`],
    ],
    [
      {
        schema: props('a', {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
          items: { type: 'object', properties: { k: { type: 'string' } } },
        }),
      },
      [
        `${SCHEMA}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    ],
    [
      { version: { subresources: { scale: { specReplicasPath: '.x', statusReplicasPath: '.status.replicas' } } } },
      ['spec.subresources.scale.specReplicasPath: Invalid value: ".x": should be a json path under .spec'],
    ],
    [
      { version: { additionalPrinterColumns: [{ name: 'a', type: 'odd', jsonPath: '.a' }] } },
      ['spec.additionalPrinterColumns[0].type: Invalid value: "odd": must be one of boolean,date,integer,number,string'],
    ],
    [
      { spec: { group: 'x.k8s.io' }, metadata: { name: 'foos.x.k8s.io' } },
      [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ],
    ],
  ] as readonly (readonly [Changes, string[]])[]) {
    it(`answers ${want.join(' and ') || `nothing to ${JSON.stringify(changes)}`}`, () => assert.deepEqual(problems(crd(changes)), want))
  }

  it('names the version in paths when versions differ', () => {
    const version = (name: string, schema: JsonSchema): object => ({
      name,
      served: true,
      storage: name === 'v1',
      schema: { openAPIV3Schema: schema },
    })
    const next = crd({ spec: { versions: [version('v1', { type: 'object' }), version('v2', props('a', {}))] } })
    assert.deepEqual(problems(next), [
      'spec.versions[1].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
    ])
  })

  it('keeps versions that objects are stored in', () => {
    const status = { conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v0', 'v1'] }
    assert.match(
      problems(crd({ status }), crd({ status }))[0] ?? '',
      /^status\.storedVersions\[0\]: Invalid value: "v0": missing from spec\.versions; v0 was previously/,
    )
  })

  it('is held back on deletion until its objects are gone', () => {
    const { extraFinalizers, markDeleting } = customResourceDefinitionHooks
    assert.deepEqual(extraFinalizers(crd()), [CLEANUP_FINALIZER])
    const deleted = crd({ metadata: { deletionTimestamp: NOW } })
    markDeleting(deleted as never)
    assert.deepEqual(deleted.metadata.finalizers, [CLEANUP_FINALIZER])
    assert.deepEqual(
      deleted.status.conditions.map(({ type, reason }) => [type, reason]),
      [['Terminating', 'InstanceDeletionPending']],
    )
    assert.deepEqual(extraFinalizers(deleted), [])
  })
})

describe('conversion', () => {
  const CLIENT = 'spec.conversion.webhookClientConfig'
  const service = { name: 's', namespace: 'n' }
  const versions = ['v1']
  const withWebhook = (
    clientConfig: unknown,
    conversionReviewVersions: readonly string[] = versions,
    status = {},
  ): CustomResourceDefinition =>
    crd({ spec: { conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions } } }, status })

  for (const { title, definition, want } of [
    { title: 'a service', definition: withWebhook({ service }), want: [] },
    { title: 'a URL', definition: withWebhook({ url: 'https://h/p' }), want: [] },
    { title: 'authorities that come later', definition: withWebhook({ service, caBundle: 'Cg==' }), want: [] },
    {
      title: 'neither',
      definition: withWebhook({}),
      want: [`${CLIENT}: Required value: exactly one of url or service is required`],
    },
    {
      title: 'a URL without TLS',
      definition: withWebhook({ url: 'http://h/p' }),
      want: [`${CLIENT}.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`],
    },
    {
      title: 'a service without a name, and a port that is none',
      definition: withWebhook({ service: { name: '', namespace: 'n', port: 70_000 } }),
      want: [
        `${CLIENT}.service.name: Required value: service name is required`,
        `${CLIENT}.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive`,
      ],
    },
    {
      title: 'no version of reviews that we speak',
      definition: withWebhook({ service }, ['v2', 'v2']),
      want: [
        'spec.conversion.conversionReviewVersions[1]: Invalid value: "v2": duplicate version',
        'spec.conversion.conversionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
      ],
    },
    {
      title: 'a webhook without the strategy',
      definition: crd({
        spec: { conversion: { strategy: 'None', webhook: { clientConfig: { service }, conversionReviewVersions: versions } } },
      }),
      want: [
        `${CLIENT}: Forbidden: should not be set when strategy is not set to Webhook`,
        'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
      ],
    },
  ])
    it(`judges ${title}`, () => {
      assert.deepEqual(problems(definition), want)
    })

  it('keeps good authorities of a kind that is served', () => {
    const established = { conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v1'] }
    const before = withWebhook({ service }, versions, established)
    assert.deepEqual(problems(withWebhook({ service, caBundle: 'Cg==' }, versions, established), before), [
      `${CLIENT}.caBundle: Invalid value: []byte{0xa}: unable to load root certificates: unable to parse bytes as PEM block`,
    ])
    const broken = withWebhook({ service, caBundle: 'Cg==' }, versions, established)
    assert.deepEqual(problems(withWebhook({ service, caBundle: 'Cgo=' }, versions, established), broken), [])
  })

  it('lets only what a header can say into a warning of deprecation', () => {
    const warn = (deprecationWarning: string): string[] => problems(crd({ version: { deprecated: true, deprecationWarning } }))
    assert.deepEqual(warn('example.com/v1 is old, use v2 – soon'), [])
    assert.match(warn('a\nb')[0] ?? '', /non-printable character found at index 1$/)
    assert.match(warn('')[0] ?? '', /must not be an empty string$/)
    assert.match(warn('a'.repeat(257))[0] ?? '', /must be <= 256 characters long$/)
  })
})

describe('planStatus', () => {
  it('accepts free names and establishes, once', () => {
    const first = planStatus(crd(), [], NOW)
    assert.deepEqual(first.acceptedNames, { plural: 'foos', singular: 'foo', kind: 'Foo', listKind: 'FooList' })
    const settled = crd({ status: { ...first } })
    assert.equal(planStatus(settled, [settled], '2025-01-01T00:00:00Z'), settled.status)
  })

  it('stays established when a name is lost later', () => {
    const before = crd({ status: { ...planStatus(crd(), [], NOW) } })
    const rival = crd({
      metadata: { name: 'bars.example.com' },
      status: { acceptedNames: { plural: 'bars', kind: 'Bar', shortNames: ['f'] } },
    })
    const changed = { ...before, spec: { ...before.spec, names: { ...before.spec.names, shortNames: ['f'] } } }
    const { conditions, acceptedNames } = planStatus(changed, [rival], NOW)
    assert.deepEqual(
      conditions.map(({ type, status, message }) => [type, status, message]),
      [
        ['NamesAccepted', 'False', '"f" is already in use'],
        ['Established', 'True', 'the initial names have been accepted'],
      ],
    )
    assert.equal(acceptedNames.shortNames, undefined)
  })
})
