import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts'
import { customResourceDefs } from './custom-resource.ts'

describe('selectable fields', () => {
  const version = (name: string, paths: readonly string[], storage: boolean): object => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: 'object' } },
    selectableFields: paths.map((jsonPath) => ({ jsonPath })),
  })
  const offered = (strategy: string): Readonly<Record<string, readonly string[]>> => {
    const names = { plural: 'foos', kind: 'Foo' }
    const versions = [version('v1', ['.spec.a', '.spec.b'], false), version('v2', ['.spec.a', '.spec.c'], true)]
    const crd = {
      metadata: { name: 'foos.example.com' },
      spec: { group: 'example.com', scope: 'Namespaced', names, versions, conversion: { strategy } },
      status: { conditions: [], acceptedNames: names, storedVersions: ['v2'] },
    } as unknown as CustomResourceDefinition
    const defs = customResourceDefs(crd, () => Promise.reject(new Error('unused')))
    return Object.fromEntries(defs.map((def) => [def.version, Object.keys(def.selectableFields?.({ metadata: {} } as never) ?? {})]))
  }

  it('are those of each version where the server converts', () => {
    assert.deepEqual(offered('None'), { v1: ['spec.a', 'spec.b'], v2: ['spec.a', 'spec.c'] })
  })

  it('are those of the stored version as well where a webhook converts', () => {
    assert.deepEqual(offered('Webhook'), { v1: ['spec.a'], v2: ['spec.a', 'spec.c'] })
  })
})
