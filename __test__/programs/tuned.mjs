// What `faultless/tune` came to.

import { tuned } from 'faultless/tune'

console.log(JSON.stringify(tuned))
