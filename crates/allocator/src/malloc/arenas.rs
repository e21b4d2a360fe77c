//! The arenas of glibc in memory: where they are, which chunks are free, and how free pages are returned in short
//! steps.
//!
//! `malloc_trim` holds the lock of an arena during its whole work on it, and returns nothing from the top of any arena
//! but the main one. So this module walks the lists of free chunks itself, under the lock of their arena, for a
//! fraction of a millisecond at a time. The layout is that of glibc 2.27 and later, on 64 bits. Every value is checked
//! before use, and [`prove`] checks that the lock works as expected.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use libc::c_void;

use crate::stats::{ArenaStats, Pauses};

/// Offsets and constants of `malloc_state` and `heap_info` in glibc's arena.c and malloc.c, in bytes.
mod layout {
    pub(super) const TOP: usize = 96;
    /// The first bin, treated as a chunk as glibc does: its links are at the offsets of a chunk's links.
    pub(super) const FIRST_BIN: usize = TOP;
    pub(super) const BIN: usize = 16;
    pub(super) const BINS: usize = 127;
    /// From this bin on, chunks have at least 4 KiB; the first bin has all sizes, in the order of the frees.
    pub(super) const PAGES: usize = 98;
    pub(super) const NEXT: usize = 2160;
    pub(super) const SYSTEM_MEMORY: usize = 2184;
    /// In a heap, whose first field is its arena.
    pub(super) const PREVIOUS_HEAP: usize = 8;
    pub(super) const HEAP_SIZE: usize = 16;
    /// Heaps start at multiples of this size.
    pub(super) const HEAP: usize = 64 << 20;
    /// In a chunk.
    pub(super) const SIZE: usize = 8;
    pub(super) const FORWARD: usize = 16;
    pub(super) const BACKWARD: usize = 24;
    /// The bytes that glibc writes at the start of a free chunk.
    pub(super) const HEADER: usize = 48;
    pub(super) const ALIGNMENT: usize = 16;
    pub(super) const PREVIOUS_IN_USE: usize = 1;
    pub(super) const NOT_MAIN: usize = 4;
    /// Bits of a size field that are flags.
    pub(super) const FLAGS: usize = 7;
}

/// The maximum number of list steps while an arena is locked: for an arena in use, and for an idle one.
const MAX_STEPS_IN_USE: usize = 4096;
const MAX_STEPS_IDLE: usize = 1 << 20;
/// The bytes, and the system calls, during one lock of an arena.
const MAX_BYTES_PER_LOCK: usize = 512 << 10;
const MAX_CALLS_PER_LOCK: usize = 32;
/// The maximum number of known ranges.
const MAX_RANGES: usize = 16_384;
/// The number of attempts to lock an arena that other threads use.
const LOCK_ATTEMPTS: usize = 40;
/// More arenas than any machine has.
const MAX_ARENAS: usize = 16_384;
/// How long the test thread may take to block on the lock.
const PROOF_TIMEOUT: Duration = Duration::from_millis(20);

/// Reads machine words of a process's memory.
trait Words {
    fn read_word(&self, address: usize) -> Option<usize>;
}

/// The memory of this process, without checks: for data that the lock of an arena protects.
struct OwnMemory(());

impl OwnMemory {
    /// # Safety
    /// Only addresses in arenas, their heaps and chunks may be read, while the arena is locked.
    const unsafe fn new() -> Self {
        Self(())
    }
}

impl Words for OwnMemory {
    fn read_word(&self, address: usize) -> Option<usize> {
        // SAFETY: memory that glibc keeps mapped while the arena is locked, as `new` demands; words are aligned.
        Some(unsafe { ptr::with_exposed_provenance::<usize>(address).read_volatile() })
    }
}

/// The memory of any process, read through the kernel: unmapped addresses return `None`, and the data may change
/// meanwhile.
struct ProcessMemory(File);

impl Words for ProcessMemory {
    fn read_word(&self, address: usize) -> Option<usize> {
        let mut bytes = [0; size_of::<usize>()];
        self.0.read_exact_at(&mut bytes, address as u64).ok()?;
        Some(usize::from_ne_bytes(bytes))
    }
}

/// The addresses `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Range {
    pub(crate) const fn length(self) -> usize {
        self.end - self.start
    }
}

/// An arena; it lives as long as the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arena {
    address: usize,
    main: bool,
}

/// The bins to visit: those whose chunks may have whole pages, or all.
#[derive(Clone, Copy)]
enum Bins {
    OfPages,
    All,
}

/// A free chunk.
struct Chunk {
    address: usize,
    size: usize,
    top: bool,
}

impl Chunk {
    /// Its whole pages, without the header that glibc writes into it.
    fn pages(&self, page: usize) -> Range {
        let start = (self.address + layout::HEADER).next_multiple_of(page);
        let end = (self.address + self.size) / page * page;
        Range { start, end: end.max(start) }
    }
}

const fn heap_of(address: usize) -> usize {
    address / layout::HEAP * layout::HEAP
}

impl Arena {
    /// Visits the free chunks: the top first, then those of the bins, at most `max_steps` of the first bin and of the
    /// others. `None` where the data is not consistent.
    fn walk(
        self,
        words: &impl Words,
        bins: Bins,
        max_steps: usize,
        mut each: impl FnMut(&Chunk) -> ControlFlow<()>,
    ) -> Option<()> {
        let top = self.top(words)?;
        if top.size > 0 && each(&top).is_break() {
            return Some(());
        }
        let first_bin = if matches!(bins, Bins::All) { 1 } else { layout::PAGES };
        for bins in [first_bin..layout::BINS, 0..1] {
            let mut steps = 0;
            // The longest chunks first.
            for bin in bins.rev() {
                let head = self.bin(bin);
                let mut address = words.read_word(head + layout::BACKWARD)?;
                while address != head && steps < max_steps {
                    steps += 1;
                    if each(&self.chunk(words, address)?).is_break() {
                        return Some(());
                    }
                    address = words.read_word(address + layout::BACKWARD)?;
                }
            }
        }
        Some(())
    }

    const fn bin(self, bin: usize) -> usize {
        self.address + layout::FIRST_BIN + layout::BIN * bin
    }

    /// A hash of the data that changes when a thread allocates or frees: the top, and the ends of the lists.
    fn state(self, words: &impl Words) -> Option<usize> {
        (0..layout::BINS).try_fold(words.read_word(self.address + layout::TOP)?, |state, bin| {
            let head = self.bin(bin);
            let (first, last) =
                (words.read_word(head + layout::FORWARD)?, words.read_word(head + layout::BACKWARD)?);
            Some(state.rotate_left(5) ^ first.rotate_left(1) ^ last)
        })
    }

    /// The chunk at the end of its last heap; its size is 0 where the arena is still empty.
    fn top(self, words: &impl Words) -> Option<Chunk> {
        let address = words.read_word(self.address + layout::TOP)?;
        if address == self.address + layout::FIRST_BIN {
            return Some(Chunk { address, size: 0, top: true });
        }
        if !address.is_multiple_of(layout::ALIGNMENT) {
            return None;
        }
        let size = words.read_word(address + layout::SIZE)? & !layout::FLAGS;
        if !self.main {
            let heap = heap_of(address);
            let end = heap + words.read_word(heap + layout::HEAP_SIZE)?;
            if words.read_word(heap)? != self.address || address + size != end {
                return None;
            }
        }
        Some(Chunk { address, size, top: true })
    }

    /// A chunk in one of its lists. Both neighbours must point to it, and the next chunk must say that it is free.
    fn chunk(self, words: &impl Words, address: usize) -> Option<Chunk> {
        let size = words.read_word(address + layout::SIZE)? & !layout::FLAGS;
        let next = words.read_word(address + layout::BACKWARD)?;
        let whole = address.is_multiple_of(layout::ALIGNMENT)
            && words.read_word(next + layout::FORWARD)? == address
            && words.read_word(address.checked_add(size)?)? == size
            && words.read_word(address + size + layout::SIZE)? & layout::PREVIOUS_IN_USE == 0
            && (self.main || words.read_word(heap_of(address))? == self.address);
        whole.then_some(Chunk { address, size, top: false })
    }

    /// Whether allocated memory came from this arena.
    fn owns(self, words: &impl Words, memory: usize) -> bool {
        let elsewhere =
            words.read_word(memory - layout::SIZE).is_some_and(|size| size & layout::NOT_MAIN != 0);
        if elsewhere { words.read_word(heap_of(memory)) == Some(self.address) } else { self.main }
    }

    /// The number of its heaps.
    fn heaps(self, words: &impl Words) -> Option<u64> {
        if self.main {
            return Some(0);
        }
        let mut heap = heap_of(words.read_word(self.address + layout::TOP)?);
        for heaps in 1..=MAX_STEPS_IDLE as u64 {
            heap = words.read_word(heap + layout::PREVIOUS_HEAP)?;
            if heap == 0 {
                return Some(heaps);
            }
        }
        None
    }

    fn look(self, words: &impl Words, pages: &Pages) -> Option<(ArenaStats, Vec<Range>)> {
        let mut stats = ArenaStats {
            main: self.main,
            heaps: self.heaps(words)?,
            mapped: words.read_word(self.address + layout::SYSTEM_MEMORY)? as u64,
            ..ArenaStats::default()
        };
        let mut ranges = Vec::new();
        self.walk(words, Bins::All, MAX_STEPS_IDLE, |chunk| {
            stats.free += chunk.size as u64;
            if chunk.top {
                stats.top = chunk.size as u64;
            }
            ranges.push(chunk.pages(pages.size));
            ControlFlow::Continue(())
        })?;
        Some((stats, ranges))
    }

    fn lock(&self) -> &AtomicI32 {
        // SAFETY: the lock is the first field of an arena, and arenas are never unmapped.
        unsafe { &*ptr::with_exposed_provenance::<AtomicI32>(self.address) }
    }

    /// Takes the lock if it is free. The holder must not allocate.
    fn try_lock(&self) -> Option<LockedArena<'_>> {
        let lock = self.lock();
        lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(LockedArena { lock, since: Instant::now() })
    }

    /// Takes the lock, with several attempts.
    fn lock_with_attempts(&self) -> Option<LockedArena<'_>> {
        (0..LOCK_ATTEMPTS).find_map(|_| {
            self.try_lock().or_else(|| {
                thread::sleep(Duration::from_micros(50));
                None
            })
        })
    }
}

/// The lock of an arena, as glibc uses it: 0 is free, 1 taken, 2 taken with possible waiters.
struct LockedArena<'a> {
    lock: &'a AtomicI32,
    since: Instant,
}

/// How often this module has locked arenas, how often for longer than [`LONG_PAUSE`], and the longest time, in
/// nanoseconds.
static PAUSES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
const LONG_PAUSE: u64 = 1_000_000;

pub(crate) fn pauses() -> Pauses {
    let [count, long, longest] = PAUSES.each_ref().map(|number| number.load(Ordering::Relaxed));
    Pauses { count, long, longest }
}

impl LockedArena<'_> {
    /// Releases the lock; returns whether another thread waited.
    fn release(self) -> bool {
        let held = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let [count, long, longest] = &PAUSES;
        count.fetch_add(1, Ordering::Relaxed);
        long.fetch_add(u64::from(held > LONG_PAUSE), Ordering::Relaxed);
        longest.fetch_max(held, Ordering::Relaxed);
        let waited = self.lock.swap(0, Ordering::Release) > 1;
        if waited {
            let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
            // SAFETY: an aligned word that stays mapped; waking changes nothing in memory.
            unsafe { libc::syscall(libc::SYS_futex, self.lock.as_ptr(), wake, 1) };
        }
        waited
    }
}

/// Blocks signals for this thread while it lives: handlers must not run while an arena is locked.
pub(crate) struct NoSignals(libc::sigset_t);

impl NoSignals {
    pub(crate) fn new() -> Self {
        // SAFETY: plain data, which the next calls fill in.
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
        // SAFETY: a set of our own.
        unsafe { libc::sigfillset(&raw mut all) };
        // SAFETY: both are sets of our own. Synchronous faults of this thread are still delivered.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
        Self(before)
    }
}

impl Drop for NoSignals {
    fn drop(&mut self) {
        // SAFETY: the set that was in effect before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// The page table of a process.
struct Pages {
    map: File,
    size: usize,
}

impl Pages {
    const ENTRY: usize = 8;
    const ENTRIES_PER_READ: usize = 512;
    /// In memory, or swapped out.
    const PRESENT_OR_SWAPPED: u64 = 3 << 62;

    /// Calls `each` for each run of pages that exist in memory or swap.
    fn resident(&self, range: Range, mut each: impl FnMut(Range)) -> io::Result<()> {
        let mut entries = [0; Self::ENTRY * Self::ENTRIES_PER_READ];
        let mut run: Option<Range> = None;
        let mut at = range.start;
        while at < range.end {
            let count = ((range.end - at) / self.size).min(Self::ENTRIES_PER_READ);
            let bytes = &mut entries[..Self::ENTRY * count];
            self.map.read_exact_at(bytes, (at / self.size * Self::ENTRY) as u64)?;
            for entry in bytes.chunks_exact(Self::ENTRY) {
                let is_present = entry
                    .try_into()
                    .is_ok_and(|bytes| u64::from_ne_bytes(bytes) & Self::PRESENT_OR_SWAPPED != 0);
                match (&mut run, is_present) {
                    (Some(run), true) => run.end = at + self.size,
                    (None, true) => run = Some(Range { start: at, end: at + self.size }),
                    (_, false) => run.take().into_iter().for_each(&mut each),
                }
                at += self.size;
            }
        }
        run.into_iter().for_each(each);
        Ok(())
    }
}

/// The memory of a process, with its arenas.
struct Process {
    words: ProcessMemory,
    pages: Pages,
    arenas: Vec<Arena>,
}

impl Process {
    /// `None` is this process.
    fn open(pid: Option<u32>) -> Result<Self, String> {
        let folder = pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
        let open = |name: &str| {
            let path = format!("{folder}/{name}");
            File::open(&path).map_err(|error| format!("{path} cannot be opened: {error}"))
        };
        let maps = fs::read_to_string(format!("{folder}/maps"))
            .map_err(|error| format!("{folder}/maps cannot be read: {error}"))?;
        // SAFETY: the call only returns a number.
        let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let words = ProcessMemory(open("mem")?);
        let pages = Pages { map: open("pagemap")?, size };
        let arenas = find_arenas(&words, &maps).ok_or(
            "no arena of glibc was found except the main one: another malloc, or MALLOC_ARENA_MAX=1",
        )?;
        Ok(Self { words, pages, arenas })
    }

    /// Updates the list of arenas.
    fn renew(&mut self) {
        let Some(first) = self.arenas.first().copied() else { return };
        if let Some(arenas) = ring(&self.words, first.address) {
            self.arenas = arenas;
        }
    }
}

/// Finds the arenas: heaps start at multiples of their length and point to their arena, which points to the next one.
fn find_arenas(words: &impl Words, maps: &str) -> Option<Vec<Arena>> {
    let mut libc = Vec::new();
    let mut heaps = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some(mode)) = (fields.next(), fields.next()) else { continue };
        let Some((start, end)) = range.split_once('-') else { continue };
        let parse = |text| usize::from_str_radix(text, 16).ok();
        let (Some(start), Some(end)) = (parse(start), parse(end)) else { continue };
        if mode != "rw-p" {
            continue;
        }
        match fields.nth(3) {
            None => heaps.extend((start.next_multiple_of(layout::HEAP)..end).step_by(layout::HEAP)),
            Some(path) if path.contains("/libc.so.6") || path.contains("/libc-2.") => {
                libc.push(Range { start, end });
            }
            Some(_) => {}
        }
    }
    heaps.into_iter().find_map(|heap| {
        let arenas = ring(words, words.read_word(heap)?)?;
        let main = arenas.iter().find(|arena| arena.main)?;
        libc.iter().any(|range| (range.start..range.end).contains(&main.address)).then_some(arenas)
    })
}

/// All arenas, starting from one that is not the main arena. Each of them lies at the start of a heap of its own,
/// except for the main arena.
fn ring(words: &impl Words, first: usize) -> Option<Vec<Arena>> {
    let mut arenas = Vec::new();
    let mut address = first;
    loop {
        let aligned = address != 0 && address.is_multiple_of(layout::ALIGNMENT);
        if !aligned || arenas.len() == MAX_ARENAS {
            return None;
        }
        let main = words.read_word(heap_of(address)) != Some(address);
        let arena = Arena { address, main };
        words.read_word(address + layout::NEXT)?;
        arenas.push(arena);
        address = words.read_word(address + layout::NEXT)?;
        if address == first {
            break;
        }
    }
    (arenas.iter().filter(|arena| arena.main).count() == 1).then_some(arenas)
}

/// The memory of each arena of another process. The process keeps running, and an arena that it changes during the read
/// is left out.
pub(crate) fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    let process = Process::open(Some(pid))?;
    Ok(process.arenas.iter().filter_map(|arena| stats_of(*arena, &process.words, &process.pages)).collect())
}

fn stats_of(arena: Arena, words: &impl Words, pages: &Pages) -> Option<ArenaStats> {
    // An arena that changes during the read is read again.
    let (mut stats, ranges) = (0..3).find_map(|_| arena.look(words, pages))?;
    for range in ranges {
        let _ = pages.resident(range, |run| stats.resident += run.length() as u64);
    }
    Some(stats)
}

/// Free memory of this process that can be returned.
pub(crate) struct Arenas {
    process: Process,
    /// Filled while an arena is locked, so it must never grow.
    ranges: Vec<Range>,
    /// The state of each arena when it was visited.
    states: Vec<(Arena, Option<usize>)>,
}

impl Arenas {
    /// Succeeds where the layout was recognised and the lock was proven.
    pub(crate) fn open() -> Result<Self, String> {
        proven()?;
        Ok(Self { process: Process::open(None)?, ranges: Vec::with_capacity(MAX_RANGES), states: Vec::new() })
    }

    /// The page size in bytes.
    pub(crate) const fn page(&self) -> usize {
        self.process.pages.size
    }

    /// The ranges of whole pages that are free now, in order; only of chunks with at least this many bytes of them.
    pub(crate) fn free(&mut self, min_length: usize) -> &[Range] {
        self.process.renew();
        let Self { process, ranges, states } = self;
        ranges.clear();
        let before = std::mem::take(states);
        for arena in &process.arenas {
            let Some(held) = arena.lock_with_attempts() else { continue };
            // SAFETY: the arena is locked until its walk has ended.
            let own = unsafe { OwnMemory::new() };
            let state = arena.state(&own);
            let max_steps = steps(&before, (*arena, state));
            arena.walk(&own, Bins::OfPages, max_steps, |chunk| {
                let pages = chunk.pages(process.pages.size);
                if pages.length() >= min_length {
                    push(ranges, pages);
                }
                ControlFlow::Continue(())
            });
            held.release();
            states.push((*arena, state));
        }
        ranges.sort_unstable();
        ranges
    }

    /// The parts of the ranges that are in memory.
    pub(crate) fn resident(&self, ranges: &[Range]) -> Vec<Range> {
        let mut runs = Vec::new();
        for range in ranges {
            if self.process.pages.resident(*range, |run| runs.push(run)).is_err() {
                break;
            }
        }
        runs
    }

    /// Returns the pages of these ordered, disjoint ranges that are still free. Returns the number of bytes.
    pub(crate) fn give_back(&self, wanted: &mut [Range]) -> usize {
        let page = self.process.pages.size;
        let arenas = &self.process.arenas;
        arenas.iter().map(|arena| give_back_of(*arena, &self.states, wanted, page)).sum()
    }
}

/// The maximum number of list steps: an arena that was not used since the last visit may be locked for longer.
fn steps(before: &[(Arena, Option<usize>)], now: (Arena, Option<usize>)) -> usize {
    if before.contains(&now) { MAX_STEPS_IDLE } else { MAX_STEPS_IN_USE }
}

/// Does not grow the vector: see [`Arenas::ranges`].
fn push(ranges: &mut Vec<Range>, range: Range) {
    if ranges.len() < ranges.capacity() && range.length() > 0 {
        ranges.push(range);
    }
}

/// Returns one piece per lock, so that no thread waits long for the arena.
fn give_back_of(arena: Arena, states: &[(Arena, Option<usize>)], wanted: &mut [Range], page: usize) -> usize {
    let mut total = 0;
    while let Some(held) = arena.lock_with_attempts() {
        let (mut calls, mut bytes) = (0, 0);
        // SAFETY: the arena is locked until its walk has ended.
        let own = unsafe { OwnMemory::new() };
        let max_steps = steps(states, (arena, arena.state(&own)));
        arena.walk(&own, Bins::OfPages, max_steps, |chunk| {
            let free = chunk.pages(page);
            let first = wanted.partition_point(|range| range.end <= free.start);
            for range in &mut wanted[first..] {
                let start = range.start.max(free.start);
                let end = range.end.min(free.end).min(start + (MAX_BYTES_PER_LOCK - bytes));
                if range.start >= free.end {
                    break;
                }
                if start >= end {
                    continue;
                }
                range.start = end;
                if discard(Range { start, end }) {
                    bytes += end - start;
                }
                calls += 1;
                if calls == MAX_CALLS_PER_LOCK || bytes == MAX_BYTES_PER_LOCK {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let had_waiter = held.release();
        total += bytes;
        if calls < MAX_CALLS_PER_LOCK && bytes < MAX_BYTES_PER_LOCK {
            break;
        }
        // A waiting thread has to wake up before the lock is taken again.
        thread::sleep(Duration::from_micros(if had_waiter { 1000 } else { 20 }));
    }
    total
}

/// The pages read as zeros afterwards. No code relies on the contents of free memory.
fn discard(range: Range) -> bool {
    let start = ptr::with_exposed_provenance_mut::<c_void>(range.start);
    // SAFETY: whole pages within a free chunk of an arena that is locked: no code has a pointer into them, and glibc
    // itself returns them in the same way. The kernel refuses locked memory.
    unsafe { libc::madvise(start, range.length(), libc::MADV_DONTNEED) == 0 }
}

/// Whether the lock of an arena works as expected: tested once, by making a thread wait for it.
pub(crate) fn proven() -> Result<(), String> {
    static PROVEN: OnceLock<Result<(), String>> = OnceLock::new();
    PROVEN
        .get_or_init(|| {
            (0..PROOF_ATTEMPTS)
                .find_map(|_| prove().transpose())
                .unwrap_or_else(|| Err(LOCK_NOT_UNDERSTOOD.to_owned()))
        })
        .clone()
}

/// Longer than the chunks of a thread's own cache, so that freeing it takes the lock.
const PROBE_LENGTH: usize = 4000;
/// A busy machine may not run the other thread in time.
const PROOF_ATTEMPTS: usize = 5;
const LOCK_NOT_UNDERSTOOD: &str =
    "the lock of an arena does not work as expected: a thread that had to wait for it did not";

/// Frees memory in another thread while its arena is locked. `None` where that thread did not block in time.
fn prove() -> Result<Option<()>, String> {
    static FREED: AtomicBool = AtomicBool::new(false);
    let process = Process::open(None)?;
    // SAFETY: a length that is not 0.
    let address = unsafe { libc::malloc(PROBE_LENGTH) }.expose_provenance();
    let free = move || {
        // SAFETY: allocated above, and freed once.
        unsafe { libc::free(ptr::with_exposed_provenance_mut(address)) };
    };
    let Some(arena) = process.arenas.iter().find(|arena| arena.owns(&process.words, address)) else {
        free();
        return Err("the arena of a thread was not found".to_owned());
    };
    let go = Arc::new(AtomicBool::new(false));
    FREED.store(false, Ordering::Relaxed);
    let go_for_thread = Arc::clone(&go);
    let other = thread::Builder::new().name("faultless-proof".to_owned()).spawn(move || {
        while !go_for_thread.load(Ordering::Acquire) {
            thread::yield_now();
        }
        free();
        FREED.store(true, Ordering::Release);
    });
    let other = other.map_err(|error| format!("no thread could be started: {error}"))?;
    let no_signals = NoSignals::new();
    let held = arena.lock_with_attempts();
    go.store(true, Ordering::Release);
    let outcome = held.map(|held| {
        let waiting_since = Instant::now();
        let waits = || held.lock.load(Ordering::Relaxed) == 2;
        while !waits() && !FREED.load(Ordering::Acquire) && waiting_since.elapsed() < PROOF_TIMEOUT {
            thread::yield_now();
        }
        let (waits, freed) = (waits(), FREED.load(Ordering::Acquire));
        held.release();
        (waits, freed)
    });
    drop(no_signals);
    let ended = other.join().is_ok();
    match outcome {
        Some((true, false)) if ended => Ok(Some(())),
        Some((_, true)) => Err(LOCK_NOT_UNDERSTOOD.to_owned()),
        _ => Ok(None),
    }
}
