//! Pseudonyms: what stands for a value while a call is away, and the way back.
//!
//! A [`Pseudonyms`] belongs to one call and lives in memory only: it has no `Debug` and no `Serialize`, because it holds plain values.
//!
//! **Design.** A pseudonym is `PII_`, the label of the kind, `_`, and 16 letters that HMAC-SHA-256 under the tenant's key makes of
//! label and value: the same value has the same pseudonym in every turn of a conversation, nobody without the key can tell whether a
//! value is behind one, and a model sees the kind. Where the caller wants it, an identifier keeps its shape instead
//! ([`Shape::Digits`]). Values are replaced in one pass, leftmost and longest first; restoring reads bytes once and looks only at
//! places where a pseudonym can begin.
//!
//! **Limits.** Another spelling of a value is another value (`Ada`, `ADA`, `A. Lovelace`; `0791 112` and `0791112`). A pseudonym comes
//! back in any ASCII case and with markdown's backslashes before its underscores; one that a model shortens, spells out, splits or writes
//! in JSON escapes (`\u0050`) is not restored, and stays as it is if it no longer has the shape of one. A number that kept its shape
//! comes back only exactly as it went. Lengths of values are hidden, that two places hold the same value is not.

mod known;
mod restorer;
mod shape;
mod spelling;
mod values;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use hmac::{Hmac, KeyInit, Mac};
use sha2_next::Sha256;

use crate::Label;
use crate::limits::{ECHOES_MAX, VALUES_MAX};
use known::{Event, How, Known, Rest, Walk};
use shape::DigitCipher;
use spelling::{Spelling, Watch};
use values::Values;

pub use restorer::Restorer;

/// The values of one call, their pseudonyms, and both directions between them.
///
/// ```
/// use comity_redact::{Form, Label, PseudonymKey, Pseudonyms};
///
/// let (key, email) = (PseudonymKey::new([7; 32]), Label::parse("EML").expect("a label"));
/// let pseudonyms = Pseudonyms::new(&key, [(email, "ada@example.org")]).expect("one value");
/// let sent = pseudonyms.pseudonymise("write to ada@example.org").into_owned();
/// assert!(sent.starts_with("write to PII_EML_") && sent.len() == 33);
/// assert_eq!(pseudonyms.restore(&sent, Form::Text).expect("ours"), "write to ada@example.org");
/// ```
///
/// It cannot be printed:
/// ```compile_fail,E0277
/// fn print(pseudonyms: &comity_redact::Pseudonyms) -> String { format!("{pseudonyms:?}") }
/// ```
pub struct Pseudonyms {
    /// Sorted by value.
    entries: Vec<Entry>,
    values: Values,
    /// The entries that `values` seeks, in its order: all but those of fields.
    everywhere: Vec<usize>,
    known: Known,
    /// Pseudonyms of others in the call's own text: each stands for itself.
    echoes: BTreeSet<Spelling>,
}

/// The key of one tenant's pseudonyms in one epoch. It has no `Debug`.
///
/// ```compile_fail,E0277
/// fn print(key: &comity_redact::PseudonymKey) -> String { format!("{key:?}") }
/// ```
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

/// How restored values are written into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Text,
    /// As part of a JSON string, escaped: arguments of tools, structured output.
    Json,
}

/// What a pseudonym looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `PII_`, label and letters.
    Opaque,
    /// As `Opaque`, for a value that is the whole of a field: it is looked up by [`Pseudonyms::of`], and stays where it stands in a text.
    Field,
    /// Other digits in the places of the value's digits (FF1), for identifiers of 6 to 40 digits whose form matters to the model. Letters
    /// and separators stay, so they are seen; check digits are not made to fit. Whatever cannot have it is opaque.
    Digits,
}

/// No pseudonyms can be made.
#[derive(Debug, thiserror::Error)]
pub enum PseudonymError {
    /// Two values of the call would have one pseudonym, or its text already holds a pseudonym that would stand for a value.
    #[error("two values of the call have the same pseudonym")]
    Collision,
    /// More values than a call may have.
    #[error("the call has more than {0} values to replace")]
    TooMany(usize),
}

/// An answer names a pseudonym that the call does not have: nobody can say what it stands for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer names a pseudonym that this call does not have")]
pub struct UnknownPseudonym;

/// One value. It has no `Debug`.
struct Entry {
    value: String,
    pseudonym: String,
}

/// What every value of a call wants, sorted.
type Wanted = BTreeMap<String, (Label, Shape)>;

// === impl PseudonymKey ===

impl PseudonymKey {
    /// A key of 32 random or derived bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn spell(&self, label: Label, value: &str) -> Spelling {
        spelling::spell(label, &self.digest(&[label.as_str(), "\0", value]))
    }

    /// The key of FF1. Its name is no message of [`PseudonymKey::spell`]: those have a zero byte in the fourth place.
    fn digit_cipher(&self) -> Option<DigitCipher> {
        DigitCipher::new(&self.digest(&["comity pseudonyms ff1"]))
    }

    fn digest(&self, parts: &[&str]) -> [u8; 32] {
        // HMAC pads a short key with zeros to a block.
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(self.0) {
            *place = byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in parts {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

// === impl Pseudonyms ===

impl Pseudonyms {
    /// Pseudonyms for everything that was found in a call. The same key, label and value always give the same pseudonym; a value that is
    /// given with two labels has the first.
    ///
    /// # Errors
    /// If the values are too many, or two of them collide.
    pub fn new<'v>(key: &PseudonymKey, values: impl IntoIterator<Item = (Label, &'v str)>) -> Result<Self, PseudonymError> {
        let wanted = want(values.into_iter().map(|(label, value)| (label, value, Shape::Opaque)))?;
        Self::build(key, wanted, &BTreeMap::new())
    }

    /// Pseudonyms for a call whose texts are known: some values may keep their shape, and pseudonyms of others in the texts stand for
    /// themselves, as [`Pseudonyms::with_echoes`] does it.
    ///
    /// A surrogate that is a value of the call, that its texts hold, or that could be confused with anything in them is not used: the
    /// value gets an opaque pseudonym.
    ///
    /// # Errors
    /// If the values are too many, or two of them collide.
    pub fn for_call<'v>(
        key: &PseudonymKey,
        values: impl IntoIterator<Item = (Label, &'v str, Shape)>,
        texts: &[&str],
    ) -> Result<Self, PseudonymError> {
        let wanted = want(values)?;
        let surrogates = surrogates(key, &wanted, texts);
        let shaped = Self::build(key, wanted.clone(), &surrogates)?.with_echoes(texts.iter().copied())?;
        if surrogates.is_empty() || texts.iter().all(|text| shaped.comes_back(text)) {
            return Ok(shaped);
        }
        // Digits beside a surrogate make it look as if another began earlier.
        Self::build(key, wanted, &BTreeMap::new())?.with_echoes(texts.iter().copied())
    }

    /// Takes note of what already looks like a pseudonym in the call's own texts: an answer may name it, and it stays as it is.
    ///
    /// # Errors
    /// If a text holds a pseudonym of this call, which would come back as a value that did not stand there; or too many of others.
    pub fn with_echoes<'t>(mut self, texts: impl IntoIterator<Item = &'t str>) -> Result<Self, PseudonymError> {
        let how = How { form: Form::Json, rest: Rest::Never };
        for text in texts {
            let (mut walk, mut watch) = (Walk::new(&self.known, text, how), Watch::default());
            loop {
                match walk.next(&mut watch) {
                    Event::Known { .. } => return Err(PseudonymError::Collision),
                    Event::Foreign(spelling) => {
                        self.echoes.insert(spelling);
                    }
                    Event::Stop(_) => break,
                }
                if self.echoes.len() > ECHOES_MAX {
                    return Err(PseudonymError::TooMany(ECHOES_MAX));
                }
            }
        }
        Ok(self)
    }

    /// Whether there is nothing to replace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The pseudonym of a value that belongs to the call; nothing for any other.
    #[must_use]
    pub fn of(&self, value: &str) -> Option<&str> {
        let index = self.entries.binary_search_by(|entry| entry.value.as_str().cmp(value)).ok()?;
        self.entries.get(index).map(|entry| entry.pseudonym.as_str())
    }

    /// The text with every value replaced, wherever it stands. A name is replaced only where it is a whole word.
    #[must_use]
    pub fn pseudonymise<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let (mut written, mut done) = (String::new(), 0);
        while let Some(place) = self.values.next(text, done, text.len()) {
            written.push_str(text.get(done..place.start).unwrap_or_default());
            let entry = self.everywhere.get(place.value).and_then(|number| self.entries.get(*number));
            written.push_str(entry.map_or("", |entry| entry.pseudonym.as_str()));
            done = place.end;
        }
        match text.get(done..) {
            Some(rest) if done > 0 => Cow::Owned(written + rest),
            Some(_) | None => Cow::Borrowed(text),
        }
    }

    /// Whether no value of the call is left in a text: the last look before it is sent. By the rule of
    /// [`Pseudonyms::pseudonymise`]; what a pseudonym happens to hold inside is no value.
    #[must_use]
    pub fn is_clear(&self, text: &str) -> bool {
        let mut done = 0;
        let between = |place: std::ops::Range<usize>| {
            let clear = self.values.next(text, done, place.start).is_none();
            done = place.end;
            clear
        };
        self.places(text).into_iter().chain(std::iter::once(text.len()..text.len())).all(between)
    }

    /// The text with every pseudonym replaced by its value.
    ///
    /// # Errors
    /// If the text names a pseudonym that the call does not have.
    pub fn restore<'t>(&self, text: &'t str, form: Form) -> Result<Cow<'t, str>, UnknownPseudonym> {
        let how = How { form, rest: Rest::Never };
        restorer::pass(self, text, how, &mut Watch::default()).map(|passed| passed.text)
    }

    /// Restores an answer that comes in pieces.
    #[must_use]
    pub fn restorer(self: &Arc<Self>, form: Form) -> Restorer {
        Restorer::new(Arc::clone(self), form)
    }

    fn build(key: &PseudonymKey, wanted: Wanted, surrogates: &BTreeMap<String, String>) -> Result<Self, PseudonymError> {
        let (mut entries, mut opaque, mut shaped) = (Vec::with_capacity(wanted.len()), Vec::new(), Vec::new());
        let mut everywhere = Vec::with_capacity(wanted.len());
        for (number, (value, (label, shape))) in wanted.into_iter().enumerate() {
            if shape != Shape::Field {
                everywhere.push(number);
            }
            let pseudonym = if let Some(surrogate) = surrogates.get(&value) {
                shaped.push((surrogate.clone().into_bytes(), number));
                surrogate.clone()
            } else {
                let spelling = key.spell(label, &value);
                opaque.push((spelling, number));
                String::from_utf8_lossy(&spelling).into_owned()
            };
            entries.push(Entry { value, pseudonym });
        }
        let plain: Vec<&str> =
            everywhere.iter().filter_map(|number| entries.get(*number)).map(|entry: &Entry| entry.value.as_str()).collect();
        // An automaton refuses only what is far beyond the largest call.
        let values = Values::new(&plain).ok_or(PseudonymError::TooMany(VALUES_MAX))?;
        let pseudonyms = Self { known: Known::new(opaque, shaped), values, everywhere, entries, echoes: BTreeSet::new() };
        // A value that holds the pseudonym of another would not be seen by `is_clear`.
        let holds = |entry: &Entry| !pseudonyms.places(&entry.value).is_empty();
        if pseudonyms.known.collides() || pseudonyms.entries.iter().any(holds) {
            return Err(PseudonymError::Collision);
        }
        Ok(pseudonyms)
    }

    /// Where pseudonyms of this call stand in a text.
    pub(crate) fn places(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        let (mut walk, mut watch) = (Walk::new(&self.known, text, How { form: Form::Json, rest: Rest::Never }), Watch::default());
        let mut places = Vec::new();
        loop {
            match walk.next(&mut watch) {
                Event::Known { start, end, .. } => places.push(start..end),
                Event::Foreign(_) => {}
                Event::Stop(_) => return places,
            }
        }
    }

    fn comes_back(&self, text: &str) -> bool {
        self.restore(&self.pseudonymise(text), Form::Text).is_ok_and(|restored| restored == text)
    }

    /// A value as it is written into an answer.
    fn value(&self, entry: usize, form: Form) -> Cow<'_, str> {
        let value = self.entries.get(entry).map_or("", |entry| entry.value.as_str());
        match form {
            Form::Text => Cow::Borrowed(value),
            Form::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                Cow::Owned(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned())
            }
        }
    }
}

/// Sorts the values and bounds their number.
fn want<'v>(values: impl IntoIterator<Item = (Label, &'v str, Shape)>) -> Result<Wanted, PseudonymError> {
    let mut wanted = Wanted::new();
    for (label, value, shape) in values.into_iter().filter(|(_, value, _)| !value.is_empty()) {
        let known = wanted.entry(value.to_owned()).or_insert((label, shape));
        // What was found in a text is replaced in all of them.
        if known.1 == Shape::Field && shape != Shape::Field {
            *known = (label, shape);
        }
        if wanted.len() > VALUES_MAX {
            return Err(PseudonymError::TooMany(VALUES_MAX));
        }
    }
    Ok(wanted)
}

/// The surrogate of every value that can have one that is nothing else in the call.
fn surrogates(key: &PseudonymKey, wanted: &Wanted, texts: &[&str]) -> BTreeMap<String, String> {
    let shaped = || wanted.iter().filter(|(_, (_, shape))| *shape == Shape::Digits);
    let Some(cipher) = shaped().next().and_then(|_| key.digit_cipher()) else { return BTreeMap::new() };
    let mut by_surrogate: BTreeMap<String, &String> = BTreeMap::new();
    for (value, (label, _)) in shaped() {
        if let Some(surrogate) = cipher.surrogate(*label, value).filter(|surrogate| !wanted.contains_key(surrogate)) {
            by_surrogate.entry(surrogate).or_insert(value);
        }
    }
    for surrogate in standing_in(texts, by_surrogate.keys().cloned().collect()) {
        by_surrogate.remove(&surrogate);
    }
    by_surrogate.into_iter().map(|(surrogate, value)| (value.clone(), surrogate)).collect()
}

/// Those that a text holds; all of them if that cannot be told.
fn standing_in(texts: &[&str], surrogates: Vec<String>) -> Vec<String> {
    let Ok(automaton) = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&surrogates) else { return surrogates };
    let found: BTreeSet<usize> =
        texts.iter().flat_map(|text| automaton.find_overlapping_iter(*text)).map(|found| found.pattern().as_usize()).collect();
    surrogates.into_iter().enumerate().filter(|(index, _)| found.contains(index)).map(|(_, surrogate)| surrogate).collect()
}
