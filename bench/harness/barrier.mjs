// A group of members held at a barrier: started, let go all at the same instant of a clock they share, and stopped.
import { fileURLToPath } from 'node:url'
import { Program } from './child.mjs'

const HOST = fileURLToPath(new URL('../programs/group.mjs', import.meta.url))

export class Group extends Program {
  /**
   * @param {import('./cells.mjs').Cell} cell
   * @param {import('./cells.mjs').Mode} mode
   * @param {{ path: string, checksum: number }} file
   */
  constructor({ reader, size, k, env, poolSize }, mode, file) {
    super(mode, HOST, { mode, k, member: { reader, size, poolSize, ...file } }, env)
  }

  /** Resolves when every member has read the file once and verified it. */
  async ready() {
    await this.answer('ready')
  }

  /**
   * Lets all members go `lead` milliseconds from now, until each has read so often, or for so many milliseconds at most.
   * @param {{ lead: number, milliseconds: number, reads?: number }} window
   */
  async sample({ lead, milliseconds, reads = Number.MAX_SAFE_INTEGER }) {
    const start = Number(process.hrtime.bigint()) / 1e6 + lead
    this.send({ kind: 'go', start, end: start + milliseconds, reads })
    return { start, ...(await this.answer('sample')) }
  }
}
