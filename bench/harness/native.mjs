// The native program of the experiments: built with cargo when a run needs it.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, withChildren } from './child.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const NAME = 'faultless-bench'
/** The first build also fetches and compiles what the program is made of, in milliseconds. */
const PATIENCE = 300_000

export const nativeProgram = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'release', NAME)

/** Builds it, or finds it built; resolves to the reason where that failed. @param {AbortSignal} signal */
export async function buildNative(signal) {
  try {
    await withChildren(signal, () =>
      command('cargo', ['build', '--release', '--quiet', '--locked', '--color=never', '--package', NAME], {
        cwd: root,
        patience: PATIENCE,
      }),
    )
  } catch (error) {
    signal.throwIfAborted()
    return `cargo cannot build ${NAME}: ${error.message.split('\n').find(line => /error|ENOENT/i.test(line)) ?? error.message}`
  }
}
