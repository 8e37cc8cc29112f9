/** A part of the product that runs. `start` resolves when it serves. */
export interface Component {
  readonly name: string
  start(signal: AbortSignal): Promise<Running>
}

/** `done` settles when the component has stopped; it rejects if the component died on its own. */
export interface Running {
  readonly done: Promise<void>
}
