// Makes faults on one Linux machine (slow and failing disks, cold caches, little memory, other users), and undoes them.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PREFIX = 'faultless-fault-'
const BLOCK = 4096
export const NOBODY = 65534
const TRACEFS = '/sys/kernel/tracing'

const living = new Set()

/** Why the first of these abilities is missing on this machine, or undefined. Tried, not guessed; each once per process. */
export function cannot(...names) {
  for (const name of names) {
    if (!reasons.has(name)) reasons.set(name, failure(trials[name]))
    if (reasons.get(name)) return `${name}: ${reasons.get(name)}`
  }
}

const reasons = new Map()

const trials = {
  root() {
    if (process.getuid?.() !== 0) return 'not root'
  },
  loopDevices() {
    if (process.getuid?.() !== 0) return 'not root'
    if (!fs.existsSync('/dev/loop-control')) return 'no /dev/loop-control'
    run('losetup', '--find')
    run('mkfs.ext4', '-V')
  },
  tmpfs() {
    memoryDisk().dispose()
  },
  overlayfs() {
    overlay(base => base.mountPoint).dispose()
  },
  xfs() {
    loopDisk({ size: 320 * 2 ** 20, fileSystem: 'xfs' }).dispose()
  },
  btrfs() {
    loopDisk({ size: 128 * 2 ** 20, fileSystem: 'btrfs' }).dispose()
  },
  throttling() {
    cgroup('blkio', 'io').dispose()
  },
  memoryLimit() {
    cgroup('memory', 'memory').dispose()
  },
  readAhead() {
    const whole = fs.readdirSync('/sys/class/block').map(name => `/sys/class/block/${name}/queue/read_ahead_kb`)
    fs.accessSync(whole.find(setting => fs.existsSync(setting)) ?? '/sys/class/block', fs.constants.W_OK)
  },
  dropCaches() {
    fs.accessSync('/proc/sys/vm/drop_caches', fs.constants.W_OK)
  },
  residentPages() {
    run('fincore', '--version')
  },
  eviction() {
    run('dd', '--version')
  },
  tracefs() {
    if (!fs.existsSync(join(TRACEFS, 'events'))) return `not mounted: mount -t tracefs nodev ${TRACEFS}`
  },
  bpftrace() {
    run('bpftrace', '--version')
  },
  fio() {
    run('fio', '--version')
  },
  fileServer() {
    fs.accessSync('/dev/fuse', fs.constants.R_OK | fs.constants.W_OK)
    if (process.getuid() !== 0) run('fusermount3', '--version')
    run('cc', '--version')
    run('pkg-config', '--print-errors', '--exists', 'fuse3')
  },
  userNamespaces() {
    run('unshare', '--user', 'true')
  },
  anotherUser() {
    if (process.getuid?.() !== 0) return 'not root'
    const here = fileURLToPath(import.meta.url)
    const result = spawnSync(process.execPath, ['--check', here], { uid: NOBODY, gid: NOBODY, cwd: '/' })
    if (result.status !== 0) return `uid ${NOBODY} cannot run ${process.execPath} on ${here}`
  },
}

function failure(trial) {
  try {
    return trial()
  } catch (error) {
    return (error.stderr?.toString().trim() || error.message).split('\n')[0]
  }
}

/**
 * A file system of its own on a loop device, backed by a sparse file. `cool()` mounts it anew: all of it is cold then,
 * metadata too, and the rest of the machine is left alone. To make a failing disk of it, cut `backingFile` and `cool()`.
 * A `direct` one keeps as many requests under way as the disk that the backing file is on, and caches nothing of them.
 */
export function loopDisk({ size, fileSystem = 'ext4', readAheadKiB, direct = false } = {}) {
  return made((disk, mountPoint) => {
    const backingFile = join(dirname(mountPoint), 'disk')
    fs.writeFileSync(backingFile, '')
    fs.truncateSync(backingFile, size)
    disk.backingFile = backingFile
    run(`mkfs.${fileSystem}`, ...(MKFS[fileSystem] ?? []), backingFile)
    disk.device = run('losetup', '--find', '--show', `--direct-io=${direct ? 'on' : 'off'}`, backingFile)
    disk.majorMinor = fs.readFileSync(`/sys/class/block/${basename(disk.device)}/dev`, 'utf8').trim()
    if (readAheadKiB !== undefined) run('blockdev', '--setra', String(readAheadKiB * 2), disk.device)
    const mount = () => run('mount', disk.device, mountPoint)
    disk.cool = () => {
      run('umount', mountPoint)
      mount()
    }
    mount()
  })
}

/** A file system in memory. @param {string} [options] of mount */
export function memoryDisk(options = 'mode=755') {
  return made((_, mountPoint) => run('mount', '-t', 'tmpfs', '-o', options, 'faultless', mountPoint))
}

/** An overlay whose upper layer is in memory, over a folder: `lowerOf(base)` may make it on the same file system. */
export function overlay(lowerOf) {
  const base = memoryDisk()
  try {
    const [upper, work] = ['upper', 'work'].map(name => join(base.mountPoint, name))
    for (const layer of [upper, work]) fs.mkdirSync(layer)
    const layers = `lowerdir=${lowerOf(base)},upperdir=${upper},workdir=${work}`
    return made((_, mountPoint) => run('mount', '-t', 'overlay', '-o', layers, 'faultless', mountPoint), base.dispose)
  } catch (error) {
    base.dispose()
    throw error
  }
}

/** Something that is mounted at `mountPoint`, in a folder of its own, until it is disposed of; and then `below`, too. */
function made(mount, below) {
  sweep()
  const folder = fs.mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  fs.chmodSync(folder, 0o755)
  const mountPoint = join(folder, 'mounted')
  const disk = disposable({ mountPoint }, () => {
    removeDisk(folder)
    below?.()
  })
  try {
    fs.mkdirSync(mountPoint)
    mount(disk, mountPoint)
    fs.chmodSync(mountPoint, 0o755)
    return disk
  } catch (error) {
    disk.dispose()
    throw error
  }
}

// Nothing of the file system may be written lazily, or a later measurement would count it.
const MKFS = {
  ext4: ['-F', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['-f', '-q'],
  btrfs: ['-f', '-q'],
}

function removeDisk(folder) {
  const mountPoint = join(folder, 'mounted')
  const backingFile = join(folder, 'disk')
  // A lazy unmount always succeeds; the device lets go by itself once the last open file has gone.
  spawnSync('umount', ['--lazy', mountPoint])
  const listed = spawnSync('losetup', ['--noheadings', '--output', 'NAME', '--associated', backingFile])
  for (const device of listed.stdout?.toString().split('\n').filter(Boolean) ?? []) {
    spawnSync('losetup', ['--detach', device.trim()])
  }
  fs.rmSync(backingFile, { force: true })
  for (const empty of [mountPoint, folder]) {
    // Never recursive: what is still mounted there is not ours to delete.
    if (fs.existsSync(empty)) fs.rmdirSync(empty)
  }
}

/** A cgroup whose members read from `device` no faster than this. */
export function throttled({ device, readBps, readIops }) {
  const majorMinor = fs.readFileSync(`/sys/class/block/${basename(device)}/dev`, 'utf8').trim()
  const group = cgroup('blkio', 'io')
  if (group.version === 2) {
    const limits = [readBps && `rbps=${readBps}`, readIops && `riops=${readIops}`].filter(Boolean)
    fs.writeFileSync(join(group.path, 'io.max'), `${majorMinor} ${limits.join(' ')}`)
  } else {
    if (readBps) fs.writeFileSync(join(group.path, 'blkio.throttle.read_bps_device'), `${majorMinor} ${readBps}`)
    if (readIops) fs.writeFileSync(join(group.path, 'blkio.throttle.read_iops_device'), `${majorMinor} ${readIops}`)
  }
  return group
}

/** A cgroup whose members, page cache included, fit into so many bytes. */
export function memoryLimited(bytes) {
  const group = cgroup('memory', 'memory')
  fs.writeFileSync(join(group.path, group.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes))
  return group
}

/**
 * An empty cgroup at the top of the hierarchy: version 1's `controller1` where it is mounted, else version 2's
 * `controller2`. A process joins as a whole, threads of libuv's pool included.
 */
function cgroup(controller1, controller2) {
  sweep()
  const { version, root } = hierarchies(controller1, controller2)[0] ?? {}
  if (!root) throw new Error(`no cgroup controller ${controller1} or ${controller2}`)
  if (version === 2) fs.writeFileSync(join(root, 'cgroup.subtree_control'), `+${controller2}`)
  const path = fs.mkdtempSync(join(root, `${PREFIX}${process.pid}-`))
  const procs = join(path, 'cgroup.procs')
  return disposable({ version, path, procs, join: pid => fs.writeFileSync(procs, String(pid)) }, () =>
    removeCgroup(path),
  )
}

function hierarchies(controller1, controller2) {
  const mounts = fs.readFileSync('/proc/mounts', 'utf8').split('\n')
  const parts = mounts.map(line => line.split(' ')).filter(([, , type]) => type?.startsWith('cgroup'))
  const holds = root => fs.readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s/).includes(controller2)
  return [
    ...parts.filter(([, , type, options]) => type === 'cgroup' && options.split(',').includes(controller1)),
    ...parts.filter(([, root, type]) => type === 'cgroup2' && holds(root)),
  ].map(([, root, type]) => ({ version: type === 'cgroup2' ? 2 : 1, root }))
}

function removeCgroup(path) {
  if (!fs.existsSync(path)) return
  // A cgroup with members cannot be removed: they go back to the top.
  for (const pid of fs.readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      fs.writeFileSync(join(dirname(path), 'cgroup.procs'), pid)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
  for (let attempt = 0; fs.existsSync(path); attempt++) {
    try {
      fs.rmdirSync(path)
    } catch (error) {
      // Members that are exiting hold it for a moment.
      if (error.code !== 'EBUSY' || attempt === 50) throw error
      spawnSync('sleep', ['0.1'])
    }
  }
}

/**
 * Runs a Node script to its end: in these cgroups from its first instruction on, as this user. Resolves to
 * `{ code, signal, stdout, stderr }` and never rejects for what the script did.
 */
export function runNode(script, args = [], { cgroups = [], uid, nodeArguments = [], env, timeout } = {}) {
  const joining = cgroups.map((_, index) => `echo $$ > "$${index + 1}"`)
  const command = [process.execPath, ...nodeArguments, script, ...args].map(String)
  return finished(
    'sh',
    [
      '-ec',
      [...joining, `shift ${cgroups.length}`, 'exec "$@"'].join('\n'),
      'sh',
      ...cgroups.map(({ procs }) => procs),
      ...(uid === undefined ? [] : switching(uid)),
      ...command,
    ],
    { env: { ...process.env, ...env }, timeout, cwd: uid === undefined ? undefined : '/' },
  )
}

/** Runs a Node script under a throttle, or another cgroup: see `runNode`. */
export const runThrottled = (group, script, args, options) => runNode(script, args, { ...options, cgroups: [group] })

/** Runs a command to its end as another user: see `runNode`. */
export function asUser(uid, ...command) {
  const [file, ...args] = [...switching(uid), ...command].map(String)
  return finished(file, args, { cwd: '/' })
}

const switching = uid => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--']

function finished(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], killSignal: 'SIGKILL' })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', data => {
      stdout += data
    })
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Gives a whole block device another read-ahead, in KiB, and its own again when disposed of. Files that are open keep theirs. */
export function readAhead(device, kib) {
  const setting = `/sys/class/block/${basename(device)}/queue/read_ahead_kb`
  const before = fs.readFileSync(setting, 'utf8')
  const fault = disposable({}, () => fs.writeFileSync(setting, before))
  fs.writeFileSync(setting, String(kib))
  return fault
}

/**
 * Has a disk fail under the last `lost` bytes of a file, which must be the last that was made on it. All of it is cold then;
 * the file system is read-only from now on: what was written behind the cut would make the backing file whole again.
 */
export function failAtEnd(disk, path, lost) {
  run('sync')
  disk.cool()
  // Looked at, so that where the file lies is known to the kernel before the disk fails.
  const listed = run('filefrag', '-v', `-b${BLOCK}`, path)
  const ends = [...listed.matchAll(/^ *\d+: +\d+\.\. *\d+: +\d+\.\. *(\d+):/gm)].map(match => Number(match[1]))
  run('mount', '-o', 'remount,ro', disk.mountPoint)
  fs.truncateSync(disk.backingFile, (Math.max(...ends) + 1) * BLOCK - lost)
}

/** Empties the page cache of the whole machine, metadata included. Mapped pages stay. */
export function dropCaches() {
  run('sync')
  fs.writeFileSync('/proc/sys/vm/drop_caches', '3')
}

/** Takes one file out of the page cache: its clean pages that nobody has mapped, not its metadata. Disturbs no other file. */
export function evict(path) {
  run('sync', path)
  run('dd', `if=${path}`, 'iflag=nocache', 'count=0', 'status=none')
}

/** How many pages of these files are in the page cache. True for root and for the files' owner. */
export function residentPages(...paths) {
  const counts = run('fincore', '--bytes', '--noheadings', '--output', 'PAGES', ...paths).split('\n')
  return counts.reduce((sum, pages) => sum + Number(pages), 0)
}

/** How often a block device was read from since it came up, and how many bytes. */
export function diskReads(device) {
  const fields = fs
    .readFileSync(`/sys/class/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
  return { reads: Number(fields[0]), bytes: Number(fields[2]) * 512 }
}

/** Bytes read from a block device since it came up. */
export const diskBytesRead = device => diskReads(device).bytes

/** What a device's number in a stat stands for. @param {number} dev */
export const deviceNumbers = dev => ({ major: (dev >> 8) & 0xfff, minor: (dev & 0xff) | ((dev >> 12) & 0xfff00) })

/**
 * How many folios of the file came into the page cache while something was done: of the same bytes, the fewer the larger, and the
 * less CPU time they took. @param {string} path @param {() => Promise<unknown>} during
 */
export async function foliosMade(path, during) {
  const { ino, dev } = fs.statSync(path)
  const instance = fs.mkdtempSync(join(TRACEFS, 'instances', PREFIX))
  const event = join(instance, 'events/filemap/mm_filemap_add_to_page_cache')
  const made = disposable({}, () => {
    fs.writeFileSync(join(event, 'enable'), '0')
    fs.rmdirSync(instance)
  })
  try {
    // For each CPU: tens of thousands of events.
    fs.writeFileSync(join(instance, 'buffer_size_kb'), '4096')
    const { major, minor } = deviceNumbers(dev)
    fs.writeFileSync(join(event, 'filter'), `i_ino == ${ino} && s_dev == ${(major << 20) | minor}`)
    fs.writeFileSync(join(event, 'enable'), '1')
    await during()
    return fs.readFileSync(join(instance, 'trace'), 'utf8').match(/mm_filemap_add_to_page_cache:/g)?.length ?? 0
  } finally {
    made.dispose()
  }
}

/**
 * A file of so many bytes in which every other block is a hole, so that the map from offsets to blocks is itself large
 * and, after `dropCaches()`, cold. Block `n`, where it is even, is filled with the byte `n / 2 % 255 + 1`.
 */
export function coldMetadataFile(path, bytes) {
  const file = fs.openSync(path, 'w')
  try {
    fs.ftruncateSync(file, bytes)
    for (let block = 0; (block + 1) * BLOCK <= bytes; block += 2) {
      fs.writeSync(file, Buffer.alloc(BLOCK, ((block / 2) % 255) + 1), 0, BLOCK, block * BLOCK)
    }
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}

function run(file, ...args) {
  return execFileSync(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim()
}

/** Gives `fault` a way to be undone, once, which the end of the process takes too. */
function disposable(fault, undo) {
  watch()
  const dispose = () => {
    if (living.delete(dispose)) undo()
  }
  living.add(dispose)
  return Object.assign(fault, { dispose, [Symbol.asyncDispose]: async () => dispose() })
}

let watching = false

function watch() {
  if (watching) return
  watching = true
  const disposeAll = () => {
    for (const dispose of living) dispose()
  }
  process.on('exit', disposeAll)
  // Who handles a signal already ends the process in its own time, and the exit undoes it all.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'].filter(name => process.listenerCount(name) === 0)) {
    process.once(signal, () => {
      disposeAll()
      process.kill(process.pid, signal)
    })
  }
}

let swept = false

/** Undoes what processes that died without doing so left behind. */
function sweep() {
  if (swept) return
  swept = true
  const cgroupRoots = [...hierarchies('blkio', 'io'), ...hierarchies('memory', 'memory')].map(({ root }) => root)
  for (const [parent, remove] of [[tmpdir(), removeDisk], ...cgroupRoots.map(root => [root, removeCgroup])]) {
    for (const name of fs.readdirSync(parent).filter(each => each.startsWith(PREFIX))) {
      if (alive(Number.parseInt(name.slice(PREFIX.length), 10))) continue
      try {
        remove(join(parent, name))
      } catch {
        // Another run is sweeping the same leftover.
      }
    }
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
