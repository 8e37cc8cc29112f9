import { readFileSync } from 'node:fs'
import { type Auditor, createAuditor } from '../apiserver/audit/auditor.ts'
import { readAuditPolicy } from '../apiserver/audit/policy.ts'
import type { AuditArgs } from '../config/component-args.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import { type AppendLines, LineWriter } from '../runtime/line-writer.ts'
import { RotatingFile } from '../runtime/rotating-file.ts'
import { parseYaml } from '../runtime/yaml.ts'

export interface AuditLog {
  readonly auditor: Auditor
  /** Prometheus text. */
  readonly metrics: () => string
  /** Writes what waits. */
  close(): Promise<void>
}

const MEGABYTE = 1024 * 1024
const DAY_MS = 24 * 3600 * 1000
/** A full disk is told this often, and not at each batch. */
const COMPLAINT_MS = 60_000

/** Rejects with an Error that names the file which cannot be read or written, or what is wrong in it. */
export async function openAuditLog(args: AuditArgs, { clock, log }: { readonly clock: Clock; readonly log: Logger }): Promise<AuditLog> {
  const policy = policyIn(args.policyFile)
  const target = await openTarget(args, clock, (err) => log.warn({ err, path: args.path }, 'Old audit logs cannot be cleared up'))
  let lost = 0
  let toldMs = -Infinity
  const writer = new LineWriter({
    append: target.append,
    onError: (err, lines) => {
      lost += lines
      if (clock.now() - toldMs < COMPLAINT_MS) return
      toldMs = clock.now()
      log.error({ err, path: args.path, lost }, 'Audit events cannot be written and are lost')
    },
  })
  const auditor = createAuditor({ policy, sink: writer, clock })
  const errors = (): string =>
    `# HELP apiserver_audit_error_total Audit events that could not be written.\n# TYPE apiserver_audit_error_total counter\napiserver_audit_error_total{plugin="log"} ${lost}\n`
  return {
    auditor,
    metrics: () => `${auditor.metrics()}${errors()}`,
    async close() {
      await writer.flush()
      await target.close()
    },
  }
}

function policyIn(path: string): ReturnType<typeof readAuditPolicy> {
  try {
    return readAuditPolicy(parseYaml(readFileSync(path, 'utf8')))
  } catch (err) {
    throw new Error(`--kube-apiserver-arg=audit-policy-file=${path}: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
  }
}

interface Target {
  readonly append: AppendLines
  readonly close: () => Promise<void>
}

async function openTarget(args: AuditArgs, clock: Clock, onError: (err: unknown) => void): Promise<Target> {
  const { path, maxSize, maxBackups, maxAgeDays, compress } = args
  if (path === '-') return STANDARD_OUTPUT
  const options = { path, maxBytes: maxSize * MEGABYTE, maxBackups, maxAgeMs: maxAgeDays * DAY_MS, compress, clock, onError }
  try {
    const file = await RotatingFile.open(options)
    return { append: (lines) => file.append(lines), close: () => file.close() }
  } catch (err) {
    throw new Error(`--kube-apiserver-arg=audit-log-path=${path}: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
  }
}

const STANDARD_OUTPUT: Target = {
  append: (lines) =>
    new Promise((resolve, reject) => {
      process.stdout.write(lines.join(''), (err) => {
        if (err === null || err === undefined) resolve()
        else reject(err)
      })
    }),
  close: () => Promise.resolve(),
}
