// Counts timer ticks against awaits: whether a loop of awaits lets timers run, without looking at time.

const WANTED = 1000
const PATIENCE = 100_000

/**
 * A clock for one loop: `goesOn()` is asked once per await, and says false once 1,000 ticks of a 1 ms timer were seen,
 * or once 100,000 awaits in a row saw none. `starved` tells which.
 */
export function ticking() {
  let ticks = 0
  let silent = 0
  let awaits = 0
  const timer = setInterval(() => {
    ticks++
    silent = 0
  }, 1)
  return {
    goesOn() {
      awaits++
      silent++
      const goesOn = ticks < WANTED && silent < PATIENCE
      if (!goesOn) clearInterval(timer)
      return goesOn
    },
    get starved() {
      return ticks < WANTED
    },
    get summary() {
      return `${ticks} ticks in ${awaits} awaits${ticks < WANTED ? `, none in the last ${silent}` : ''}`
    },
  }
}
