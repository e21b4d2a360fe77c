//! A process that touches pages for another, so that it waits for the disk instead.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::Program;
use crate::pages::touch;

/// The helper, as the process that asks sees it.
pub(crate) struct Helper {
    process: Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Helper {
    /// Resolves when it has mapped the file.
    pub(crate) fn start(path: &Path, ranges: &[(u64, usize)]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("touch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let words = process.stdin.take().context("no way to talk to the helper")?;
        let answers = BufReader::new(process.stdout.take().context("no way to hear the helper")?);
        let mut helper = Self { process, words, answers };
        helper.ask(&json!({ "path": path, "ranges": ranges }))?;
        Ok(helper)
    }

    /// Has all ranges touched, and ends the helper.
    pub(crate) fn touch(mut self) -> io::Result<()> {
        let answered = self.ask(&json!({ "kind": "go" }));
        drop(self.words);
        self.process.wait()?;
        answered
    }

    fn ask(&mut self, word: &Value) -> io::Result<()> {
        writeln!(self.words, "{word}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the helper died"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub(crate) struct Task {
    path: PathBuf,
    ranges: Vec<(u64, usize)>,
}

/// The helper itself.
pub(crate) struct Touch {
    map: Mmap,
    ranges: Vec<(u64, usize)>,
}

#[derive(Serialize)]
pub(crate) struct Touched {
    ranges: usize,
}

impl Program for Touch {
    type Task = Task;
    type Sample = Touched;

    fn prepare(task: Task) -> Result<Self> {
        let file = File::open(&task.path)?;
        // SAFETY: nobody changes the file; where its disk fails, the signal ends this process, which is what it is for.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self { map, ranges: task.ranges })
    }

    fn measure(&mut self, _word: &Value) -> Result<Touched> {
        for &(offset, length) in &self.ranges {
            let start = usize::try_from(offset)?;
            touch(self.map.get(start..start + length).context("a range past the end of the file")?);
        }
        Ok(Touched { ranges: self.ranges.len() })
    }
}
