//! The border to the detectors. A detector that fails or panics must never become "nothing found".

use std::panic::{AssertUnwindSafe, catch_unwind};

use comity_redact::{Detector, Finding};

/// Something that looks for personal data and secrets in a text.
pub trait Detect: Send + Sync {
    /// What is in `text`.
    ///
    /// # Errors
    /// A sentence for the log, without anything of the text. A failure denies the call.
    fn scan(&self, text: &str) -> Result<Vec<Finding>, String>;
}

impl Detect for Detector {
    fn scan(&self, text: &str) -> Result<Vec<Finding>, String> {
        Ok(Detector::scan(self, text))
    }
}

/// Asks a detector, and turns a panic into a failure.
pub(crate) fn scan(detector: &dyn Detect, text: &str) -> Result<Vec<Finding>, String> {
    catch_unwind(AssertUnwindSafe(|| detector.scan(text))).unwrap_or_else(|_| Err("the detector panicked".to_owned()))
}
