// Opens a file that must not be opened, both ways, and prints the errors.

import { MappedFile, mmapRead } from 'faultless'

const errors = []
for (const open of [path => MappedFile.open(path), mmapRead]) {
  const { code, errno, syscall, path, message } = await open(process.argv[2]).catch(error => error)
  errors.push({ code, errno, syscall, path, message })
}
console.log(JSON.stringify(errors))
