import type { CSIDriver, CSINode, CSIStorageCapacity } from '../../../api/types/storage-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems, problemText } from '../../../meta/names.ts'
import { parseQuantity } from '../../../meta/quantity.ts'
import { checkDriverName } from '../pod/validate/volume-sources.ts'
import { checkEnum, checkFormat, checkImmutable, checkNonNegative, NON_NEGATIVE, type Problems } from '../validation/common.ts'
import { checkLabelName, checkLabelSelector } from '../validation/labels.ts'

const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32
const MIN_UPDATE_SECONDS = 10
const MAX_NODE_ID = 256

/** Names of drivers are DNS names in either case, of at most 63 bytes. */
export function driverNameProblem(name: string): string | undefined {
  return name.length > 63 ? 'must be no more than 63 characters' : problemText(dns1123SubdomainProblems(name.toLowerCase()))
}

/** Source: shared validation facts, storage.k8s.io/v1 CSIDriver. */
export function validateCsiDriver({ spec }: CSIDriver, old: CSIDriver | undefined): readonly FieldError[] {
  const problems: Problems = []
  if (spec.attachRequired === undefined) problems.push(required('spec.attachedRequired'))
  for (const field of ['podInfoOnMount', 'storageCapacity'] as const)
    if (spec[field] === undefined) problems.push(required(`spec.${field}`))
  checkEnum(spec.fsGroupPolicy, 'spec.fsGroupPolicy', ['File', 'None', 'ReadWriteOnceWithFSType'], problems)
  checkTokens(spec, problems)
  for (const mode of spec.volumeLifecycleModes ?? []) checkEnum(mode, 'spec.volumeLifecycleModes', ['Ephemeral', 'Persistent'], problems)
  if (spec.seLinuxMount === undefined) problems.push(required('spec.seLinuxMount'))
  const period = spec.nodeAllocatableUpdatePeriodSeconds
  if (period !== undefined && period < MIN_UPDATE_SECONDS)
    problems.push(
      invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, `must be greater than or equal to ${MIN_UPDATE_SECONDS} seconds`),
    )
  if (old === undefined) return problems
  checkImmutable(spec.attachRequired, old.spec.attachRequired, 'spec.attachedRequired', problems)
  checkImmutable(spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, 'spec.volumeLifecycleModes', problems)
  return problems
}

function checkTokens({ tokenRequests = [], serviceAccountTokenInSecrets }: CSIDriver['spec'], problems: Problems): void {
  const seen = new Set<string>()
  tokenRequests.forEach(({ audience, expirationSeconds: seconds }, i) => {
    const at = `spec.tokenRequests[${i}]`
    if (seen.has(audience)) problems.push(duplicate(`${at}.audience`, audience))
    seen.add(audience)
    if (seconds === undefined) return
    if (seconds < MIN_TOKEN_SECONDS)
      problems.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'))
    if (seconds > MAX_TOKEN_SECONDS)
      problems.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'))
  })
  if (serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0)
    problems.push(
      invalid(
        'spec.serviceAccountTokenInSecrets',
        serviceAccountTokenInSecrets,
        'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
      ),
    )
}

/** Source: shared validation facts, storage.k8s.io/v1 CSINode. */
export function validateCsiNode({ spec }: CSINode, old: CSINode | undefined): readonly FieldError[] {
  const problems: Problems = []
  const names = new Set<string>()
  spec.drivers.forEach((driver, i) => {
    const at = `spec.drivers[${i}]`
    checkDriverName(driver.name, `${at}.name`, problems)
    if (driver.nodeID === '') problems.push(required(`${at}.nodeID`))
    if (driver.nodeID.length > MAX_NODE_ID)
      problems.push(invalid(`${at}.nodeID`, driver.nodeID, `must be ${MAX_NODE_ID} characters or less`))
    checkNonNegative(driver.allocatable?.count, `${at}.allocatable.count`, problems)
    if (names.has(driver.name)) problems.push(duplicate(`${at}.name`, driver.name))
    names.add(driver.name)
    checkTopologyKeys(driver.topologyKeys, `${at}.topologyKeys`, problems)
    const before = old?.spec.drivers.find(({ name }) => name === driver.name)
    if (before !== undefined && !deepEqual({ ...driver, allocatable: before.allocatable }, before))
      problems.push(invalid('spec.drivers', spec.drivers, 'field is immutable'))
  })
  return problems
}

function checkTopologyKeys(keys: readonly string[], path: string, problems: Problems): void {
  keys.forEach((key, i) => {
    if (key === '') problems.push(required(path))
    else if (keys.indexOf(key) < i) problems.push(duplicate(path, key))
    if (key !== '') checkLabelName(key, path, problems)
  })
}

/** Source: shared validation facts, storage.k8s.io/v1 CSIStorageCapacity. */
export function validateCsiStorageCapacity(next: CSIStorageCapacity, old: CSIStorageCapacity | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkFormat(next.storageClassName, 'storageClassName', dns1123SubdomainProblems, problems)
  checkLabelSelector(next.nodeTopology, 'nodeTopology', problems)
  for (const field of ['capacity', 'maximumVolumeSize'] as const)
    if (parseQuantity(next[field]).nano < 0n) problems.push(invalid(field, next[field], NON_NEGATIVE))
  if (old === undefined) return problems
  checkImmutable(next.nodeTopology, old.nodeTopology, 'nodeTopology', problems)
  checkImmutable(next.storageClassName, old.storageClassName, 'storageClassName', problems)
  return problems
}
