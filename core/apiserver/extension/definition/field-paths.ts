import type { CustomResourceDefinitionSpec } from '../../../api/types/apiextensions-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'

/** The parts of a version that upstream keeps once when all versions agree; errors then name that place. */
export interface VersionPaths {
  readonly schema: string
  readonly subresources: string
  readonly columns: string
  readonly selectableFields: string
}

/** Where the parts of version `index` are in errors. Source: apiextensions, conversion of v1 to the internal form. */
export function versionPaths({ versions }: CustomResourceDefinitionSpec, index: number): VersionPaths {
  const [first] = versions
  const own = `spec.versions[${index}]`
  const agree = (part: 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields'): boolean =>
    versions.every((version) => deepEqual(version[part], first?.[part]))
  return {
    schema: agree('schema') ? 'spec.validation.openAPIV3Schema' : `${own}.schema.openAPIV3Schema`,
    subresources: agree('subresources') ? 'spec.subresources' : `${own}.subresources`,
    columns: agree('additionalPrinterColumns') ? 'spec.additionalPrinterColumns' : `${own}.additionalPrinterColumns`,
    selectableFields: agree('selectableFields') ? 'spec.selectableFields' : `${own}.selectableFields`,
  }
}
