// The works of the experiment `api`: which ways to read are measured at each, how often and for how long, on which files.
import { rm } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { median } from 'simple-statistics'
import { cannot, evict, loopDisk, NOBODY } from '../../__test__/helpers/fault-rig.mjs'
import { cool, diskUnder } from '../harness/caches.mjs'
import { formatSize, GiB, KiB, MiB } from '../harness/cells.mjs'
import { dataFile, longFile, needRoom, sparseFile } from '../harness/files.mjs'
import { fio } from '../harness/fio.mjs'
import { countLocks } from '../harness/locks.mjs'
import { notRunnable } from '../harness/requirements.mjs'
import { summedFiles } from '../harness/sums.mjs'
import { peers } from '../programs/peers.mjs'
import { readers } from '../programs/readers.mjs'

/**
 * `warm`, `cold` and `growth`: how often and for how long; `random`: the file that random reads are of; `records`: how many
 * are read together; `heap`: bytes of live objects; `coldFile`, `coldReads`: the file of cold random reads, and how many;
 * `sequence`: files read in order.
 */
const SIZES = {
  toy: {
    warm: { passes: 1, rounds: 1, milliseconds: 1, warmup: 0 },
    cold: { passes: 1, rounds: 1, milliseconds: 100 },
    awaits: { passes: 1, rounds: 1, milliseconds: 20, warmup: 5 },
    locks: {
      passes: 1,
      rounds: 1,
      milliseconds: 20,
      warmup: 10,
      k: 2,
      ways: ['nothing', 'allocate', 'readInto', 'read', 'read, tuned'],
    },
    growth: { passes: 1, rounds: 1, milliseconds: 1, warmup: 0 },
    random: MiB,
    records: 64,
    heap: 4 * MiB,
    coldFile: MiB,
    coldReads: 64,
    sequence: { files: 2, size: MiB },
    inFlight: [8],
    request: [512],
    summed: [512],
    requestFile: MiB,
    fileSize: [64 * KiB],
  },
  quick: {
    warm: { passes: 4, rounds: 1, milliseconds: 40, warmup: 40 },
    cold: { passes: 4, rounds: 1, milliseconds: 300 },
    awaits: { passes: 4, rounds: 1, milliseconds: 300, warmup: 100 },
    locks: {
      passes: 4,
      rounds: 1,
      milliseconds: 150,
      warmup: 400,
      k: 8,
      ways: ['nothing', 'allocate', 'readInto', 'read', 'read, tuned', 'view'],
    },
    growth: { passes: 1, rounds: 1, milliseconds: 20, warmup: 20 },
    random: 64 * MiB,
    records: 1024,
    heap: 400 * MiB,
    coldFile: 256 * MiB,
    coldReads: 2000,
    sequence: { files: 2, size: 64 * MiB },
    inFlight: [1024],
    request: [2 * MiB],
    summed: [64 * KiB],
    requestFile: 64 * MiB,
    fileSize: [256 * MiB],
  },
  full: {
    warm: { passes: 5, rounds: 2, milliseconds: 600, warmup: 300 },
    cold: { passes: 5, rounds: 1, milliseconds: 1000 },
    awaits: { passes: 4, rounds: 1, milliseconds: 10_000, warmup: 1000 },
    locks: {
      passes: 4,
      rounds: 1,
      milliseconds: 1000,
      warmup: 4000,
      k: 8,
      ways: [
        'nothing',
        'allocate',
        'readInto',
        'tryReadInto',
        'readManyInto',
        'view',
        'chunks',
        'read',
        'readMany',
        'mmapRead',
        'read, tuned',
      ],
    },
    growth: { passes: 2, rounds: 1, milliseconds: 200, warmup: 100 },
    random: 64 * MiB,
    records: 1024,
    heap: 400 * MiB,
    coldFile: GiB,
    coldReads: 8000,
    sequence: { files: 8, size: 256 * MiB },
    inFlight: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    request: [512, 2 * KiB, 8 * KiB, 32 * KiB, 128 * KiB, 512 * KiB, 2 * MiB, 8 * MiB, 32 * MiB, 64 * MiB],
    summed: [512, 2 * KiB, 8 * KiB, 32 * KiB, 128 * KiB, 512 * KiB],
    requestFile: 64 * MiB,
    fileSize: [MiB, 16 * MiB, 128 * MiB, GiB, 8 * GiB],
  },
}

const RECORD = 512
const PAGE = 4 * KiB
const SMALL = 64 * KiB
const HUGE = 1024 * GiB
const DEPTH = { random: 64, sequence: 8 }
const COMMON_READ_AHEAD = 128
/** Needed to see a file cold. */
const COLD = ['dropCaches', 'residentPages', 'eviction']
/** Passes of what no claim needs. */
const ONCE = { toy: 1, quick: 1, full: 2 }

/**
 * What the works are done on; `missing` says of each file that cannot be had why.
 * @typedef {Partial<Awaited<ReturnType<typeof makeFiles>>>} Files
 */

/** @param {import('../harness/cells.mjs').RunSize} size @param {AbortSignal} signal */
export async function makeFiles(size, signal) {
  const { random, coldFile, sequence, requestFile, fileSize } = SIZES[size]
  /** @type {Record<string, string>} */
  const missing = {}
  const have = async (name, make) => {
    try {
      return await make()
    } catch (error) {
      if (error.code !== 'ERR_NOT_RUNNABLE') throw error
      missing[name] = error.message
    }
  }
  /** @type {Record<number, string>} */
  const paths = {}
  for (const bytes of new Set([random, requestFile, ...fileSize])) {
    if (bytes > totalmem() / 2) missing[bytes] = `a file of ${formatSize(bytes)} does not stay in the page cache here`
    else paths[bytes] = await have(bytes, () => longFile(bytes, { signal }))
  }
  const cold = await have('cold', () => coldFiles(coldFile, { signal }))
  const inOrder = await have('inOrder', () => filesInOrder(sequence, signal))
  const { mounted, ...loop } = (await have('loop', () => loopFiles(coldFile, signal))) ?? {}
  const huge = await have('huge', () => sparseFile(HUGE))
  return {
    paths,
    small: dataFile(SMALL).path,
    page: dataFile(PAGE).path,
    cold,
    loop,
    inOrder,
    huge,
    missing,
    async dispose() {
      mounted?.dispose()
      if (huge) await rm(huge)
    },
  }
}

/** The file of cold reads, and another to rehearse them on. @param {number} size @param {{ signal: AbortSignal, folder?: string }} where */
async function coldFiles(size, where) {
  const path = await longFile(size, where)
  const rehearsal = { path: await longFile(size / 2, where), size: size / 2 }
  return { path, size, rehearsal, disk: diskUnder(path) }
}

/** The same on a disk of its own, whose read-ahead is that of most. @param {number} size @param {AbortSignal} signal */
async function loopFiles(size, signal) {
  await needRoom(tmpdir(), 2 * size)
  const mounted = requireDisk(2 * size + 2 * GiB)
  try {
    return { mounted, ...(await coldFiles(size, { signal, folder: mounted.mountPoint })) }
  } catch (error) {
    mounted.dispose()
    throw error
  }
}

/** @param {number} size */
function requireDisk(size) {
  const reason = cannot('loopDevices')
  if (reason) throw notRunnable(reason)
  try {
    return loopDisk({ size, readAheadKiB: COMMON_READ_AHEAD, direct: true })
  } catch (error) {
    throw notRunnable(
      `no loop device with direct I/O: ${(error.stderr?.toString().trim() || error.message).split('\n')[0]}`,
    )
  }
}

/** @param {{ files: number, size: number }} sequence @param {AbortSignal} signal */
async function filesInOrder(sequence, signal) {
  const files = await summedFiles(sequence, { signal })
  return { ...files, disk: diskUnder(files.paths[0]) }
}

/** Looked into only when something is to be run. @param {Files} files @param {string[]} names */
const lacking = (files, ...names) => (files.missing ? cannot(...names) : undefined)
const rate = sample => sample.rate
const middle = (samples, of) => median(samples.map(of)).toPrecision(3)

/**
 * The works of a run of this size; without files only what they are and how long they take.
 * @param {import('../harness/cells.mjs').RunSize} size
 * @param {Files} [files]
 * @param {string} [noPeers] why packages cannot be compared with
 * @returns {import('../harness/trials.mjs').Work[]}
 */
export function apiWorks(size, files = {}, noPeers = undefined) {
  const {
    warm,
    cold,
    awaits,
    locks,
    growth,
    random,
    records,
    heap,
    coldReads,
    inFlight,
    request,
    summed,
    requestFile,
    fileSize,
  } = SIZES[size]
  const missing = files.missing ?? {}
  const randomFile = { path: files.paths?.[random], size: random }
  const base = 'FileHandle.read'

  /** Ways of a work that a process of ours does, of which the claims need those in `judged`. */
  const warmWays = (names, task, judged = names) =>
    names.map(name => ({
      id: name,
      label: peers[name].label,
      ...warm,
      passes: judged.includes(name) ? warm.passes : ONCE[size],
      task: { peer: name, ...task },
      missing: missing[task.size] ?? (peers[name].package && noPeers),
    }))
  const randomWays = (names, task, judged) => warmWays(names, { kind: 'ranges', ...randomFile, ...task }, judged)

  return [
    {
      id: 'random-4k',
      title: 'warm, random 4 KiB, one at a time',
      unit: 'reads/s',
      value: rate,
      base,
      ways: randomWays(
        [base, 'fs.read', 'fs.readSync', 'openAsBlob', 'mmap-io', 'lmdb', 'read', 'readInto', 'tryReadInto'],
        { length: PAGE },
        [base, 'fs.readSync', 'read', 'readInto', 'tryReadInto'],
      ),
    },
    {
      id: 'another-user',
      title: 'warm, random 4 KiB, one at a time, by a user who neither owns the file nor may write it',
      unit: 'reads/s',
      value: rate,
      base,
      ways: randomWays([base, 'readInto'], { length: PAGE, uid: NOBODY }).map(way => ({
        ...way,
        missing: way.missing ?? lacking(files, 'anotherUser'),
      })),
    },
    {
      id: 'random-4k-64',
      title: 'warm, random 4 KiB, 64 in flight',
      unit: 'reads/s',
      value: rate,
      base,
      ways: randomWays([base, 'fs.read', 'read', 'readInto'], { length: PAGE, lanes: 64 }, [
        base,
        'fs.read',
        'readInto',
      ]),
    },
    {
      id: 'random-64k',
      title: 'warm, random 64 KiB, one at a time',
      unit: 'reads/s',
      value: rate,
      base,
      ways: randomWays(
        [
          base,
          'fs.read',
          'fs.readSync',
          'openAsBlob',
          'mmap-io',
          'mmap-io, in place',
          'lmdb',
          'read',
          'readInto',
          'view',
        ],
        { length: SMALL },
        [base, 'readInto', 'view'],
      ),
    },
    {
      id: 'sum-64k',
      title: 'warm, random 64 KiB and the sum of its bytes',
      unit: 'reads/s',
      value: rate,
      base,
      ways: randomWays([base, 'mmap-io, in place', 'view'], { length: SMALL, sum: true }, [base, 'view']),
    },
    ...[
      { id: 'fresh-1m', besides: '', live: {} },
      { id: 'fresh-1m-heap', besides: `, beside ${formatSize(heap)} of live objects`, live: { heap } },
    ].map(({ id, besides, live }) => ({
      id,
      title: `warm, random 1 MiB, a fresh result each time${besides}`,
      unit: 'reads/s',
      value: rate,
      base: `${base}, fresh`,
      also: samples =>
        `timers late by ${middle(samples, ({ delay }) => delay.p99)} ms (p99), ${middle(samples, ({ delay }) => delay.max)} ms (max)`,
      ways: randomWays(
        [`${base}, fresh`, 'openAsBlob', 'read', 'read, results from jemalloc'],
        { length: MiB, delay: true, ...live },
        [`${base}, fresh`, 'read'],
      ),
    })),
    {
      id: 'records-512',
      title: `warm, ${records} records of 512 B at once`,
      unit: 'records/s',
      value: rate,
      base,
      ways: warmWays(
        [base, 'fs.read', 'read', 'readMany', 'readManyInto'],
        { kind: 'batches', ...randomFile, length: RECORD, count: records },
        [base, 'readManyInto'],
      ),
    },
    {
      id: 'path-64k',
      title: 'warm, a file of 64 KiB by its path',
      unit: 'reads/s',
      value: rate,
      base: 'open, read, close',
      ways: warmWays(
        ['open, read, close', 'readFile', 'createReadStream', 'mmapRead'],
        { kind: 'ranges', path: files.small, size: SMALL, length: SMALL },
        ['open, read, close', 'mmapRead'],
      ),
    },
    ...[
      { id: 'cold-random', on: files.cold, where: 'the disk', reason: missing.cold },
      { id: 'cold-random-loop', on: files.loop, where: 'a loop device, read-ahead 128 KiB', reason: missing.loop },
    ].map(({ id, on, where, reason }) => ({
      id,
      title: `cold, ${coldReads} random 4 KiB at once, ${where}`,
      unit: 'reads/s',
      value: rate,
      base,
      also: samples =>
        samples[0].diskBytes === undefined
          ? ''
          : `${middle(samples, sample => sample.diskBytes / (coldReads * PAGE))} bytes read of the disk for each asked`,
      ways: [
        ...[base, 'read', 'readMany', 'readManyInto'].map(name => ({
          id: name,
          label:
            name === 'readMany' || name === 'readManyInto' ? peers[name].label : `Promise.all of ${peers[name].label}`,
          ...cold,
          task: { kind: 'coldBatch', peer: name, ...on, length: PAGE, count: coldReads },
          cold: on && {
            paths: [on.path],
            bytes: coldReads * PAGE,
            disk: on.disk,
            prepare: () => evict(on.rehearsal.path),
          },
          missing: reason ?? lacking(files, ...COLD),
        })),
        {
          id: 'fio',
          label: `fio, libaio, direct, queue depth ${DEPTH.random}`,
          ...cold,
          async run() {
            const bytes = coldReads * PAGE
            await cool([on.path], bytes)
            const found = await fio({ paths: [on.path], random: true, block: PAGE, depth: DEPTH.random, bytes })
            return [{ ...found, rate: (1000 * found.reads) / found.milliseconds }]
          },
          missing: reason ?? lacking(files, ...COLD, 'fio'),
        },
      ],
    })),
    ...[true, false].map(isWarm => {
      const on = files.inOrder
      return {
        id: isWarm ? 'warm-sequence' : 'cold-sequence',
        title: `${isWarm ? 'warm' : 'cold'}, ${SIZES[size].sequence.files} files of ${formatSize(SIZES[size].sequence.size)} in order, every 512th byte summed up`,
        unit: 'bytes/s',
        value: rate,
        base,
        ways: [
          ...[base, 'createReadStream', 'readFile', 'chunks'].map(name => ({
            id: name,
            label: peers[name].label,
            ...cold,
            task: { kind: 'sequence', peer: name, ...on, warm: isWarm },
            cold: isWarm ? undefined : on && { paths: on.paths, bytes: on.paths.length * on.size, disk: on.disk },
            missing: missing.inOrder ?? (isWarm ? undefined : lacking(files, ...COLD)),
          })),
          ...(isWarm
            ? []
            : [
                {
                  id: 'fio',
                  label: `fio, libaio, direct, 1 MiB, queue depth ${DEPTH.sequence}`,
                  ...cold,
                  async run() {
                    await cool(on.paths, on.paths.length * on.size)
                    const job = { paths: on.paths, random: false, block: MiB, depth: DEPTH.sequence, bytes: on.size }
                    const found = await fio(job)
                    return [{ ...found, rate: (1000 * found.bytes) / found.milliseconds }]
                  },
                  missing: missing.inOrder ?? lacking(files, ...COLD, 'fio'),
                },
              ]),
        ],
      }
    }),
    {
      id: 'awaits',
      title: 'the event loop while warm reads are awaited one after the other',
      unit: 'ms by which the latest timer was late',
      value: sample => sample.worst,
      ways: [
        { name: 'nothing', label: 'nothing: resolved promises and setImmediate', length: PAGE },
        { name: 'readInto', label: 'faultless readInto, 4 KiB', length: PAGE },
        ...(size === 'full'
          ? [
              { name: 'read', label: 'faultless read, 64 KiB', length: SMALL },
              { name: 'view', label: 'faultless view, 64 KiB', length: SMALL },
            ]
          : []),
      ].map(({ name, label, length }) => ({
        id: name,
        label,
        ...awaits,
        task: { kind: 'awaits', peer: name, ...randomFile, length },
        missing: missing[random],
      })),
    },
    {
      id: 'locks',
      title: `mmap_lock taken for writing, ${locks.k} workers, steady`,
      unit: 'times per 1,000 reads of 64 KiB',
      value: sample => sample.perThousand,
      ways: locks.ways.map(name => ({
        id: name,
        label: readers[name].label,
        ...locks,
        run: () => countLocks({ reader: name, size: SMALL, k: locks.k }, locks),
        missing: lacking(files, 'root', 'tracefs', 'bpftrace'),
      })),
    },
    {
      id: 'open',
      title: 'MappedFile.open',
      unit: 'opens/s',
      value: rate,
      base: '4 KiB',
      ways: [
        { id: '4 KiB', path: files.page, bytes: PAGE, reason: undefined },
        { id: '1 TiB', path: files.huge, bytes: HUGE, reason: missing.huge },
      ].map(({ id, path, bytes, reason }) => ({
        id,
        label: `of ${id === '1 TiB' ? 'a sparse file' : 'a file'} of ${id}`,
        ...warm,
        task: { kind: 'opening', peer: 'open', path, size: bytes },
        missing: reason,
      })),
    },
    ...[
      ...inFlight.map(x => ({ over: 'in-flight', x, file: randomFile, length: PAGE, lanes: x })),
      ...request.map(x => ({
        over: 'request',
        x,
        file: { path: files.paths?.[requestFile], size: requestFile },
        length: x,
        names: [base, 'read', 'readInto', 'readInto, on the pool'],
      })),
      ...summed.map(x => ({
        over: 'summed',
        x,
        file: randomFile,
        length: x,
        sum: true,
        names: [base, 'readInto', 'view'],
      })),
      ...fileSize.map(x => ({ over: 'file', x, file: { path: files.paths?.[x], size: x }, length: PAGE })),
    ].map(({ over, x, file, length, lanes = 1, sum = false, names = [base, 'read', 'readInto'] }) => ({
      id: `${over}/${x}`,
      title: `${over} ${x}`,
      unit: 'µs per read',
      value: sample => 1e6 / sample.rate,
      growth: { over, x },
      ways: names.map(name => ({
        id: name,
        label: peers[name].label,
        ...growth,
        task: { kind: 'ranges', peer: name, ...file, length, lanes, sum },
        missing: missing[file.size],
      })),
    })),
  ]
}
