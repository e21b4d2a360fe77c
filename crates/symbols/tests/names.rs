//! Names of functions of this program, and of files that are not programs.

use std::fs;
use std::path::Path;

use faultless_symbols::function_names;

/// The name is unique.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn faultless_symbols_landmark(number: u64) -> u64 {
    std::hint::black_box(number).wrapping_mul(3)
}

/// The file and offset of a code address of this process, from `/proc/self/maps`.
fn place_of(address: u64) -> Option<(String, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let offset = u64::from_str_radix(words.nth(1)?, 16).ok()?;
        let path = words.nth(2)?;
        (start..end).contains(&address).then(|| (path.to_owned(), offset + address - start))
    })
}

#[test]
#[cfg(target_os = "linux")]
fn a_function_is_found_at_its_start_and_inside_and_no_name_where_there_is_no_code() {
    let address = faultless_symbols_landmark as *const () as u64;
    assert_eq!(faultless_symbols_landmark(2), 6);
    let (path, offset) = place_of(address).expect("code of this process is in a file");
    let names = function_names(Path::new(&path), &[offset, offset + 1, 0, u64::MAX]);
    let landmark = Some("faultless_symbols_landmark".to_owned());
    assert_eq!(names, [landmark.clone(), landmark, None, None]);
}

#[test]
#[cfg(target_os = "linux")]
fn an_export_of_a_stripped_library_is_found_under_its_shortest_name() {
    let (path, offset) = place_of(libc::mmap as *const () as u64).expect("libc is a file");
    assert_eq!(function_names(Path::new(&path), &[offset]), [Some("mmap".to_owned())]);
}

#[test]
fn a_missing_file_or_a_file_that_is_not_a_program_has_no_names() {
    assert_eq!(function_names(Path::new(file!()), &[0, 1]), [None, None]);
    assert_eq!(function_names(Path::new(env!("CARGO_MANIFEST_DIR")), &[0]), [None]);
    assert_eq!(function_names(Path::new("no such file"), &[0]), [None]);
}
