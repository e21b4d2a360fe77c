// wa-sqlite answers queries over a MappedFile as SQLite itself does.

import fs from 'node:fs'
import { join } from 'node:path'
import { MappedFile } from 'faultless'
import { waSqliteVfs } from 'faultless/sources'
import { temporaryFolder } from '../helpers/files.mjs'
import { peer, peerFolder, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { newDatabase, withEmptyLog } from '../helpers/sqlite.mjs'

const ROWS = 1500

const QUERIES = [
  'select count(*), sum(id), min(name), max(name) from people',
  'select * from people where id between 711 and 720',
  "select id from people where name = 'person 77' order by id",
  'select name, sum(height) from people group by name order by 2 desc, 1 limit 7',
  'select length(photo), hex(substr(photo, 1, 4)) from people where photo is not null order by id',
  'pragma integrity_check',
]

/** A database, and what SQLite answers of it. */
async function database(path, { pageSize = 4096, journal = 'delete', vacuum = 'none' } = {}) {
  const db = await newDatabase()
  db.run(`pragma page_size = ${pageSize}`)
  db.run(`pragma auto_vacuum = ${vacuum}`)
  db.run('create table people (id integer primary key, name text, height real, photo blob)')
  db.run('create index by_name on people (name)')
  db.run('begin')
  const insert = db.prepare('insert into people (name, height, photo) values (?, ?, ?)')
  for (let i = 0; i < ROWS; i++) {
    insert.run([`person ${i % 977}`, 1.5 + (i % 60) / 100, i % 500 === 7 ? Buffer.alloc(100_000, i) : null])
  }
  insert.free()
  db.run('commit')
  db.run('delete from people where id % 13 = 0')
  const answers = QUERIES.map(query => db.exec(query).flatMap(({ values }) => values))
  const bytes = db.export()
  fs.writeFileSync(path, journal === 'wal' ? withEmptyLog(bytes) : bytes)
  db.close()
  return answers
}

async function sqlite(build = 'wa-sqlite-async') {
  const [{ default: factory }, SQLite, { Base }, { MemoryVFS }] = await Promise.all(
    [`wa-sqlite/dist/${build}.mjs`, 'wa-sqlite', 'wa-sqlite/src/VFS.js', 'wa-sqlite/src/examples/MemoryVFS.js'].map(
      peer,
    ),
  )
  const wasmBinary = fs.readFileSync(join(peerFolder('wa-sqlite'), `dist/${build}.wasm`))
  return { api: SQLite.Factory(await factory({ wasmBinary })), READONLY: SQLite.SQLITE_OPEN_READONLY, Base, MemoryVFS }
}

async function rows(api, db, query) {
  const found = []
  await api.exec(db, query, row => found.push([...row]))
  return found
}

/** As if no page were in memory at first: the first read of each place waits for the pool, and brings it into memory. */
function cold(file) {
  let reads = 0
  const read = new Set()
  file.tryReadInto = (target, offset) => {
    if (read.has(offset)) return MappedFile.prototype.tryReadInto.call(file, target, offset)
    read.add(offset)
    return undefined
  }
  file.readInto = (...range) => {
    reads += 1
    return MappedFile.prototype.readInto.apply(file, range)
  }
  return () => reads
}

const withSqlite = withPeers('wa-sqlite', 'sql.js')

for (const options of [
  {},
  { pageSize: 512 },
  { pageSize: 1024, vacuum: 'full' },
  { pageSize: 65_536 },
  { journal: 'wal' },
  { vacuum: 'incremental', journal: 'wal', pageSize: 8192 },
]) {
  withSqlite(`the answers are SQLite’s: ${JSON.stringify(options)}`, async t => {
    const path = join(temporaryFolder(t), 'people.db')
    const answers = await database(path, options)
    const { api, READONLY, Base } = await sqlite()
    const file = await MappedFile.open(path)
    const other = await MappedFile.open(path)
    const reads = cold(other)
    for (const [name, source] of Object.entries({ warm: file, cold: other })) {
      const vfs = waSqliteVfs(source, Base, name)
      api.vfs_register(vfs)
      const db = await api.open_v2('any name', READONLY, name)
      for (const [i, query] of QUERIES.entries())
        t.deepEqual(await rows(api, db, query), answers[i], `${name}: ${query}`)
      await t.throwsAsync(api.exec(db, 'delete from people'), { message: /readonly/ })
      await api.close(db)
      t.is(vfs.lastError, undefined)
    }
    t.true(reads() > 5)
    await Promise.all([file.close(), other.close()])
    await untilReleased(path)
  })
}

withSqlite('temporary tables are kept by the class that is handed in, or refused', async t => {
  const path = join(temporaryFolder(t), 'people.db')
  await database(path)
  const { api, READONLY, Base, MemoryVFS } = await sqlite()
  const file = await MappedFile.open(path)
  const query =
    'pragma temp_store = file; pragma temp.cache_size = 1; create temp table some as select * from people; select count(*) from some'
  const opened = async Class => {
    api.vfs_register(waSqliteVfs(file, Class, Class.name))
    return api.open_v2('people.db', READONLY, Class.name)
  }
  const kept = await opened(MemoryVFS)
  t.deepEqual(await rows(api, kept, query), [[ROWS - Math.floor(ROWS / 13)]])
  await api.close(kept)
  const refused = await opened(Base)
  await t.throwsAsync(rows(api, refused, query), { message: /unable to open/ })
  await api.close(refused)
  await file.close()
})

withSqlite('a cut file and a closed handle are an error of SQLite’s, and lastError says why', async t => {
  const path = join(temporaryFolder(t), 'people.db')
  await database(path)
  const { api, READONLY, Base } = await sqlite()
  const file = await MappedFile.open(path)
  const vfs = waSqliteVfs(file, Base)
  api.vfs_register(vfs)
  const db = await api.open_v2('people.db', READONLY, 'faultless')
  await rows(api, db, 'select * from people where id = 1')
  fs.truncateSync(path, 8192)
  await t.throwsAsync(rows(api, db, QUERIES[0]), { message: /disk I\/O error/ })
  t.is(vfs.lastError.code, 'ERR_FILE_TRUNCATED')
  await file.close()
  await t.throwsAsync(rows(api, db, QUERIES[0]), { message: /disk I\/O error/ })
  t.is(vfs.lastError.code, 'ERR_FILE_CLOSED')
  await api.close(db)
  await untilReleased(path)
})

withSqlite('the synchronous build reads pages in memory, and the error for others names the cure', async t => {
  const path = join(temporaryFolder(t), 'people.db')
  const answers = await database(path)
  const { api, READONLY, Base } = await sqlite('wa-sqlite')
  const file = await MappedFile.open(path)
  await file.lock()
  const vfs = waSqliteVfs(file, Base)
  api.vfs_register(vfs)
  const db = await api.open_v2('people.db', READONLY, 'faultless')
  for (const [i, query] of QUERIES.entries()) t.deepEqual(await rows(api, db, query), answers[i])
  await api.close(db)
  file.tryReadInto = () => undefined
  await t.throwsAsync(api.open_v2('people.db', READONLY, 'faultless'), { message: /open/ })
  t.regex(vfs.lastError.message, /lock\(\)/)
  await file.close()
})
