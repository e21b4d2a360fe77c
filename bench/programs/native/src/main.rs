//! What the experiments measure natively, in a process of its own: `faultless-bench PROGRAM`. The first line of standard
//! input is the task. Then each `{"kind":"go"}` is answered with a sample, and `{"kind":"stop"}`, or the end of the input,
//! ends it. What goes wrong is answered with `{"kind":"failed"}`.

mod conversation;
mod delay;
#[cfg(target_os = "linux")]
mod helper;
mod io;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(target_os = "linux")]
mod prefault;
mod random;
mod strided;
mod sums;
mod usage;

use anyhow::{Result, bail};
use conversation::{converse, fail};
fn main() {
    let named = std::env::args().nth(1).unwrap_or_default();
    if let Err(error) = run(&named) {
        fail(&error);
        std::process::exit(1);
    }
}

fn run(named: &str) -> Result<()> {
    match named {
        "sums" => converse::<sums::Sums>(),
        "random" => converse::<random::Random>(),
        #[cfg(target_os = "linux")]
        "prefault" => converse::<prefault::Prefault>(),
        #[cfg(target_os = "linux")]
        "touch" => converse::<helper::Touch>(),
        _ => bail!("no program '{named}' on this system"),
    }
}
