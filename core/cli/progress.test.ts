import assert from 'node:assert/strict'
import { it } from 'node:test'
import { systemClock } from '../runtime/clock.ts'
import { createProgress } from './progress.ts'

it('a step that the stop of the server ended was given up, any other that ends with an error failed', async () => {
  const lines: string[] = []
  let stopping = false
  const progress = createProgress(
    systemClock,
    (text) => lines.push(text),
    () => stopping,
  )
  const broken = (): Promise<never> => Promise.reject(new Error('broken'))
  await progress.step('datastore', () => Promise.resolve(1))
  await assert.rejects(progress.step('containers', broken), /broken/)
  stopping = true
  await assert.rejects(progress.step('node ready', broken), /broken/)
  assert.match(lines.join(''), /^ {2}datastore +0\.\d\d s\n {2}containers +failed\n {2}node ready +given up\n$/)
})
