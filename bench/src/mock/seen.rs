//! The mock upstream's memory: what it received, what became of each call, and what it was told to do next.
//! Tests wait on it by condition, never by time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use tokio::sync::watch;

use super::Mode;

/// One received call, with its whole body.
#[derive(Debug, Clone)]
pub struct Seen {
    /// 0 for the first recorded call since the start.
    pub number: u64,
    /// `POST`, `GET`.
    pub method: String,
    /// Path and query as received, mode prefix included.
    pub path: String,
    /// Which mode answered it, in text form.
    pub mode: String,
    /// Names in lower case; repeated headers joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes, untouched.
    pub body: Bytes,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Not answered to the end yet.
    Open,
    /// Answered to the last byte.
    Answered,
    /// The mock itself broke it off (reset, cut).
    Faulted,
    /// The client went away first.
    Cancelled,
}

/// Counts since the start or the last [`clear`](crate::MockUpstream::clear). Load modes are counted too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// TCP connections accepted, also those on which no call came.
    pub connections: u64,
    /// Calls received with their whole body.
    pub calls: u64,
    /// Calls answered to the last byte.
    pub answered: u64,
    /// Calls broken off by the mock itself.
    pub faulted: u64,
    /// Calls whose client went away before the end of the answer, or in mid-request.
    pub cancelled: u64,
}

impl Seen {
    /// The body as JSON, or null if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen = serializer.serialize_struct("Seen", 8)?;
        seen.serialize_field("number", &self.number)?;
        seen.serialize_field("method", &self.method)?;
        seen.serialize_field("path", &self.path)?;
        seen.serialize_field("mode", &self.mode)?;
        seen.serialize_field("headers", &self.headers)?;
        seen.serialize_field("text", &String::from_utf8_lossy(&self.body))?;
        seen.serialize_field("json", &self.json())?;
        seen.serialize_field("fate", &self.fate)?;
        seen.end()
    }
}

/// Shared between the server's tasks and the test that holds the mock.
pub(crate) struct Book {
    pages: Mutex<Pages>,
    tally: watch::Sender<Tally>,
    gate: watch::Sender<u64>,
}

struct Pages {
    /// Number of the first call in `calls`: what was cleared keeps its numbers.
    first: u64,
    calls: Vec<Seen>,
    script: VecDeque<Mode>,
    standing: Mode,
}

impl Book {
    pub(crate) fn new() -> Arc<Book> {
        let pages = Pages { first: 0, calls: Vec::new(), script: VecDeque::new(), standing: Mode::Echo };
        Arc::new(Book { pages: Mutex::new(pages), tally: watch::Sender::default(), gate: watch::Sender::default() })
    }

    /// The mode for the next call: the script first, then what the call itself names, then the standing mode.
    pub(crate) fn next_mode(&self, named: Option<Mode>) -> Mode {
        let mut pages = self.pages();
        pages.script.pop_front().or(named).unwrap_or_else(|| pages.standing.clone())
    }

    pub(crate) fn script(&self, modes: impl IntoIterator<Item = Mode>) {
        self.pages().script.extend(modes);
    }

    pub(crate) fn stand(&self, mode: Mode) {
        self.pages().standing = mode;
    }

    pub(crate) fn connected(&self) {
        self.tally.send_modify(|tally| tally.connections = tally.connections.saturating_add(1));
    }

    /// A client went away in mid-request.
    pub(crate) fn aborted(&self) {
        self.tally.send_modify(|tally| tally.cancelled = tally.cancelled.saturating_add(1));
    }

    /// Enters a call; its fate is settled by the returned guard, at the latest when that is dropped.
    pub(crate) fn enter(self: &Arc<Book>, mut seen: Seen, record: bool) -> Guard {
        let mut number = None;
        if record {
            let mut pages = self.pages();
            let next = pages.next();
            seen.number = next;
            number = Some(next);
            pages.calls.push(seen);
        }
        self.tally.send_modify(|tally| tally.calls = tally.calls.saturating_add(1));
        Guard { book: Arc::clone(self), number, settled: false }
    }

    pub(crate) fn calls(&self) -> Vec<Seen> {
        self.pages().calls.clone()
    }

    pub(crate) fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    pub(crate) fn watch_tally(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    pub(crate) fn watch_gate(&self) -> watch::Receiver<u64> {
        self.gate.subscribe()
    }

    pub(crate) fn release(&self) {
        self.gate.send_modify(|generation| *generation = generation.wrapping_add(1));
    }

    pub(crate) fn clear(&self) {
        let mut pages = self.pages();
        pages.first = pages.next();
        pages.calls.clear();
        pages.script.clear();
        pages.standing = Mode::Echo;
        self.tally.send_replace(Tally::default());
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.calls.len()).unwrap_or(u64::MAX))
    }
}

/// Settles one call's fate: dropped unsettled means that the client went away.
pub(crate) struct Guard {
    book: Arc<Book>,
    number: Option<u64>,
    settled: bool,
}

impl Guard {
    pub(crate) fn settle(&mut self, fate: Fate) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        if let Some(number) = self.number {
            let mut pages = self.book.pages();
            let index = number.checked_sub(pages.first).and_then(|index| usize::try_from(index).ok());
            if let Some(seen) = index.and_then(|index| pages.calls.get_mut(index)) {
                seen.fate = fate;
            }
        }
        self.book.tally.send_modify(|tally| {
            let count = match fate {
                Fate::Open => return,
                Fate::Answered => &mut tally.answered,
                Fate::Faulted => &mut tally.faulted,
                Fate::Cancelled => &mut tally.cancelled,
            };
            *count = count.saturating_add(1);
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.settle(Fate::Cancelled);
    }
}
