import type { DeviceClaim, DeviceSubRequest, DeviceToleration, ExactDeviceRequest, ResourceClaim } from '../../../api/types/resource-v1.ts'
import type { Work } from '../resource-def.ts'

/** Source for this file: shared facts on defaults, resource.k8s.io_v1. */
export function defaultClaimDevices({ requests }: Work<DeviceClaim>): void {
  for (const request of requests) {
    if (request.exactly !== undefined) defaultRequest(request.exactly)
    for (const alternative of request.firstAvailable ?? []) defaultRequest(alternative)
  }
}

function defaultRequest(request: Work<ExactDeviceRequest> | Work<DeviceSubRequest>): void {
  request.allocationMode ||= 'ExactCount'
  if (request.allocationMode === 'ExactCount') request.count ||= 1
  defaultTolerations(request.tolerations)
}

function defaultTolerations(tolerations: Work<DeviceToleration>[] | undefined): void {
  for (const toleration of tolerations ?? []) toleration.operator ||= 'Equal'
}

export function defaultResourceClaim({ spec, status }: Work<ResourceClaim>): void {
  defaultClaimDevices(spec.devices)
  for (const result of status.allocation?.devices.results ?? []) defaultTolerations(result.tolerations)
}
