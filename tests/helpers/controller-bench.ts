import { type Controller } from '../../controllers/runtime/controller.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { FakeCluster } from './fake-cluster.ts'

/** Records events as `Type Reason message`. */
export class FakeRecorder implements EventRecorder {
  readonly events: string[] = []

  event(_about: unknown, type: string, reason: string, message: string): void {
    this.events.push(`${type} ${reason} ${message}`)
  }
}

export interface Bench extends AsyncDisposable {
  readonly cluster: FakeCluster
  readonly clock: FakeClock
  readonly recorder: FakeRecorder
  /** Runs the controllers in the real loop from now on. */
  run(...controllers: readonly Controller[]): Promise<void>
  /** Lets everything run that needs no time to pass. */
  settle(): Promise<void>
}

/** A fake cluster, a clock that stands still and the real run loop: the stage of controller unit tests. */
export function controllerBench(): Bench {
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  const recorder = new FakeRecorder()
  const stop = new AbortController()
  const running: Promise<void>[] = []
  const quiet = async (): Promise<void> => {
    // Work has ended when a whole turn of the loop brings no further write.
    for (let before = -1; before !== cluster.actions.length; ) {
      before = cluster.actions.length
      await settle()
    }
  }
  return {
    cluster,
    clock,
    recorder,
    run: async (...controllers) => {
      const { done } = await controllerRunner(controllers, { informers: cluster.informers, clock, log: silentLogger }).start(stop.signal)
      running.push(done)
      await quiet()
    },
    settle: quiet,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('the test is over'))
      await Promise.all(running)
    },
  }
}

/** Names of objects, sorted. */
export function namesOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name).sort()
}
