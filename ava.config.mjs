// How the tests run: compiled code, each file in a process of its own, because mappings belong to a process.

export default {
  files: ['__test__/**/*.test.mjs'],
  workerThreads: false,
  // Several tests fill and throttle one small machine; two files at a time keep them from starving each other.
  concurrency: 2,
  timeout: '120s',
}
