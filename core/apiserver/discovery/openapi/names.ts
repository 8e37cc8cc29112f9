import { PROTO_PACKAGES, STEMS } from '../../../api/schema-data.ts'
import type { AnyForm, ScalarType } from '../../../meta/schema.ts'
import type { GroupVersionKind } from '../catalog.ts'

/** OpenAPI name of a message: `core_v1.Pod` is `io.k8s.api.core.v1.Pod`. */
export function definitionName(typeName: string): string {
  const dot = typeName.lastIndexOf('.')
  const [first = '', second = '', ...rest] = (PROTO_PACKAGES[typeName.slice(0, dot)] ?? '').replaceAll('_', '-').split('.')
  return [second, first, ...rest, typeName.slice(dot + 1)].join('.')
}

/** OpenAPI name of a custom kind: the group reversed, then version and kind. */
export function customDefinitionName({ group, version, kind }: GroupVersionKind): string {
  return [...group.split('.').reverse(), version, kind].join('.')
}

/** `io.k8s.api.core.v1` to group and version of the kinds in it. */
const GROUP_VERSION_OF_STEM = new Map(Object.entries(STEMS).map(([groupVersion, stem]) => [stem, groupVersion]))

/** Group, version and kind of a message that is a kind; those of meta/v1 belong to the legacy group. */
export function kindOfType(typeName: string): GroupVersionKind {
  const dot = typeName.lastIndexOf('.')
  const [group = '', version = ''] = (GROUP_VERSION_OF_STEM.get(typeName.slice(0, dot)) ?? '/v1').split('/')
  return { group: group === 'meta.k8s.io' ? '' : group, version, kind: typeName.slice(dot + 1) }
}

/** Messages behind the values that have their own JSON form. */
export const TYPE_OF_SCALAR: Readonly<Partial<Record<ScalarType, string>>> = {
  quantity: 'resource.Quantity',
  time: 'meta_v1.Time',
  'micro-time': 'meta_v1.MicroTime',
  duration: 'meta_v1.Duration',
  'int-or-string': 'intstr.IntOrString',
}
export const TYPE_OF_FORM: Readonly<Record<AnyForm, string>> = {
  'raw-extension': 'runtime.RawExtension',
  'fields-v1': 'meta_v1.FieldsV1',
  'raw-json': 'apiextensions.k8s.io_v1.JSON',
  'schema-or-array': 'apiextensions.k8s.io_v1.JSONSchemaPropsOrArray',
  'schema-or-bool': 'apiextensions.k8s.io_v1.JSONSchemaPropsOrBool',
  'schema-or-string-array': 'apiextensions.k8s.io_v1.JSONSchemaPropsOrStringArray',
}
