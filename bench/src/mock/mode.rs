//! The ways in which the mock upstream can answer, each with a name that fits into a path segment or a model name.
//! A mode never depends on chance: the same call in the same mode gets the same bytes.

use std::fmt;
use std::str::FromStr;

use crate::BenchError;

/// How one call is answered. Text form (`Display`, `FromStr`): kebab case, numbers after the last hyphen, for example `status-503`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The mock model answers, whole or as a stream, as the call asks: it calls the tools it is given, fills a schema, else says back what
    /// it heard; embeddings are derived from the input.
    Echo,
    /// A constant short answer, or a stream of 50 chunks without a pause (and what the dialect opens and closes it with); not recorded.
    /// For load.
    Fixed,
    /// Like [`Mode::Fixed`], with this many milliseconds before each event; not recorded. For load.
    Paced(u64),
    /// This status with an error body in the dialect's shape; 429, 503 and 529 carry `retry-after: 1`.
    Status(u16),
    /// TCP reset before the first byte of the answer.
    Reset,
    /// TCP reset after the head and the first bytes.
    ResetAfter,
    /// The connection is closed cleanly in mid-answer: no last chunk.
    Cut,
    /// HTTP is complete, the event stream (or JSON) is not: it ends within an event, without the dialect's own end.
    Truncated,
    /// Nothing is ever answered.
    Stall,
    /// The head and the first events come, then nothing.
    StallStream,
    /// Bytes that are not UTF-8 within the text.
    BadUtf8,
    /// An answer (or a single event; many, where frames are small) of this many MiB.
    Oversize(u32),
    /// [`Mode::Echo`] after this many milliseconds.
    Slow(u64),
    /// [`Mode::Echo`], held back before the first byte until [`release`](crate::MockUpstream::release).
    Hold,
    /// [`Mode::Echo`], held back after the first event until [`release`](crate::MockUpstream::release).
    HoldStream,
    /// 302 to another host, which must not be followed.
    Redirect,
    /// 200 with an HTML page.
    NotJson,
    /// A stream that carries an error event after its first chunk (status 200); for whole answers the same as `status-500`.
    ErrorStream,
    /// A stream whose first event is an error (status 200); for whole answers the same as `status-500`.
    ErrorFirst,
    /// [`Mode::Echo`] with a comment line before each server-sent event.
    Comments,
    /// The model refuses, in the way that the dialect has for it.
    Refuse,
    /// [`Mode::Echo`] as a stream in pieces of this many characters; thoughts repeat what was heard.
    Pieces(usize),
    /// [`Mode::Echo`] without usage, though asked for it.
    NoUsage,
    /// 429 with this many seconds of `retry-after`.
    RetryAfter(u64),
    /// A recorded exchange: the named file (its interaction whose request is the same, else the first; `name@1` is the second), or,
    /// without a name, any whose request is the same.
    Replay(Option<String>),
}

impl Mode {
    /// Load modes are counted, not recorded, so that a long run does not grow.
    #[must_use]
    pub fn is_load(&self) -> bool {
        matches!(self, Mode::Fixed | Mode::Paced(_))
    }

    /// Every mode once, with usual numbers: for help texts and tests.
    #[must_use]
    pub fn all() -> Vec<Mode> {
        vec![
            Mode::Echo,
            Mode::Fixed,
            Mode::Paced(20),
            Mode::Status(503),
            Mode::Reset,
            Mode::ResetAfter,
            Mode::Cut,
            Mode::Truncated,
            Mode::Stall,
            Mode::StallStream,
            Mode::BadUtf8,
            Mode::Oversize(64),
            Mode::Slow(100),
            Mode::Hold,
            Mode::HoldStream,
            Mode::Redirect,
            Mode::NotJson,
            Mode::ErrorStream,
            Mode::ErrorFirst,
            Mode::Comments,
            Mode::Refuse,
            Mode::Pieces(3),
            Mode::NoUsage,
            Mode::RetryAfter(2),
            Mode::Replay(None),
        ]
    }
}

// === impl Display, FromStr ===

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Echo => f.write_str("echo"),
            Mode::Fixed => f.write_str("fixed"),
            Mode::Paced(ms) => write!(f, "paced-{ms}"),
            Mode::Status(code) => write!(f, "status-{code}"),
            Mode::Reset => f.write_str("reset"),
            Mode::ResetAfter => f.write_str("reset-after"),
            Mode::Cut => f.write_str("cut"),
            Mode::Truncated => f.write_str("truncated"),
            Mode::Stall => f.write_str("stall"),
            Mode::StallStream => f.write_str("stall-stream"),
            Mode::BadUtf8 => f.write_str("bad-utf8"),
            Mode::Oversize(mib) => write!(f, "oversize-{mib}"),
            Mode::Slow(ms) => write!(f, "slow-{ms}"),
            Mode::Hold => f.write_str("hold"),
            Mode::HoldStream => f.write_str("hold-stream"),
            Mode::Redirect => f.write_str("redirect"),
            Mode::NotJson => f.write_str("not-json"),
            Mode::ErrorStream => f.write_str("error-stream"),
            Mode::ErrorFirst => f.write_str("error-first"),
            Mode::Comments => f.write_str("comments"),
            Mode::Refuse => f.write_str("refuse"),
            Mode::Pieces(characters) => write!(f, "pieces-{characters}"),
            Mode::NoUsage => f.write_str("no-usage"),
            Mode::RetryAfter(seconds) => write!(f, "retry-after-{seconds}"),
            Mode::Replay(None) => f.write_str("replay"),
            Mode::Replay(Some(name)) => write!(f, "replay-{name}"),
        }
    }
}

impl FromStr for Mode {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Mode, BenchError> {
        plain(text).or_else(|| with_argument(text)).ok_or_else(|| BenchError::UnknownMode(text.to_owned()))
    }
}

fn plain(text: &str) -> Option<Mode> {
    Some(match text {
        "echo" => Mode::Echo,
        "fixed" => Mode::Fixed,
        "reset" => Mode::Reset,
        "reset-after" => Mode::ResetAfter,
        "cut" => Mode::Cut,
        "truncated" => Mode::Truncated,
        "stall" => Mode::Stall,
        "stall-stream" => Mode::StallStream,
        "bad-utf8" => Mode::BadUtf8,
        "hold" => Mode::Hold,
        "hold-stream" => Mode::HoldStream,
        "redirect" => Mode::Redirect,
        "not-json" => Mode::NotJson,
        "error-stream" => Mode::ErrorStream,
        "error-first" => Mode::ErrorFirst,
        "comments" => Mode::Comments,
        "refuse" => Mode::Refuse,
        "no-usage" => Mode::NoUsage,
        "replay" => Mode::Replay(None),
        _ => return None,
    })
}

fn with_argument(text: &str) -> Option<Mode> {
    let (name, argument) = text.split_once('-')?;
    match name {
        "replay" if !argument.is_empty() => Some(Mode::Replay(Some(argument.to_owned()))),
        "retry" => argument.strip_prefix("after-")?.parse().ok().map(Mode::RetryAfter),
        "paced" => argument.parse().ok().map(Mode::Paced),
        "pieces" => argument.parse().ok().filter(|characters| *characters > 0).map(Mode::Pieces),
        "slow" => argument.parse().ok().map(Mode::Slow),
        "oversize" => argument.parse().ok().filter(|mib| (1..=1024).contains(mib)).map(Mode::Oversize),
        "status" => argument.parse().ok().filter(|code| (200..=599).contains(code)).map(Mode::Status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_from_its_own_text() {
        for mode in Mode::all() {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        assert_eq!("replay-chat-basic".parse::<Mode>().unwrap(), Mode::Replay(Some("chat-basic".to_owned())));
    }

    #[test]
    fn what_is_not_a_mode_is_refused() {
        for text in ["", "v1", "status-", "status-99", "status-600", "paced-x", "oversize-0", "replay-", "Echo"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
