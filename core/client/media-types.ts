/** Content types of request bodies. Source: Kubernetes API concepts, "Patch types". */
export const JSON_TYPE = 'application/json'

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is a subset of YAML, and the only spelling every server version knows.
  apply: 'application/apply-patch+yaml',
} as const

/** Accept headers of metadata-only reads. Source: Kubernetes API concepts, "Receiving resources as PartialObjectMetadata". */
export const METADATA_TYPE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'
export const METADATA_LIST_TYPE = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

/** Accept header of aggregated discovery; servers without it answer the plain group list. */
export const DISCOVERY_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
