// A worker thread that is given the bytes of a file, or its path, and goes through all of them until it is told to stop.
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { MappedFile } from 'faultless'

/** @type {Uint8Array} */
let bytes
/** @type {Float32Array} */
let numbers
const answers = {
  async take({ path, bytes: given }) {
    const found = given ?? (await (await MappedFile.open(path)).view())
    bytes = ArrayBuffer.isView(found) ? found : new Uint8Array(found)
    numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
    return {}
  },
  sum: () => ({ sum: crc32(bytes) }),
  go({ until }) {
    const begun = performance.now()
    let rounds = 0
    let product = 0
    do {
      product += ownProduct(numbers)
      rounds += 1
    } while (Date.now() < until)
    return { rate: (1000 * rounds * bytes.byteLength) / (performance.now() - begun), product }
  },
}

parentPort.on('message', async message => {
  try {
    parentPort.postMessage(await answers[message.kind](message))
  } catch (error) {
    parentPort.postMessage({ error: error.message })
  }
})
parentPort.postMessage({})

/** The dot product of the numbers with themselves, as a search for near vectors would take it. @param {Float32Array} numbers */
function ownProduct(numbers) {
  let sum = 0
  for (let index = 0; index < numbers.length; index += 1) sum += numbers[index] * numbers[index]
  return sum
}
