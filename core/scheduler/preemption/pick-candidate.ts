import { type Candidate, startOf } from './victims.ts'

/** Keeps sums of priorities meaningful when some are negative. Source: the scheduler's preemption. */
const PRIORITY_OFFSET = 2 ** 31

/** Smaller is better, one after the other until one candidate is left. */
const MEASURES: readonly ((candidate: Candidate) => number | string)[] = [
  ({ violations }) => violations,
  ({ victims }) => victims[0]?.priority ?? 0,
  ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + PRIORITY_OFFSET, 0),
  ({ victims }) => victims.length,
]

/** The candidate that does the least harm; of equals, the one whose most important victims started last. */
export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let left = candidates
  for (const measure of MEASURES) {
    if (left.length <= 1) return left[0]
    const best = left.map(measure).reduce((a, b) => (b < a ? b : a))
    left = left.filter((candidate) => measure(candidate) === best)
  }
  const latest = left.map(earliestStart).reduce((a, b) => (b > a ? b : a), '')
  return left.find((candidate) => earliestStart(candidate) === latest)
}

/** Of the victims with the highest priority. */
function earliestStart({ victims }: Candidate): string {
  const highest = victims[0]?.priority
  return (
    victims
      .filter(({ priority }) => priority === highest)
      .map(startOf)
      .sort()[0] ?? ''
  )
}
