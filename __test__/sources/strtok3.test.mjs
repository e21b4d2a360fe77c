// strtok3, and what reads by it, read through a MappedFile as they do through a file of their own.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { strtok3Tokenizer } from 'faultless/sources'
import { MiB, seededFile, temporaryFolder } from '../helpers/files.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { wavFile } from '../helpers/wav.mjs'
import { zipFile } from '../helpers/zip.mjs'

const SIZE = MiB + 17

withPeers('strtok3')('bytes, tokens and positions are those of fromFile', async t => {
  const strtok3 = await peer('strtok3')
  const path = seededFile(temporaryFolder(t), SIZE)
  const file = await MappedFile.open(path)
  const token = { len: 4, get: (bytes, offset) => Buffer.from(bytes).readUInt32LE(offset) }
  const steps = tokenizer => ({
    peekBuffer: async options => {
      const target = new Uint8Array(100)
      return [await tokenizer.peekBuffer(target, options), target, tokenizer.position]
    },
    readBuffer: async options => {
      const target = new Uint8Array(100)
      return [await tokenizer.readBuffer(target, options), target, tokenizer.position]
    },
    readToken: async position => [await tokenizer.readToken(token, position), tokenizer.position],
    peekToken: async position => [await tokenizer.peekToken(token, position), tokenizer.position],
    readNumber: async () => [await tokenizer.readNumber(token), tokenizer.position],
    ignore: async length => [await tokenizer.ignore(length), tokenizer.position],
    setPosition: async position => [tokenizer.setPosition(position), tokenizer.position],
  })
  const ours = steps(strtok3Tokenizer(file, strtok3))
  const model = await strtok3.fromFile(path)
  const theirs = steps(model)
  const outcome = async promise => promise.catch(error => [error.constructor, error.message])
  for (const [name, argument] of [
    ['peekBuffer'],
    ['readBuffer'],
    ['readBuffer', { length: 7 }],
    ['readBuffer', { length: 101 }],
    ['readToken'],
    ['readToken', 5000],
    ['peekToken', 70_000],
    ['readNumber'],
    ['ignore', 1000],
    ['readBuffer', { position: SIZE - 10 }],
    ['setPosition', SIZE - 10],
    ['readBuffer', { position: SIZE - 10, mayBeLess: true }],
    ['peekBuffer', { position: SIZE, mayBeLess: true }],
    ['peekBuffer', { position: SIZE + 10 }],
    ['peekBuffer', { position: -1 }],
    ['setPosition', SIZE - 2],
    ['readToken'],
    ['readNumber'],
    ['setPosition', 0],
    ['readToken'],
  ]) {
    const [found, expected] = [await outcome(ours[name](argument)), await outcome(theirs[name](argument))]
    t.deepEqual(found, expected, `${name} ${JSON.stringify(argument)}`)
  }
  await Promise.all([file.close(), model.close()])
  await untilReleased(path)
})

withPeers(
  'file-type',
  'music-metadata',
  'strtok3',
)('file-type and music-metadata read by it', async t => {
  const [strtok3, { fileTypeFromTokenizer }, { parseFromTokenizer }] = await Promise.all(
    ['strtok3', 'file-type', 'music-metadata'].map(peer),
  )
  const folder = temporaryFolder(t)
  const zip = await MappedFile.open(await zipFile(folder))
  t.is((await fileTypeFromTokenizer(strtok3Tokenizer(zip, strtok3))).mime, 'application/zip')
  const wav = await MappedFile.open(wavFile(folder))
  const { format } = await parseFromTokenizer(strtok3Tokenizer(wav, strtok3))
  t.deepEqual([format.container, format.sampleRate, format.duration], ['WAVE', 8000, 2])
  t.false(wav.closed, 'who opened the file closes it')
  await Promise.all([zip.close(), wav.close()])
})

withPeers('strtok3')(
  'a cut file and a closed handle reject, and closing the tokenizer leaves the file open',
  async t => {
    const strtok3 = await peer('strtok3')
    const path = seededFile(temporaryFolder(t), SIZE)
    const file = await MappedFile.open(path)
    const tokenizer = strtok3Tokenizer(file, strtok3)
    t.deepEqual(tokenizer.fileInfo, { size: SIZE, path })
    await tokenizer.close()
    t.false(file.closed)
    fs.truncateSync(path, 100)
    await t.throwsAsync(tokenizer.readBuffer(new Uint8Array(10), { position: 1000 }), { code: 'ERR_FILE_TRUNCATED' })
    await file.close()
    await t.throwsAsync(tokenizer.readBuffer(new Uint8Array(10)), { code: 'ERR_FILE_CLOSED' })
    await untilReleased(path)
  },
)
