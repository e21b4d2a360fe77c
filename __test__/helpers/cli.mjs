// Runs the program `faultless` as users do: the file of package.json, in its own process.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { asUser } from './fault-rig.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
export const BIN = root + JSON.parse(readFileSync(`${root}package.json`, 'utf8')).bin.faultless

/** Starts the program; `ended` resolves to `{ code, signal, stdout, stderr }`. */
export function start(words, { env, cwd } = {}) {
  const child = spawn(process.execPath, [BIN, ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}

/** Runs it to its end. */
export const faultless = (words, options) => start(words, options).ended

/** Runs it as another user. */
export const faultlessAs = (uid, ...words) => asUser(uid, process.execPath, BIN, ...words)
