import type { Container, EphemeralContainer, LifecycleHandler, Probe } from '../../../api/types/core-v1.ts'
import { roundRequirements } from '../defaulting.ts'
import type { Work } from '../resource-def.ts'
import { defaultPullPolicy } from './image.ts'

type AnyContainer = Work<Container> | Work<EphemeralContainer>

/** Source: shared facts on defaults, core_v1.Container and what lies below it. */
export function defaultContainer(container: AnyContainer): void {
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.imagePullPolicy ||= defaultPullPolicy(container.image)
  if (container.ports !== undefined) for (const port of container.ports) port.protocol ||= 'TCP'
  if (container.env !== undefined) defaultEnv(container.env)
  roundRequirements(container.resources)
  if (container.livenessProbe !== undefined) defaultProbe(container.livenessProbe)
  if (container.readinessProbe !== undefined) defaultProbe(container.readinessProbe)
  if (container.startupProbe !== undefined) defaultProbe(container.startupProbe)
  if (container.lifecycle !== undefined) {
    defaultHttpGet(container.lifecycle.postStart)
    defaultHttpGet(container.lifecycle.preStop)
  }
}

function defaultEnv(env: NonNullable<Work<Container>['env']>): void {
  for (const { valueFrom } of env) {
    if (valueFrom === undefined) continue
    if (valueFrom.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= 'v1'
    if (valueFrom.fileKeyRef !== undefined) valueFrom.fileKeyRef.optional ??= false
  }
}

function defaultProbe(probe: Work<Probe>): void {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  defaultHttpGet(probe)
  // A pointer in Go: the default is the empty name.
  if (probe.grpc !== undefined) (probe.grpc as { service?: string }).service ??= ''
}

function defaultHttpGet(handler: Pick<Work<LifecycleHandler>, 'httpGet'> | undefined): void {
  if (handler?.httpGet === undefined) return
  handler.httpGet.path ||= '/'
  handler.httpGet.scheme ||= 'HTTP'
}
