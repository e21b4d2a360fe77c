//! The functions of the hot path, directly on Node-API: synchronous answers.
//!
//! The generated glue of napi-rs takes a lock that all threads of the process share at each call: an empty call was
//! four times slower in eight workers than in eight processes. All other functions use that glue.

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use faultless_allocator::jemalloc;
use faultless_mapping::{Copied, MappedFile, Range};
use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object, Unknown};
use napi::{Env, Error, JsValue, Result, Status, check_status, sys};
use napi_derive::napi;

use crate::arguments::{bytes, milliseconds, number, path_from, range, ranges};
use crate::{environment, errors, external};

/// The files that one thread may read synchronously, by number. A number consists of a slot and the slot's generation.
#[derive(Default)]
struct Readers {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    file: Option<Arc<MappedFile>>,
    generation: u32,
}

/// The bits of a number that are the slot; the others are the slot's generation.
const SLOT_BITS: u32 = 20;

thread_local! {
    static READERS: RefCell<Readers> = RefCell::default();
}

/// Registers a file for this thread and returns its number; never 0 on success. Beyond a million open files it returns
/// 0: such a file has no synchronous answers.
pub(crate) fn register(file: Arc<MappedFile>) -> u32 {
    READERS.with_borrow_mut(|Readers { slots, free }| {
        let slot = free.pop().unwrap_or(slots.len());
        if slot >= (1 << SLOT_BITS) - 1 {
            return 0;
        }
        if slot == slots.len() {
            slots.push(Slot::default());
        }
        slots[slot].file = Some(file);
        number_of(slot, slots[slot].generation)
    })
}

fn number_of(slot: usize, generation: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "less than 20 bits")]
    let slot = slot as u32 + 1;
    generation << SLOT_BITS | slot
}

/// Frees the number of a file.
pub(crate) fn unregister(number: u32) {
    // When the thread ends, the registry may be destroyed before the files.
    let file = READERS.try_with(|readers| {
        let Readers { slots, free } = &mut *readers.borrow_mut();
        let slot = slot_of(number)?;
        let found = slots.get_mut(slot).filter(|found| number_of(slot, found.generation) == number)?;
        found.generation = found.generation.wrapping_add(1) & (u32::MAX >> SLOT_BITS);
        free.push(slot);
        found.file.take()
    });
    drop(file);
}

fn slot_of(number: u32) -> Option<usize> {
    (number & ((1 << SLOT_BITS) - 1)).checked_sub(1).map(|slot| slot as usize)
}

/// The file of a number. The caller gets a reference of its own, so the file stays alive during the call.
fn file_of(number: f64) -> Result<Arc<MappedFile>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "any other number refers to no file"
    )]
    let number = number as u32;
    let found = READERS.with_borrow(|readers| {
        let slot = slot_of(number)?;
        let found = readers.slots.get(slot)?;
        if number_of(slot, found.generation) == number { found.file.clone() } else { None }
    });
    found.ok_or_else(|| Error::new(Status::Closing, "the file was released".to_owned()))
}

/// The functions of the hot path, most of which take the number of a file; see their types.
#[napi(ts_return_type = "{ \
tryCopy(reader: number, target: Uint8Array, at: number, offset: number, length: number): number, \
tryCopyMany(reader: number, target: Uint8Array, at: number, offsets: Float64Array, lengths: Float64Array): number, \
readyViews(reader: number, offset: number, length: number): number, \
mappedViews(reader: number, offset: number, length: number): number, \
checkView(reader: number, view: Uint8Array, offset: number, length: number): boolean, \
tryReadPath(path: Uint8Array, idle: number, target: Uint8Array, offset: number, length: number): number, \
tryAcquire(): boolean, \
relinquish(): void, \
largeMemory(length: number): ArrayBuffer | undefined }")]
pub fn reader_functions(env: &Env) -> Result<Object<'_>> {
    let mut functions = Object::new(env)?;
    for (name, function) in [
        (c"tryCopy", try_copy as unsafe extern "C" fn(_, _) -> _),
        (c"tryCopyMany", try_copy_many),
        (c"readyViews", ready_views),
        (c"mappedViews", mapped_views),
        (c"checkView", check_view),
        (c"tryReadPath", try_read_path),
        (c"tryAcquire", try_acquire),
        (c"relinquish", relinquish),
        (c"largeMemory", large_memory),
    ] {
        let mut value = ptr::null_mut();
        // SAFETY: the name is static, and the function has the signature of a callback.
        let status = unsafe {
            sys::napi_create_function(
                env.raw(),
                name.as_ptr(),
                -1,
                Some(function),
                ptr::null_mut(),
                &raw mut value,
            )
        };
        check_status!(status, "the function could not be created")?;
        // SAFETY: the value was made above, in this environment.
        let value = unsafe { Unknown::from_napi_value(env.raw(), value) }?;
        functions.set_named_property(&name.to_string_lossy(), value)?;
    }
    Ok(functions)
}

/// Copies `length` bytes at `offset` to `target`, from its byte `at` on, if that cannot wait for a disk. Returns 1, or
/// -1 where `NativeFile.beginAhead` is needed; 0 if the copy could wait.
unsafe extern "C" fn try_copy(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[reader, target, at, offset, length]| {
        let file = file_of(to_number(env, reader)?)?;
        let range = range(&file, to_number(env, offset)?, to_number(env, length)?)?;
        let address = writable(env, target, to_number(env, at)?, range.length)?;
        // SAFETY: `address` has space for the length, as was just checked, and no other code runs on this thread in
        // between; the range ends within the file.
        let copied = unsafe { file.try_copy(std::iter::once(range), address) };
        let copied = copied.map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?;
        from_number(env, signed(copied))
    })
}

/// Copies many ranges, back to back. Returns how many there were before the first one that could wait; negative where
/// `NativeFile.beginAhead` is needed.
unsafe extern "C" fn try_copy_many(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[reader, target, at, offsets, lengths]| {
        let file = file_of(to_number(env, reader)?)?;
        let ranges = ranges(&file, to_numbers(env, offsets)?, to_numbers(env, lengths)?)?;
        // A sum that overflows cannot fit into the target.
        let total = ranges.iter().try_fold(0, |total: usize, range| total.checked_add(range.length));
        let total = total.unwrap_or(usize::MAX);
        let address = writable(env, target, to_number(env, at)?, total)?;
        // SAFETY: as above, for all of them together.
        let copied = unsafe { file.try_copy(ranges.iter().copied(), address) };
        let copied = copied.map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?;
        from_number(env, signed(copied))
    })
}

/// The id of the mapping for views, if touching a view of the range cannot wait for a disk; otherwise 0.
unsafe extern "C" fn ready_views(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[reader, offset, length]| {
        let file = file_of(to_number(env, reader)?)?;
        let range = range(&file, to_number(env, offset)?, to_number(env, length)?)?;
        let ready = file.ready_views(range).map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?;
        from_number(env, ready.unwrap_or_default().into())
    })
}

/// The same for a chunk of a sequential reading.
unsafe extern "C" fn mapped_views(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[reader, offset, length]| {
        let file = file_of(to_number(env, reader)?)?;
        let range = range(&file, to_number(env, offset)?, to_number(env, length)?)?;
        let mapped =
            file.mapped_views(range).map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?;
        from_number(env, mapped.unwrap_or_default().into())
    })
}

/// Whether a view shows the bytes of the range, or some were replaced by zeros. Throws where the file is now shorter
/// than the range, also beyond the size of this file.
unsafe extern "C" fn check_view(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[reader, view, offset, length]| {
        let file = file_of(to_number(env, reader)?)?;
        let (offset, length) = (bytes(to_number(env, offset)?)?, bytes(to_number(env, length)?)?);
        let (_, view_length, address) = typed_array(env, view)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // A view whose memory was transferred has none.
        let address = if view_length < length { ptr::null_mut() } else { address };
        let intact = file.check_view(Range { offset, length }, address.cast());
        from_boolean(env, intact.map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?)
    })
}

/// Copies up to `length` bytes at `offset` of the file at `path` to the start of `target`, if the file is mapped
/// already and no step could wait for a disk. Returns how many bytes there were before the end of the file, or -1.
unsafe extern "C" fn try_read_path(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[path, idle, target, offset, length]| {
        let path = path_from(to_bytes(env, path)?);
        let idle = milliseconds(to_number(env, idle)?);
        let offset = bytes(to_number(env, offset)?)?;
        let length = usize::try_from(bytes(to_number(env, length)?)?).unwrap_or(usize::MAX);
        let address = writable(env, target, 0.0, length)?;
        // SAFETY: `address` has space for the length; no other code runs on this thread in between.
        let copied = unsafe { faultless_mapping::try_read_path(&path, idle, offset, length, address) };
        let copied = copied.map_err(|error| errors::to_napi(&Env::from_raw(env), &error))?;
        from_number(env, copied.map_or(-1.0, |count| number(count as u64)))
    })
}

/// Takes a permit for the next job; false where there is none, and then the callback of `onPermit` follows.
unsafe extern "C" fn try_acquire(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[]| from_boolean(env, environment::try_acquire(env)?))
}

/// Releases a permit that no job used.
unsafe extern "C" fn relinquish(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[]| {
        environment::relinquish(env);
        Ok(ptr::null_mut())
    })
}

/// Memory for a large result of `length` bytes from jemalloc; undefined where V8 is to allocate it.
unsafe extern "C" fn large_memory(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    call(env, info, |[length]| {
        if !jemalloc::is_used() {
            return Ok(ptr::null_mut());
        }
        let length = usize::try_from(bytes(to_number(env, length)?)?).unwrap_or(usize::MAX);
        let env = Env::from_raw(env);
        let memory = external::block(&env, length)?;
        Ok(memory.map_or(ptr::null_mut(), |memory| memory.raw()))
    })
}

/// Runs a function with the arguments of a call, and throws its error. A panic must not unwind into Node.
fn call<const COUNT: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    function: impl FnOnce([sys::napi_value; COUNT]) -> Result<sys::napi_value>,
) -> sys::napi_value {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let (mut values, mut count) = ([ptr::null_mut(); COUNT], COUNT);
        // SAFETY: the array has space for `count` values; missing ones are set to undefined.
        let status = unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut count,
                values.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        check_status!(status, "the arguments could not be read")?;
        function(values)
    }));
    let failed = match outcome {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error,
        Err(_) => Error::new(Status::GenericFailure, "faultless: a call failed unexpectedly".to_owned()),
    };
    // SAFETY: this is the thread of the environment, in a call from JavaScript.
    unsafe { napi::JsError::from(failed).throw_into(env) };
    ptr::null_mut()
}

fn to_number(env: sys::napi_env, value: sys::napi_value) -> Result<f64> {
    let mut number = 0.0;
    // SAFETY: `number` has space for the result; values other than numbers are refused.
    check_status!(unsafe { sys::napi_get_value_double(env, value, &raw mut number) }, "not a number")?;
    Ok(number)
}

/// A count, negative where `beginAhead` is needed.
fn signed(Copied { count, begin_ahead }: Copied) -> f64 {
    let count = number(count as u64);
    if begin_ahead { -count } else { count }
}

fn from_number(env: sys::napi_env, number: f64) -> Result<sys::napi_value> {
    let mut value = ptr::null_mut();
    // SAFETY: `value` has space for the result.
    let status = unsafe { sys::napi_create_double(env, number, &raw mut value) };
    check_status!(status, "the number could not be created")?;
    Ok(value)
}

fn from_boolean(env: sys::napi_env, truth: bool) -> Result<sys::napi_value> {
    let mut value = ptr::null_mut();
    // SAFETY: `value` has space for the result.
    let status = unsafe { sys::napi_get_boolean(env, truth, &raw mut value) };
    check_status!(status, "the boolean could not be created")?;
    Ok(value)
}

/// The kind, length in elements and address of a typed array at this moment.
fn typed_array(env: sys::napi_env, value: sys::napi_value) -> Result<(i32, usize, *mut c_void)> {
    let (mut kind, mut length, mut address) = (0, 0, ptr::null_mut());
    // SAFETY: the pointers are to locals with space for the results; the others may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut address,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check_status!(status, "not a typed array")?;
    Ok((kind, length, address))
}

fn to_numbers<'call>(env: sys::napi_env, value: sys::napi_value) -> Result<&'call [f64]> {
    let (kind, length, address) = typed_array(env, value)?;
    if kind != sys::TypedarrayType::float64_array {
        return Err(Error::new(Status::InvalidArg, "not a Float64Array".to_owned()));
    }
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: the array has this many numbers, and belongs to lib/, which runs no code during the call.
    Ok(unsafe { std::slice::from_raw_parts(address.cast(), length) })
}

fn to_bytes<'call>(env: sys::napi_env, value: sys::napi_value) -> Result<&'call [u8]> {
    let (kind, length, address) = typed_array(env, value)?;
    if kind != sys::TypedarrayType::uint8_array {
        return Err(Error::new(Status::InvalidArg, "not a Uint8Array".to_owned()));
    }
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: the array has this many bytes, and belongs to lib/, which runs no code during the call.
    Ok(unsafe { std::slice::from_raw_parts(address.cast(), length) })
}

/// The address of byte `at` of a `Uint8Array`, if it has at least `length` bytes from there on at this moment.
pub(crate) fn writable(
    env: sys::napi_env,
    target: sys::napi_value,
    at: f64,
    length: usize,
) -> Result<*mut u8> {
    let (kind, capacity, address) = typed_array(env, target)?;
    let at = usize::try_from(bytes(at)?).unwrap_or(usize::MAX);
    let fits = at.checked_add(length).is_some_and(|end| end <= capacity);
    if kind != sys::TypedarrayType::uint8_array || !fits || (address.is_null() && length > 0) {
        return Err(Error::new(Status::InvalidArg, "the target is too short for the range".to_owned()));
    }
    Ok(address.cast::<u8>().wrapping_add(at))
}
