import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { defaultClass } from './default-class.ts'
import { INGRESS_CLASSES, isCreateOf } from './target.ts'

const INGRESSES = { group: 'networking.k8s.io', resource: 'ingresses' }
const OLD_CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const MARK = 'ingressclass.kubernetes.io/is-default-class'

/** An ingress that names no class gets the default one. Source: kubernetes, plugin/pkg/admission/network/defaultingressclass. */
export function defaultIngressClass({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: (attributes) => isCreateOf(attributes, INGRESSES),
    admit: ({ object }) => {
      const ingress = object as Work<Ingress>
      if (ingress.spec.ingressClassName !== undefined || ingress.metadata.annotations?.[OLD_CLASS_ANNOTATION] !== undefined) return
      const found = defaultClass<IngressClass>(reader, INGRESS_CLASSES, [MARK])
      if (found !== undefined) ingress.spec.ingressClassName = found.metadata.name
    },
  }
}
