// mediabunny reads the packets of a sound file through a MappedFile.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { mediabunnySource } from 'faultless/sources'
import { temporaryFolder } from '../helpers/files.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { samples, wavFile } from '../helpers/wav.mjs'

withPeers('mediabunny')('the packets are the samples of the file', async t => {
  const { ALL_FORMATS, CustomSource, EncodedPacketSink, Input } = await peer('mediabunny')
  const path = wavFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const input = new Input({ source: new CustomSource(mediabunnySource(file)), formats: ALL_FORMATS })
  t.is(await input.computeDuration(), 2)
  const parts = []
  for await (const { data } of new EncodedPacketSink(await input.getPrimaryAudioTrack()).packets()) parts.push(data)
  t.true(parts.length > 1)
  t.true(Buffer.concat(parts).equals(Buffer.from(samples.buffer)))
  input.dispose()
  t.false(file.closed, 'who opened the file closes it')
  await file.close()
  await untilReleased(path)
})

withPeers('mediabunny')('a cut file and a closed handle reject', async t => {
  const { ALL_FORMATS, CustomSource, Input } = await peer('mediabunny')
  const path = wavFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const reading = () =>
    new Input({ source: new CustomSource(mediabunnySource(file)), formats: ALL_FORMATS }).computeDuration()
  const source = mediabunnySource(file)
  const size = source.getSize()
  fs.truncateSync(path, 20)
  await t.throwsAsync(reading(), { code: 'ERR_FILE_TRUNCATED' })
  await file.refresh()
  const error = await t.throwsAsync(source.read(10, size), { code: 'ERR_OUT_OF_RANGE' })
  t.regex(error.message, /tone\.wav' \(\d+ bytes at offset 10\): the file ends at 20/)
  await file.close()
  await t.throwsAsync(reading(), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})
