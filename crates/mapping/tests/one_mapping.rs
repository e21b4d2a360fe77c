//! A file has one mapping per process, and none after its last user has dropped it. This test has a process of its own,
//! because it reads all mappings of the process.

#![cfg(not(feature = "portable"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use faultless_mapping::{MappedFile, PathOutcome, PathRange, read_paths, release_paths, try_read_path};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

fn mappings_of(path: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.ends_with(path.to_str().unwrap())).count()
}

/// A background thread unmaps, so it takes a moment.
fn wait_for_mappings(path: &Path, count: usize) {
    let patience = Instant::now() + Duration::from_secs(20);
    while mappings_of(path) != count {
        assert!(Instant::now() < patience, "there are still {} mappings", mappings_of(path));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn all_threads_share_one_mapping_until_the_last_user_drops_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    fs::write(&path, vec![7; 100_000]).unwrap();

    let files: Vec<_> = thread::scope(|scope| {
        let open = || scope.spawn(|| MappedFile::open(&path, false).unwrap());
        let opened: Vec<_> = (0..8).map(|_| open()).collect();
        opened.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(mappings_of(&path), 1);
    let views = files[3].views().unwrap();
    assert_eq!(mappings_of(&path), 2, "views have a mapping of their own");
    drop(files);
    // Views outlive their file.
    wait_for_mappings(&path, 1);
    drop(views);
    wait_for_mappings(&path, 0);

    // A file is mapped from its second use on. A file that grows needs no new mapping; a replaced file gets one.
    let idle = Duration::from_secs(600);
    assert_eq!(read_path(&path, idle).len(), 100_000);
    assert_eq!(mappings_of(&path), 0);
    assert_eq!(read_path(&path, idle).len(), 100_000);
    assert_eq!(mappings_of(&path), 1);
    for size in (1..1000).map(|i| 100_000 + i * 100) {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
        assert_eq!(read_path(&path, idle).len() as u64, size);
        assert_eq!(mappings_of(&path), 1);
    }
    // Before Linux 5.12 the kernel cannot tell whether a path lookup would wait for a disk; a memory checker may lack
    // the call, too.
    let can_tell = openat2(CWD, &path, OFlags::PATH, Mode::empty(), ResolveFlags::CACHED).is_ok();
    assert_eq!(try_read(&path, idle).is_some(), can_tell);
    fs::write(folder.path().join("other"), b"new").unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    assert!(try_read(&path, idle).is_none(), "the previous file must not be read");
    assert_eq!(read_path(&path, idle), b"new");
    assert_eq!(read_path(&path, idle), b"new");
    assert_eq!(try_read(&path, idle).as_deref(), if can_tell { Some(&b"new"[..]) } else { None });
    release_paths(Some(&path));
    wait_for_mappings(&path, 0);

    // An idle path is dropped without a call, also when a later use has shortened the idle time.
    for idle in [600_000, 20, 20] {
        read_path(&path, Duration::from_millis(idle));
    }
    wait_for_mappings(&path, 0);

    // The same for a path without a time limit whose idle time is shortened by a synchronous read.
    for _ in 0..2 {
        read_path(&path, Duration::MAX);
    }
    thread::sleep(Duration::from_millis(100));
    assert_eq!(mappings_of(&path), 1);
    assert_eq!(try_read(&path, Duration::from_millis(20)).is_some(), can_tell);
    if can_tell {
        wait_for_mappings(&path, 0);
    }
}

fn read_path(path: &Path, idle: Duration) -> Vec<u8> {
    let asked = PathRange { path: path.to_owned(), offset: 0, length: None };
    let done = read_paths(&[asked], idle, 1 << 20, 1 << 20, |_| true);
    assert!(matches!(done.outcomes[..], [PathOutcome::Bytes(_)]), "{:?}", done.outcomes);
    done.bytes
}

fn try_read(path: &Path, idle: Duration) -> Option<Vec<u8>> {
    let mut target = vec![0; 1000];
    // SAFETY: the target has space for as many bytes.
    let count = unsafe { try_read_path(path, idle, 0, target.len(), target.as_mut_ptr()) };
    count.unwrap().map(|count| target[..count].to_vec())
}
