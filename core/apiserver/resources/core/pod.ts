import { pods } from '../../../api/kinds.ts'
import type { Pod } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import { defaultPod } from '../pod/defaults.ts'
import { podGraceSeconds, prepareEphemeralContainers, preparePodCreate, preparePodStatus, prepareResize } from '../pod/strategy.ts'
import { validatePod } from '../pod/validate/pod.ts'
import { validatePodStatus } from '../pod/validate/status.ts'
import { validateEphemeralContainers, validateResize } from '../pod/validate/subresources.ts'
import { hostNameWarning, podWarnings } from '../pod/warnings.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { podTable } from '../table/pod.ts'
import { POD_HOSTNAME } from '../warnings.ts'

const OBJECT_VERBS = ['get', 'patch', 'update']

export const podDef: ResourceDef<Pod> = defineResource(pods, {
  applyDefaults: defaultPod,
  strategy: { status: 'sent-on-create', generation: ['spec'], create: preparePodCreate },
  validate: validatePod,
  warnings: (pod, old) =>
    old === undefined ? [...hostNameWarning(pod.metadata.name, POD_HOSTNAME), ...podWarnings(pod)] : podWarnings(pod),
  gracePeriodSeconds: podGraceSeconds,
  table: podTable,
  fields: ({ spec, status }) => ({
    'spec.nodeName': spec.nodeName ?? '',
    'spec.host': spec.nodeName ?? '',
    'spec.restartPolicy': spec.restartPolicy ?? '',
    'spec.schedulerName': spec.schedulerName ?? '',
    'spec.serviceAccountName': spec.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec.hostNetwork === true),
    'status.phase': status.phase ?? '',
    'status.podIP': status.podIPs?.[0]?.ip ?? '',
    'status.podIPs': '',
    'status.nominatedNodeName': status.nominatedNodeName ?? '',
  }),
  subresources: {
    ephemeralcontainers: {
      type: 'object',
      verbs: OBJECT_VERBS,
      prepareUpdate: prepareEphemeralContainers,
      validate: validateEphemeralContainers,
    },
    resize: { type: 'object', verbs: OBJECT_VERBS, prepareUpdate: prepareResize, validate: validateResize },
    status: statusSubresource({ prepare: preparePodStatus, validate: validatePodStatus }),
  },
})
