//! The scan: patterns propose, validators decide, overlaps are merged. Nothing found here ever leaves as text.
//!
//! INVARIANT: every step of the scan moves forward, so its cost is linear in the text (bounds in `limits.rs`).

use std::error::Error;
use std::sync::{Arc, LazyLock};

use regex_automata::Input;
use regex_automata::meta::Regex;

use crate::anchor::{self, Anchor};
use crate::found::{Found, Strength, merge};
use crate::haystack::{Haystack, Hit};
use crate::jwt::Run;
use crate::shape::{Match, Shapes, Walker};
use crate::words::{Nearby, Words};
use crate::{
    Finding, Kinds, Names, Tier, aws, email, iban, identifier, jwt, limits, names, normal, number, pem, phone, token, unprefixed, url,
    wrapped,
};

/// Finds personal data and secrets. Building it costs some milliseconds; scanning takes `&self`, and cloning shares it.
#[derive(Clone)]
pub struct Detector {
    parts: Arc<Parts>,
    /// Tiers above the patterns, the lowest first.
    names: Vec<Arc<dyn Names>>,
}

struct Parts {
    anchors: Regex,
    kinds: Kinds,
    shapes: Shapes,
    words: Words,
}

/// The detector could not be built; nothing may then be sent, because nothing was looked at.
#[derive(Debug, thiserror::Error)]
#[error("the patterns of the kinds of data do not compile")]
pub struct BuildError {
    source: Box<dyn Error + Send + Sync>,
}

/// A tier failed on a text, so nothing is known of it. It never says anything of the text.
#[derive(Debug, thiserror::Error)]
#[error("the tier `{}` failed: {reason}", tier.name())]
pub struct ScanError {
    /// Which tier.
    pub tier: Tier,
    /// Why, without anything of the text.
    pub reason: String,
}

/// What one scan carries from place to place.
pub(crate) struct Scan<'t> {
    pub(crate) text: Haystack<'t>,
    pub(crate) found: Vec<Found>,
    /// The run of base64url that was measured last, so that many starts in one run cost one measuring.
    pub(crate) jwt_run: Option<Run>,
    pub(crate) phone_validations: u32,
    pub(crate) kinds: &'t Kinds,
    pub(crate) shapes: &'t Shapes,
    pub(crate) walker: Walker<'t>,
    pub(crate) words: &'t Words,
    pub(crate) nearby: Nearby,
    /// Before this offset, no shape is looked for any more.
    pub(crate) walked_to: usize,
    /// Room for the matches of one place.
    pub(crate) matches: Vec<Match>,
    /// Room for the letters and digits of one of them.
    pub(crate) characters: Vec<u8>,
    /// Before this offset, everything is within one web address.
    pub(crate) address_to: usize,
    /// Before this offset, no card or phone number begins any more.
    numbered_to: usize,
}

/// The places to look at, in order: what the anchors propose, and digits.
struct Places {
    anchor: Option<(Anchor, Hit)>,
    digit: Option<usize>,
}

// === impl Detector ===

impl Detector {
    /// A detector of the built-in kinds and the shipped ones. The first compiles the patterns and loads the numbering plans of the world; later
    /// ones share them.
    ///
    /// # Errors
    /// If the patterns do not compile.
    pub fn new() -> Result<Self, BuildError> {
        static SHIPPED: LazyLock<Option<Detector>> = LazyLock::new(|| Detector::with_kinds(Kinds::shipped()).ok());
        // Building it again gives the error that the first time had.
        SHIPPED.clone().map_or_else(|| Self::with_kinds(Kinds::shipped()), Ok)
    }

    /// A detector of these kinds.
    ///
    /// # Errors
    /// If the patterns do not compile, for example because they are too many.
    pub fn with_kinds(kinds: Kinds) -> Result<Self, BuildError> {
        let prefixes: Vec<String> = kinds.shapes().iter().flat_map(|shape| shape.prefixes.iter().cloned()).collect();
        let anchors = anchor::build(&prefixes).map_err(|source| BuildError { source })?;
        let shapes = Shapes::new(kinds.shapes()).map_err(|source| BuildError { source })?;
        let words = Words::new(&kinds).map_err(|source| BuildError { source })?;
        phone::load_numbering_plans();
        normal::load();
        Ok(Self { parts: Arc::new(Parts { anchors, kinds, shapes, words }), names: Vec::new() })
    }

    /// Asks `names`, too, after all lower tiers. A tier that fails fails the scan.
    #[must_use]
    pub fn with_names(mut self, names: Arc<dyn Names>) -> Self {
        self.names.push(names);
        self.names.sort_by_key(|names| names.tier());
        self
    }

    pub(crate) fn names(&self) -> &[Arc<dyn Names>] {
        &self.names
    }

    /// The kinds that it may find.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.parts.kinds
    }

    /// How thorough it is, as terms count it.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.names.last().map_or(Tier::Patterns, |names| names.tier()).level()
    }

    /// Whether it asks this tier.
    #[must_use]
    pub fn has(&self, tier: Tier) -> bool {
        tier == Tier::Patterns || self.names.iter().any(|names| names.tier() == tier)
    }

    /// Everything found in `text`, sorted by place, not overlapping; the same text always gives the same findings.
    ///
    /// # Errors
    /// If a tier failed; then nothing is known of the text.
    pub fn scan(&self, text: &str) -> Result<Vec<Finding>, ScanError> {
        let mut budget = limits::PHONE_VALIDATIONS_MAX;
        let mut found = self.parts.scan(text, &mut budget)?;
        found.iter_mut().for_each(|found| found.widen_over_escape(text));
        let mut named = Vec::new();
        for normal in normal::Parts::of(text) {
            let plain = self.parts.scan(&normal.text, &mut budget)?;
            if !self.names.is_empty() {
                let names =
                    names::ask(self, &normal.text, merge(plain.clone()))?.into_iter().filter(|finding| finding.tier != Tier::Patterns);
                named.extend(names.filter_map(|finding| Some(finding.moved(normal.original(finding.place())?))));
            }
            found.extend(plain.into_iter().filter_map(|found| Some(found.moved(normal.original(found.finding.place())?))));
        }
        for wrapped in wrapped::Runs::of(text) {
            let inside = self.parts.scan(&wrapped.text, &mut budget)?;
            found.extend(inside.into_iter().map(|found| found.moved(wrapped.run)));
        }
        let found = merge(found).into_iter().flat_map(|finding| names::parted(text, finding)).collect();
        let mut found = names::ask(self, text, found)?;
        if !named.is_empty() {
            found.extend(named);
            found = names::merge(found, self.kinds());
        }
        Ok(found)
    }
}

// === impl Parts ===

impl Parts {
    /// One pass over the text as it is. `phone_validations` is how many may still be made.
    fn scan(&self, text: &str, phone_validations: &mut u32) -> Result<Vec<Found>, ScanError> {
        let mut scan = Scan {
            text: Haystack::new(text),
            found: Vec::new(),
            jwt_run: None,
            phone_validations: *phone_validations,
            kinds: &self.kinds,
            shapes: &self.shapes,
            walker: Walker::default(),
            words: &self.words,
            nearby: Nearby::default(),
            walked_to: 0,
            matches: Vec::new(),
            characters: Vec::new(),
            address_to: 0,
            numbered_to: 0,
        };
        let mut places = Places { anchor: self.next_anchor(text, 0), digit: scan.text.next_digit(0) };
        loop {
            let resume = match (places.anchor, places.digit) {
                (Some((anchor, hit)), digit) if digit.is_none_or(|digit| hit.start <= digit) => {
                    scan.examine(anchor, hit)?.max(hit.start + 1)
                }
                (_, Some(digit)) => scan.examine_digit(digit)?,
                (_, None) => break,
            };
            if places.anchor.is_some_and(|(_, hit)| hit.start < resume) {
                places.anchor = self.next_anchor(text, resume);
            }
            if places.digit.is_some_and(|digit| digit < resume) {
                places.digit = scan.text.next_digit(resume);
            }
        }
        *phone_validations = scan.phone_validations;
        Ok(scan.found)
    }

    fn next_anchor(&self, text: &str, at: usize) -> Option<(Anchor, Hit)> {
        if at > text.len() {
            return None;
        }
        let found = self.anchors.search(&Input::new(text.as_bytes()).range(at..))?;
        let anchor = Anchor::ALL.get(found.pattern().as_usize())?;
        Some((*anchor, Hit { start: found.start(), end: found.end() }))
    }
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("level", &self.level()).finish_non_exhaustive()
    }
}

// === impl Scan ===

impl Scan<'_> {
    /// Lets the validator look at one place; gives where to go on. A validator that finds nothing gives the next byte, so
    /// that another pattern may match inside the rejected one.
    fn examine(&mut self, anchor: Anchor, hit: Hit) -> Result<usize, ScanError> {
        let resume = match anchor {
            Anchor::Pem => pem::examine(self, hit),
            Anchor::Token => token::examine(self, hit),
            Anchor::SlackWebhook => token::examine_webhook(self, hit),
            Anchor::Jwt => jwt::examine(self, hit),
            Anchor::AwsId => aws::examine_id(self, hit),
            Anchor::AwsSecretName => aws::examine_name(self, hit),
            Anchor::Unprefixed => unprefixed::examine(self, hit),
            Anchor::Iban => iban::examine(self, hit),
            Anchor::Url => url::examine(self, hit),
            Anchor::At => return Ok(email::examine(self, hit)),
            Anchor::Prefix => hit.start + 1,
        };
        // The anchors tell of one pattern at a place only; a credential whose shape is data may begin as another does.
        Ok(resume.max(identifier::examine_prefix(self, hit)?))
    }

    /// Looks at a run of digits: for a kind that is data at the word it stands in, then for a card or phone number; gives its end.
    fn examine_digit(&mut self, digit: usize) -> Result<usize, ScanError> {
        let end = self.text.run(digit, self.text.len(), |byte| byte.is_ascii_digit());
        if digit >= self.walked_to {
            identifier::examine_digit(self, digit)?;
        }
        if digit >= self.numbered_to {
            self.numbered_to = number::examine(self, digit, end);
        }
        Ok(end)
    }

    /// Records a finding of a kind whose finder is code and gives its end, where the scan goes on.
    pub(crate) fn record(&mut self, finding: Finding) -> usize {
        self.found.push(Found::built_in(finding));
        finding.end
    }

    /// Records a phone number, with what speaks for it.
    pub(crate) fn record_phone(&mut self, finding: Finding) -> usize {
        let strength = if phone::is_certain(self.text, finding) { Strength::Phone } else { Strength::PhoneForm };
        self.found.push(Found { finding, strength, national: false });
        finding.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detector_prints_nothing_but_its_level() {
        assert_eq!(format!("{:?}", Detector::new().unwrap()), "Detector { level: 1, .. }");
    }

    #[test]
    fn patterns_are_the_only_tier_that_is_always_there() {
        let detector = Detector::new().unwrap();
        assert!(detector.has(Tier::Patterns) && !detector.has(Tier::Gazetteer));
        let detector = detector.with_names(Arc::new(crate::Gazetteer::default()));
        assert!(detector.has(Tier::Gazetteer) && !detector.has(Tier::Gliner));
    }

    #[test]
    fn the_detector_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Detector>();
    }
}
