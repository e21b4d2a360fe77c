// Finds the part of the program that takes mmap_lock, from stacks, with advice to avoid it.

import { fileName, isLoading, LOADING, scriptsOf } from './callers.js'
import { type Frame, isLibc, shortName, textOf } from './tracing/index.js'
import type { StackFigures } from './tracing/locks/index.js'

/** The part of the program that a group of stacks is attributed to. */
export interface Culprit {
  /** An addon, a library, a part of node, or malloc. */
  who: string
  /** The calls that took the lock, such as `mprotect`, or a page fault. */
  calls: string[]
  writes: number
  reads: number
  /** Nanoseconds from the request of the lock to its acquisition, for writing and for reading. */
  waited: number
  advice?: string
  /** The JavaScript functions of the longest wait, as far as the stack shows any; the innermost one comes first. */
  callers: string[]
  /** The stack that waited longest. */
  stack: string[]
}

interface Kind {
  who: string
  advice?: string
}

const CALLS =
  /^(mmap|munmap|mremap|mprotect|madvise|brk|sbrk|p?readv?|p?writev?|clone3?|pthread_create|pkey_\w+|mlock|munlock)$/
const HEAP = /v8::internal::\w*(MemoryAllocator|Space|Heap|Unmapper|MemoryChunk|CodeRange|Sweeper|PagePool)\b/
const ALLOCATES = /BackingStore|ArrayBuffer|Buffer|[Mm]alloc|[Cc]alloc|[Rr]ealloc|operator new/
const UNKNOWN = 'unknown: no stack, or the process ended before its libraries were read'
const TUNE =
  'Try `node --import faultless/tune`: malloc then keeps freed memory instead of requesting it from the kernel again.'
const REUSE = 'Reuse buffers instead of allocating new ones: readInto() of faultless, or fs.read into one buffer.'

/** Groups stacks by the part of the program; the longest total wait comes first. */
export function culprits(stacks: readonly StackFigures[]): Culprit[] {
  const found = new Map<string, Culprit>()
  for (const stack of [...stacks].sort((left, right) => right.waited - left.waited)) {
    const { frames } = stack
    const { who, ...rest } = stack.write ? writer(frames) : reader(frames)
    const culprit = found.get(who) ?? {
      who,
      calls: [],
      writes: 0,
      reads: 0,
      waited: 0,
      ...rest,
      callers: [],
      stack: frames.map(textOf),
    }
    const call = callOf(frames, stack.write)
    if (!culprit.calls.includes(call)) culprit.calls.push(call)
    culprit[stack.write ? 'writes' : 'reads'] += stack.count
    culprit.waited += stack.waited
    if (culprit.callers.length === 0) culprit.callers = scriptsOf(frames).slice(0, 2)
    found.set(who, culprit)
  }
  return [...found.values()].sort((left, right) => right.waited - left.waited)
}

/**
 * The name of the call: `mprotect`, where the symbol of libc is `__GI_mprotect`. Page faults take the lock for reading,
 * also in compiled JavaScript, which has no symbol.
 */
function callOf(frames: Frame[], write: boolean): string {
  const [first] = frames
  if (isNameless(frames)) return 'call unknown'
  const name = first && isLibc(first) ? first.name.replace(/^(__GI_|__libc_|_)+/, '').replace(/64$/, '') : ''
  if (CALLS.test(name)) return name
  return write ? 'unnamed call' : 'page fault'
}

/** Readers exclude only writers, and can rarely be changed, so they are distinguished by object alone. */
function reader(frames: Frame[]): Kind {
  const outer = frames.find(isOfProgram)
  return { who: outer ? `${fileName(outer.object)}: reads and page faults` : 'reads and page faults' }
}

const isNameless = (frames: Frame[]) => frames.every(({ object }) => object === undefined)

type InObject = Frame & { object: string }
const isOfProgram = (frame: Frame): frame is InObject => frame.object !== undefined && !isLibc(frame)

function writer(frames: Frame[]): Kind {
  if (isNameless(frames)) return { who: UNKNOWN }
  const outer = frames.find(isOfProgram)
  const call = callOf(frames, true)
  if (isLoading(frames)) return { who: LOADING }
  if (/^(clone|pthread_create|allocate_stack)/.test(call)) return { who: 'the creation of threads' }
  // malloc may be called by the heap of V8 for a buffer: the innermost of the two counts.
  const heap = frames.slice(0, 5).findIndex(({ name }) => HEAP.test(name))
  const allocates = frames.slice(0, 6).findIndex(({ name }) => ALLOCATES.test(name))
  if (heap >= 0 && (allocates < 0 || heap < allocates)) {
    const advice = `Garbage collections map and unmap pages of the heap, and large buffers trigger them. ${REUSE}`
    return { who: "node: V8's heap", advice }
  }
  if (!outer)
    return { who: 'malloc of libc, or mmap called by a function without frame pointers', advice: `${TUNE} ${REUSE}` }
  const name = fileName(outer.object)
  if (/\.node$/.test(outer.object)) {
    const authors = `Otherwise send the stack from --json to the authors of ${name}: the addon should map less often and reuse memory.`
    const meanwhile = 'Until then, call it in a separate process, which has its own lock.'
    return { who: `addon ${name}`, advice: `If malloc is the cause: ${TUNE} ${authors} ${meanwhile}` }
  }
  if (/\.so(\.|$)/.test(outer.object)) return { who: `library ${name}`, advice: TUNE }
  if (allocates >= 0) return { who: `${name}: malloc for buffers`, advice: `${TUNE} ${REUSE}` }
  // An address has no name to show.
  return { who: outer.name.startsWith('0x') ? name : `${name}: ${shortName(outer.name)}` }
}
