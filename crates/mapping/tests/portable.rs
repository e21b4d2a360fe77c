//! Platforms without a guard, tested on Linux: `cargo test -p faultless-mapping --features portable`.

#![cfg(feature = "portable")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;

use faultless_mapping::{
    Error, MappedFile, Purpose, Range, Target, capabilities, populate_ranges, read_ranges,
};

const RANGE: Range = Range { offset: 5000, length: 10_000 };

fn file_of(length: u64) -> (tempfile::NamedTempFile, MappedFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(length).unwrap();
    let mapped = MappedFile::open(file.path(), true).unwrap();
    (file, mapped)
}

#[test]
fn capabilities_say_that_files_are_read() {
    let found = capabilities();
    assert_eq!((found.populate, found.page_table, found.mapping, found.guard), ("read", false, false, false));
}

#[test]
fn no_page_is_mapped_or_known_to_be_resident() {
    let (path, file) = file_of(20_000);
    assert!(populate_ranges(&file, &[RANGE], Purpose::Copies, |_| true).unwrap().is_empty());
    let mut target = vec![1; RANGE.length];
    // SAFETY: the target has space for the one range, which ends within the file.
    let copied = unsafe { file.try_copy(std::iter::once(RANGE), target.as_mut_ptr()) };
    assert_eq!(copied.unwrap().count, 0);
    let residency = file.residency(RANGE);
    assert_eq!((residency.resident, residency.mapped), (None, 0));
    let inode = format!(" {} ", path.as_file().metadata().unwrap().ino());
    assert!(!fs::read_to_string("/proc/self/maps").unwrap().contains(&inode));
}

#[test]
fn views_are_refused_and_the_error_names_the_alternative() {
    let (_path, file) = file_of(20_000);
    assert!(matches!(file.lock(RANGE), Err(Error::Unsupported { .. })));
    let error = file.views().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().contains("use write()"), "{error}");
    assert!(populate_ranges(&file, &[RANGE], Purpose::Views, |_| true).is_err());
}

#[test]
fn written_bytes_are_read() {
    let (path, file) = file_of(20_000);
    file.write(b"written", 9000).unwrap();
    file.flush(RANGE).unwrap();
    let mut target = vec![0; RANGE.length];
    assert!(read_ranges(&file, &[RANGE], &mut Target::new([&mut target[..]], true), |_| true).is_empty());
    assert_eq!(&target[4000..4007], b"written");
    assert_eq!(fs::read(path.path()).unwrap()[9000..9007], *b"written");
}

#[test]
fn a_truncated_file_is_an_error_and_a_refresh_shows_growth() {
    let (path, file) = file_of(20_000);
    path.as_file().set_len(6000).unwrap();
    let failures =
        read_ranges(&file, &[RANGE], &mut Target::new([&mut vec![0; RANGE.length][..]], true), |_| true);
    assert!(matches!(failures[..], [(0, Error::Truncated { size: 6000, .. })]), "{failures:?}");
    OpenOptions::new().write(true).open(path.path()).unwrap().set_len(1 << 20).unwrap();
    assert_eq!(file.refreshed().unwrap().byte_length(), 1 << 20);
}
