// docs/runtimes.md names the versions that `npm run test:runtimes` installs.

import fs from 'node:fs'
import test from 'ava'

test('the versions in the table are those that are run', t => {
  const { dependencies } = JSON.parse(fs.readFileSync('__test__/runtimes/package.json', 'utf8'))
  const table = fs.readFileSync('docs/runtimes.md', 'utf8')
  const told = [...table.matchAll(/^\| (\w+) \| (\d+\.\d+\.\d+) \|/gm)].map(([, name, version]) => [
    name.toLowerCase(),
    version,
  ])
  const { postject, ...expected } = dependencies
  t.deepEqual(Object.fromEntries(told), expected)
})
