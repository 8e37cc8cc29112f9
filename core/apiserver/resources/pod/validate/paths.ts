import { invalid } from '../../../../meta/field-error.ts'
import type { Problems } from '../../validation/common.ts'

const MAX_MODE = 0o777
const MODE_TEXT = 'must be a number between 0 and 0777 (octal), both inclusive'

/** Permission bits of files in a volume. */
export function checkMode(mode: number | undefined, path: string, problems: Problems): void {
  if (mode !== undefined && (mode < 0 || mode > MAX_MODE)) problems.push(invalid(path, mode, MODE_TEXT))
}

export const hasBackstep = (file: string): boolean => file.split('/').includes('..')

export function checkNoBacksteps(file: string, path: string, problems: Problems): void {
  if (hasBackstep(file)) problems.push(invalid(path, file, "must not contain '..'"))
}

/** A relative path that stays below where it starts. */
export function checkDescending(file: string, path: string, problems: Problems): void {
  if (file.startsWith('/')) problems.push(invalid(path, file, 'must be a relative path'))
  checkNoBacksteps(file, path, problems)
}

/** As above, and outside the names the kubelet keeps for itself (`..data`). */
export function checkUnreserved(file: string, path: string, problems: Problems): void {
  checkDescending(file, path, problems)
  if (file.startsWith('..') && !file.startsWith('../') && file !== '..') problems.push(invalid(path, file, "must not start with '..'"))
}
