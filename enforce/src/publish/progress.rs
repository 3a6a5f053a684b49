//! How far publishing is, for people and for metrics. Reading it never blocks for long and asks nobody.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use comity_store::{Metrics, StoreError};

/// What the publisher says about itself.
#[derive(Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    /// Since when something waits to be published.
    behind_since: Option<Instant>,
    trouble: Option<Trouble>,
    /// What witnesses held against the last checkpoint, though the quorum cosigned it.
    doubt: Option<String>,
}

/// Why the last checkpoint was not published, in words for everybody: they name no address and no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Not yet: it is tried again.
    Waits(String),
    /// A witness saw more of this ledger than there is, or something else. No retry helps.
    Contradicted(String),
}

// === impl Progress ===

impl Progress {
    /// Something waits to be published, now if not before.
    pub(crate) fn behind(&self, now: Instant) {
        self.state().behind_since.get_or_insert(now);
    }

    /// What came of trying. It is logged when it changes.
    pub(crate) fn tried(&self, done: Result<(), Trouble>) {
        let mut state = self.state();
        let (before, after) = (state.trouble.take(), done.err());
        match &after {
            Some(trouble) if before.as_ref() != Some(trouble) => trouble.log(),
            None if before.is_some() => tracing::info!("the ledger is published again"),
            Some(_) | None => {}
        }
        if after.is_none() {
            state.behind_since = None;
        }
        state.trouble = after;
    }

    /// What witnesses hold against what was published. It is logged when it changes.
    pub(crate) fn doubted(&self, doubt: Option<String>) {
        let mut state = self.state();
        if let Some(why) = doubt.as_ref().filter(|_| state.doubt != doubt) {
            tracing::error!("the ledger is published, since its quorum cosigned it, but a witness contradicts it: {why}");
        }
        state.doubt = doubt;
    }

    /// Whether the last try failed.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.state().trouble.is_some()
    }

    /// One line for `/healthz`, while there is trouble and something waits, or a witness contradicts what was published.
    pub(crate) fn line(&self, metrics: &Metrics) -> Option<String> {
        let unpublished = metrics.leaves.saturating_sub(metrics.published);
        let state = self.state();
        if unpublished == 0 || state.trouble.is_none() {
            return state.doubt.as_ref().map(|why| format!("ledger: published, but a witness contradicts it: {why}"));
        }
        let (means, why) = match state.trouble.as_ref()? {
            Trouble::Waits(why) => ("not published", why),
            Trouble::Contradicted(why) => ("not published, and never will be by themselves", why),
        };
        Some(format!("ledger: {unpublished} {} {means}: {why}", if unpublished == 1 { "leaf is" } else { "leaves are" }))
    }

    /// How long something has waited to be published.
    pub(crate) fn waited(&self, metrics: &Metrics) -> Duration {
        let since = self.state().behind_since.filter(|_| metrics.leaves > metrics.published);
        since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Trouble ===

impl Trouble {
    pub(crate) fn of_store(error: StoreError) -> Self {
        tracing::debug!(%error, "a checkpoint could not be made");
        Self::Waits("the ledger cannot be read or written now".to_owned())
    }

    fn log(&self) {
        match self {
            Self::Waits(why) => tracing::warn!("the ledger is not published: {why}"),
            Self::Contradicted(why) => tracing::error!(
                "the ledger is not published: {why}; this store is older than what was published from it, or another one: compare it with its backups"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(leaves: u64, published: u64) -> Metrics {
        Metrics { queued: 0, leaves, commits: 0, published, last_error: None }
    }

    #[test]
    fn trouble_is_told_until_it_is_over() {
        let progress = Progress::default();
        assert_eq!(progress.line(&metrics(9, 4)), None, "being behind for a moment is no trouble");
        progress.behind(Instant::now());
        progress.tried(Err(Trouble::Waits("`FR` cannot be reached".to_owned())));
        assert_eq!(progress.line(&metrics(9, 4)).unwrap(), "ledger: 5 leaves are not published: `FR` cannot be reached");
        assert!(progress.is_in_trouble() && progress.state().behind_since.is_some());
        assert_eq!(progress.line(&metrics(9, 9)), None, "it was published a moment ago");
        progress.tried(Ok(()));
        assert_eq!((progress.line(&metrics(9, 9)), progress.waited(&metrics(9, 9))), (None, Duration::ZERO));
    }
}
