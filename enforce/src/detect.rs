//! The border to the detectors. A detector that fails or panics must never become "nothing found".

use std::panic::{AssertUnwindSafe, catch_unwind};

use comity_redact::{Detector, Finding, Kinds, Tier};

/// Something that looks for personal data and secrets in a text.
pub trait Detect: Send + Sync {
    /// The kinds that it may find.
    fn kinds(&self) -> &Kinds;

    /// How thorough it is, as terms count it.
    fn level(&self) -> u8;

    /// Whether even a short text takes longer than other calls may wait for.
    fn is_slow(&self) -> bool {
        false
    }

    /// What is in `text`.
    ///
    /// # Errors
    /// A sentence for the log, without anything of the text. A failure denies the call.
    fn scan(&self, text: &str) -> Result<Vec<Finding>, String>;
}

impl Detect for Detector {
    fn kinds(&self) -> &Kinds {
        Detector::kinds(self)
    }

    fn level(&self) -> u8 {
        Detector::level(self)
    }

    fn is_slow(&self) -> bool {
        self.has(Tier::Gliner)
    }

    fn scan(&self, text: &str) -> Result<Vec<Finding>, String> {
        Detector::scan(self, text).map_err(|error| error.to_string())
    }
}

/// Asks a detector, and turns a panic into a failure.
pub(crate) fn scan(detector: &dyn Detect, text: &str) -> Result<Vec<Finding>, String> {
    catch_unwind(AssertUnwindSafe(|| detector.scan(text))).unwrap_or_else(|_| Err("the detector panicked".to_owned()))
}
