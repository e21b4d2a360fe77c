// Repeats measurements that a busy machine may have delayed: a thread that waits for a slow disk does so each time.

const TIMES = 3

/** What `measure(names)` reports of each name; of those that are not `fine` the last of up to three reports. */
export async function again(names, measure, isFine) {
  let report = {}
  let open = names
  for (let time = 0; time < TIMES && open.length > 0; time += 1) {
    report = { ...report, ...(await measure(open, time)) }
    open = open.filter(name => !isFine(name, report[name]))
  }
  return report
}
