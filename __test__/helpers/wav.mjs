// A sound file for tests.

import fs from 'node:fs'
import { join } from 'node:path'

const RATE = 8000
const SECONDS = 2

/** The samples of the file, 16 bits each. */
export const samples = Int16Array.from({ length: RATE * SECONDS }, (_, i) => Math.round(Math.sin(i / 7) * 20_000))

/** Two seconds of a tone, 8,000 samples a second; its path. */
export function wavFile(folder) {
  const header = Buffer.alloc(44)
  header.write('RIFF')
  header.writeUInt32LE(36 + samples.byteLength, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  // PCM, one channel; samples and bytes per second; bytes of a frame, and bits of a sample.
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(RATE, 24)
  header.writeUInt32LE(RATE * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.byteLength, 40)
  const path = join(folder, 'tone.wav')
  fs.writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer)]))
  return path
}
