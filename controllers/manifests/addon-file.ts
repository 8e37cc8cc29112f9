import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Applied, type ApplyRun, applyObjects } from './apply.ts'
import type { ManifestFile } from './files.ts'
import { ManifestError, parseManifest } from './parse.ts'
import { ADDON_NAMESPACE, type Addon, addons, GVKS_ANNOTATION } from './types.ts'

/** What one deployment of one file needs; `addon` is set from the file. */
export interface FileRun extends Omit<ApplyRun, 'addon'> {
  readonly recorder: EventRecorder
}

/** Some objects of a file could not be applied; the file is tried again. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError'
}

/**
 * Brings the cluster to what a file says. `force` applies it even when its checksum is the one last applied, which undoes
 * changes made by hand. Throws ManifestError or ApplyError after having told so in an event on the Addon.
 */
export async function deployFile(file: ManifestFile, force: boolean, run: FileRun): Promise<void> {
  const name = { name: file.addon, namespace: ADDON_NAMESPACE }
  const existing = await ignoreNotFound(run.client.get(addons, name, run.signal))
  if (file.disabled) return removeFile(file, existing, run)
  const content = await readOrReport(file, existing, run)
  const checksum = createHash('sha256').update(content).digest('hex')
  if (!force && existing?.spec?.checksum === checksum) return
  const addon = existing ?? (await run.client.create(addons, draft(file, ''), { signal: run.signal, fieldManager: run.manager }))
  run.recorder.event(addon, 'Normal', 'ApplyingManifest', `Applying manifest at ${JSON.stringify(file.path)}`)
  const applied = await parseAndApply(file, content, addon, run)
  await remember(file, addon, { checksum: applied.problems.length === 0 ? checksum : '', gvks: applied.gvks }, run)
  if (applied.problems.length > 0) {
    const text = `Applying manifest at ${JSON.stringify(file.path)} failed: ${applied.problems.join('; ')}`
    run.recorder.event(addon, 'Warning', 'ApplyManifestFailed', text)
    throw new ApplyError(text)
  }
  run.recorder.event(addon, 'Normal', 'AppliedManifest', `Applied manifest at ${JSON.stringify(file.path)}`)
}

async function parseAndApply(file: ManifestFile, content: Buffer, addon: Addon, run: FileRun): Promise<Applied> {
  try {
    const objects = parseManifest(file.path, content.toString('utf8'))
    return await applyObjects(objects, addon.metadata.annotations?.[GVKS_ANNOTATION], { ...run, addon: file.addon })
  } catch (err) {
    if (err instanceof ManifestError) run.recorder.event(addon, 'Warning', err.reason, err.message)
    throw err
  }
}

async function readOrReport(file: ManifestFile, existing: Addon | undefined, run: FileRun): Promise<Buffer> {
  try {
    return readFileSync(file.path)
  } catch (err) {
    const addon = existing ?? (await run.client.create(addons, draft(file, ''), { signal: run.signal, fieldManager: run.manager }))
    run.recorder.event(
      addon,
      'Warning',
      'ReadManifestFailed',
      `Read manifest at ${JSON.stringify(file.path)} failed: ${(err as Error).message}`,
    )
    throw err
  }
}

/** A disabled component is taken out of the cluster, then its file goes, so that it does not come back by itself. */
async function removeFile(file: ManifestFile, existing: Addon | undefined, run: FileRun): Promise<void> {
  if (existing !== undefined) {
    run.recorder.event(existing, 'Normal', 'DeletingManifest', `Deleting manifest at ${JSON.stringify(file.path)}`)
    await applyObjects([], existing.metadata.annotations?.[GVKS_ANNOTATION], { ...run, addon: file.addon })
  }
  rmSync(file.path, { force: true })
  if (existing !== undefined) await ignoreNotFound(run.client.delete(addons, existing.metadata, { signal: run.signal }))
}

async function remember(
  file: ManifestFile,
  addon: Addon,
  state: { readonly checksum: string; readonly gvks: readonly string[] },
  run: FileRun,
): Promise<void> {
  const next = draft(file, state.checksum, state.gvks)
  const same =
    addon.spec?.checksum === state.checksum &&
    addon.spec.source === file.path &&
    addon.metadata.annotations?.[GVKS_ANNOTATION] === state.gvks.join(';')
  if (same) return
  await run.client.patch(
    addons,
    addon.metadata,
    { type: 'merge', body: { metadata: { annotations: next.metadata.annotations }, spec: next.spec } },
    { signal: run.signal, fieldManager: run.manager },
  )
}

function draft(file: ManifestFile, checksum: string, gvks: readonly string[] = []) {
  return {
    apiVersion: 'k3s.cattle.io/v1',
    kind: 'Addon',
    metadata: { name: file.addon, namespace: ADDON_NAMESPACE, annotations: { [GVKS_ANNOTATION]: gvks.join(';') } },
    spec: { source: file.path, checksum },
  }
}
