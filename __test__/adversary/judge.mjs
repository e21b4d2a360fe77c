// The judge of one round: holds what the actors wrote down against what the files may have been meanwhile.

import fs from 'node:fs'
import { join } from 'node:path'
import { History, now, Timeline } from './model.mjs'

/** The longest result that shares memory with others. */
const SHARED = 16 << 10
const NODE = Number(process.versions.node.split('.')[0])

/** The records of a log: lines of JSON, each followed by as many bytes as it says. */
export function recordsOf(path) {
  const log = fs.readFileSync(path)
  const records = []
  for (let at = 0; at < log.length; ) {
    const end = log.indexOf(10, at)
    if (end < 0) break
    const record = JSON.parse(log.toString('utf8', at, end))
    at = end + 1
    if (record.bytes > 0) record.content = log.subarray(at, at + record.bytes)
    at += record.bytes ?? 0
    records.push(record)
  }
  return records
}

/** What was done to the files: by the storm, and by the actors that write. */
function operationsOf(storm, logs, handles) {
  const byActors = logs.flatMap(records => {
    const ends = new Map(records.filter(({ ended, error }) => ended ?? error).map(record => [record.call, record]))
    return records
      .filter(({ op, error }) => op && !error)
      .map(record => {
        const { ended, end, error } = ends.get(record.call) ?? {}
        return { ...record, id: handles.get(record.on).ids[0], end: ended ?? end, failed: error !== undefined }
      })
  })
  return [...storm.filter(({ op }) => op !== 'path'), ...byActors].sort((one, other) => one.begin - other.begin)
}

/** All that is wrong: `{ what, record, trace }`. @param {{ folder: string, names: string[], storm: string, logs: string[] }} round */
export function judge({ folder, names, storm, logs }) {
  const stormed = recordsOf(storm)
  const inodes = new Map(stormed.filter(({ op }) => op === 'create').map(({ ino, id }) => [ino, id]))
  const paths = new Map(names.map(name => [name, new Timeline()]))
  for (const { name, to, begin, end } of stormed.filter(({ op }) => op === 'path'))
    paths.get(name).add([to], { begin, end })
  const read = logs.map(recordsOf)
  const all = read.flat()

  const handles = new Map()
  for (const { on, name, ino, begin, end } of all.filter(({ opened }) => opened)) {
    const ids =
      ino === undefined
        ? paths
            .get(name)
            .between(begin, end)
            .filter(id => id !== null)
        : [inodes.get(ino)]
    handles.set(on, { ids, closing: false })
  }
  for (const { closing } of all) if (closing && handles.has(closing)) handles.get(closing).closing = true

  const operations = operationsOf(stormed, read, handles)
  const histories = new Map()
  for (const operation of operations) {
    if (!histories.has(operation.id)) histories.set(operation.id, new History())
    histories.get(operation.id).apply(operation)
  }

  const idsOf = ({ on, name, begin, end }) =>
    on
      ? (handles.get(on)?.ids ?? [])
      : paths
          .get(name)
          .between(begin, end)
          .filter(id => id !== null)

  /** Why these are not the bytes of one file; undefined if they are. */
  function wrongBytes(record, id) {
    const { offset, wanted, got, size, sizeAfter, end, view, copy, since, taken, content } = record
    // A view that is a copy shows what there was when it was made.
    const begin = copy ? since : record.begin
    const history = histories.get(id)
    // What the handle took the length for, and what it may have been meanwhile.
    const sizes = [...history.sizes(begin, end), size, sizeAfter].filter(one => one !== undefined)
    const lengths = sizes.map(one => Math.max(0, Math.min(wanted, one - offset)))
    // Short results that are answered at once share memory, which nothing keeps from being taken before Node 24.
    if (taken && NODE < 24 && lengths.some(length => length <= SHARED)) return undefined
    if (taken) return 'a result whose memory somebody else had taken when it came'
    if (!lengths.includes(got)) return `${got} bytes instead of ${[...new Set(lengths)].join(' or ')}`
    if (got > 0) return history.fault(content, offset, begin, end, view ? history.shortest(end) : undefined)
  }

  function wrongAnswer(record) {
    const ids = idsOf(record)
    const reasons = ids.map(id => wrongBytes(record, id))
    const right = ids.filter((_, index) => reasons[index] === undefined)
    if (right.length === 0) return reasons[0] ?? 'the path led to no file'
    // A handle stays with its file: which one that is, some answers tell.
    if (record.on) handles.get(record.on).ids = right
  }

  const wrongSize = ({ refreshed, begin, end, ...record }) => {
    const sizes = idsOf({ begin, end, ...record }).flatMap(id => histories.get(id).sizes(begin, end))
    // A write makes a file longer step by step.
    if (
      refreshed < Math.min(...sizes) ||
      refreshed > Math.max(...sizes) ||
      (sizes.length === 1 && refreshed !== sizes[0])
    )
      return `a length of ${refreshed}; the file had ${[...new Set(sizes)].join(' or ')}`
  }

  /** Codes that the documentation has, where they can be. */
  const excuses = {
    AbortError: ({ aborted }) => aborted,
    ERR_FILE_CLOSED: ({ on }) => handles.get(on)?.closing,
    ERR_OUT_OF_RANGE: ({ meddled }) => meddled,
    ERR_FILE_TRUNCATED(record) {
      const ranges = record.ranges ?? [
        { offset: record.offset ?? record.from ?? 0, wanted: record.wanted ?? record.to - record.from },
      ]
      const last = Math.max(...ranges.map(({ offset, wanted }) => offset + wanted))
      return idsOf(record).some(
        id => histories.get(id).shortest(record.end) < (Number.isNaN(last) ? Number.POSITIVE_INFINITY : last),
      )
    },
    ENOENT: ({ name, begin, end }) => name !== undefined && paths.get(name).between(begin, end).includes(null),
    EACCES: () => process.getuid() !== 0,
    EPERM: ({ method }) => method === 'lock' && process.getuid() !== 0,
    ENOMEM: ({ method }) => method === 'lock' && process.getuid() !== 0,
  }

  const faultOf = record => {
    if (record.stuck) return 'never settled'
    if (record.wrong) return record.wrong
    if (record.refreshed !== undefined) return wrongSize(record)
    if (record.error) return excuses[record.error]?.(record) ? undefined : `${record.error}: ${record.says ?? ''}`
    if (record.got !== undefined) return wrongAnswer(record)
  }

  const found = []
  for (const record of all) {
    const what = faultOf(record)
    if (what) found.push({ what: `${record.method}: ${what}`, record: brief(record), trace: traceOf(record) })
  }

  /** What had been done to the file, and by the handle, up to then. */
  function traceOf(record) {
    const ids = idsOf(record)
    const told = operations.filter(({ id, begin }) => ids.includes(id) && begin <= record.end).slice(-8)
    const ours = record.on
      ? all
          .filter(
            ({ on, begin, call, got }) =>
              on === record.on && call !== record.call && begin < record.end && got === undefined,
          )
          .slice(-6)
      : []
    return [...told, ...ours.map(brief)].sort((one, other) => one.begin - other.begin)
  }

  // What was acknowledged is there when all is over.
  for (const name of names) {
    const moment = now()
    const content = fs.readFileSync(join(folder, name))
    const [id] = paths.get(name).between(moment, moment)
    const record = {
      method: 'the file in the end',
      name,
      offset: 0,
      wanted: content.length,
      got: content.length,
      begin: moment,
      end: moment,
      content,
    }
    const what = wrongBytes(record, id)
    if (what) found.push({ what: `${record.method}: ${what}`, record: brief(record), trace: traceOf(record) })
  }
  return {
    found,
    answers: all.filter(({ got }) => got !== undefined).length,
    refusals: all.filter(({ error }) => error).length,
    changes: stormed.length,
    bytes: all.reduce((sum, { got = 0 }) => sum + got, 0),
  }
}

const brief = ({ content, bytes, ...record }) => record
