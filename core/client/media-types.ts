/** Content types of request bodies. Source: Kubernetes API concepts, "Patch types". */
export const JSON_TYPE = 'application/json'

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is a subset of YAML, and the only spelling every server version knows.
  apply: 'application/apply-patch+yaml',
} as const
