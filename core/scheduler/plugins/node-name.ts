import type { Plugin } from '../framework.ts'

/** Honours `spec.nodeName` of pods that are only being checked; bound ones never come here. */
export const nodeName: Plugin = {
  name: 'NodeName',
  begin: ({ pod }) => {
    const wanted = pod.spec.nodeName
    if (wanted === undefined || wanted === '') return undefined
    const rejection = { plugin: 'NodeName', reasons: ["node(s) didn't match the requested node name"], isFinal: true }
    return { filter: (node) => (node.name === wanted ? undefined : rejection) }
  },
  wakes: (event) => event.type === 'node-added',
}
