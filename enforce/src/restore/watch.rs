//! What is done about personal data that the model says and the call had not: the rules of one call, and the telling of what was found.
//!
//! Each value counts once for an answer, however often a dialect repeats it. Kinds and numbers are told, never anything of the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use comity_redact::{Form, Noted, OutputMode, OutputRules, OutputScan};

/// Watches the answers to one call. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watch {
    rules: Arc<OutputRules>,
    seen: Arc<Mutex<BTreeSet<Noted>>>,
    tell: Tell,
}

/// Is told how many values of a kind were found.
pub(crate) type Tell = Arc<dyn Fn(&str, u64) + Send + Sync>;

// === impl Watch ===

impl Watch {
    pub(crate) fn new(rules: OutputRules, tell: Tell) -> Self {
        Self { rules: Arc::new(rules), seen: Arc::default(), tell }
    }

    pub(super) fn scan(&self, form: Form) -> OutputScan {
        OutputScan::new(Arc::clone(&self.rules), form)
    }

    /// Whether nothing may go on before it was looked at.
    pub(super) fn holds(&self) -> bool {
        match self.rules.mode {
            OutputMode::Report => false,
            OutputMode::Mask | OutputMode::Refuse => true,
        }
    }

    /// Tells what is new of what was found.
    pub(super) fn note(&self, found: Vec<Noted>) {
        if found.is_empty() {
            return;
        }
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for noted in found {
                if let Some(info) = self.rules.kinds.get(noted.kind).filter(|_| seen.insert(noted)) {
                    *kinds.entry(info.name.as_str()).or_default() += 1;
                }
            }
        }
        if !kinds.is_empty() {
            tracing::warn!(?kinds, "an answer has personal data that was not in the call");
            kinds.into_iter().for_each(|(kind, count)| (self.tell)(kind, count));
        }
    }
}
