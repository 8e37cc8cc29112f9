import { configMaps, secrets } from '../../../api/kinds.ts'
import type { ConfigMap, Secret } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { column, created, name, table } from '../table/table.ts'
import { validateConfigMap, validateSecret } from './config-validation.ts'
import { defaultSecret } from './defaults.ts'

const size = (map: object | undefined): number => (map === undefined ? 0 : Object.keys(map).length)

export const configMapDef: ResourceDef<ConfigMap> = defineResource(configMaps, {
  validate: validateConfigMap,
  table: table<ConfigMap>(
    name,
    column('Data', (map) => size(map.data) + size(map.binaryData)),
    created,
  ),
})

export const secretDef: ResourceDef<Secret> = defineResource(secrets, {
  applyDefaults: defaultSecret,
  validate: validateSecret,
  strategy: {
    update: (next, old) => {
      // Reached only when defaulting did not run: an update without a type keeps the old one.
      next.type ||= old.type
    },
  },
  table: table<Secret>(
    name,
    column('Type', (secret) => secret.type ?? ''),
    column('Data', (secret) => size(secret.data)),
    created,
  ),
  fields: (secret) => ({ type: secret.type ?? '' }),
})
