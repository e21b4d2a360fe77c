//! Where the memory of large results comes from: slabs that are used again, and the allocators behind them.
//!
//! A fresh buffer for each read costs more than the copy into it: its pages are faulted in and zeroed one by one, and
//! getting and giving back address space takes the process's `mmap_lock` for writing. A slab keeps its pages.

mod slab;
mod source;

pub use slab::{SMALLEST, Slab, retained, trim};
