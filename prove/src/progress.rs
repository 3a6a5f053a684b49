//! How far a proof is, for whoever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Terms that were asked about, and terms that there are to ask about in the present step. Another thread may read it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    done: AtomicUsize,
    of: AtomicUsize,
}

// === impl Progress ===

impl Progress {
    /// How many of how many; nothing where a step is one question.
    #[must_use]
    pub fn now(&self) -> Option<(usize, usize)> {
        let of = self.0.of.load(Ordering::Relaxed);
        (of > 1).then(|| (self.0.done.load(Ordering::Relaxed).min(of), of))
    }

    /// A step of so many begins.
    pub(crate) fn begin(&self, of: usize) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.of.store(of, Ordering::Relaxed);
    }

    pub(crate) fn one_done(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}
