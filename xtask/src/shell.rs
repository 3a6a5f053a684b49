//! Runs other programs, so that a person sees their output as it comes while its lines can still be counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, bail};

/// Runs to the end; an exit status other than 0 is an error that names the command.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Runs to the end and returns what it wrote to standard output; its standard error is shown.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", name(command)))?;
    if !out.status.success() {
        bail!("{} ended with {}\n{}", name(command), out.status, String::from_utf8_lossy(&out.stdout));
    }
    String::from_utf8(out.stdout).with_context(|| format!("{} printed bytes that are not UTF-8", name(command)))
}

/// Runs to the end, shows all output and returns its lines (standard output and error, each in order).
pub(crate) fn tee(command: &mut Command) -> anyhow::Result<(ExitStatus, Vec<String>)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", name(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let lines = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| stdout.map(|from| forward(from, std::io::stdout(), &lines)));
        scope.spawn(|| stderr.map(|from| forward(from, std::io::stderr(), &lines)));
    });
    let status = child.wait().with_context(|| format!("cannot wait for {}", name(command)))?;
    Ok((status, lines.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)))
}

/// Is there such a program? Asked by running it with an argument that makes it end at once.
pub(crate) fn has(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn forward(from: impl Read, mut to: impl Write, lines: &Mutex<Vec<String>>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A closed terminal must not stop the tests.
        let _shown = to.write_all(&line).and_then(|()| to.flush());
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
        line.clear();
    }
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
