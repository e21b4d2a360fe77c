// Finds the call that a caller probably wants where the arguments are those of another API, such as node:fs. It is part
// of the error message, so it has the values of the caller, and names only where a value is missing or too long.

import { Buffer } from 'node:buffer'
import { inspect } from 'node:util'

type Arguments = ArrayLike<unknown>
type Fields = Readonly<Record<string, unknown>>

const LONGEST_TEXT = 40

/** A value as source code, or `name` for one that does not fit into a message. */
export function written(value: unknown, name: string): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string') return value.length <= LONGEST_TEXT ? inspect(value) : name
  return typeof value === 'number' ? String(value) : name
}

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'
const isMissing = (value: unknown): value is undefined | null => value === undefined || value === null
const isEncoding = (value: unknown): value is BufferEncoding => typeof value === 'string' && Buffer.isEncoding(value)

const FIELDS = ['buffer', 'offset', 'length', 'position', 'encoding']

/** The properties of an object that has one of these names. Reading them may throw: the object may be anything. */
function fieldsOf(value: unknown, names: readonly string[] = FIELDS): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return undefined
  try {
    const fields = { ...value }
    return names.some(name => Object.hasOwn(fields, name)) ? fields : undefined
  } catch {
    return undefined
  }
}

/** `offset`, `length` and `position` of a FileHandle, as three arguments or as one object. */
function transferOf(offset: unknown, length: unknown, position: unknown): Fields {
  return fieldsOf(offset) ?? { offset, length, position }
}

/** The part of a buffer that FileHandle would use. */
function partOf(memory: string, { offset, length }: Fields): string {
  const start = isNumber(offset) ? Number(offset) : 0
  if (!isNumber(length)) return start === 0 ? memory : `${memory}.subarray(${start})`
  return `${memory}.subarray(${start}, ${start + Number(length)})`
}

/** The equivalent of `fileHandle.read(buffer, offset, length, position)` and its other forms with a buffer. */
export function intoCall(method: string, offset: unknown, length: unknown, position: unknown): string {
  const form = transferOf(offset, length, position)
  return `file.${method}(${partOf('target', form)}, ${written(form.position, 'offset')})`
}

/**
 * The equivalent of a call that reads `(offset, length, options)`; undefined where no other form fits. `callee` is the
 * beginning of the call, up to the offset; `names` are the names of the options.
 */
export function readCall(callee: string, given: Arguments, names: readonly string[]): string | undefined {
  const args = Array.from(given).slice(0, 4)
  const [first, second] = args
  const objects = args.map(arg => fieldsOf(arg, [...FIELDS, ...names]))
  if (ArrayBuffer.isView(first)) return intoCall('readInto', second, args[2], args[3])
  const form = objects[0]
  if (ArrayBuffer.isView(form?.buffer)) return intoCall('readInto', form, undefined, undefined)

  const encoding = [...args, ...objects.map(object => object?.encoding)].find(isEncoding)
  const range = form ?? objects[1]
  const start = form ? (form.position ?? form.offset) : first
  const length = range ? range.length : second
  const options = range && names.some(name => Object.hasOwn(range, name)) ? 'options' : undefined
  if (encoding === undefined && !range && first !== null && second !== null) return undefined
  const parts = [isNumber(start) ? written(start, '') : '', isNumber(length) ? written(length, '') : '', options ?? '']
  if (parts[0] === '' && (parts[1] || options)) parts[0] = '0'
  if (parts[1] === '' && options) parts[1] = 'undefined'
  const text = parts.filter(part => part !== '').join(', ')
  const call = `${text === '' ? callee.replace(/, $/, '') : callee + text})`
  return encoding === undefined ? call : `(await ${call}).toString('${encoding}')`
}

/** The arguments for a range that was given as an object. */
export function asArguments(given: unknown): string | undefined {
  const { offset, position = offset, length } = fieldsOf(given, ['offset', 'position', 'length']) ?? {}
  const range = [position ?? 0, length].filter(isNumber).map(number => written(number, ''))
  return isNumber(position) || isNumber(length) ? `Pass the range as arguments: (${range.join(', ')})` : undefined
}

/** The equivalent of `fileHandle.write(…)`; undefined where no other form fits. */
export function writeCall(given: Arguments): string | undefined {
  const [data, second, third, position] = Array.from(given)
  if (typeof data === 'string') {
    if (third === undefined && !isMissing(second)) return undefined
    const bytes = isEncoding(third) && !/^utf-?8$/i.test(third) ? `Buffer.from(data, '${third}')` : 'data'
    return isMissing(second) ? `file.append(${bytes})` : `file.write(${bytes}, ${written(second, 'offset')})`
  }
  if (third === undefined && isMissing(second)) return 'file.append(data)'
  if (third === undefined && typeof second !== 'object') return undefined
  const form = transferOf(second, third, position)
  const part = partOf('data', form)
  // FileHandle writes at its current position there. A MappedFile has none.
  if (form.position === null) return `file.append(${part})`
  if (form.position === undefined) return `file.write(${part}, offset) or file.append(${part})`
  return `file.write(${part}, ${written(form.position, 'offset')})`
}

/**
 * The options for a range that was given as `(offset, length)`. `last` is the distance from the end of the range to
 * the value of the option `end`: 1 where it is inclusive.
 */
export function rangeOptions(callee: string, [offset, length]: readonly unknown[], last: 0 | 1): string {
  const end = isNumber(offset) && isNumber(length) && Number(length) > 0 && Number(offset) + Number(length) - last
  const options = [
    isNumber(offset) && `start: ${written(offset, '')}`,
    end !== false && `end: ${end} /* ${last === 0 ? 'excluded' : 'included'} */`,
  ].filter(Boolean)
  return options.length === 0 ? `${callee}({ start, end })` : `${callee}({ ${options.join(', ')} })`
}

/** The call with the permissions as an option, or without them where the flags create no file. */
export function openCall(path: unknown, given: unknown, mode: unknown, creates: boolean): string {
  const callee = `MappedFile.open(${written(path, 'path')}`
  const isFlags = typeof given === 'string'
  if (!creates) return `${callee}, ${written(given, 'options')}): these flags create no file, so no mode is used`
  const octal = typeof mode === 'number' ? `0o${mode.toString(8)}` : written(mode, 'mode')
  return `${callee}, { ${isFlags ? `flags: '${given}'` : '...options'}, mode: ${octal} })`
}
