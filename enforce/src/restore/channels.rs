//! The texts of an answer that come in pieces, each with what is held back of it.
//!
//! A channel never lends anything to another: two tool calls may come in turns.

use bytes::Bytes;

use super::passage::Passage;

/// Which text a piece belongs to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Id {
    /// The choice, block or item that it is part of.
    pub(super) group: u64,
    /// Which text of it.
    pub(super) name: String,
}

/// A text that is still coming.
pub(super) struct Channel {
    pub(super) id: Id,
    pub(super) passage: Passage,
    /// The last frame that had a piece of it.
    pub(super) last: Bytes,
}

/// The channels that are open, in the order in which they began.
#[derive(Default)]
pub(super) struct Channels(Vec<Channel>);

/// Which channels an event ends.
pub(super) enum Closes {
    Nothing,
    One(Id),
    Groups(Vec<u64>),
    All,
}

/// More texts at a time than any answer has.
const CHANNELS_MAX: usize = 1024;

// === impl Channels ===

impl Channels {
    /// The channel of a piece in `frame`; nothing if there are too many.
    pub(super) fn open(&mut self, id: Id, frame: &Bytes, passage: impl FnOnce() -> Passage) -> Option<&mut Channel> {
        let known = self.0.iter().position(|channel| channel.id == id);
        if known.is_none() {
            if self.0.len() >= CHANNELS_MAX {
                return None;
            }
            self.0.push(Channel { id, passage: passage(), last: Bytes::new() });
        }
        let channel = match known {
            Some(at) => self.0.get_mut(at),
            None => self.0.last_mut(),
        }?;
        channel.last = frame.clone();
        Some(channel)
    }

    /// Takes out what ends.
    pub(super) fn take(&mut self, closes: &Closes) -> Vec<Channel> {
        match closes {
            Closes::Nothing => Vec::new(),
            Closes::All => std::mem::take(&mut self.0),
            Closes::One(_) | Closes::Groups(_) => self.0.extract_if(.., |channel| closes.ends(&channel.id)).collect(),
        }
    }
}

// === impl Closes ===

impl Closes {
    pub(super) fn ends(&self, id: &Id) -> bool {
        match self {
            Self::Nothing => false,
            Self::One(one) => one == id,
            Self::Groups(groups) => groups.contains(&id.group),
            Self::All => true,
        }
    }
}
