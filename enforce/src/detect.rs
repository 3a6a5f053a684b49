//! The border to the detectors. A detector that fails or panics must never become "nothing found".

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use comity_redact::{Detector, Finding, Kinds, Names, Tier};

/// Something that looks for personal data and secrets in a text.
pub trait Detect: Send + Sync {
    /// The kinds that it may find.
    fn kinds(&self) -> &Kinds;

    /// How thorough it is in calls, as terms count it.
    fn level(&self) -> u8;

    /// Whether even a short text takes longer than other calls may wait for, when it is looked at in full depth.
    fn is_slow(&self) -> bool {
        false
    }

    /// What is in `text`.
    ///
    /// # Errors
    /// A sentence for the log, without anything of the text. A failure denies the call.
    fn scan(&self, text: &str, depth: Depth) -> Result<Vec<Finding>, String>;
}

/// How thoroughly a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Patterns alone: headers, in which a trained model takes a version for a date.
    Patterns,
    /// All but slow tiers: answers, which are looked at every few words while others wait.
    Quick,
    /// Everything: calls.
    Full,
}

/// The detectors of a configuration, for each depth. They share what is large.
pub(crate) struct Tiers {
    patterns: Detector,
    quick: Detector,
    full: Detector,
    is_slow: bool,
}

/// Asks a detector, and turns a panic into a failure.
pub(crate) fn scan(detector: &dyn Detect, text: &str, depth: Depth) -> Result<Vec<Finding>, String> {
    catch_unwind(AssertUnwindSafe(|| detector.scan(text, depth))).unwrap_or_else(|_| Err("the detector panicked".to_owned()))
}

// === impl Tiers ===

impl Tiers {
    /// Patterns, and nothing else yet.
    pub(crate) fn new(patterns: Detector) -> Self {
        Self { quick: patterns.clone(), full: patterns.clone(), patterns, is_slow: false }
    }

    /// Asks `names`, too, wherever there is time for them.
    #[must_use]
    pub(crate) fn with_names(self, names: Arc<dyn Names>) -> Self {
        let is_slow = is_slow(names.tier());
        let quick = if is_slow { self.quick } else { self.quick.with_names(Arc::clone(&names)) };
        Self { quick, full: self.full.with_names(names), is_slow: self.is_slow || is_slow, ..self }
    }
}

impl Detect for Tiers {
    fn kinds(&self) -> &Kinds {
        self.full.kinds()
    }

    fn level(&self) -> u8 {
        self.full.level()
    }

    fn is_slow(&self) -> bool {
        self.is_slow
    }

    fn scan(&self, text: &str, depth: Depth) -> Result<Vec<Finding>, String> {
        let detector = match depth {
            Depth::Patterns => &self.patterns,
            Depth::Quick => &self.quick,
            Depth::Full => &self.full,
        };
        detector.scan(text).map_err(|error| error.to_string())
    }
}

/// Whether a tier takes longer for a short text than other calls may wait for.
fn is_slow(tier: Tier) -> bool {
    match tier {
        Tier::Patterns | Tier::Gazetteer | Tier::Trained => false,
        Tier::Gliner => true,
    }
}

#[cfg(test)]
mod tests {
    use comity_redact::{Kind, ScanError};

    use super::*;

    /// Takes the first letter for a name.
    struct First(Tier);

    impl Names for First {
        fn tier(&self) -> Tier {
            self.0
        }

        fn names(&self, _: &str, _: &[Finding]) -> Result<Vec<Finding>, ScanError> {
            Ok(vec![Finding { kind: Kind::PERSON, start: 0, end: 1, tier: self.0 }])
        }
    }

    #[test]
    fn slow_tiers_look_at_calls_alone() {
        let found = |tier: Tier, depth: Depth| {
            let tiers = Tiers::new(Detector::new().unwrap()).with_names(Arc::new(First(tier)));
            assert_eq!((tiers.is_slow(), tiers.level()), (tier == Tier::Gliner, tier.level()));
            tiers.scan("Ada <ada@example.org>", depth).unwrap().iter().map(|finding| finding.tier).collect::<Vec<_>>()
        };
        for tier in [Tier::Gazetteer, Tier::Trained] {
            assert_eq!(found(tier, Depth::Patterns), [Tier::Patterns]);
            assert_eq!(found(tier, Depth::Quick), [tier, Tier::Patterns]);
            assert_eq!(found(tier, Depth::Full), [tier, Tier::Patterns]);
        }
        assert_eq!(found(Tier::Gliner, Depth::Patterns), [Tier::Patterns]);
        assert_eq!(found(Tier::Gliner, Depth::Quick), [Tier::Patterns]);
        assert_eq!(found(Tier::Gliner, Depth::Full), [Tier::Gliner, Tier::Patterns]);
    }
}
