/**
 * A user's template: plain TOML, with `{{ template "base" . }}` where the generated configuration goes. Without that line the
 * template replaces the generated text. Other template actions are refused, so that nothing is silently left out.
 */
export function applyTemplate(template: string, base: string): string {
  const text = template.replace(/\{\{-?\s*template\s+"base"\s+\.?\s*-?\}\}/g, () => base)
  const other = /\{\{[^}]*\}\}/.exec(text)
  if (other !== null) throw new Error(`the containerd template may only contain {{ template "base" . }}, found ${other[0]}`)
  return text
}

/** File names tried in order. Source: K3s, agent/etc/containerd. */
export function templateNames(major: number): readonly string[] {
  return major >= 2 ? ['config-v3.toml.tmpl', 'config.toml.tmpl'] : ['config.toml.tmpl']
}
