import type { Pod } from '../../api/types/core-v1.ts'

/** What two reasons of waiting mean; others speak for themselves. Source: Kubernetes 1.35, kubelet validateContainerLogStatus. */
const MEANINGS: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
}

/** Why a container has no log. */
export function missingLog(pod: Pod, container: string, previous: boolean): string {
  const subject = `container "${container}" in pod "${pod.metadata.name}"`
  if (previous) return `previous terminated ${subject} not found`
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses]
  const status = all.find(({ name }) => name === container)
  if (status === undefined) return `${subject} is not available`
  const reason = status.state.waiting?.reason ?? ''
  return reason === '' ? `${subject} is waiting to start` : `${subject} is waiting to start: ${MEANINGS[reason] ?? reason}`
}
