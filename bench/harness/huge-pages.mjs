// The kernel's mode of transparent huge pages: set for some work, and put back whatever becomes of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { notRunnable } from './requirements.mjs'

const FILE = '/sys/kernel/mm/transparent_hugepage/enabled'

/** @typedef {'always' | 'madvise' | 'never'} HugePages @type {HugePages[]} */
export const HUGE_PAGES = ['always', 'madvise', 'never']

/** Why the mode cannot be set here, or undefined. */
export function noHugePages() {
  try {
    accessSync(FILE, constants.W_OK)
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'this kernel has no transparent huge pages'
      : `${FILE} cannot be written: run it as root`
  }
}

/** The mode that the kernel is in. */
export const currentHugePages = () => /\[(\w+)\]/.exec(readFileSync(FILE, 'utf8'))[1]

/**
 * A guard of its own puts the mode back once its standard input ends: when the work is done, and just as well when this
 * process is interrupted, crashes or is killed. In a process group of its own the Ctrl-C of a terminal does not reach it.
 * @template T @param {HugePages | undefined} mode undefined leaves it as it is @param {() => Promise<T>} work
 */
export async function withHugePages(mode, work) {
  if (mode === undefined) return work()
  const obstacle = noHugePages()
  if (obstacle) throw notRunnable(obstacle)
  const guard = spawn('/bin/sh', ['-c', `cat; echo ${currentHugePages()} > ${FILE}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  await once(guard, 'spawn')
  const restored = once(guard, 'exit')
  try {
    writeFileSync(FILE, mode)
    return await work()
  } finally {
    guard.stdin.end()
    await restored
  }
}
