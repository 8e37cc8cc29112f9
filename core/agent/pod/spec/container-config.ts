import { join } from 'node:path'
import type { Container, Pod } from '../../../api/types/core-v1.ts'
import type { ContainerConfig, ContainerMount, LinuxResources, RuntimeImage } from '../../cri/types.ts'
import { containerAnnotations, containerLabels } from '../runtime-labels.ts'
import type { Environment } from './environment.ts'
import { expand } from './expand.ts'
import { containerSecurity } from './security.ts'

export interface ContainerInput {
  readonly pod: Pod
  readonly container: Container
  readonly restartCount: number
  readonly image: RuntimeImage
  /** As the spec names it, with a tag. */
  readonly imageReference: string
  readonly environment: Environment
  readonly mounts: readonly ContainerMount[]
  readonly devices: ContainerConfig['devices']
  readonly resources: LinuxResources
  readonly targetId?: string | undefined
  readonly seccompRoot: string
}

/** What the runtime is asked for as one container. Throws ConfigError. */
export function buildContainerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, restartCount, environment, image } = input
  const expanded = (texts: readonly string[] = []): readonly string[] => texts.map((text) => expand(text, (name) => environment.get(name)))
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: image.id, userSpecifiedImage: input.imageReference },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: input.mounts,
    devices: input.devices,
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: join(container.name, `${restartCount}.log`),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: { resources: input.resources, securityContext: containerSecurity(input) },
    // CRI spells `SIGRTMIN+1` without signs.
    stopSignal: container.lifecycle?.stopSignal?.replace('+', 'PLUS').replace('-', 'MINUS'),
  }
}
