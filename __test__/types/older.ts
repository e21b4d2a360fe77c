import { MappedFile, mmapRead } from 'faultless'
import { yauzlReader } from 'faultless/sources'
import 'faultless/tune'
import { watched } from 'faultless/watch'

async function main() {
  const a = await MappedFile.open('x')
  const va: Buffer = await a.view()
  const b = await MappedFile.open('x', { shared: true })
  const vb: Buffer = await b.view()
  const n: number = (await mmapRead('x')).readInt8(0)
  new Blob([await a.read()])
  // @ts-expect-error: a Buffer is no number
  const no: number = await a.read()
  void [va, vb, n, no, yauzlReader, watched]
}
void main
