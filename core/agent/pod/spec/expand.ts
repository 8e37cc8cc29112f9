/**
 * Replaces `$(NAME)` by variables; `$$` stands for `$`, and a reference to nothing stays as it is written.
 * Source: Kubernetes documentation, "Define dependent environment variables".
 */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole: string, name: string | undefined) => {
    if (name === undefined) return '$'
    return valueOf(name) ?? whole
  })
}
