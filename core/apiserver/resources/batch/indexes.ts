/** How many indexes the text `0,2-5,7` names, or what is wrong with it. Source: Kubernetes documentation, "Job success policy". */
export function countIndexes(text: string, completions: number): number | string {
  let count = 0
  let last = -1
  if (text === '') return 0
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (match === null) return `cannot convert string to integer for index: ${JSON.stringify(part)}`
    const start = Number(match[1])
    const end = match[2] === undefined ? start : Number(match[2])
    if (start >= completions || end >= completions) return `too large index: ${JSON.stringify(String(Math.max(start, end)))}`
    if (start <= last) return `non-increasing order, previous: ${last}, current: ${start}`
    if (match[2] !== undefined && end <= start) return `non-increasing order, previous: ${start}, current: ${end}`
    count += end - start + 1
    last = end
  }
  return count
}
