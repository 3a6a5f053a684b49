//! The scan: patterns propose, validators decide, overlaps are merged. Nothing found here ever leaves as text.
//!
//! INVARIANT: every step of the scan moves forward, so its cost is linear in the text (bounds in `limits.rs`).

use regex_automata::Input;
use regex_automata::meta::Regex;

use crate::anchor::{self, Anchor};
use crate::haystack::{Haystack, Hit};
use crate::jwt::Run;
use crate::{Finding, Kinds, Tier, aws, email, iban, jwt, limits, number, pem, phone, token, unprefixed};

/// Finds personal data and secrets. Building it costs some milliseconds; scanning takes `&self`, so share one by `Arc`.
#[derive(Clone)]
pub struct Detector {
    anchors: Regex,
    kinds: Kinds,
}

/// The detector could not be built; nothing may then be sent, because nothing was looked at.
#[derive(Debug, thiserror::Error)]
#[error("the detectors' patterns do not compile")]
pub struct BuildError {
    source: Box<regex_automata::meta::BuildError>,
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
    pub(crate) found: Vec<Finding>,
    /// The run of base64url that was measured last, so that many starts in one run cost one measuring.
    pub(crate) jwt_run: Option<Run>,
    pub(crate) phone_validations: u32,
}

// === impl Detector ===

impl Detector {
    /// Compiles the patterns and loads the numbering plans of the world.
    ///
    /// # Errors
    /// If the patterns do not compile.
    pub fn new() -> Result<Self, BuildError> {
        let anchors = anchor::build().map_err(|source| BuildError { source })?;
        phone::load_numbering_plans();
        Ok(Self { anchors, kinds: Kinds::built_in() })
    }

    /// The kinds that it may find.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// How thorough it is, as terms count it.
    #[must_use]
    pub fn level(&self) -> u8 {
        Tier::Patterns.level()
    }

    /// x
    ///
    /// # Errors
    /// x
    pub fn with_kinds(kinds: Kinds) -> Result<Self, BuildError> {
        Ok(Self { kinds, ..Self::new()? })
    }

    /// Everything found in `text`, sorted by place, not overlapping; the same text always gives the same findings.
    ///
    /// # Errors
    /// If a tier failed; then nothing is known of the text.
    pub fn scan(&self, text: &str) -> Result<Vec<Finding>, ScanError> {
        let mut scan =
            Scan { text: Haystack::new(text), found: Vec::new(), jwt_run: None, phone_validations: limits::PHONE_VALIDATIONS_MAX };
        let mut at = 0;
        while at < text.len() {
            let Some(found) = self.anchors.search(&Input::new(text.as_bytes()).range(at..)) else { break };
            let hit = Hit { start: found.start(), end: found.end() };
            let resume = Anchor::ALL.get(found.pattern().as_usize()).map_or(hit.end, |anchor| scan.examine(*anchor, hit));
            at = resume.max(hit.start + 1);
        }
        Ok(merge(scan.found))
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
    fn examine(&mut self, anchor: Anchor, hit: Hit) -> usize {
        match anchor {
            Anchor::Pem => pem::examine(self, hit),
            Anchor::Token => token::examine(self, hit),
            Anchor::SlackWebhook => token::examine_webhook(self, hit),
            Anchor::Jwt => jwt::examine(self, hit),
            Anchor::AwsId => aws::examine_id(self, hit),
            Anchor::AwsSecretName => aws::examine_name(self, hit),
            Anchor::Unprefixed => unprefixed::examine(self, hit),
            Anchor::Iban => iban::examine(self, hit),
            Anchor::Number => number::examine(self, hit),
            Anchor::At => email::examine(self, hit),
        }
    }

    /// Records a finding and gives its end, where the scan goes on.
    pub(crate) fn record(&mut self, finding: Finding) -> usize {
        self.found.push(finding);
        finding.end
    }
}

/// Findings that overlap become one: their union, named for the stronger kind. Nothing that any detector saw stays in clear.
fn merge(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| (finding.start, finding.end, finding.kind));
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match merged.last_mut() {
            Some(last) if finding.start < last.end => {
                last.end = last.end.max(finding.end);
                last.kind = last.kind.min(finding.kind);
            }
            _ => merged.push(finding),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn finding(kind: Kind, start: usize, end: usize) -> Finding {
        Finding::by_pattern(kind, start, end)
    }

    #[test]
    fn overlaps_become_their_union_under_the_stronger_kind() {
        let found =
            vec![finding(Kind::PHONE, 8, 14), finding(Kind::EMAIL, 4, 10), finding(Kind::JWT, 20, 30), finding(Kind::EMAIL, 14, 16)];
        let merged = merge(found);
        assert_eq!(merged, [finding(Kind::EMAIL, 4, 14), finding(Kind::EMAIL, 14, 16), finding(Kind::JWT, 20, 30)]);
    }

    #[test]
    fn the_detector_prints_nothing_but_its_level() {
        assert_eq!(format!("{:?}", Detector::new().unwrap()), "Detector { level: 1, .. }");
    }

    #[test]
    fn the_detector_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Detector>();
    }
}
