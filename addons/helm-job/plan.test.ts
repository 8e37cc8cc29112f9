import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JobInput, planJob, type Release, repoAddArguments } from './plan.ts'

const input = (over: Partial<JobInput> = {}): JobInput => ({
  action: 'install',
  flags: ['--namespace', 'web', '--create-namespace'],
  name: 'site',
  chart: 'nginx',
  repo: '',
  version: '',
  timeout: '',
  failurePolicy: 'reinstall',
  serverSide: 'auto',
  forceConflicts: false,
  expectedRevision: '',
  configHash: '',
  insecureSkipTlsVerify: false,
  plainHttp: false,
  passCredentials: false,
  valueFiles: [],
  credentials: {},
  ...over,
})
const release = (status: string, over: Partial<Release> = {}): Release => ({ status, revision: 3, serverSideApply: true, ...over })

describe('planning a helm job', () => {
  const cases: readonly {
    readonly title: string
    readonly input?: Partial<JobInput>
    readonly release?: Release
    readonly want: string
  }[] = [
    { title: 'installs what is not there', want: 'install' },
    { title: 'upgrades what is deployed', release: release('deployed'), want: 'upgrade' },
    { title: 'goes on with an upgrade that was cut short', release: release('pending-upgrade'), want: 'upgrade' },
    { title: 'reinstalls what failed', release: release('failed'), want: 'uninstall install' },
    { title: 'retries what failed when told to', release: release('failed'), input: { failurePolicy: 'retry' }, want: 'upgrade' },
    { title: 'waits for a person when told to abort', release: release('failed'), input: { failurePolicy: 'abort' }, want: 'refuse' },
    {
      title: 'leaves a release alone that somebody else changed',
      release: release('deployed'),
      input: { expectedRevision: '2' },
      want: 'nothing',
    },
    { title: 'deletes', release: release('deployed'), input: { action: 'delete' }, want: 'uninstall' },
    { title: 'is done deleting when nothing is there', input: { action: 'delete' }, want: 'nothing' },
  ]
  for (const entry of cases) {
    it(entry.title, () => {
      const plan = planJob(input(entry.input), entry.release)
      assert.equal(plan.kind === 'run' ? plan.steps.map((step) => step.name).join(' ') : plan.kind, entry.want)
    })
  }

  it('passes flags, values, labels and the timeout to install', () => {
    const plan = planJob(input({ repo: 'http://repo', valueFiles: ['/config/a.yaml'], timeout: '60s', configHash: 'abc' }), undefined)
    assert.deepEqual(plan.kind === 'run' && plan.steps[0]?.args, [
      'install',
      '--namespace',
      'web',
      '--create-namespace',
      '--labels',
      'helmcharts.helm.cattle.io/configHash=abc',
      '--timeout',
      '60s',
      '--values',
      '/config/a.yaml',
      '--server-side=true',
      'site',
      'site/nginx',
    ])
  })

  it('never forces conflicts on a release that is not applied by the server', () => {
    const plan = planJob(input({ forceConflicts: true }), release('deployed', { serverSideApply: false }))
    assert.ok(plan.kind === 'run' && !plan.steps[0]?.args.includes('--force-conflicts'))
    const forced = planJob(input({ forceConflicts: true, serverSide: 'true' }), release('deployed', { serverSideApply: false }))
    assert.ok(forced.kind === 'run' && forced.steps[0]?.args.includes('--force-conflicts'))
  })

  it('never puts a password on the command line', () => {
    const args = repoAddArguments(input({ repo: 'https://repo', credentials: { username: 'me' } }))
    assert.deepEqual(args, ['repo', 'add', '--force-update', '--username', 'me', '--password-stdin', 'site', 'https://repo'])
  })
})
