// A file server that is slow, hangs or fails: no JavaScript thread sends it a request, other files are not affected,
// and the bytes are right.
//
// Requests are counted by thread, so no test depends on a clock.

import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { fileServer, requestsOfMarks, SERVED_BYTES, servedBytes } from './helpers/file-server.mjs'
import { KiB, MiB, PAGE, seededBytes, seededFile, seededNumbers, temporaryFolder } from './helpers/files.mjs'
import { collectGarbage, untilReleased } from './helpers/process.mjs'
import { needs, program } from './helpers/rig.mjs'

const NOBODY = 65534
const codeOf = promise =>
  promise.then(
    () => 'resolved',
    ({ code }) => code,
  )
const WAYS_TO_BYTES = /^(read|try|slice|view|chunks|createReadStream|file-handle|collected|mmapRead)/

const onServer = needs('fileServer')
let server

/** The server, with nothing special about it any more. */
async function served(t, timeouts) {
  server ??= await fileServer()
  t.teardown(async () => {
    for (const operation of Object.keys((await server.state()).held)) await server.rule(operation)
  })
  await server.timeouts(timeouts)
  await server.clear()
}

test.after.always(() => server?.stop())

onServer.serial('the server reports the thread of a request', async t => {
  await served(t)
  fs.readFileSync(server.path('here'))
  await fs.promises.readFile(server.path('there'))
  const threads = async name =>
    (await server.requests()).flatMap(({ operation, file, thread }) =>
      file === name && operation !== 'release' ? [thread] : [],
    )
  t.deepEqual([...new Set(await threads('here'))], [process.pid])
  t.false((await threads('there')).some(thread => thread === process.pid || thread === 0))
})

onServer.serial('the server fails at random, and in the same way for the same seed', async t => {
  await served(t)
  const file = fs.openSync(server.path('random.direct'))
  const outcomes = async seed => {
    await server.rule('read', { file: 'random.direct', error: 'EIO', rate: 0.3, seed })
    return Array.from({ length: 100 }, () => {
      try {
        return fs.readSync(file, Buffer.alloc(10), 0, 10, 0)
      } catch ({ code }) {
        return code
      }
    })
  }
  const first = await outcomes(7)
  t.deepEqual(new Set(first), new Set([10, 'EIO']))
  t.deepEqual(await outcomes(7), first)
  t.notDeepEqual(await outcomes(8), first)
  fs.closeSync(file)
})

// Seen to fail where the JavaScript thread closed a handle or a mapping (flush), made the first read of a user who is not the
// owner (access), or called mmapRead of a mapped file (getattr); and where a file that cannot be mapped was refused.
for (const [who, kind, { uid, worker, ...timeouts }] of [
  ['by root', '-1', {}],
  ['by a worker, when attributes are never fresh', '-2', { worker: true, attributes: 0 }],
  ['by a user who is not the owner', '-3', { uid: NOBODY, attributes: 0 }],
  ['when neither names nor pages are kept', '-4.fresh', { entries: 0, attributes: 0 }],
  ['when the files cannot be mapped', '-5.direct', { attributes: 0 }],
]) {
  needs('fileServer', ...(uid ? ['anotherUser'] : [])).serial(
    `no request comes from a thread that runs JavaScript, ${who}`,
    async t => {
      await served(t, timeouts)
      await server.rule('open', { file: `aborted${kind}`, delay: 100 })
      const report = await program(
        t,
        'served-files',
        [server.mountPoint, kind, uid ? 'r' : 'r+', ...(worker ? ['worker'] : [])],
        { uid },
      )
      const { aborted, ...ended } = report
      t.is(aborted, 'AbortError')
      t.deepEqual(
        Object.entries(ended).filter(([, how]) => how !== 'done'),
        [],
      )
      const groups = requestsOfMarks(await server.requests())
      t.true('end' in groups)
      const here = Object.entries(groups).map(([name, { here }]) => [name, here])
      t.deepEqual(Object.fromEntries(here.filter(([, requests]) => requests.length > 0)), {})
      for (const [name, { elsewhere }] of Object.entries(groups)) {
        if (WAYS_TO_BYTES.test(name)) t.true(elsewhere.includes(`read ${name}${kind}`), `${name} was cold`)
      }
    },
  )
}

/** All that is done with a file from its opening on until nothing of this process holds it. */
const lives = {
  async MappedFile(path, expected) {
    const file = await MappedFile.open(path)
    const right = [
      expected.equals(await file.read()),
      expected.subarray(PAGE, 2 * PAGE).equals(await file.view(PAGE, PAGE)),
      (await file.refresh()) === expected.length,
    ]
    await file.close()
    await untilReleased(path)
    return right.every(Boolean)
  },
  async 'a handle that nobody closes'(path, expected) {
    const read = async () => (await MappedFile.open(path)).read(0, PAGE)
    const right = expected.subarray(0, PAGE).equals(await read())
    await untilReleased(path)
    return right
  },
  async mmapRead(path, expected) {
    const right = []
    for (let time = 0; time < 3; time++) right.push(expected.subarray(0, PAGE).equals(await mmapRead(path, 0, PAGE)))
    mmapRead.release(path)
    await untilReleased(path)
    return right.every(Boolean)
  },
}

/** Everything with local files that has no reason to wait for the server. */
async function localLife(t, folder) {
  const bytes = seededBytes(MiB)
  const path = seededFile(folder, MiB, 1, 'local')
  const before = await MappedFile.open(seededFile(folder, MiB, 1, 'opened before'))
  return async () => {
    const target = Buffer.alloc(100 * KiB)
    await before.readInto(target, 7)
    t.true(bytes.subarray(7, 7 + target.length).equals(target))
    await before.close()
    t.true(bytes.subarray(PAGE, 3 * PAGE).equals(await mmapRead(path, PAGE, 2 * PAGE)))
    const file = await MappedFile.open(path)
    t.true(bytes.equals(await file.view()))
    t.is(await file.refresh(), MiB)
    await file.close()
    mmapRead.release(path)
    await collectGarbage()
  }
}

// Seen to fail where opening held the lock of the registry, so that no local file could be opened or closed; and where the
// JavaScript thread closed a descriptor, or read the attributes of a file that mmapRead had mapped.
for (const operation of ['lookup', 'open', 'getattr', 'read', 'flush', 'release']) {
  onServer.serial(`while the server holds ${operation} back, all that is done with local files goes on`, async t => {
    // Attributes are requested at once only if the name was found in the kernel's cache.
    await served(t, { entries: operation === 'lookup' ? 0 : undefined, attributes: 0 })
    for (const [index, [name, life]] of Object.entries(lives).entries()) {
      const file = `${operation}-${index}`
      await server.clear()
      let local = await localLife(t, temporaryFolder(t))
      await server.rule(operation, { file, hold: true })
      const living = life(server.path(file), servedBytes(file))
      // One request after the other.
      let times = 0
      // The kernel may send the release at any time, also after the file is closed here.
      const first = operation === 'release' ? undefined : living
      for (; await server.untilHeld(operation, times ? living : first); times++) {
        await local()
        const { held, expired } = await server.state()
        t.true(held[operation] > 0 && expired === 0, `${name}: request ${times} was held all the time`)
        local = await localLife(t, temporaryFolder(t))
        await server.rule(operation, { file, hold: true })
      }
      // A call that requests no attributes does not wait.
      t.true(times > 0 || operation === 'getattr', `${name}: there was a request`)
      t.true(await living, name)
    }
  })
}

// Seen to fail: if jobs may take all threads of the pool.
onServer.serial(
  'while the server holds back more reads than the pool has threads, fs and cached reads continue',
  async t => {
    await served(t)
    const path = seededFile(temporaryFolder(t), MiB)
    const file = await MappedFile.open(path)
    await file.prefault()
    const opened = await Promise.all(
      Array.from({ length: 8 }, (_, index) => MappedFile.open(server.path(`many-${index}`))),
    )
    for (const [operation, call] of [
      ['open', index => MappedFile.open(server.path(`many-more-${index}`)).then(file => file.close())],
      ['read', index => opened[index].read(index * PAGE, PAGE)],
      ['read', index => mmapRead(server.path(`many-paths-${index}`), 0, PAGE)],
    ]) {
      await server.clear()
      await server.rule(operation, { hold: true })
      const calls = opened.map((_, index) => call(index))
      await server.untilHeld(operation)
      await fs.promises.stat(path)
      t.true(
        seededBytes(MiB)
          .subarray(0, KiB)
          .equals(await file.read(0, KiB)),
      )
      const { held, expired } = await server.state()
      t.true(held[operation] > 0 && expired === 0, `${operation}: ${held[operation]} held, ${expired} too long`)
      await server.rule(operation)
      await Promise.all(calls)
    }
    await Promise.all([file, ...opened].map(each => each.close()))
  },
)

// Seen to fail: if each environment may always have one job, they take all threads of the pool, and fs.stat waits for the server.
onServer.serial('while the server holds back the reads of 8 workers, fs and cached reads continue', async t => {
  await served(t)
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  await file.prefault()
  await server.rule('read', { hold: true })
  const ways = ['read', 'view', 'mmapRead']
  const workers = Array.from({ length: 8 }, (_, index) => {
    const [name, way] = [`worker-${index}`, ways[index % ways.length]]
    const entry = new URL('./programs/served-worker.mjs', import.meta.url)
    const worker = new Worker(entry, { workerData: { path: server.path(name), way } })
    return { worker, expected: servedBytes(way === 'mmapRead' ? `${name}-other` : name) }
  })
  await Promise.all(workers.map(({ worker }) => once(worker, 'message')))
  const results = workers.map(async ({ worker, expected }) => {
    worker.postMessage('go')
    return expected.equals((await once(worker, 'message'))[0])
  })
  await server.untilHeld('read')
  // By then, all callers that do not wait have settled.
  for (let time = 0; time < 20; time++) {
    await fs.promises.stat(path)
    t.true(seededBytes(MiB).equals(await file.read()))
    t.is((await file.view(PAGE, PAGE)).length, PAGE)
    await delay(10)
  }
  const { held, expired } = await server.state()
  t.true(held.read > 0 && expired === 0, `${held.read} held, ${expired} too long`)
  await server.rule('read')
  t.deepEqual(new Set(await Promise.all(results)), new Set([true]))
  await file.close()
})

// Seen to fail: a mapping that is found by device and inode number alone belongs to the other file.
onServer.serial('files of one inode number never give one another their bytes', async t => {
  await served(t)
  const names = ['a.twin', 'b.twin', 'c.twin']
  const paths = names.map(server.path)
  t.is(new Set(paths.map(path => fs.statSync(path).ino)).size, 1)
  const files = await Promise.all(paths.map(path => MappedFile.open(path)))
  for (let time = 0; time < 2; time++) {
    for (const [index, name] of names.entries()) {
      const expected = servedBytes(name)
      t.true(expected.equals(await files[index].read()), `read of ${name}`)
      t.true(expected.equals(await files[index].view()), `view of ${name}`)
      t.true(expected.subarray(0, 100).equals(await mmapRead(paths[index], 0, 100)), `mmapRead of ${name}`)
      t.is(await files[index].refresh(), SERVED_BYTES)
      t.true(expected.subarray(PAGE, 2 * PAGE).equals(await files[index].read(PAGE, PAGE)), `${name} after refresh()`)
    }
  }
  for (const file of files) await file.close()
})

// Seen to fail: if a batch fails as a whole.
for (const kind of ['', '.direct']) {
  onServer.serial(`EIO of a read is that of its range alone${kind && ', of what cannot be mapped too'}`, async t => {
    await served(t)
    const name = `bad${kind}`
    const [path, expected] = [server.path(name), servedBytes(name)]
    const [from, to] = [40 * PAGE, 42 * PAGE]
    await server.rule('read', { file: name, error: 'EIO', from, to })
    const file = await MappedFile.open(path)
    const ranges = Array.from({ length: 32 }, (_, index) => ({ offset: index * 8 * PAGE + 5, length: PAGE - 5 }))
    const bad = 5
    t.is(ranges[bad].offset, from + 5)
    const settled = await file.readManySettled(ranges)
    t.deepEqual(
      settled.flatMap(({ reason }, index) => (reason ? [[index, reason.code, reason.offset]] : [])),
      [[bad, 'EIO', from + 5]],
    )
    for (const [index, { offset, length }] of ranges.entries()) {
      if (index !== bad) t.true(expected.subarray(offset, offset + length).equals(settled[index].value))
    }
    t.like(await file.readMany(ranges).catch(error => error), { code: 'EIO', index: bad })
    const fails = {
      read: () => file.read(from, PAGE),
      'a long read': () => file.read(0),
      readInto: () => file.readInto(Buffer.alloc(PAGE), from),
      readManyInto: () => file.readManyInto(Buffer.alloc(2 * PAGE), [0, from], PAGE),
      slice: () => file.slice(from, to),
      view: () => file.view(from, PAGE),
      mmapRead: () => mmapRead(path, from, PAGE),
    }
    for (const [method, call] of Object.entries(fails)) t.is(await codeOf(call()), 'EIO', method)
    const good = [await file.read(from - 2 * PAGE, 2 * PAGE), await file.view(to, PAGE), await mmapRead(path, to, PAGE)]
    const places = [from - 2 * PAGE, to, to]
    for (const [index, bytes] of good.entries()) {
      t.true(expected.subarray(places[index], places[index] + bytes.length).equals(bytes))
    }
    await server.rule('read')
    await file.refresh()
    t.true(expected.equals(await file.read()), 'the server delivers again')
    await file.close()
  })
}

// Seen to fail: mmapRead() of a file that is mapped already opens nothing, so it is never refused.
for (const [operation, error] of [
  ['lookup', 'EIO'],
  ['lookup', 'ETIMEDOUT'],
  ['open', 'EIO'],
  ['open', 'EACCES'],
]) {
  onServer.serial(`${error} of ${operation} is that of opening, as in node:fs`, async t => {
    await served(t, { entries: 0 })
    const path = server.path(`${operation}-${error}`)
    await mmapRead(path, 0, 10)
    await server.rule(operation, { error })
    for (const call of [fs.promises.readFile, path => MappedFile.open(path), mmapRead, path => mmapRead(path, 0, 10)]) {
      t.is(await codeOf(call(path)), error)
    }
    mmapRead.release(path)
  })
}

/** From and to of each page of the file, or part of one, of which all bytes are 0. */
function zeroPages(bytes, offset) {
  const pages = []
  for (let start = 0, end; start < bytes.length; start = end) {
    end = Math.min(start + PAGE - ((offset + start) % PAGE), bytes.length)
    if (bytes.subarray(start, end).every(byte => byte === 0)) pages.push([start, end])
  }
  return pages
}

// The adversary on a file server, whose files change by the rules of the server only. Seen to fail: if a read with an error in its
// middle is treated as complete.
onServer.serial(
  'random calls while the server fails at random: the right bytes, or the error of the server',
  async t => {
    await served(t, { entries: 0, attributes: 0 })
    for (const operation of ['lookup', 'open', 'getattr', 'read'])
      await server.rule(operation, { error: 'EIO', rate: 0.1, seed: 17 })
    const random = seededNumbers(23)
    const below = limit => Math.floor(random() * limit)
    const counts = { right: 0, failed: 0 }
    const wrong = []
    const judge = async (what, call, expected, isRight = got => expected.equals(got)) => {
      try {
        const got = await call()
        if (isRight(Buffer.from(got))) counts.right += 1
        else wrong.push(what)
      } catch (error) {
        if (error.code === 'EIO') counts.failed += 1
        else wrong.push(`${what}: ${error.stack}`)
      }
    }
    for (let round = 0; round < 60; round += 1) {
      const name = `random-${round}${['', '.direct', '.fresh', '.twin'][round % 4]}`
      const [offset, length] = [below(SERVED_BYTES), below(300 * KiB)]
      const expected = servedBytes(name, offset, length)
      const path = server.path(name)
      const file = await MappedFile.open(path).catch(({ code }) =>
        wrong.push(...(code === 'EIO' ? [] : [`open: ${code}`])),
      )
      const calls = [judge(`mmapRead ${name}`, () => mmapRead(path, offset, length), expected)]
      if (file instanceof MappedFile) {
        calls.push(
          judge(`read ${name}`, () => file.read(offset, length), expected),
          judge(
            `view ${name}`,
            () => file.view(offset, length),
            expected,
            got => {
              // Opening `.fresh` has the kernel ask the server again, for pages that a view shows already.
              const lost = name.endsWith('.fresh') ? zeroPages(got, offset) : []
              for (const [start, end] of lost) expected.copy(got, start, start, end)
              return expected.equals(got)
            },
          ),
          judge(`slice ${name}`, () => file.slice(offset, offset + length), expected),
          judge(`readMany ${name}`, async () => (await file.readMany([{ offset, length }]))[0], expected),
        )
      }
      await Promise.all(calls)
      if (file instanceof MappedFile) await file.close()
    }
    t.deepEqual(wrong, [])
    t.log(counts)
    t.true(counts.right > 50 && counts.failed > 10)
  },
)
