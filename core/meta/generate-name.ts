/** No vowels and nothing easily confused, so that no word appears by chance. Source: names that Kubernetes generates. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const MAX_BASE_LENGTH = 63 - SUFFIX_LENGTH

/** A float in [0, 1), as Math.random gives. */
export type Random = () => number

/** `generateName` cut to fit a DNS label, and five random letters. */
export function generateName(base: string, random: Random): string {
  return `${base.slice(0, MAX_BASE_LENGTH)}${randomSuffix(SUFFIX_LENGTH, random)}`
}

export function randomSuffix(length: number, random: Random): string {
  let suffix = ''
  for (let i = 0; i < length; i += 1) suffix += ALPHABET[Math.floor(random() * ALPHABET.length)] ?? ''
  return suffix
}

/** Writes a hash with the letters of generated names, as pod-template-hash is. */
export function safeEncode(text: string): string {
  let encoded = ''
  for (let i = 0; i < text.length; i += 1) encoded += ALPHABET[text.charCodeAt(i) % ALPHABET.length] ?? ''
  return encoded
}
