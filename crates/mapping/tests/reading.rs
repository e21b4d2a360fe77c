//! Every method of reading returns the bytes of the file, and each range fails separately.

#![cfg_attr(feature = "portable", expect(unused_imports, reason = "what only a mapping does is left out"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use faultless_mapping::{Error, MappedFile, Purpose, Range, Target, page_size, populate_ranges, read_ranges};
use tempfile::TempDir;

fn file_of(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
}

fn read(file: &MappedFile, ranges: &[Range]) -> (Vec<u8>, Vec<(usize, Error)>) {
    let mut target = vec![0; ranges.iter().map(|range| range.length).sum()];
    let failures = read_ranges(file, ranges, &mut Target::new([&mut target[..]], true), |_| true);
    (target, failures)
}

fn try_copy(file: &MappedFile, offset: u64, length: usize) -> Result<Option<Vec<u8>>, Error> {
    let mut target = vec![0; length];
    // SAFETY: the target has space for the one range, which ends within the file.
    let copied = unsafe { file.try_copy(std::iter::once(Range { offset, length }), target.as_mut_ptr()) };
    copied.map(|copied| (copied.count == 1).then_some(target))
}

#[test]
fn ranges_are_read_back_to_back_in_their_order() {
    let bytes = pattern(3 * (2 << 20) + 5);
    let (_folder, path) = file_of(&bytes);
    let file = MappedFile::open(&path, false).unwrap();
    let all = Range { offset: 0, length: bytes.len() };
    let ranges = [
        Range { offset: 4095, length: 2 },
        all,
        Range { offset: 7, length: 0 },
        Range { offset: 1, length: 3 },
    ];
    let (target, failures) = read(&file, &ranges);
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(target, [&bytes[4095..4097], &bytes, &bytes[1..4]].concat());
}

#[test]
fn ranges_are_read_into_several_pieces_of_memory() {
    let bytes = pattern(20_000);
    let (_folder, path) = file_of(&bytes);
    let file = MappedFile::open(&path, false).unwrap();
    let ranges =
        [(0, 10), (10_000, 0), (5, 20), (19_000, 1000)].map(|(offset, length)| Range { offset, length });
    let (mut first, mut second, mut none, mut third) = ([0; 10], [0; 20], [0; 0], [0; 1000]);
    let parts = [&mut first[..], &mut none[..], &mut second[..], &mut third[..]];
    assert!(read_ranges(&file, &ranges, &mut Target::new(parts, false), |_| true).is_empty());
    assert_eq!(
        [&first[..], &second, &third].concat(),
        [&bytes[..10], &bytes[5..25], &bytes[19_000..]].concat()
    );
}

#[cfg(not(feature = "portable"))]
#[test]
fn a_populated_range_is_copied_synchronously() {
    let bytes = pattern(100_000);
    let (_folder, path) = file_of(&bytes);
    let file = MappedFile::open(&path, false).unwrap();
    let range = Range { offset: 10, length: 50_000 };
    assert!(populate_ranges(&file, &[range], Purpose::Copies, |_| true).unwrap().is_empty());
    assert_eq!(try_copy(&file, 10, 50_000).unwrap().unwrap(), bytes[10..50_010]);
    assert_eq!(
        file.residency(Range { offset: 0, length: 100_000 }).pages,
        100_000_usize.div_ceil(page_size())
    );
}

#[test]
fn an_empty_file_has_no_bytes_and_grows_on_refresh() {
    let (_folder, path) = file_of(b"");
    let file = MappedFile::open(&path, false).unwrap();
    assert_eq!((file.byte_length(), read(&file, &[Range { offset: 0, length: 0 }]).0), (0, vec![]));
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"grown").unwrap();
    let file = file.refreshed().unwrap();
    assert_eq!(
        (file.byte_length(), read(&file, &[Range { offset: 0, length: 5 }]).0),
        (5, b"grown".to_vec())
    );
}

#[test]
fn an_unwanted_range_is_cancelled_and_the_rest_is_read() {
    let bytes = pattern(8192);
    let (_folder, path) = file_of(&bytes);
    let file = MappedFile::open(&path, false).unwrap();
    let ranges = [Range { offset: 0, length: 4 }, Range { offset: 4, length: 4 }];
    let mut target = [0; 8];
    let failures =
        read_ranges(&file, &ranges, &mut Target::new([&mut target[..]], false), |index| index != 0);
    assert!(matches!(failures[..], [(0, Error::Cancelled)]), "{failures:?}");
    assert_eq!(target[4..], bytes[4..8]);
}

#[cfg(not(feature = "portable"))]
#[test]
fn a_truncation_inside_a_page_is_detected_by_the_size() {
    let (_folder, path) = file_of(&pattern(8192));
    let file = MappedFile::open(&path, false).unwrap();
    let both = Range { offset: 0, length: 8192 };
    assert!(read(&file, &[both]).1.is_empty());
    OpenOptions::new().write(true).open(&path).unwrap().set_len(6000).unwrap();
    let ranges = [Range { offset: 5000, length: 500 }, Range { offset: 5900, length: 200 }];
    let (_, failures) = read(&file, &ranges);
    assert!(matches!(failures[..], [(1, Error::Truncated { size: 6000, .. })]), "{failures:?}");
    assert!(matches!(try_copy(&file, 5900, 200), Err(Error::Truncated { .. })));
}

#[cfg(not(feature = "portable"))]
#[test]
fn after_a_truncation_views_are_zeros_and_reads_fail_and_a_refresh_recovers() {
    let bytes = pattern(64 << 10);
    let (_folder, path) = file_of(&bytes);
    let file = MappedFile::open(&path, false).unwrap();
    let views = file.views().unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    for offset in (0..64 << 10).step_by(page_size()) {
        // SAFETY: an address of the mapping, which `views` keeps; the guard is installed.
        assert_eq!(unsafe { views.address_of(offset).read_volatile() }, 0);
    }
    let (_, failures) = read(&file, &[Range { offset: 0, length: 10 }]);
    assert!(matches!(failures[..], [(0, Error::Truncated { size: 0, .. })]), "{failures:?}");
    fs::write(&path, &bytes).unwrap();
    let file = file.refreshed().unwrap();
    assert_eq!(read(&file, &[Range { offset: 0, length: 64 << 10 }]).0, bytes);
    assert_ne!(
        file.views().unwrap().id(),
        views.id(),
        "views of a damaged mapping must not be handed out again"
    );
}

#[cfg(not(feature = "portable"))]
#[test]
fn write_through_views_are_replaced_when_the_file_fills_their_spare_pages() {
    let (_folder, path) = file_of(&pattern(page_size()));
    let mut file = MappedFile::open(&path, true).unwrap();
    let first = file.views().unwrap();
    let handle = OpenOptions::new().write(true).open(&path).unwrap();
    // Past the end of a short file there is a MiB of spare pages, and always at least one page: it shows whether
    // mincore is reliable.
    let capacity = (page_size() + (1 << 20)) as u64;
    for (size, stays) in [(capacity - 1, true), (capacity, false)] {
        handle.set_len(size).unwrap();
        file = file.grown().unwrap();
        assert_eq!(file.views().unwrap().id() == first.id(), stays, "{size}");
    }
}

#[cfg(not(feature = "portable"))]
#[test]
fn stores_to_copy_on_write_views_are_not_read() {
    let (_folder, path) = file_of(b"original");
    let file = MappedFile::open(&path, false).unwrap();
    // SAFETY: the first byte of a private mapping that this handle keeps.
    unsafe { file.views().unwrap().address_of(0).write_volatile(b'X') };
    assert_eq!(read(&file, &[Range { offset: 0, length: 8 }]).0, b"original");
    assert_eq!(fs::read(&path).unwrap(), b"original");
}

#[test]
fn a_directory_and_a_missing_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        MappedFile::open(folder.path(), false),
        Err(Error::NotAFile { what: "a directory", .. })
    ));
    assert!(matches!(
        MappedFile::open(&folder.path().join("none"), false),
        Err(Error::System { syscall: "open", .. })
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn a_generated_file_is_kept_in_memory() {
    let file = MappedFile::open("/proc/self/status".as_ref(), false).unwrap();
    assert!(!file.is_mapped());
    let length = usize::try_from(file.byte_length()).unwrap();
    let (bytes, failures) = read(&file, &[Range { offset: 0, length }]);
    assert!(failures.is_empty(), "{failures:?}");
    assert!(String::from_utf8(bytes).unwrap().starts_with("Name:"));
    assert!(try_copy(&file, 0, length).unwrap().is_some(), "the bytes are in memory");
}
