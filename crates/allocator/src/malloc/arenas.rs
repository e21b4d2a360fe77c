//! glibc's arenas as they lie in memory: where they are, what is free in them, and how free pages go back in short steps.
//!
//! `malloc_trim` holds the lock of an arena for as long as it works on it, and leaves the top of every arena but the main one
//! alone. So this walks the lists of free chunks itself, under the lock of their arena, for a fraction of a millisecond at a
//! time. The layout is that of glibc 2.27 and later, on 64 bits; it is checked before anything is believed, and [`prove`] sees
//! that the lock is one.

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

/// What `malloc_state` and `heap_info` of glibc's arena.c and malloc.c have where, in bytes.
mod layout {
    pub(super) const TOP: usize = 96;
    /// The first bin, seen as a chunk as glibc does: its links lie where those of a chunk do.
    pub(super) const FIRST_BIN: usize = TOP;
    pub(super) const BIN: usize = 16;
    pub(super) const BINS: usize = 127;
    /// From this bin on chunks have 4 KiB and more; the first one has all sizes, as they were freed.
    pub(super) const PAGES: usize = 98;
    pub(super) const NEXT: usize = 2160;
    pub(super) const SYSTEM_MEMORY: usize = 2184;
    /// Of a heap: its arena comes first.
    pub(super) const PREVIOUS_HEAP: usize = 8;
    pub(super) const HEAP_SIZE: usize = 16;
    /// Heaps begin at multiples of it.
    pub(super) const HEAP: usize = 64 << 20;
    /// Of a chunk.
    pub(super) const SIZE: usize = 8;
    pub(super) const FORWARD: usize = 16;
    pub(super) const BACKWARD: usize = 24;
    /// What glibc writes at the beginning of a free chunk.
    pub(super) const HEADER: usize = 48;
    pub(super) const ALIGNMENT: usize = 16;
    pub(super) const PREVIOUS_IN_USE: usize = 1;
    pub(super) const NOT_MAIN: usize = 4;
    /// Bits of a size that are none of it.
    pub(super) const FLAGS: usize = 7;
}

/// Chunks of a list that are looked at while an arena is locked that somebody uses, and of one that nobody does.
const FEW: usize = 4096;
const MANY: usize = 1 << 20;
/// Given back while an arena is locked, once.
const PIECE: usize = 512 << 10;
const CALLS: usize = 32;
/// Ranges that are known at a time.
const RANGES: usize = 16_384;
/// How often an arena that others use is tried.
const TRIES: usize = 40;
/// More arenas than any machine has.
const ARENAS: usize = 16_384;
/// How long the thread that must wait for the lock may take to do so.
const PATIENCE: Duration = Duration::from_millis(20);

/// Words of a process's memory.
trait Words {
    fn word(&self, address: usize) -> Option<usize>;
}

/// This process's, unchecked: for what the lock of an arena keeps as it is.
struct Own(());

impl Own {
    /// # Safety
    /// Only addresses in arenas, their heaps and chunks may be read, while the arena is locked.
    const unsafe fn new() -> Self {
        Self(())
    }
}

impl Words for Own {
    fn word(&self, address: usize) -> Option<usize> {
        // SAFETY: memory that glibc keeps mapped while the arena is locked, as `new` demands; words are aligned.
        Some(unsafe { ptr::with_exposed_provenance::<usize>(address).read_volatile() })
    }
}

/// A process's, by the kernel: what is not mapped is no word, and nothing holds it still.
struct Copied(File);

impl Words for Copied {
    fn word(&self, address: usize) -> Option<usize> {
        let mut bytes = [0; size_of::<usize>()];
        self.0.read_exact_at(&mut bytes, address as u64).ok()?;
        Some(usize::from_ne_bytes(bytes))
    }
}

/// From `start` on, up to `end`.
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

/// Whose chunks are looked at: those that may have whole pages, or all.
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
    /// Its whole pages, without what glibc writes into it.
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
    /// Each of its free chunks, the top first, then those of the bins, `most` of the first one and of the others. `None` where it
    /// is not as it must be.
    fn walk(
        self,
        words: &impl Words,
        bins: Bins,
        most: usize,
        mut each: impl FnMut(&Chunk) -> ControlFlow<()>,
    ) -> Option<()> {
        let top = self.top(words)?;
        if top.size > 0 && each(&top).is_break() {
            return Some(());
        }
        let least = if matches!(bins, Bins::All) { 1 } else { layout::PAGES };
        for bins in [least..layout::BINS, 0..1] {
            let mut steps = 0;
            // The longest chunks last come first.
            for bin in bins.rev() {
                let head = self.bin(bin);
                let mut address = words.word(head + layout::BACKWARD)?;
                while address != head && steps < most {
                    steps += 1;
                    if each(&self.chunk(words, address)?).is_break() {
                        return Some(());
                    }
                    address = words.word(address + layout::BACKWARD)?;
                }
            }
        }
        Some(())
    }

    const fn bin(self, bin: usize) -> usize {
        self.address + layout::FIRST_BIN + layout::BIN * bin
    }

    /// What changes when somebody allocates or frees: the top, and the ends of the lists.
    fn state(self, words: &impl Words) -> Option<usize> {
        (0..layout::BINS).try_fold(words.word(self.address + layout::TOP)?, |state, bin| {
            let head = self.bin(bin);
            let (first, last) = (words.word(head + layout::FORWARD)?, words.word(head + layout::BACKWARD)?);
            Some(state.rotate_left(5) ^ first.rotate_left(1) ^ last)
        })
    }

    /// The end of its last heap; without a size where it has not begun yet.
    fn top(self, words: &impl Words) -> Option<Chunk> {
        let address = words.word(self.address + layout::TOP)?;
        if address == self.address + layout::FIRST_BIN {
            return Some(Chunk { address, size: 0, top: true });
        }
        if !address.is_multiple_of(layout::ALIGNMENT) {
            return None;
        }
        let size = words.word(address + layout::SIZE)? & !layout::FLAGS;
        if !self.main {
            let heap = heap_of(address);
            let end = heap + words.word(heap + layout::HEAP_SIZE)?;
            if words.word(heap)? != self.address || address + size != end {
                return None;
            }
        }
        Some(Chunk { address, size, top: true })
    }

    /// A chunk in one of its lists: both neighbours know it, and what follows it says that it is free.
    fn chunk(self, words: &impl Words, address: usize) -> Option<Chunk> {
        let size = words.word(address + layout::SIZE)? & !layout::FLAGS;
        let next = words.word(address + layout::BACKWARD)?;
        let whole = address.is_multiple_of(layout::ALIGNMENT)
            && words.word(next + layout::FORWARD)? == address
            && words.word(address.checked_add(size)?)? == size
            && words.word(address + size + layout::SIZE)? & layout::PREVIOUS_IN_USE == 0
            && (self.main || words.word(heap_of(address))? == self.address);
        whole.then_some(Chunk { address, size, top: false })
    }

    /// Whether memory that is in use came from it.
    fn owns(self, words: &impl Words, memory: usize) -> bool {
        let elsewhere = words.word(memory - layout::SIZE).is_some_and(|size| size & layout::NOT_MAIN != 0);
        if elsewhere { words.word(heap_of(memory)) == Some(self.address) } else { self.main }
    }

    /// How many heaps it has.
    fn heaps(self, words: &impl Words) -> Option<u64> {
        if self.main {
            return Some(0);
        }
        let mut heap = heap_of(words.word(self.address + layout::TOP)?);
        for heaps in 1..=MANY as u64 {
            heap = words.word(heap + layout::PREVIOUS_HEAP)?;
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
            mapped: words.word(self.address + layout::SYSTEM_MEMORY)? as u64,
            ..ArenaStats::default()
        };
        let mut ranges = Vec::new();
        self.walk(words, Bins::All, MANY, |chunk| {
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
        // SAFETY: the lock is an arena's first field, and arenas are never unmapped.
        unsafe { &*ptr::with_exposed_provenance::<AtomicI32>(self.address) }
    }

    /// Takes the lock if it is free: who holds it must not allocate.
    fn try_hold(&self) -> Option<Held<'_>> {
        let lock = self.lock();
        lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Held { lock, since: Instant::now() })
    }

    /// The same, with patience.
    fn hold(&self) -> Option<Held<'_>> {
        (0..TRIES).find_map(|_| {
            self.try_hold().or_else(|| {
                thread::sleep(Duration::from_micros(50));
                None
            })
        })
    }
}

/// An arena's lock, as glibc takes it: 0 is free, 1 taken, 2 taken while somebody may wait.
struct Held<'a> {
    lock: &'a AtomicI32,
    since: Instant,
}

/// How often arenas were locked from here, how often for longer than [`LONG`], and for how long at most, in nanoseconds.
static PAUSES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
const LONG: u64 = 1_000_000;

pub(crate) fn pauses() -> Pauses {
    let [count, long, longest] = PAUSES.each_ref().map(|number| number.load(Ordering::Relaxed));
    Pauses { count, long, longest }
}

impl Held<'_> {
    /// Lets go of it; whether somebody waited.
    fn release(self) -> bool {
        let held = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let [count, long, longest] = &PAUSES;
        count.fetch_add(1, Ordering::Relaxed);
        long.fetch_add(u64::from(held > LONG), Ordering::Relaxed);
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
        // SAFETY: both are sets of our own. Faults of this thread are not held back by it.
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

/// Which pages of a process are in memory.
struct Pages {
    map: File,
    size: usize,
}

impl Pages {
    const ENTRY: usize = 8;
    const AT_ONCE: usize = 512;
    /// In memory, or swapped out.
    const THERE: u64 = 3 << 62;

    /// Hands on each run of pages that are there.
    fn resident(&self, range: Range, mut each: impl FnMut(Range)) -> io::Result<()> {
        let mut entries = [0; Self::ENTRY * Self::AT_ONCE];
        let mut run: Option<Range> = None;
        let mut at = range.start;
        while at < range.end {
            let count = ((range.end - at) / self.size).min(Self::AT_ONCE);
            let bytes = &mut entries[..Self::ENTRY * count];
            self.map.read_exact_at(bytes, (at / self.size * Self::ENTRY) as u64)?;
            for entry in bytes.chunks_exact(Self::ENTRY) {
                let there = entry.try_into().is_ok_and(|bytes| u64::from_ne_bytes(bytes) & Self::THERE != 0);
                match (&mut run, there) {
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

/// The memory of a process, with the arenas in it.
struct Process {
    words: Copied,
    pages: Pages,
    arenas: Vec<Arena>,
}

impl Process {
    /// `None` is this one.
    fn open(pid: Option<u32>) -> Result<Self, String> {
        let folder = pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
        let open = |name: &str| {
            let path = format!("{folder}/{name}");
            File::open(&path).map_err(|error| format!("{path} cannot be opened: {error}"))
        };
        let maps = fs::read_to_string(format!("{folder}/maps"))
            .map_err(|error| format!("{folder}/maps cannot be read: {error}"))?;
        // SAFETY: nothing but a number is asked for.
        let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let words = Copied(open("mem")?);
        let pages = Pages { map: open("pagemap")?, size };
        let arenas = find_arenas(&words, &maps)
            .ok_or("no arena of glibc's was found but the main one: another malloc, or MALLOC_ARENA_MAX=1")?;
        Ok(Self { words, pages, arenas })
    }

    /// Those that there are by now.
    fn renew(&mut self) {
        let Some(first) = self.arenas.first().copied() else { return };
        if let Some(arenas) = ring(&self.words, first.address) {
            self.arenas = arenas;
        }
    }
}

/// Heaps begin at multiples of their length, and lead to their arena, and that to all others.
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
        let arenas = ring(words, words.word(heap)?)?;
        let main = arenas.iter().find(|arena| arena.main)?;
        libc.iter().any(|range| (range.start..range.end).contains(&main.address)).then_some(arenas)
    })
}

/// All arenas, from one that is not the main one: each lies at the beginning of a heap of its own, but for the main one.
fn ring(words: &impl Words, first: usize) -> Option<Vec<Arena>> {
    let mut arenas = Vec::new();
    let mut address = first;
    loop {
        let aligned = address != 0 && address.is_multiple_of(layout::ALIGNMENT);
        if !aligned || arenas.len() == ARENAS {
            return None;
        }
        let main = words.word(heap_of(address)) != Some(address);
        let arena = Arena { address, main };
        words.word(address + layout::NEXT)?;
        arenas.push(arena);
        address = words.word(address + layout::NEXT)?;
        if address == first {
            break;
        }
    }
    (arenas.iter().filter(|arena| arena.main).count() == 1).then_some(arenas)
}

/// What each arena of another process holds; it goes on meanwhile, and an arena that it changes just then is left out.
pub(crate) fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    let process = Process::open(Some(pid))?;
    Ok(process.arenas.iter().filter_map(|arena| tell(*arena, &process.words, &process.pages)).collect())
}

fn tell(arena: Arena, words: &impl Words, pages: &Pages) -> Option<ArenaStats> {
    // What changes while it is looked at is looked at once more.
    let (mut stats, ranges) = (0..3).find_map(|_| arena.look(words, pages))?;
    for range in ranges {
        let _ = pages.resident(range, |run| stats.resident += run.length() as u64);
    }
    Some(stats)
}

/// Free memory of this process, which can be given back.
pub(crate) struct Arenas {
    process: Process,
    /// Filled while an arena is locked, so it must never grow.
    ranges: Vec<Range>,
    /// What state each arena was in when it was looked at.
    states: Vec<(Arena, Option<usize>)>,
}

impl Arenas {
    /// Where the layout was recognised and the lock proven.
    pub(crate) fn open() -> Result<Self, String> {
        proven()?;
        Ok(Self { process: Process::open(None)?, ranges: Vec::with_capacity(RANGES), states: Vec::new() })
    }

    /// Bytes of a page.
    pub(crate) const fn page(&self) -> usize {
        self.process.pages.size
    }

    /// Ranges of whole pages that are free now, in order; of chunks with so many bytes of them at least.
    pub(crate) fn free(&mut self, least: usize) -> &[Range] {
        self.process.renew();
        let Self { process, ranges, states } = self;
        ranges.clear();
        let before = std::mem::take(states);
        for arena in &process.arenas {
            let Some(held) = arena.hold() else { continue };
            // SAFETY: the arena is locked until its walk has ended.
            let own = unsafe { Own::new() };
            let state = arena.state(&own);
            let most = steps(&before, (*arena, state));
            arena.walk(&own, Bins::OfPages, most, |chunk| {
                let pages = chunk.pages(process.pages.size);
                if pages.length() >= least {
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

    /// Those parts of the ranges that are in memory.
    pub(crate) fn resident(&self, ranges: &[Range]) -> Vec<Range> {
        let mut runs = Vec::new();
        for range in ranges {
            if self.process.pages.resident(*range, |run| runs.push(run)).is_err() {
                break;
            }
        }
        runs
    }

    /// Gives back what is still free of these ranges, which are in order and apart. How many bytes that was.
    pub(crate) fn give_back(&self, wanted: &mut [Range]) -> usize {
        let page = self.process.pages.size;
        let arenas = &self.process.arenas;
        arenas.iter().map(|arena| give_back_of(*arena, &self.states, wanted, page)).sum()
    }
}

/// How much of a list is looked at: nobody waits for an arena that nobody has used since.
fn steps(before: &[(Arena, Option<usize>)], now: (Arena, Option<usize>)) -> usize {
    if before.contains(&now) { MANY } else { FEW }
}

/// Without growing: see [`Arenas::ranges`].
fn push(ranges: &mut Vec<Range>, range: Range) {
    if ranges.len() < ranges.capacity() && range.length() > 0 {
        ranges.push(range);
    }
}

/// A piece at a time, so that nobody waits long for the arena.
fn give_back_of(arena: Arena, states: &[(Arena, Option<usize>)], wanted: &mut [Range], page: usize) -> usize {
    let mut total = 0;
    while let Some(held) = arena.hold() {
        let (mut calls, mut bytes) = (0, 0);
        // SAFETY: the arena is locked until its walk has ended.
        let own = unsafe { Own::new() };
        let most = steps(states, (arena, arena.state(&own)));
        arena.walk(&own, Bins::OfPages, most, |chunk| {
            let free = chunk.pages(page);
            let first = wanted.partition_point(|range| range.end <= free.start);
            for range in &mut wanted[first..] {
                let start = range.start.max(free.start);
                let end = range.end.min(free.end).min(start + (PIECE - bytes));
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
                if calls == CALLS || bytes == PIECE {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let somebody = held.release();
        total += bytes;
        if calls < CALLS && bytes < PIECE {
            break;
        }
        // Who waited has to wake up before the lock is taken again.
        thread::sleep(Duration::from_micros(if somebody { 1000 } else { 20 }));
    }
    total
}

/// The pages read as zeros afterwards, which nobody relies on in free memory.
fn discard(range: Range) -> bool {
    let start = ptr::with_exposed_provenance_mut::<c_void>(range.start);
    // SAFETY: whole pages within a free chunk of an arena that is locked: nobody has a pointer into them, and glibc itself
    // gives them back so. Locked memory is refused.
    unsafe { libc::madvise(start, range.length(), libc::MADV_DONTNEED) == 0 }
}

/// Whether the lock of an arena is what it is taken for: seen once, by having a thread wait for it.
pub(crate) fn proven() -> Result<(), String> {
    static PROVEN: OnceLock<Result<(), String>> = OnceLock::new();
    PROVEN
        .get_or_init(|| {
            (0..PROOFS).find_map(|_| prove().transpose()).unwrap_or_else(|| Err(DOUBT.to_owned()))
        })
        .clone()
}

/// Longer than what a thread keeps for itself, so that freeing it takes the lock.
const PROBE: usize = 4000;
/// A machine that is busy may not let the other thread run in time.
const PROOFS: usize = 5;
const DOUBT: &str = "the lock of an arena was not understood: a thread that had to wait for it did not";

/// Frees memory in another thread while its arena is locked. `None` where that thread did not come so far in time.
fn prove() -> Result<Option<()>, String> {
    static FREED: AtomicBool = AtomicBool::new(false);
    let process = Process::open(None)?;
    // SAFETY: a length that is not 0.
    let address = unsafe { libc::malloc(PROBE) }.expose_provenance();
    let free = move || {
        // SAFETY: got above, and freed once.
        unsafe { libc::free(ptr::with_exposed_provenance_mut(address)) };
    };
    let Some(arena) = process.arenas.iter().find(|arena| arena.owns(&process.words, address)) else {
        free();
        return Err("the arena of a thread was not found".to_owned());
    };
    let go = Arc::new(AtomicBool::new(false));
    FREED.store(false, Ordering::Relaxed);
    let told = Arc::clone(&go);
    let other = thread::Builder::new().name("faultless-proof".to_owned()).spawn(move || {
        while !told.load(Ordering::Acquire) {
            thread::yield_now();
        }
        free();
        FREED.store(true, Ordering::Release);
    });
    let other = other.map_err(|error| format!("no thread can be started: {error}"))?;
    let quiet = NoSignals::new();
    let held = arena.hold();
    go.store(true, Ordering::Release);
    let outcome = held.map(|held| {
        let begun = Instant::now();
        let waits = || held.lock.load(Ordering::Relaxed) == 2;
        while !waits() && !FREED.load(Ordering::Acquire) && begun.elapsed() < PATIENCE {
            thread::yield_now();
        }
        let (waits, freed) = (waits(), FREED.load(Ordering::Acquire));
        held.release();
        (waits, freed)
    });
    drop(quiet);
    let ended = other.join().is_ok();
    match outcome {
        Some((true, false)) if ended => Ok(Some(())),
        Some((_, true)) => Err(DOUBT.to_owned()),
        _ => Ok(None),
    }
}
