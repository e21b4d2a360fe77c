//! Names of the functions at addresses of stacks, read from the files that were mapped there.
//!
//! Files are read, not mapped: a file that is truncated meanwhile causes an error, not a signal.

use std::fs::File;
use std::path::Path;

use cpp_demangle::{DemangleOptions, Symbol};
use object::read::ReadCache;
use object::{Object, ObjectSegment, ObjectSymbol, ObjectSymbolTable, ReadRef, SymbolIndex, SymbolKind};

/// A function that a file defines. Aliases of one function have the same start.
struct Function {
    start: u64,
    /// 0 where the file does not say.
    size: u64,
    table: Table,
    index: SymbolIndex,
}

#[derive(Clone, Copy)]
enum Table {
    /// The full table, for debuggers: all functions, unless the file was stripped.
    Whole,
    /// The table for the loader: exported functions.
    Dynamic,
}

/// The names of the functions at these file offsets; C++ names without parameters.
///
/// `None` for an offset without a named function, and for all offsets if the file cannot be read as an object file.
#[must_use]
pub fn function_names(path: &Path, offsets: &[u64]) -> Vec<Option<String>> {
    read_names(path, offsets).unwrap_or_else(|| vec![None; offsets.len()])
}

fn read_names(path: &Path, offsets: &[u64]) -> Option<Vec<Option<String>>> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let functions = functions_of(&file);
    Some(
        offsets
            .iter()
            .map(|&offset| {
                let address = address_of(&file, offset)?;
                let aliases = functions_at(&functions, address);
                aliases.iter().filter_map(|function| name_of(&file, function)).min_by_key(String::len)
            })
            .collect(),
    )
}

fn functions_of<'data, R: ReadRef<'data>>(file: &object::File<'data, R>) -> Vec<Function> {
    let whole = file.symbols().map(|symbol| (Table::Whole, symbol));
    let dynamic = file.dynamic_symbols().map(|symbol| (Table::Dynamic, symbol));
    let mut functions: Vec<Function> = whole
        .chain(dynamic)
        .filter(|(_, symbol)| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .map(|(table, symbol)| Function {
            start: symbol.address(),
            size: symbol.size(),
            table,
            index: symbol.index(),
        })
        .collect();
    functions.sort_by_key(|function| function.start);
    functions
}

/// The virtual address of a file offset.
fn address_of<'data, R: ReadRef<'data>>(file: &object::File<'data, R>, offset: u64) -> Option<u64> {
    file.segments().find_map(|segment| {
        let (start, size) = segment.file_range();
        let within = offset.checked_sub(start).filter(|&within| within < size)?;
        segment.address().checked_add(within)
    })
}

/// All names of the last function that starts at or before the address, unless it ends before it.
fn functions_at(functions: &[Function], address: u64) -> &[Function] {
    let started = &functions[..functions.partition_point(|function| function.start <= address)];
    let Some(last) = started.last() else { return &[] };
    let aliases = &started[started.partition_point(|function| function.start < last.start)..];
    let covers = |function: &Function| function.size == 0 || address - function.start < function.size;
    if aliases.iter().any(covers) { aliases } else { &[] }
}

fn name_of<'data, R: ReadRef<'data>>(file: &object::File<'data, R>, function: &Function) -> Option<String> {
    let symbol = match function.table {
        Table::Whole => file.symbol_by_index(function.index).ok()?,
        Table::Dynamic => file.dynamic_symbol_table()?.symbol_by_index(function.index).ok()?,
    };
    let name = symbol.name().ok()?;
    let options = DemangleOptions::new().no_params().no_return_type();
    let demangled = Symbol::new(name).ok().and_then(|mangled| mangled.demangle_with_options(&options).ok());
    Some(demangled.unwrap_or_else(|| name.to_owned())).filter(|name| !name.is_empty())
}
