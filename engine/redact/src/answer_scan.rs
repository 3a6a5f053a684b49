//! Looks for personal data in an answer before it is restored: what is found there was not in the call, so the model knew it or made it up.
//!
//! INVARIANT: places where it looks and places where it lets go depend on the answer alone, never on how it was cut into pieces.
//! It never gives out anything of a finding that it masks or refuses, and it keeps no finding's text.

mod json;
mod known;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crate::limits::{ANSWER_BEHIND, ANSWER_HELD_MAX, ANSWER_RUN_MAX, ANSWER_STEP, ANSWER_WINDOW};
use crate::{Class, Finding, Form, Kind, Kinds, Pseudonyms};
use json::Inside;

pub use known::CallValues;

/// What looks at a text: the detector, or whatever stands before it. An error is a sentence without anything of the text.
pub type Look = Box<dyn Fn(&str) -> Result<Vec<Finding>, String> + Send + Sync>;

/// How the answers to one call are looked at.
pub struct OutputRules {
    /// Looks for the findings.
    pub look: Look,
    /// The kinds that it may find.
    pub kinds: Kinds,
    /// What stands for values in the call, where it went out so.
    pub pseudonyms: Option<Arc<Pseudonyms>>,
    /// What was found in the call.
    pub values: CallValues,
    /// What is done about findings.
    pub mode: OutputMode,
}

/// Scans an answer that comes in pieces. One for each channel, before its [`crate::Restorer`].
///
/// It sees whole what is not longer than half a window or is one unbroken run of letters, digits and the signs of tokens; of a longer thing
/// it sees what the detector sees in a part of it. Pseudonyms and values of the call are no findings.
pub struct OutputScan {
    rules: Arc<OutputRules>,
    form: Form,
    /// What was let go lately, for context, and what is not decided yet.
    text: String,
    /// Where in `text` the undecided begins.
    open: usize,
    /// How much must be undecided before the next look.
    look_at: usize,
    /// Where in JSON the undecided begins.
    inside: Inside,
    found: Vec<Noted>,
    failed: bool,
}

/// What is done about personal data in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// The answer passes at once; what was found is told.
    Report,
    /// Each finding becomes the name of its kind in brackets: `[email]`.
    Mask,
    /// The first finding ends the answer.
    Refuse,
}

/// That something was found. `value` tells two values apart, and nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Noted {
    /// What it is.
    pub kind: Kind,
    /// The same for the same value in another place of the answer.
    pub value: u64,
}

/// An answer may not go on. It says nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// It could not be looked at.
    #[error("the answer could not be searched for personal data: {0}")]
    Scan(String),
    /// Something of that kind was found in it.
    #[error("the answer has personal data that was not in the call ({0})")]
    Refused(String),
    /// It was refused before, or could not be looked at.
    #[error("the answer was ended before")]
    Ended,
}

// === impl OutputScan ===

impl OutputScan {
    /// A scan of one channel, whose text is text or JSON.
    #[must_use]
    pub fn new(rules: Arc<OutputRules>, form: Form) -> Self {
        let look_at = ANSWER_WINDOW + ANSWER_STEP;
        Self { rules, form, text: String::new(), open: 0, look_at, inside: Inside::default(), found: Vec::new(), failed: false }
    }

    /// Takes the next piece and gives out what may go on.
    ///
    /// # Errors
    /// If a detector failed, or something was found that is refused; then all that follows is an error too.
    pub fn push(&mut self, mut piece: &str) -> Result<String, OutputError> {
        self.check_open()?;
        let mut out = if self.rules.mode == OutputMode::Report { piece.to_owned() } else { String::new() };
        while !piece.is_empty() {
            let missing = self.look_at.saturating_sub(self.undecided());
            let (now, later) = piece.split_at_checked(piece.ceil_char_boundary(missing)).unwrap_or((piece, ""));
            self.text.push_str(now);
            piece = later;
            if self.undecided() >= self.look_at {
                self.decide(&mut out, Self::cut)?;
            }
        }
        Ok(out)
    }

    /// Nothing found goes on beyond this place, for example half a character or the end of the channel: gives out what was held.
    ///
    /// # Errors
    /// As [`OutputScan::push`].
    pub fn flush(&mut self) -> Result<String, OutputError> {
        let mut out = String::new();
        self.decide(&mut out, |scan, _| scan.text.len())?;
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.open = self.text.len();
        Ok(out)
    }

    /// What was decided to be a finding since the last time.
    pub fn take_found(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.found)
    }

    fn undecided(&self) -> usize {
        self.text.len().saturating_sub(self.open)
    }

    fn check_open(&self) -> Result<(), OutputError> {
        if self.failed { Err(OutputError::Ended) } else { Ok(()) }
    }

    /// Looks at what is there, and decides it up to where `cut` says.
    fn decide(&mut self, out: &mut String, cut: fn(&Self, &[Finding]) -> usize) -> Result<(), OutputError> {
        self.check_open()?;
        // Until everything went well.
        self.failed = true;
        let findings = self.findings()?;
        let cut = cut(self, &findings);
        let mut done = self.open;
        for finding in findings.iter().filter(|finding| finding.start < cut) {
            let (start, end) = (finding.start.max(done), finding.end.min(cut));
            self.note(finding.kind, start..end);
            let name = self.name(finding.kind);
            match self.rules.mode {
                OutputMode::Report => {}
                OutputMode::Mask => {
                    let mask = self.mask((done, cut), start..end).ok_or_else(|| OutputError::Refused(name.clone()))?;
                    out.extend([self.text.get(done..mask.place.start).unwrap_or_default(), mask.quote, "[", &name, "]", mask.quote]);
                    self.inside = self.inside.after(self.text.get(done..mask.place.end).unwrap_or_default());
                    done = mask.place.end;
                }
                OutputMode::Refuse => return Err(OutputError::Refused(name)),
            }
        }
        if self.rules.mode != OutputMode::Report {
            let rest = self.text.get(done..cut).unwrap_or_default();
            out.push_str(rest);
            self.inside = self.inside.after(rest);
        }
        self.let_go(cut);
        self.failed = false;
        Ok(())
    }

    /// What is found in the undecided part and was not in the call. What began before it counts from there.
    fn findings(&self) -> Result<Vec<Finding>, OutputError> {
        let ours = self.rules.pseudonyms.as_ref().map(|pseudonyms| pseudonyms.places(&self.text)).unwrap_or_default();
        let view = json::view(&self.text, self.form, &ours);
        let mut findings = (self.rules.look)(&view).map_err(OutputError::Scan)?;
        let strange =
            |finding: &Finding| self.rules.kinds.get(finding.kind).is_none() || self.text.get(finding.start..finding.end).is_none();
        if findings.iter().any(strange) {
            return Err(OutputError::Scan("it found something that it cannot name".to_owned()));
        }
        findings.retain(|finding| {
            let class = self.rules.kinds.get(finding.kind).map(|info| info.class);
            let counts = match class {
                Some(Class::Personal | Class::Health | Class::Secret) => true,
                Some(Class::Neutral) | None => false,
            };
            let text = || view.get(finding.start..finding.end).unwrap_or_default();
            counts && finding.end > self.open && !self.rules.values.has(text())
        });
        findings.sort_by_key(|finding| finding.start);
        for finding in &mut findings {
            finding.start = finding.start.max(self.open);
        }
        Ok(findings)
    }

    /// Where nothing that is not longer than half a window can go on, as far as that was seen; never inside a finding or a run that may
    /// still become one, unless that is longer than may be held.
    fn cut(&self, findings: &[Finding]) -> usize {
        let limit = self.text.floor_char_boundary(self.text.len().saturating_sub(ANSWER_WINDOW)).max(self.open);
        let decided = self.text.get(self.open..limit).unwrap_or_default();
        let edge = decided.char_indices().rev().find(|(_, letter)| !is_of_run(*letter));
        let edge = match edge {
            Some((place, letter)) => self.open + place + letter.len_utf8(),
            None if self.undecided() <= ANSWER_RUN_MAX => self.open,
            None => limit,
        };
        match findings.iter().find(|finding| finding.start < edge && edge < finding.end) {
            Some(_) if self.undecided() > ANSWER_HELD_MAX => limit,
            Some(finding) => finding.start,
            None => edge,
        }
    }

    /// Forgets what is decided, but for the context of what is not.
    fn let_go(&mut self, cut: usize) {
        let mut forget = self.text.floor_char_boundary(cut.saturating_sub(ANSWER_BEHIND));
        // Escapes are read in pairs.
        let before = self.text.get(..forget).unwrap_or_default();
        if !(before.len() - before.trim_end_matches('\\').len()).is_multiple_of(2) {
            forget -= 1;
        }
        self.text.drain(..forget);
        self.open = cut.saturating_sub(forget);
        // What cannot be decided grows by a part of itself before the next look, so that all looks together stay linear.
        let undecided = self.undecided();
        self.look_at = (undecided + ANSWER_STEP.max(undecided / 4)).max(ANSWER_WINDOW + ANSWER_STEP);
    }

    /// How a finding is masked between the bytes that are done and those that are not decided; nothing if that would break the JSON around it.
    fn mask(&self, (done, cut): (usize, usize), place: Range<usize>) -> Option<Mask> {
        let before = self.text.get(done..place.start)?;
        let (inside, finding) = (self.inside.after(before), self.text.get(place.clone())?);
        match self.form {
            Form::Text => Some(Mask { place, quote: "" }),
            Form::Json if inside.is_string() => (!inside.leaves_in(finding)).then_some(Mask { place, quote: "" }),
            // A number becomes a text.
            Form::Json => {
                let of_number = |letter: &char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.' | 'e' | 'E');
                let start = place.start - before.chars().rev().take_while(of_number).count();
                let end = place.end + self.text.get(place.end..cut)?.chars().take_while(of_number).count();
                finding.chars().all(|letter| of_number(&letter)).then_some(Mask { place: start..end, quote: "\"" })
            }
        }
    }

    fn name(&self, kind: Kind) -> String {
        self.rules.kinds.get(kind).map_or_else(|| "personal data".to_owned(), |info| info.name.clone())
    }

    fn note(&mut self, kind: Kind, place: Range<usize>) {
        let mut hasher = DefaultHasher::new();
        known::canonical(self.text.get(place).unwrap_or_default()).hash(&mut hasher);
        self.found.push(Noted { kind, value: hasher.finish() });
    }
}

/// Where a mask stands, and what else belongs to it.
struct Mask {
    place: Range<usize>,
    quote: &'static str,
}

/// Letters, digits and signs of which tokens, addresses and base64 are made.
fn is_of_run(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.+/=@%~'".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detector;

    fn masking() -> OutputScan {
        let detector = Detector::new().unwrap();
        let kinds = detector.kinds().clone();
        let look: Look = Box::new(move |text| detector.scan(text).map_err(|error| error.to_string()));
        let rules = OutputRules { look, kinds, pseudonyms: None, values: CallValues::default(), mode: OutputMode::Mask };
        OutputScan::new(Arc::new(rules), Form::Text)
    }

    #[test]
    fn nothing_is_held_beyond_the_bound() {
        for (begin, line) in [
            ("-----BEGIN PRIVATE KEY-----\n", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"),
            ("", "abcdefghijklmnopqrstuvwxyz"),
            ("", "\\\\\\\\\\\\\\\\\\"),
        ] {
            let mut scan = masking();
            scan.push(begin).unwrap();
            let mut most = 0;
            for _ in 0..3_000 {
                scan.push(line).unwrap();
                most = most.max(scan.text.len());
            }
            assert!(most <= ANSWER_HELD_MAX * 2, "{most}");
        }
    }
}
