import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readKubeletOptions } from '../agent/kubelet-options.ts'
import { COMPONENT_ARGS } from '../config/component-args.ts'

it('the command line takes exactly the arguments of the kubelet that the node agent reads', () => {
  const read = new Set<string>()
  const args = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => {
        read.add(String(name))
        return undefined
      },
    },
  )
  readKubeletOptions(args)
  assert.deepEqual([...read].sort(), Object.keys(COMPONENT_ARGS['kubelet-arg']).sort())
})
