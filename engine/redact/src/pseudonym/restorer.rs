//! The way back: pseudonyms out, values in, for a whole text and for one that comes in pieces.
//!
//! Only what could be the beginning of something known is held back; everything else passes at once. It never gives out the rest of
//! an answer that named a pseudonym nobody knows.

use std::borrow::Cow;
use std::sync::Arc;

use super::known::{Event, How, Rest, Walk};
use super::spelling::Watch;
use super::{Form, Pseudonyms, UnknownPseudonym};

/// Restores an answer that comes in pieces. One for each channel: a choice, a tool call, a block.
///
/// However an answer is cut, what comes out is what [`Pseudonyms::restore`] makes of the whole, errors included.
pub struct Restorer {
    pseudonyms: Arc<Pseudonyms>,
    form: Form,
    /// The beginning of something known, perhaps; never more than the longest form of it.
    held: String,
    watch: Watch,
    failed: bool,
}

/// What of a text may go on.
pub(super) struct Passed<'t> {
    pub(super) text: Cow<'t, str>,
    /// How many bytes of what was given are done with.
    pub(super) read: usize,
}

/// Restores `text` as far as it can be decided.
pub(super) fn pass<'t>(pseudonyms: &Pseudonyms, text: &'t str, how: How, watch: &mut Watch) -> Result<Passed<'t>, UnknownPseudonym> {
    let mut walk = Walk::new(&pseudonyms.known, text, how);
    let (mut restored, mut done) = (String::new(), 0);
    loop {
        match walk.next(watch) {
            Event::Known { start, end, entry } => {
                restored.push_str(text.get(done..start).unwrap_or_default());
                restored.push_str(&pseudonyms.value(entry, how.form));
                done = end;
            }
            Event::Foreign(spelling) if pseudonyms.echoes.contains(&spelling) => {}
            Event::Foreign(_) => return Err(UnknownPseudonym),
            Event::Stop(read) => {
                let rest = text.get(done..read).unwrap_or_default();
                let text = if done == 0 { Cow::Borrowed(rest) } else { Cow::Owned(restored + rest) };
                return Ok(Passed { text, read });
            }
        }
    }
}

// === impl Restorer ===

impl Restorer {
    pub(super) fn new(pseudonyms: Arc<Pseudonyms>, form: Form) -> Self {
        Self { pseudonyms, form, held: String::new(), watch: Watch::default(), failed: false }
    }

    /// Takes the next piece and gives out what may go on; the rest is held until it is known not to be part of a pseudonym.
    ///
    /// # Errors
    /// If the answer names a pseudonym that the call does not have; then all that follows is an error too.
    pub fn push(&mut self, piece: &str) -> Result<String, UnknownPseudonym> {
        self.advance(piece, Rest::MayCome)
    }

    /// The channel ended: gives out what was held. It is no whole pseudonym, so it tells nothing of a person.
    ///
    /// # Errors
    /// If the answer names a pseudonym that the call does not have, or did before.
    pub fn finish(&mut self) -> Result<String, UnknownPseudonym> {
        self.advance("", Rest::Never)
    }

    fn advance(&mut self, piece: &str, rest: Rest) -> Result<String, UnknownPseudonym> {
        if self.failed {
            return Err(UnknownPseudonym);
        }
        let mut held = std::mem::take(&mut self.held);
        let text = if held.is_empty() {
            piece
        } else {
            held.push_str(piece);
            &held
        };
        let passed = pass(&self.pseudonyms, text, How { form: self.form, rest }, &mut self.watch);
        self.failed = passed.is_err();
        let passed = passed?;
        self.held = text.get(passed.read..).unwrap_or_default().to_owned();
        Ok(passed.text.into_owned())
    }
}
