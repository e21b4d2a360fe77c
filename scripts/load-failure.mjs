// Why the addon did not load, and what to do: scripts/build-addon.mjs puts this function into the loader that napi writes.

/**
 * The error of a loader that has tried all that it knows. It stands alone: the loader has its text and nothing around it.
 * @param {(Error & { code?: string })[]} errors what each try ended with
 * @param {{ platform: string, arch: string, isMusl: boolean, isInstalled(name: string): boolean }} machine
 */
export function explainLoadFailure(errors, { platform, arch, isMusl, isInstalled }) {
  const targets = ['linux-x64-gnu', 'linux-x64-musl', 'linux-arm64-gnu', 'linux-arm64-musl']
  targets.push('darwin-arm64', 'darwin-x64', 'win32-x64-msvc', 'win32-arm64-msvc')
  const kinds = { linux: isMusl ? '-musl' : '-gnu', win32: '-msvc' }
  const target = `${platform}-${arch}${kinds[platform] ?? ''}`
  const failed = errors.find(({ code }) => code === 'ERR_DLOPEN_FAILED')?.message ?? ''
  const others = targets.filter(name => name !== target && isInstalled(`faultless-${name}`))
  const cure = 'Remove node_modules and install again on this machine, without --omit=optional.'
  const tell = () => {
    if (errors.some(({ code }) => code === 'ERR_DLOPEN_DISABLED')) {
      return 'Node was started with --permission and without --allow-addons, or with --no-addons. Start it with --allow-addons.'
    }
    if (errors.some(({ code }) => code === 'ERR_ACCESS_DENIED')) {
      return 'Node was started with --permission, and may not read the package. Add its folder by --allow-fs-read.'
    }
    const glibc = /GLIBC_[0-9.]+/.exec(failed)
    if (glibc)
      return `The addon needs ${glibc[0]}, which is newer than the libc of this machine. Build it here: npm run build.`
    if (/musl|ld-linux|libc\.so/.test(failed)) {
      return `The addon was built for another libc than that of this machine, ${isMusl ? 'musl' : 'glibc'}. ${cure}`
    }
    if (/ELF|Exec format|architecture|Win32|slice is not valid/i.test(failed)) {
      return `The addon was built for another processor or system than ${platform} on ${arch}. ${cure}`
    }
    if (failed) return failed
    if (!targets.includes(target)) return `There is no addon for ${platform} on ${arch}. Build it: npm run build.`
    if (others.length > 0) {
      return `faultless-${target} is not installed, but ${others.map(name => `faultless-${name}`).join(' and ')} is, for another platform, processor or libc. ${cure}`
    }
    return `faultless-${target} is not installed. ${cure}`
  }
  return Object.assign(new Error(`The addon of faultless does not load. ${tell()}`), { code: 'ERR_ADDON_NOT_LOADED' })
}
