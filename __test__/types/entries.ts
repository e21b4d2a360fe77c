import { MappedFile } from 'faultless'
import { pmtilesSource } from 'faultless/sources'
import 'faultless/tune'
import { watched } from 'faultless/watch'

void [MappedFile, pmtilesSource, watched]
