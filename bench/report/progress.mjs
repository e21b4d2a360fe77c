// The progress with the time left, on standard error: a bar on a terminal, and elsewhere a line now and then.
import { SingleBar } from 'cli-progress'

/** Between two lines where standard error is no terminal, in milliseconds. */
const NOW_AND_THEN = 30_000

/** @param {{ stream?: NodeJS.WritableStream & { isTTY?: boolean }, every?: number }} [where] */
export function makeProgress({ stream = process.stderr, every = NOW_AND_THEN } = {}) {
  const bar = new SingleBar({
    format: `${stream.isTTY ? '{bar} ' : ''}{percentage} %, {left} left, {what}`,
    stream,
    noTTYOutput: true,
    notTTYSchedule: every,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  })
  const begun = performance.now()
  let planned = 0
  let done = 0
  /** What was planned, stretched or shortened by what the part that is done has really taken. */
  const left = () => (done === 0 ? planned : ((performance.now() - begun) / done) * (planned - done))
  return {
    /** @param {number} milliseconds what all steps are thought to take */
    start(milliseconds) {
      planned = milliseconds
      bar.start(planned, 0, { what: '', left: formatTime(planned) })
    },
    /** @param {number} milliseconds what more steps are thought to take */
    extend(milliseconds) {
      planned += milliseconds
      bar.setTotal(planned)
    },
    /** @param {string} what the step that begins */
    begin: what => bar.update({ what, left: formatTime(left()) }),
    /** @param {number} milliseconds what the step that ended was thought to take */
    advance(milliseconds) {
      done += milliseconds
      bar.increment(milliseconds)
    },
    stop: () => bar.stop(),
  }
}

/** @param {number} milliseconds */
function formatTime(milliseconds) {
  const seconds = Math.round(milliseconds / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
