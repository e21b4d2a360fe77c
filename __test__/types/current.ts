import { MappedFile } from 'faultless'
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
void main
