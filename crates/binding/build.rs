//! Lets napi-rs set the linker flags of a Node addon.

fn main() {
    napi_build::setup();
}
