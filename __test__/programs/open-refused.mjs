// Opens a file that must not be opened, both ways, and prints the errors. A mode may be given for the first.

import { MappedFile, mmapRead } from 'faultless'

const errors = []
const [file, mode = 'r'] = process.argv.slice(2)
for (const open of [path => MappedFile.open(path, { flags: mode }), mmapRead]) {
  const { code, errno, syscall, path, message } = await open(file).catch(error => error)
  errors.push({ code, errno, syscall, path, message })
}
console.log(JSON.stringify(errors))
