import {
  allocator,
  type ByteRange,
  type Capabilities,
  capabilities,
  MappedFile,
  mmapRead,
  type OpenOptions,
} from 'faultless'
import { yauzlReader } from 'faultless/sources'
import { watched } from 'faultless/watch'

async function main(flag: boolean) {
  const a = await MappedFile.open('x')
  const va: Buffer<ArrayBuffer> = await a.view()
  const b = await MappedFile.open('x', { shared: true })
  const vb: Buffer<SharedArrayBuffer> = await b.view()
  const c = await MappedFile.open('x', { flags: 'r+' })
  const vc: Buffer<ArrayBuffer> = await c.view()
  const d = await MappedFile.open('x', { shared: flag })
  const vd: Buffer<ArrayBufferLike> = await d.view()
  const floats: Float32Array<ArrayBuffer> = await a.view(0, 8, { as: Float32Array })
  const sharedFloats: Float32Array<SharedArrayBuffer> = await b.view(0, 8, { as: Float32Array })
  const wholeFloats: Float32Array<ArrayBuffer> = await a.view({ as: Float32Array })
  const large: BigUint64Array<ArrayBuffer> = await a.view(0, 8, { as: BigUint64Array })
  // @ts-expect-error: another class
  const notFloats: Float64Array<ArrayBuffer> = await a.view(0, 8, { as: Float32Array })
  const text: MappedFile<ArrayBuffer> = await MappedFile.open('x', 'r+')
  const any: MappedFile[] = [a, b, c, d, text]
  const head: Buffer | undefined = a.tryRead(0)
  // @ts-expect-error: a mapping always reads
  await MappedFile.open('x', 'w')
  const can: Capabilities = capabilities()
  const pages: number = can.pageSize
  const { size }: { size: number } = await a.stat()
  const big: bigint = (await a.stat({ bigint: true })).size
  void [any, head, floats, sharedFloats, wholeFloats, large, notFloats, text, pages, size, big]
  for await (const chunk of b.chunks()) {
    const one: Buffer<SharedArrayBuffer> = chunk
    void one
  }
  for await (const chunk of a.chunks({ shared: true, chunkSize: 10 })) {
    const one: Buffer<SharedArrayBuffer> = chunk
    void one
  }
  for await (const chunk of a.chunks({ chunkSize: 10 })) {
    const one: Buffer<ArrayBuffer> = chunk
    void one
  }
  await a.evict(0, 10)
  await d.close({ unmap: true })
  new Response(await a.read(0, 10))
  new Blob([await a.view()])
  await crypto.subtle.digest('SHA-256', await a.read())
  for (const each of await a.readMany([])) new Response(each)
  // @ts-expect-error: what threads share is no ArrayBuffer
  const no: Buffer<ArrayBuffer> = await b.view()
  void [va, vb, vc, vd, no, yauzlReader, watched]
}

/** A class that has a file: `MappedFile` alone is a file with any memory. */
class Store {
  private readonly file: MappedFile
  private constructor(file: MappedFile) {
    this.file = file
  }
  static async open(path: string, options?: OpenOptions) {
    return new Store(await MappedFile.open(path, options as OpenOptions))
  }
  view(): Promise<Buffer> {
    return this.file.view()
  }
  async pair(): Promise<Buffer> {
    // A tuple, also under noUncheckedIndexedAccess.
    const [a, b] = await this.file.readMany([
      { offset: 0, length: 1 },
      { offset: 1, length: 1 },
    ])
    const settled = await this.file.readManySettled([{ offset: 0, length: 1 }] as const)
    if (settled[0].status === 'fulfilled') return settled[0].value
    // @ts-expect-error: there is no second range
    void settled[1]
    return Buffer.concat([a, b])
  }
  async many(ranges: readonly ByteRange[], others: Set<ByteRange>): Promise<Buffer[]> {
    const [some, [one]] = [await this.file.readMany(ranges), await this.file.readMany(others)]
    // @ts-expect-error: there may be no range
    void one.length
    return some
  }
}

/** Options that a program passes on, whether it has them or not: they compile under exactOptionalPropertyTypes. */
async function passOn(signal?: AbortSignal, start?: number, encoding?: BufferEncoding | null, flag?: boolean) {
  const file = await MappedFile.open('x', {
    signal,
    flags: flag ? 'r+' : undefined,
    mode: start,
    shared: flag,
    wait: flag,
  })
  await file.read(0, 1, { signal })
  await file.view(0, 1, { signal })
  file.chunks({ signal, start, end: start, chunkSize: start, readAhead: start })
  file.createReadStream({ signal, start, end: start, highWaterMark: start, encoding, autoClose: flag, emitClose: flag })
  file.follow({ signal, start, interval: start, linger: start })
  file.readableWebStream({ autoClose: flag })
  await mmapRead('x', 0, 1, { signal, idle: start })
  allocator.tune({ mmapThreshold: start, trimThreshold: start, topPad: start, arenaMax: start, memory: start })
}
void [main, passOn, Store]
