import type { Service } from '../../../api/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { denied } from '../denied.ts'
import { isWriteOf } from '../target.ts'

const SERVICES = { group: '', resource: 'services' }

/** No new external addresses for services: whoever sets them can take over traffic of others. Off by default. */
export const denyServiceExternalIPs: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: (attributes) => isWriteOf(attributes, SERVICES),
  validate: (attributes) => {
    const known = new Set((attributes.oldObject as Service | undefined)?.spec.externalIPs ?? [])
    const added = ((attributes.object as Service).spec.externalIPs ?? []).filter((ip) => !known.has(ip))
    if (added.length > 0) throw denied(attributes, 'Use of external IPs is denied by admission control.')
  },
}
