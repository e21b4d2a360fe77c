// prefault: what brings a mapping's pages into memory, without the executor of the reader standing still?
import { each, pairwise } from '../harness/ratios.mjs'
import { nothingMore } from '../harness/requirements.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, below } from '../harness/verdict.mjs'
import { prefaultTables } from '../report/prefault.mjs'
import { trialWarnings } from '../report/trials.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { makeDisks, prefaultWorks } from './prefault-works.mjs'
import { asyncHazard, ours, prefaulting } from './sources.mjs'

/** What is computed of a sample of one way. */
const of = (work, way, unit, statistic) => ({
  unit,
  measure: (_, trials) => each(trials.samples(work, way), statistic),
})

/** What is computed of the samples of two ways. */
const against = (work, way, base, unit, statistic) => ({
  unit,
  measure: (_, trials) => pairwise(trials.samples(work, way), trials.samples(work, base), statistic),
})

const resident = (way, work = 'whole') => of(work, way, 'of the pages are in memory', s => s.resident / s.pages)
const timeAgainst = (way, base, work = 'whole') =>
  against(work, way, base, `times as long as ${base}`, (a, b) => a.milliseconds / b.milliseconds)
const readersFaults = way => of('whole', way, 'major faults', sample => sample.reader.majorFaults)

/** The hypothesis that an option makes it likelier that pages are in memory, and does not guarantee it: contradicted by one that does. */
const option = (id, spoken, way) => ({
  id: `prefault/${id}`,
  source: asyncHazard,
  needs: nothingMore,
  text: `${spoken} alone does not guarantee that all pages are in memory when the call returns`,
  figure: 'a hypothesis: likelier, not guaranteed',
  rule: below(0.99),
  ...resident(way),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'prefault',
  answers: ['A10', 'A12', 'A22', 'A23', 'A24', 'A25', 'G4', 'G5', 'G6', 'G8', 'G9', 'G10', 'G12'],
  title: 'Ways to prefault a mapping',
  question: 'What brings the pages of a cold mapping into memory, and who waits for the disk meanwhile?',
  obstacle: () => (process.platform === 'linux' ? undefined : 'the calls that it tries are those of Linux'),
  variants: () => [],
  time: size => trialsTime(prefaultWorks(size)),

  measure: context => measureOnDisks(context, { make: makeDisks, worksOn: prefaultWorks, needsPeers: false }),
  report: trials => [prefaultTables(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    {
      id: 'prefault/touch-elsewhere',
      source: prefaulting,
      text: 'touching each page from another coroutine of the same thread blocks all the same: that thread takes the major faults that the reader would have taken',
      figure: '"exactly the problem"',
      rule: atLeast(0.9),
      ...against(
        'whole',
        'touch-between-awaits',
        'none',
        "of the reader's major faults",
        (touching, none) => touching.executor.majorFaults / none.reader.majorFaults,
      ),
    },
    {
      id: 'prefault/dev-null',
      source: prefaulting,
      text: 'writing the mapping to /dev/null faults all of it in',
      figure: '"this should fault all the data"',
      rule: atLeast(0.99),
      ...resident('dev-null'),
    },
    {
      id: 'prefault/pipe',
      source: prefaulting,
      text: 'writing it to something that takes the bytes (a pipe) faults all of it in, in that system call',
      figure: '"something like a socket"',
      rule: atLeast(0.99),
      ...resident('pipe'),
    },
    {
      id: 'prefault/native-touch',
      source: prefaulting,
      text: 'a native loop over every 4096th byte on another thread brings all of it into memory',
      figure: '"get the pages into memory"',
      rule: atLeast(0.99),
      ...resident('touch-on-thread'),
    },
    {
      id: 'prefault/native-touch-executor',
      source: prefaulting,
      text: 'and that thread takes the hit: neither the executor, while it waits, nor the reader takes a major fault',
      figure: '"a dedicated thread"',
      rule: atMost(0),
      ...of('whole', 'touch-on-thread', 'major faults', s => s.executor.majorFaults + s.reader.majorFaults),
    },
    {
      id: 'prefault/native-touch-faster',
      source: prefaulting,
      text: 'and it is faster than a system call that takes the bytes (a pipe)',
      figure: '"probably faster"',
      rule: below(1),
      ...against('whole', 'touch-on-thread', 'pipe', 'times as long as a pipe', (a, b) => a.ready / b.ready),
    },
    {
      id: 'prefault/helper-process',
      source: prefaulting,
      text: 'a helper process, asked where mincore misses pages, leaves no major fault to the reader',
      figure: 'the Flash web server',
      rule: atMost(0),
      ...readersFaults('helper-process'),
    },
    {
      id: 'prefault/prefetch',
      source: asyncHazard,
      needs: nothingMore,
      text: 'prefetch instructions of the CPU, 256 KiB ahead of the reader, make reading a cold mapping faster by a tenth',
      figure: 'a question: "not sure"',
      rule: below(0.9),
      ...timeAgainst('prefetch', 'none'),
    },
    option('willneed', 'MADV_WILLNEED', 'willneed'),
    option('populate-read', 'MADV_POPULATE_READ', 'populate-read'),
    option('map-populate', 'MAP_POPULATE', 'map-populate'),
    option('mlock', 'mlock', 'mlock'),
    option('readahead', 'readahead(2)', 'readahead'),
    ...[
      ['sequential', 'MADV_SEQUENTIAL makes reading a cold mapping in order faster by a tenth', 'whole', below(0.9)],
      ['random', 'MADV_RANDOM makes reading a cold mapping in order slower by a half', 'whole', atLeast(1.5)],
    ].map(([advice, text, work, rule]) => ({
      id: `prefault/${advice}`,
      source: asyncHazard,
      needs: nothingMore,
      text,
      figure: 'a question',
      rule,
      ...timeAgainst(`advise-${advice}`, 'none', work),
    })),
    {
      id: 'prefault/read-ahead',
      source: asyncHazard,
      needs: nothingMore,
      text: 'a longer read-ahead (8 MiB against 128 KiB) makes reading a cold mapping faster by a tenth',
      figure: 'a hypothesis: likelier, not guaranteed',
      rule: below(0.9),
      ...against(
        'read-ahead',
        '8192',
        '128',
        'times as long as with 128 KiB',
        (a, b) => a.milliseconds / b.milliseconds,
      ),
    },
    {
      id: 'prefault/read-ahead-faults',
      source: asyncHazard,
      needs: nothingMore,
      text: 'but no guarantee: with a read-ahead of 8 MiB the reader still takes major faults',
      figure: 'a hypothesis: likelier, not guaranteed',
      rule: atLeast(1),
      ...of('read-ahead', '8192', 'major faults', sample => sample.reader.majorFaults),
    },
    {
      id: 'prefault/ours-faults',
      source: ours,
      text: 'our method (start the I/O, then populate): the reader and the executor take no major fault',
      figure: '0',
      rule: atMost(0),
      ...of('whole', 'start-then-populate', 'major faults', s => s.executor.majorFaults + s.reader.majorFaults),
    },
    {
      id: 'prefault/ours-faster',
      source: ours,
      text: 'pieces of 64 KiB: with I/O started first, all are resident sooner than by MADV_POPULATE_READ alone',
      figure: 'below 0.8',
      rule: below(0.8),
      ...against(
        'scattered',
        'start-then-populate',
        'populate-read',
        'times as long as populate-read',
        (a, b) => a.ready / b.ready,
      ),
    },
    {
      id: 'prefault/ours-bytes',
      source: ours,
      text: 'pieces of 64 KiB: with I/O started first, the disk reads hardly more than the requested bytes',
      figure: 'at most 1.1',
      rule: atMost(1.1),
      ...of('scattered', 'start-then-populate', 'bytes delivered / bytes asked', s => s.diskBytes / (s.pages * 4096)),
    },
  ],
}
