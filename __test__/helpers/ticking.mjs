// Counts timer ticks during awaits: whether a loop of awaits lets timers run, without a clock.

const PATIENCE = 100_000

/**
 * A clock for one loop: `goesOn()` is asked once per await, and says false once that many ticks of a 1 ms timer were seen,
 * or once 100,000 awaits in a row saw none. `starved` tells which.
 */
export function ticking(wanted = 1000) {
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
      const goesOn = ticks < wanted && silent < PATIENCE
      if (!goesOn) clearInterval(timer)
      return goesOn
    },
    get starved() {
      return ticks < wanted
    },
    get summary() {
      return `${ticks} ticks in ${awaits} awaits${ticks < wanted ? `, none in the last ${silent}` : ''}`
    },
  }
}
