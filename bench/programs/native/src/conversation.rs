//! What is said between a program and the harness: one JSON object a line.

use std::io::{BufRead, Write, stdin, stdout};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Something that is prepared once, and measured as often as the harness asks for it.
pub(crate) trait Program: Sized {
    type Task: DeserializeOwned;
    type Sample: Serialize;

    /// Not timed.
    fn prepare(task: Self::Task) -> Result<Self>;
    /// `word` is what came with the request.
    fn measure(&mut self, word: &Value) -> Result<Self::Sample>;
}

/// Has a program answer until it is told to stop.
pub(crate) fn converse<P: Program>() -> Result<()> {
    let mut lines = stdin().lock().lines();
    let first = lines.next().context("no task came")??;
    let mut program = P::prepare(serde_json::from_str(&first)?)?;
    say(&json!({ "kind": "ready" }))?;
    for line in lines {
        let word: Value = serde_json::from_str(&line?)?;
        if word["kind"] == "stop" {
            break;
        }
        let mut answer = serde_json::to_value(program.measure(&word)?)?;
        answer["kind"] = "sample".into();
        say(&answer)?;
    }
    Ok(())
}

/// Says what went wrong. Nobody may be listening any more.
pub(crate) fn fail(error: &anyhow::Error) {
    _ = say(&json!({ "kind": "failed", "error": format!("{error:#}") }));
}

fn say(message: &Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()?;
    Ok(())
}
