import type { EnvFromSource, EnvVar, EnvVarSource, Volume } from '../../../../api/types/core-v1.ts'
import { invalid, notFound, required } from '../../../../meta/field-error.ts'
import { configMapKeyProblems, dns1123SubdomainProblems, envVarNameProblems } from '../../../../meta/names.ts'
import { checkFormat, checkRequiredFormat, type Problems } from '../../validation/common.ts'
import { checkFieldRef, checkResourceRef, ENV_FIELDS } from './downward.ts'
import { checkUnreserved } from './paths.ts'

const SOURCES = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'

export function checkEnv(env: readonly EnvVar[], path: string, volumes: ReadonlyMap<string, Volume>, problems: Problems): void {
  for (let i = 0; i < env.length; i++) {
    const variable = env[i]
    if (variable === undefined) continue
    const at = `${path}[${i}]`
    checkRequiredFormat(variable.name, `${at}.name`, envVarNameProblems, problems)
    if (variable.valueFrom !== undefined) checkValueFrom(variable, variable.valueFrom, `${at}.valueFrom`, problems)
    const file = variable.valueFrom?.fileKeyRef
    if (file !== undefined) checkFileVolume(file.volumeName, `${at}.valueFrom.fileKeyRef.volumeName`, volumes, problems)
  }
}

function checkValueFrom({ value }: EnvVar, source: EnvVarSource, path: string, problems: Problems): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  if (fieldRef !== undefined) checkFieldRef(fieldRef, `${path}.fieldRef`, ENV_FIELDS, problems)
  if (resourceFieldRef !== undefined) checkResourceRef(resourceFieldRef, `${path}.resourceFieldRef`, false, problems)
  if (configMapKeyRef !== undefined) checkKeyRef(configMapKeyRef, `${path}.configMapKeyRef`, problems)
  if (secretKeyRef !== undefined) checkKeyRef(secretKeyRef, `${path}.secretKeyRef`, problems)
  if (fileKeyRef !== undefined) checkFileKeyRef(fileKeyRef, `${path}.fileKeyRef`, problems)
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter((one) => one !== undefined).length
  if (count === 0) problems.push(invalid(path, '', `must specify one of: ${SOURCES}`))
  else if ((value ?? '') !== '') problems.push(invalid(path, '', 'may not be specified when `value` is not empty'))
  else if (count > 1) problems.push(invalid(path, '', 'may not have more than one field specified at a time'))
}

function checkKeyRef(ref: { readonly name?: string | undefined; readonly key: string }, path: string, problems: Problems): void {
  checkFormat(ref.name ?? '', `${path}.name`, dns1123SubdomainProblems, problems)
  checkRequiredFormat(ref.key, `${path}.key`, configMapKeyProblems, problems)
}

function checkFileKeyRef(ref: NonNullable<EnvVarSource['fileKeyRef']>, path: string, problems: Problems): void {
  checkRequiredFormat(ref.key, `${path}.key`, envVarNameProblems, problems)
  if (ref.volumeName === '') problems.push(required(`${path}.volumeName`))
  if (ref.path === '') problems.push(required(`${path}.path`))
  else checkUnreserved(ref.path, `${path}.path`, problems)
}

/** The file is written by another container of the pod, which only an emptyDir can carry. */
function checkFileVolume(name: string, path: string, volumes: ReadonlyMap<string, Volume>, problems: Problems): void {
  const volume = volumes.get(name)
  if (volume === undefined) problems.push(notFound(path, name))
  else if (volume.emptyDir === undefined) problems.push(invalid(path, name, 'referenced volume must be of type emptyDir'))
}

export function checkEnvFrom(sources: readonly EnvFromSource[], path: string, problems: Problems): void {
  sources.forEach(({ prefix, configMapRef, secretRef }, i) => {
    if ((prefix ?? '') !== '') checkFormat(prefix ?? '', `${path}[${i}].prefix`, envVarNameProblems, problems)
    if (configMapRef !== undefined)
      checkRequiredFormat(configMapRef.name, `${path}[${i}].configMapRef.name`, dns1123SubdomainProblems, problems)
    if (secretRef !== undefined) checkRequiredFormat(secretRef.name, `${path}[${i}].secretRef.name`, dns1123SubdomainProblems, problems)
    // NOTE: reported under the list, as Kubernetes does.
    if (configMapRef === undefined && secretRef === undefined)
      problems.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'))
    else if (configMapRef !== undefined && secretRef !== undefined)
      problems.push(invalid(path, '', 'may not have more than one field specified at a time'))
  })
}
