// The checks of the doctor on the kernel, Node, malloc and the limits of this process.

import os from 'node:os'
import type { Capabilities } from '../capabilities.js'
import type { Check } from './doctor.js'
import { formatBytes } from './sizes.js'
import { hasCapability, limit, readText } from './system.js'

/** The capability to lock memory beyond the limit, from linux/capability.h. */
const CAP_IPC_LOCK = 14n
/** The soft limit of a process on most systems. */
const OPEN_FILES = 1024
/** The default of vm.max_map_count in the kernel. */
const MAP_COUNT = 65530
const OTHER_MALLOCS = /\/(?:lib)?(jemalloc|tcmalloc|mimalloc|snmalloc|hoard|scudo)[^/]*$/m

export async function machineChecks(): Promise<Check[]> {
  return [
    kernel(),
    ...(await runtime()),
    allocator(),
    memory(),
    hugePages(),
    lockedMemory(),
    openFiles(),
    mapCount(),
    addressSpace(),
    overcommit(),
    await tracing(),
  ].filter(check => check !== undefined)
}

function kernel(): Check {
  const found = `${os.type()} ${os.release()}, ${os.arch()}`
  const [major = 0, minor = 0] = os.release().split('.').map(Number)
  const before = (wantedMajor: number, wantedMinor: number) =>
    major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
  if (os.type() !== 'Linux') {
    const advice = 'faultless is made for Linux. On this system it has the capabilities below.'
    return { name: 'kernel', status: 'note', found, advice }
  }
  if (before(5, 14)) {
    const advice =
      'Before Linux 5.14 there is no MADV_POPULATE_READ: pages are touched one by one. Newer kernels are faster.'
    return { name: 'kernel', status: 'problem', found, advice }
  }
  if (before(6, 4)) {
    const advice =
      'Before Linux 6.4, each page fault takes mmap_lock: threads wait longer for one another than on newer kernels.'
    return { name: 'kernel', status: 'note', found, advice }
  }
  return { name: 'kernel', status: 'ok', found }
}

/** The checks on the addon. Where it does not load, that is the problem. */
async function runtime(): Promise<Check[]> {
  const node: Check = { name: 'node', status: 'ok', found: `${process.version}, ${os.availableParallelism()} cores` }
  try {
    const found = (await import('../capabilities.js')).capabilities()
    return [node, pool(found.poolSize), ...capabilityChecks(found)]
  } catch (error) {
    return [node, { name: 'addon', status: 'problem', found: (error as Error).message }]
  }
}

function pool(size: number): Check {
  const found = `${size} ${size === 1 ? 'thread' : 'threads'}`
  if (size > 1) return { name: 'libuv pool', status: 'ok', found: `${found}, ${size - 1} of them for cold reads` }
  const advice =
    'Cold reads leave no thread for dns and fs. Set UV_THREADPOOL_SIZE=4 or more in the environment of node.'
  return { name: 'libuv pool', status: 'problem', found, advice }
}

function capabilityChecks(found: Capabilities): Check[] {
  const lacking = (name: string, works: boolean, has: string, lacks: string, advice: string): Check =>
    works ? { name, status: 'ok', found: has } : { name, status: 'problem', found: lacks, advice }
  return [
    lacking(
      'populate',
      found.populate === 'MADV_POPULATE_READ',
      'MADV_POPULATE_READ',
      String(found.populate),
      'Pages are faulted in one by one: the kernel is older than 5.14, its sandbox forbids the call, or ' +
        'FAULTLESS_POPULATE is set.',
    ),
    lacking(
      'page table',
      found.residencyByPageTable === true,
      '/proc/self/pagemap can be read: resident pages are known for every user',
      '/proc/self/pagemap cannot be read',
      'Only the owner of a file gets results on the JavaScript thread; all other reads go to the pool. Mount /proc.',
    ),
    lacking(
      'guard',
      found.guard === true,
      'truncating a file while it is mapped causes errors, not a crash',
      'off: truncating a file while it is mapped kills the process with SIGBUS',
      'Remove FAULTLESS_SIGBUS=off from the environment.',
    ),
    lacking(
      'external buffers',
      found.externalBuffers === true,
      'view() and chunks() hand out mapped bytes',
      'this runtime forbids them',
      'As in Electron, view() and chunks() return copies, and a file that is open for writing has no views: use read(), readInto() and write().',
    ),
  ]
}

function allocator(): Check {
  const name = 'malloc'
  const preloaded = OTHER_MALLOCS.exec(readText('/proc/self/maps') ?? '')?.[1]
  if (preloaded) return { name, status: 'ok', found: `${preloaded}, preloaded: the tunables of glibc have no effect` }
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  const glibc = header.glibcVersionRuntime
  if (glibc === undefined) return { name, status: 'ok', found: 'not the malloc of glibc' }
  const variables = Object.entries(process.env).filter(([key]) =>
    /^(MALLOC_.*_|MALLOC_ARENA_MAX|GLIBC_TUNABLES)$/.test(key),
  )
  const found = [`glibc ${glibc}`, ...variables.map(([key, value]) => `${key}=${value}`)].join(', ')
  const threshold = mmapThreshold()
  if (threshold !== undefined && threshold < 128 << 10) {
    const advice =
      `Every allocation of ${formatBytes(threshold)} or more is a separate mmap, which takes mmap_lock for writing: ` +
      'worker threads wait for one another. Remove the threshold from the environment.'
    return { name, status: 'problem', found, advice }
  }
  const advice =
    'Worker threads that allocate large buffers wait for one another in malloc. `faultless locks` shows whether yours do.'
  return { name, status: 'ok', found, ...(variables.length === 0 ? { advice } : {}) }
}

/** The threshold in the environment, under either of its names. */
function mmapThreshold(): number | undefined {
  const { MALLOC_MMAP_THRESHOLD_: variable, GLIBC_TUNABLES: tunables = '' } = process.env
  const value = /glibc\.malloc\.mmap_threshold=(\w+)/.exec(tunables)?.[1] ?? variable
  return value === undefined || value === '' ? undefined : Number(value)
}

function memory(): Check {
  const total = os.totalmem()
  const free = `${formatBytes(process.availableMemory())} free`
  const limited = process.constrainedMemory()
  // Without a limit, the value is zero or larger than the memory of the machine.
  if (!limited || limited >= total) return { name: 'memory', status: 'ok', found: `${formatBytes(total)}, ${free}` }
  const advice =
    'The limit of the cgroup includes the page cache: larger files are evicted while they are read. ' +
    'lock() rejects ranges that do not fit below it.'
  const found = `${formatBytes(limited)} by the limit of the cgroup, ${free}`
  return { name: 'memory', status: 'note', found, advice }
}

function hugePages(): Check | undefined {
  const found = /\[(\w+)\]/.exec(readText('/sys/kernel/mm/transparent_hugepage/enabled') ?? '')?.[1]
  return found === undefined ? undefined : { name: 'huge pages', status: 'ok', found }
}

function lockedMemory(): Check | undefined {
  const most = limit('Max locked memory')
  const name = 'RLIMIT_MEMLOCK'
  if (most === undefined) return undefined
  if (most === Number.POSITIVE_INFINITY) return { name, status: 'ok', found: 'unlimited' }
  if (hasCapability(CAP_IPC_LOCK)) return { name, status: 'ok', found: `${formatBytes(most)}, but not for this user` }
  const advice =
    'lock() can pin no more than that in memory. Raise it with ulimit -l, LimitMEMLOCK= of systemd, or --ulimit memlock= of docker.'
  return { name, status: 'note', found: formatBytes(most), advice }
}

function openFiles(): Check | undefined {
  const most = limit('Max open files')
  const name = 'RLIMIT_NOFILE'
  if (most === undefined) return undefined
  const found = most === Number.POSITIVE_INFINITY ? 'unlimited' : `${most} descriptors`
  if (most >= OPEN_FILES) return { name, status: 'ok', found }
  const advice =
    'Each open MappedFile holds one descriptor; mmapRead() holds none between calls. Raise the limit with ulimit -n, ' +
    'LimitNOFILE= of systemd, or --ulimit nofile= of docker.'
  return { name, status: 'note', found, advice }
}

function mapCount(): Check | undefined {
  const most = readText('/proc/sys/vm/max_map_count')
  const name = 'max_map_count'
  if (most === undefined) return undefined
  if (Number(most) >= MAP_COUNT) return { name, status: 'ok', found: most }
  const advice = `A process with many files or arenas runs out of mappings. Run sysctl -w vm.max_map_count=${MAP_COUNT}`
  return { name, status: 'problem', found: most, advice }
}

function addressSpace(): Check | undefined {
  const most = limit('Max address space')
  if (most === undefined || most === Number.POSITIVE_INFINITY) return undefined
  const advice =
    'A mapping is as long as its file, and fails with ENOMEM beyond this limit. Remove it with ulimit -v unlimited.'
  return { name: 'RLIMIT_AS', status: 'problem', found: formatBytes(most), advice }
}

function overcommit(): Check | undefined {
  if (readText('/proc/sys/vm/overcommit_memory') !== '2') return undefined
  const advice =
    'The mapping for views counts fully as memory, and fails with ENOMEM where the file is larger than the rest. ' +
    'read() and readInto() are not affected. sysctl -w vm.overcommit_memory=0 removes this limit.'
  return { name: 'overcommit', status: 'note', found: 'strict (vm.overcommit_memory=2)', advice }
}

// Function names need the addon. Where it does not load, that problem is reported already.
async function tracing(): Promise<Check | undefined> {
  const loaded = await import('./tracing/locks/index.js').catch(() => undefined)
  if (!loaded) return undefined
  const obstacle = loaded.tracingObstacle()
  if (!obstacle) return { name: 'lock tracing', status: 'ok', found: '`faultless locks` works' }
  const advice = 'Only `faultless locks` and a part of `faultless prove` need it.'
  return { name: 'lock tracing', status: 'note', found: obstacle.reason, advice }
}
