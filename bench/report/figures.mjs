// The figures of a report: which cells are set against which, and what the picture is to show.
import { median } from 'simple-statistics'
import { MEMBERS, OLD_POOL, SIZE } from '../experiments/mitigations.mjs'
import { formatSize, KiB, modes, surroundings } from '../harness/cells.mjs'
import { locks, pairRatio, pairsOf } from '../harness/ratios.mjs'
import { readers } from '../programs/readers.mjs'

/**
 * @typedef {import('../harness/run.mjs').Measured} Measured
 * @typedef {{ title: string, text: string, chart: import('./charts.mjs').Chart }} Figure
 */

/** What most figures have one series of each of. */
const SHORT = {
  readFileSync: 'fs.readFileSync',
  readSync: 'fs.readSync, buffer reused',
  'readFile-1': 'fs.promises.readFile, 1 at a time',
  'readFile-8': 'fs.promises.readFile, 8 at a time',
  mmapRead: 'faultless mmapRead',
  readInto: 'faultless readInto',
  view: 'faultless view',
}

/**
 * @param {Measured[]} measured
 * @param {number} defaultPool Buffer.poolSize of the Node that measured, where a cell sets none
 * @returns {Figure[]}
 */
export function figures(measured, defaultPool) {
  const cells = measured.filter(({ error, twin, first }) => !error && !twin && first.length > 0)
  return [
    ...throughputByMembers(cells),
    ...ratioByMembers(cells),
    ...ratioBySize(cells),
    ...mitigations(cells),
    ...lockBars(cells),
    ...histogram(cells, defaultPool),
    ...poolSweep(cells, defaultPool),
    ...poolByFile(cells, defaultPool),
  ]
}

const isPlain = ({ env, variant, poolSize, hugePages }) => !env && !variant && !poolSize && !hugePages
const rate = (cell, mode) => median(pairsOf(cell, 'first', [mode]).map(pair => pair[mode].throughput))
const ratioOf = cell => median(pairsOf(cell, 'first').map(pairRatio))
const sorted = values => [...new Set(values)].sort((left, right) => left - right)
const label = cell => [SHORT[cell.reader] ?? readers[cell.reader].label, ...surroundings(cell)].join(', ')

/** A series of what each cell comes to, in the order of the values of one property; null where there is none. */
function seriesOf(cells, property, values, of) {
  return values.map(value => {
    const cell = cells.find(cell => cell[property] === value)
    return cell ? of(cell) : null
  })
}

function throughputByMembers(cells) {
  const own = cells.filter(cell => isPlain(cell) && cell.size === SIZE && SHORT[cell.reader])
  const members = sorted(own.map(({ k }) => k))
  if (members.length < 2) return []
  const names = Object.keys(SHORT).filter(reader => own.filter(cell => cell.reader === reader).length > 1)
  return [
    {
      title: `Throughput against the number of members, files of ${formatSize(SIZE)}`,
      text: 'First reads. Solid: worker threads of one process; dashed: processes.',
      chart: {
        kind: 'line',
        categories: members.map(String),
        category: 'members',
        value: 'reads/s, logarithmic',
        logarithmic: true,
        series: names.flatMap((reader, hue) =>
          modes.map(mode => ({
            name: mode === 'workers' ? SHORT[reader] : `${SHORT[reader]}, processes`,
            hue,
            dashed: mode === 'processes',
            points: seriesOf(
              own.filter(cell => cell.reader === reader),
              'k',
              members,
              cell => rate(cell, mode),
            ),
          })),
        ),
      },
    },
  ]
}

function ratioByMembers(cells) {
  const own = cells.filter(cell => isPlain(cell) && cell.reader === 'readFileSync')
  const members = sorted(own.map(({ k }) => k))
  const sizes = sorted(own.map(({ size }) => size)).filter(size => own.filter(cell => cell.size === size).length > 1)
  if (sizes.length === 0) return []
  return [
    {
      title: 'fs.readFileSync: workers over processes, against the number of members',
      text: 'First reads. Below 1, worker threads are slower than processes.',
      chart: {
        kind: 'line',
        categories: members.map(String),
        category: 'members',
        value: 'workers / processes',
        mark: 1,
        series: sizes.map((size, hue) => ({
          name: formatSize(size),
          hue,
          points: seriesOf(
            own.filter(cell => cell.size === size),
            'k',
            members,
            cell => ratioOf(cell),
          ),
        })),
      },
    },
  ]
}

function ratioBySize(cells) {
  const most = Math.max(...cells.map(({ k }) => k))
  const own = cells.filter(cell => isPlain(cell) && cell.k === most && SHORT[cell.reader])
  const sizes = sorted(own.map(({ size }) => size))
  const names = Object.keys(SHORT).filter(reader => own.filter(cell => cell.reader === reader).length > 1)
  if (names.length === 0) return []
  return [
    {
      title: `Workers over processes, against the size of the file, ${most} members`,
      text: 'First reads. Below 1, worker threads are slower than processes.',
      chart: {
        kind: 'line',
        categories: sizes.map(formatSize),
        category: 'size of the file',
        value: 'workers / processes',
        mark: 1,
        series: names.map((reader, hue) => ({
          name: SHORT[reader],
          hue,
          points: seriesOf(
            own.filter(cell => cell.reader === reader),
            'size',
            sizes,
            cell => ratioOf(cell),
          ),
        })),
      },
    },
  ]
}

/** Those that were measured at the sources' size, with the most members. A view reads nothing, and would dwarf the others. */
function atSource(cells) {
  const own = cells.filter(({ size, reader }) => size === SIZE && reader !== 'view' && SHORT[reader])
  const most = Math.max(...own.map(({ k }) => k))
  return own.filter(({ k }) => k === most)
}

function mitigations(cells) {
  const own = atSource(cells)
  if (own.length < 2) return []
  return [
    {
      title: `Default against tuned: files of ${formatSize(SIZE)}, ${own[0].k} members`,
      text: 'First reads of all that is said to help, what is plain first.',
      chart: bars(own, 'reads/s', (cell, mode) => rate(cell, mode)),
    },
  ]
}

function lockBars(cells) {
  const own = atSource(cells).filter(({ traced }) => traced.length > 0)
  if (own.length === 0) return []
  const wait = (cell, mode) => median(cell.traced.flat().map(pair => locks.waitPerRead(pair[mode]))) / 1000
  const writes = (cell, mode) => median(cell.traced.flat().map(pair => locks.writesPerThousand(pair[mode])))
  return [
    {
      title: `Waiting for mmap_lock: files of ${formatSize(SIZE)}, ${own[0].k} members`,
      text: 'First reads, traced: from asking for the lock to having it, for writing and for reading.',
      chart: bars(own, 'µs of waiting in each read', wait),
    },
    {
      title: `Taking mmap_lock for writing: files of ${formatSize(SIZE)}, ${own[0].k} members`,
      text: 'First reads, traced. Counts do not depend on how busy the machine is.',
      chart: bars(own, 'times for 1,000 reads', writes),
    },
  ]
}

function bars(cells, value, of) {
  const order = ({ reader }) => Object.keys(SHORT).indexOf(reader)
  const ordered = [...cells].sort(
    (left, right) => order(left) - order(right) || surroundings(left).length - surroundings(right).length,
  )
  return {
    kind: 'bars',
    categories: ordered.map(label),
    category: '',
    value,
    series: modes.map((mode, hue) => ({ name: mode, hue, points: ordered.map(cell => of(cell, mode)) })),
  }
}

function histogram(cells, defaultPool) {
  const cell = cells.find(cell => {
    const { size, k, poolSize = defaultPool, traced } = cell
    return isPooled(cell) && size === SIZE && k === MEMBERS && poolSize === OLD_POOL && traced.length > 0
  })
  if (!cell) return []
  const counts = mode => {
    const found = new Map()
    for (const pair of cell.traced.flat()) {
      for (const { from, count } of pair[mode].locks.writes.waited.histogram) {
        found.set(from, (found.get(from) ?? 0) + count)
      }
    }
    return found
  }
  const found = Object.fromEntries(modes.map(mode => [mode, counts(mode)]))
  const froms = sorted([...found.workers.keys(), ...found.processes.keys()])
  return [
    {
      title: `How long they wait for mmap_lock: fs.readFileSync of ${formatSize(SIZE)}, ${cell.k} members`,
      text: 'First reads, traced: acquisitions for writing by their wait, of worker threads and of processes, in all traces together.',
      chart: {
        kind: 'bar',
        categories: froms.map(nanoseconds),
        category: 'waited at least',
        value: 'acquisitions, logarithmic',
        logarithmic: true,
        series: modes.map((mode, hue) => ({
          name: mode,
          hue,
          // A logarithm has no zero.
          points: froms.map(from => found[mode].get(from) || null),
        })),
      },
    },
  ]
}

/** Powers of two, in the unit that they are read in. */
function nanoseconds(value) {
  if (value >= 1 << 20) return `${value >> 20} ms`
  return value >= 1 << 10 ? `${value >> 10} µs` : `${value} ns`
}

const isPooled = ({ reader, env, variant, hugePages }) => reader === 'readFileSync' && !env && !variant && !hugePages

function poolSweep(cells, defaultPool) {
  const poolOf = ({ poolSize = defaultPool }) => poolSize
  const own = atSource(cells).filter(isPooled)
  const pools = sorted(own.map(poolOf))
  if (pools.length < 2) return []
  const at = bytes => own.find(cell => poolOf(cell) === bytes)
  return [
    {
      title: `fs.readFileSync of ${formatSize(SIZE)} against Buffer.poolSize, ${own[0].k} members`,
      text: 'First reads.',
      chart: {
        kind: 'line',
        categories: pools.map(formatSize),
        category: 'Buffer.poolSize',
        value: 'reads/s',
        series: modes.map((mode, hue) => ({ name: mode, hue, points: pools.map(bytes => rate(at(bytes), mode)) })),
      },
    },
  ]
}

function poolByFile(cells, defaultPool) {
  const poolOf = ({ poolSize = defaultPool }) => poolSize
  const most = Math.max(...cells.map(({ k }) => k))
  const own = cells.filter(cell => isPooled(cell) && cell.k === most)
  const small = 8 * KiB
  const pools = sorted(own.map(poolOf)).filter(
    bytes => bytes !== small && own.filter(cell => poolOf(cell) === bytes).length > 1,
  )
  const at = (size, bytes) => own.find(cell => cell.size === size && poolOf(cell) === bytes)
  const sizes = sorted(own.map(({ size }) => size)).filter(
    size => at(size, small) && pools.some(bytes => at(size, bytes)),
  )
  if (pools.length === 0 || sizes.length < 2) return []
  return [
    {
      title: `What a larger Buffer.poolSize gives worker threads, by file size, ${most} members`,
      text: 'First reads in fs.readFileSync, over those with a pool of 8 KiB. Above 1, the larger pool is faster.',
      chart: {
        kind: 'line',
        categories: sizes.map(formatSize),
        category: 'size of the file',
        value: 'times as fast',
        mark: 1,
        series: pools.map((bytes, hue) => ({
          name: `pool of ${formatSize(bytes)}`,
          hue,
          points: sizes.map(size => {
            const cell = at(size, bytes)
            return cell ? rate(cell, 'workers') / rate(at(size, small), 'workers') : null
          }),
        })),
      },
    },
  ]
}
