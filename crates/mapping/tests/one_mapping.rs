//! There is one mapping of a file in the process, and none when everybody has let go. Alone in its process: it looks at
//! all of the process's mappings.

#![cfg(not(feature = "portable"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use faultless_mapping::{MappedFile, Range, find_path, open_path, read_ranges, release_paths};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

fn mappings_of(path: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.ends_with(path.to_str().unwrap())).count()
}

/// Unmapping is another thread's business, so it takes a moment.
fn wait_for_mappings(path: &Path, count: usize) {
    let patience = Instant::now() + Duration::from_secs(20);
    while mappings_of(path) != count {
        assert!(Instant::now() < patience, "there are still {}", mappings_of(path));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_thread_finds_the_one_mapping_which_goes_with_the_last_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    fs::write(&path, vec![7; 100_000]).unwrap();

    let files: Vec<_> = thread::scope(|scope| {
        let open = || scope.spawn(|| MappedFile::open(&path).unwrap());
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

    // A file that is appended to needs no new mapping, and one that is replaced gets one.
    let idle = Duration::from_secs(600);
    let first = open_path(&path, idle).unwrap();
    for size in (0..1000).map(|i| 100_000 + i * 100) {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
        assert_eq!(open_path(&path, idle).unwrap().byte_length(), size);
        assert_eq!(mappings_of(&path), 1);
    }
    drop(first);
    // Linux before 5.12 cannot tell whether it would have to ask a disk, nor can a memory checker that lacks the call.
    let can_tell = openat2(CWD, &path, OFlags::PATH, Mode::empty(), ResolveFlags::CACHED).is_ok();
    assert_eq!(find_path(&path, idle).is_some(), can_tell);
    fs::write(folder.path().join("other"), b"new").unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    assert!(find_path(&path, idle).is_none(), "the file that was there before");
    let file = open_path(&path, idle).unwrap();
    let mut target = [0; 3];
    assert!(read_ranges(&file, &[Range { offset: 0, length: 3 }], &mut target[..], |_| true).is_empty());
    assert_eq!(&target, b"new");
    drop(file);
    release_paths(Some(&path));
    wait_for_mappings(&path, 0);

    // An idle path is let go of without being asked.
    drop(open_path(&path, Duration::from_millis(20)).unwrap());
    wait_for_mappings(&path, 0);
}
