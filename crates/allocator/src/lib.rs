//! Where the memory of results comes from: allocators behind one trait, and what they say of themselves.
