// How late the event loop's timers are while a program works, and when.

/** A timer is due each so many milliseconds. */
const PERIOD = 1
/** So many milliseconds of the course of a run are one number: the worst delay of a timer that was due in them. */
export const BUCKET = 10

/** Begins to watch. The function that it gives back ends that, and tells what was seen. */
export function watchDelay() {
  const turns = [performance.now()]
  let timer = setTimeout(function tick() {
    turns.push(performance.now())
    timer = setTimeout(tick, PERIOD)
  }, PERIOD)
  return () => {
    clearTimeout(timer)
    turns.push(performance.now())
    return lateness(turns)
  }
}

/**
 * By how many milliseconds timers were late that were due one a millisecond. Those that came due while the loop stood still
 * count, too: a timer that is armed anew only when it has fired would see a standstill once.
 * @param {number[]} turns when the loop was seen to turn
 */
function lateness(turns) {
  const late = []
  const course = []
  for (let turn = 1; turn < turns.length; turn += 1) {
    for (let due = turns[turn - 1] + PERIOD; due <= turns[turn]; due += PERIOD) {
      const by = turns[turn] - due
      late.push(by)
      const bucket = Math.floor((due - turns[0]) / BUCKET)
      course[bucket] = Math.max(course[bucket] ?? 0, by)
    }
  }
  late.sort((a, b) => a - b)
  const percentile = hundredths => late[Math.min(Math.floor((late.length * hundredths) / 100), late.length - 1)] ?? 0
  return {
    delay: { p50: percentile(50), p99: percentile(99), max: percentile(100) },
    course: Array.from(course, worst => Math.round(100 * (worst ?? 0)) / 100),
  }
}
