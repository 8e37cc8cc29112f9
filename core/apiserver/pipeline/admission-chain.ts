import type { AdmissionAttributes, AdmissionPlugin } from '../admission/admission.ts'

/** All plugins, in order; the two rounds of them are steps of the write pipeline. */
export interface AdmissionChain {
  /** Fourth step: plugins may change the object. Throws what a plugin throws. */
  mutate(attributes: AdmissionAttributes): Promise<void>
  /** Sixth step, after the kind's own validation. */
  validate(attributes: AdmissionAttributes): Promise<void>
}

/** The plugins run one after the other, since each sees what the ones before it did. */
export function admissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  return {
    async mutate(attributes) {
      for (const plugin of plugins) {
        if (plugin.admit === undefined || !plugin.handles(attributes)) continue
        const pending = plugin.admit(attributes)
        if (pending !== undefined) await pending
      }
    },
    async validate(attributes) {
      for (const plugin of plugins) {
        if (plugin.validate === undefined || !plugin.handles(attributes)) continue
        const pending = plugin.validate(attributes)
        if (pending !== undefined) await pending
      }
    },
  }
}
