import { createHash } from 'node:crypto'
import type { KubeObject } from '../../core/meta/object.ts'
import { ADDON_NAMESPACE, HASH_LABEL } from './types.ts'

const OWNER_KIND = 'k3s.cattle.io/v1, Kind=Addon'

/** Value of the label that binds applied objects to their Addon: SHA-1 over set id, owner kind, name and namespace. Source: wrangler's apply. */
export function objectSetHash(addon: string): string {
  return createHash('sha1').update(`${OWNER_KIND}${addon}${ADDON_NAMESPACE}`).digest('hex')
}

/** The object as it is applied: with the label that pruning selects on and the annotations that name its owner. */
export function withOwner(object: PlainObject, addon: string): PlainObject {
  const { labels, annotations, ...metadata } = object.metadata
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...labels, [HASH_LABEL]: objectSetHash(addon) },
      annotations: {
        ...annotations,
        'objectset.rio.cattle.io/id': '',
        'objectset.rio.cattle.io/owner-gvk': OWNER_KIND,
        'objectset.rio.cattle.io/owner-name': addon,
        'objectset.rio.cattle.io/owner-namespace': ADDON_NAMESPACE,
      },
    },
  }
}

/** A checked document of a manifest file. */
export interface PlainObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: PlainMetadata
  readonly [key: string]: unknown
}

interface PlainMetadata {
  readonly name: string
  readonly namespace?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** `apps/v1, Kind=Deployment`, as the annotation of an Addon lists kinds. */
export function gvkOf(object: { readonly apiVersion?: string | undefined; readonly kind?: string | undefined }): string {
  return `${object.apiVersion ?? ''}, Kind=${object.kind ?? ''}`
}

/** `apps/v1, Kind=Deployment;v1, Kind=Service`; unreadable parts are dropped. */
export function parseGvks(text: string | undefined): readonly { readonly apiVersion: string; readonly kind: string }[] {
  return (text ?? '')
    .split(';')
    .map((part) => /^\/?(.+), Kind=(.+)$/.exec(part.trim()))
    .flatMap((match) => (match?.[1] === undefined || match[2] === undefined ? [] : [{ apiVersion: match[1], kind: match[2] }]))
}

/** Kind, namespace and name as one text. */
export function identityOf(object: KubeObject | PlainObject): string {
  return `${gvkOf(object)} ${object.metadata.namespace ?? ''}/${object.metadata.name}`
}
