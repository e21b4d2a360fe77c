// fio: what the disk gives to a program that asks for nothing else, past the page cache.
import { MiB } from './cells.mjs'
import { command } from './child.mjs'

/** Requests under way of a reader of whole files. */
const DEPTH = 8

/**
 * Reads through libaio, past the page cache, from one thread.
 * @param {{ paths: string[], random: boolean, block: number, depth: number, bytes: number }} job `bytes`: to be read of each file
 */
export async function fio({ paths, random, block, depth, bytes }) {
  const printed = await command('fio', [
    '--name=limit',
    `--filename=${paths.map(path => path.replaceAll(':', '\\:')).join(':')}`,
    '--readonly',
    '--thread',
    '--ioengine=libaio',
    '--direct=1',
    `--rw=${random ? 'randread' : 'read'}`,
    `--bs=${block}`,
    `--iodepth=${depth}`,
    `--io_size=${bytes * paths.length}`,
    '--file_service_type=sequential',
    '--output-format=json',
  ])
  const { 'fio version': version, jobs } = JSON.parse(printed.slice(printed.indexOf('{')))
  const [{ read, error }] = jobs
  if (error !== 0) throw new Error(`fio ended with error ${error}`)
  return { version, reads: read.total_ios, bytes: read.io_bytes, milliseconds: read.runtime }
}

/** Reads files from their first byte to their last, one after the other. @param {{ paths: string[], size: number }} files */
export async function fioInOrder({ paths, size }) {
  const found = await fio({ paths, random: false, block: MiB, depth: DEPTH, bytes: size })
  return { ...found, rate: (1000 * found.bytes) / found.milliseconds }
}
