//! Many threads access the same unchanged files by every method: each gets the bytes of the file. Data races show under
//! `ThreadSanitizer`: `npm run test:tsan`.

#![cfg(not(feature = "portable"))]
#![expect(clippy::cast_possible_truncation, reason = "a file of some MiB")]

use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use faultless_mapping::{
    Advice, MappedFile, PathOutcome, PathRange, Purpose, Range, Target, populate_ranges, read_paths,
    read_ranges, release_paths, try_read_path,
};

const THREADS: u64 = 4;
const ROUNDS: usize = 2000;
const LENGTH: usize = 3 << 20;

#[test]
fn every_thread_gets_the_bytes_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    let bytes: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    // Some threads refresh the shared handles, so that any thread may drop the last reference to an old one.
    let open = |writable| Mutex::new(Arc::new(MappedFile::open(&path, writable).unwrap()));
    let handles = [open(false), open(true)];
    let play = &|seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..ROUNDS {
            let (offset, length) = (random.usize(..LENGTH - (64 << 10)), random.usize(1..64 << 10));
            let range = Range { offset: offset as u64, length };
            let expected = &bytes[offset..offset + length];
            let file: Arc<MappedFile> = random.choice(&handles).unwrap().lock().unwrap().clone();
            let mut target = vec![0; length];
            match random.u8(..10) {
                0 => {
                    let mut whole = Target::new([&mut target[..]], true);
                    assert!(read_ranges(&file, &[range], &mut whole, |_| true).is_empty());
                    assert!(target == expected);
                }
                1 => {
                    // SAFETY: the target has space for the one range, which lies within the file.
                    let copied = unsafe { file.try_copy(std::iter::once(range), target.as_mut_ptr()) };
                    assert!(copied.unwrap().count == 0 || target == expected);
                }
                2 => {
                    let purpose = [Purpose::Copies, Purpose::Views, Purpose::ViewsInOrder][random.usize(..3)];
                    assert!(populate_ranges(&file, &[range], purpose, |_| true).unwrap().is_empty());
                }
                3 => {
                    let views = file.views().unwrap();
                    // SAFETY: an address of a mapping that lives.
                    assert_eq!(unsafe { views.address_of(range.offset).read_volatile() }, expected[0]);
                    file.ready_views(range).unwrap();
                }
                4 => {
                    file.lock(range).unwrap();
                    file.unlock(range.offset, Some(length as u64));
                }
                5 => {
                    let handle = random.choice(&handles).unwrap();
                    let fresh = handle.lock().unwrap().refreshed().unwrap();
                    *handle.lock().unwrap() = fresh.into();
                }
                6 => file.advise(range, Advice::DontNeed).unwrap(),
                7 => {
                    let asked =
                        PathRange { path: path.clone(), offset: range.offset, length: Some(length as u64) };
                    let done = read_paths(&[asked], Duration::from_millis(5), LENGTH, LENGTH, |_| true);
                    assert!(matches!(done.outcomes[..], [PathOutcome::Bytes(_)]) && done.bytes == expected);
                }
                8 => {
                    let idle = Duration::from_millis(random.u64(1..10));
                    // SAFETY: the target has space for as many bytes.
                    let copied =
                        unsafe { try_read_path(&path, idle, range.offset, length, target.as_mut_ptr()) };
                    assert!(copied.unwrap().is_none() || target == expected);
                }
                _ => release_paths(Some(&path)),
            }
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|seed| drop(scope.spawn(move || play(seed)))));
}
