import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { created, createProblems, decoded, updateProblems } from '../testing.ts'
import { scheduleProblem } from './cron-format.ts'
import { cronJobDef } from './cron-job.ts'
import { jobDef } from './job.ts'

const pods = (spec: object = {}): object => ({ spec: { containers: [{ name: 'c', image: 'a:1' }], restartPolicy: 'Never', ...spec } })
const job = (spec: object = {}): object => ({ spec: { template: pods(), ...spec } })
const cron = (spec: object = {}): object => ({ spec: { schedule: '*/5 * * * *', jobTemplate: job(), ...spec } })
const UID = '6b3c8f2e-0000-4000-8000-000000000001'

describe('jobs', () => {
  it('are stored with what Kubernetes fills in', () => {
    const { spec } = created(jobDef, job())
    const { template, ...rest } = spec
    assert.deepEqual(rest, {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      manualSelector: false,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': UID } },
    })
    assert.deepEqual(template.metadata.labels, {
      'job-name': 'x',
      'batch.kubernetes.io/job-name': 'x',
      'controller-uid': UID,
      'batch.kubernetes.io/controller-uid': UID,
    })
    assert.deepEqual(createProblems(jobDef, job()), [])
  })

  it('run in parallel without an end when only parallelism is given', () => {
    const { spec } = decoded(jobDef, job({ parallelism: 3 }))
    assert.deepEqual([spec.completions, spec.parallelism], [undefined, 3])
  })

  const cases: readonly (readonly [string, object, readonly string[]])[] = [
    [
      'a pod that restarts',
      job({ template: pods({ restartPolicy: undefined }) }),
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'an index without a count',
      job({ completionMode: 'Indexed', parallelism: 1 }),
      ['spec.completions: Required value: when completion mode is Indexed'],
    ],
    [
      'limits by index without indexes',
      job({ backoffLimitPerIndex: 1 }),
      ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
    ],
    [
      'a name too long for its pods',
      { metadata: { name: 'a'.repeat(62) }, ...job({ completionMode: 'Indexed', completions: 10 }) },
      [
        `metadata.name: Invalid value: "${'a'.repeat(62)}": will not able to create pod with invalid DNS label: must be no more than 63 characters`,
      ],
    ],
    [
      'a failure policy',
      job({ podFailurePolicy: { rules: [{ action: 'x' }, { action: 'Ignore', onExitCodes: { operator: 'In', values: [0, 3, 1] } }] } }),
      [
        'spec.podFailurePolicy.rules[0].action: Unsupported value: "x": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        'spec.podFailurePolicy.rules[0]: Invalid value: {"action":"x"}: specifying one of OnExitCodes and OnPodConditions is required',
        'spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
        'spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [0,3,1]: must be ordered',
      ],
    ],
    [
      'a success policy',
      job({ completionMode: 'Indexed', completions: 3, successPolicy: { rules: [{ succeededIndexes: '0,5' }] } }),
      ['spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,5": error parsing succeededIndexes: too large index: "5"'],
    ],
    [
      'a manager',
      job({ managedBy: 'me' }),
      ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
  ]
  for (const [title, draft, problems] of cases)
    it(`reject ${title}`, () => {
      assert.deepEqual(createProblems(jobDef, draft), problems)
    })

  it('reject a selector that is not theirs', () => {
    const [problem = ''] = createProblems(jobDef, job({ selector: { matchLabels: { a: 'b' } } }))
    assert.match(problem, /^spec\.selector: Invalid value: .*`selector` not auto-generated$/)
  })

  it('keep their template, and grow only when indexed', () => {
    const changed = job({ template: pods({ hostname: 'x' }) })
    assert.match(updateProblems(jobDef, job(), changed).find((text) => text.startsWith('spec.template:')) ?? '', /field is immutable$/)
  })
})

describe('cron jobs', () => {
  it('are stored with what Kubernetes fills in', () => {
    const { spec } = created(cronJobDef, cron())
    assert.deepEqual(
      [spec.concurrencyPolicy, spec.suspend, spec.successfulJobsHistoryLimit, spec.failedJobsHistoryLimit],
      ['Allow', false, 3, 1],
    )
    assert.deepEqual(createProblems(cronJobDef, cron({ timeZone: 'Europe/Berlin' })), [])
  })

  const cases: readonly (readonly [string, object, readonly string[]])[] = [
    ['no schedule', cron({ schedule: '' }), ['spec.schedule: Required value']],
    ['a schedule', cron({ schedule: '* * *' }), ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]']],
    [
      'a zone in the schedule',
      cron({ schedule: 'TZ=UTC 0 0 * * *' }),
      ['spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
    ],
    ['a zone', cron({ timeZone: 'Mars/Base' }), ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base']],
    [
      'a policy',
      cron({ concurrencyPolicy: 'x' }),
      ['spec.concurrencyPolicy: Unsupported value: "x": supported values: "Allow", "Forbid", "Replace"'],
    ],
    [
      'a name without room for the time',
      { metadata: { name: 'a'.repeat(53) }, ...cron() },
      [`metadata.name: Invalid value: "${'a'.repeat(53)}": must be no more than 52 characters`],
    ],
    [
      'a manual selector',
      cron({ jobTemplate: job({ manualSelector: true }) }),
      ['spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "false", "nil"'],
    ],
  ]
  for (const [title, draft, problems] of cases)
    it(`reject ${title}`, () => {
      assert.deepEqual(createProblems(cronJobDef, draft), problems)
    })

  for (const [schedule, problem] of [
    ['0 0 1 1 *', undefined],
    ['@hourly', undefined],
    ['@every 90s', undefined],
    ['0 0 * JAN-mar mon,wed', undefined],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['@often', 'unrecognized descriptor: @often'],
    ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ] as const)
    it(`read the schedule '${schedule}'`, () => {
      assert.equal(scheduleProblem(schedule), problem)
    })
})
