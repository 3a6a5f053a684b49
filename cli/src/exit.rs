//! How the process ends, and the one place that prints an error.
//!
//! A command returns a [`Failure`] where a person can act on it; any other error ends as [`Exit::Failed`]. Nothing else writes `error:`.

use std::fmt;
use std::process::ExitCode;

use crate::output;

/// The exit codes that scripts may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, permitted or proved.
    Ok,
    /// 1: something failed, or nobody knows whether a property holds.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the terms denied, or violate a property.
    Denied,
    /// 4: terms, catalogue or configuration are invalid.
    Invalid,
    /// 5: a verification failed.
    VerificationFailed,
    /// 130: the person interrupted.
    Interrupted,
}

/// An error for a person: how the process ends, what is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    notes: Vec<Note>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Note {
    /// Lower case, no full stop.
    pub(crate) message: String,
    /// The command to run or the line to change.
    pub(crate) hint: Option<String>,
}

/// Prints `error` to stderr and says how the process must end.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Ok;
    }
    let (exit, notes) = match error.downcast_ref::<Failure>() {
        Some(failure) => (failure.exit, failure.notes.iter().map(|note| (note.message.clone(), note.hint.as_deref())).collect()),
        None => (Exit::Failed, vec![(chain(error), None)]),
    };
    for (at, (message, hint)) in notes.into_iter().enumerate() {
        if at > 0 {
            output::say("");
        }
        print(&message, hint);
    }
    exit
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::Invalid => 4,
            Exit::VerificationFailed => 5,
            Exit::Interrupted => 130,
        })
    }
}

// === impl Failure ===

impl Failure {
    /// One thing is wrong.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::all(exit, vec![Note { message: message.into(), hint: None }])
    }

    /// Several things are wrong; all are printed.
    pub(crate) const fn all(exit: Exit, notes: Vec<Note>) -> Self {
        Self { exit, notes }
    }

    /// Says what to do about the last thing.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(note) = self.notes.last_mut() {
            note.hint = Some(hint.into());
        }
        self
    }

    /// The same, where there may be nothing to say.
    #[must_use]
    pub(crate) fn maybe_hint(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self.notes.iter().map(|note| note.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

impl std::error::Error for Failure {}

// === helpers ===

/// What is wrong may quote what a stranger wrote.
fn print(message: &str, hint: Option<&str>) {
    output::error_line("error", &output::harmless(message));
    if let Some(hint) = hint {
        output::say("");
        output::hint_line("hint", &output::harmless(hint));
    }
}

/// The error and its causes on one line; a cause that its parent already quotes is left out.
fn chain(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
    }
    line
}

/// A reader that went away, as in `comity ledger show | head`, is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_never_printed_twice() {
        let error = anyhow::anyhow!("disk is full").context("cannot write `x`: disk is full");
        assert_eq!(chain(&error), "cannot write `x`: disk is full");
        let error = anyhow::anyhow!("disk is full").context("cannot write `x`");
        assert_eq!(chain(&error), "cannot write `x`: disk is full");
    }
}
