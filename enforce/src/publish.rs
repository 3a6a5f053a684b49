//! Publishes the ledger: signs what is on the disk, asks the witnesses that the policy names, and shows the checkpoint once their quorum is met.
//!
//! INVARIANT: nothing is shown that a crash could take back, or that the policy does not allow. A thread of its own: no call ever waits for a
//! witness.

mod progress;
mod witnesses;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use comity_ledger::SignedCheckpoint;
use comity_store::{Fact, KeyList, Published, Reader, StoreError};
use comity_upstream::Tls;
use comity_vocab::Digest;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::generation::Generation;
use crate::ledger_events;
use crate::limits::{PUBLISH_EVERY, PUBLISH_LAST};
use crate::server::{Stop, reached};
use crate::shared::Shared;

pub(crate) use progress::{Progress, Trouble};
use witnesses::Witnesses;

/// The thread that publishes.
pub(crate) struct Publisher {
    stop: watch::Sender<Stop>,
    thread: JoinHandle<()>,
}

/// What the thread works with.
struct Work {
    shared: Arc<Shared>,
    witnesses: Witnesses,
    /// For proofs; opened anew after a failure.
    reader: Option<Reader>,
    /// The keys of callers that the ledger told of last.
    told: Option<Digest>,
    /// The generation by whose policy was published last.
    by: Option<Arc<Generation>>,
}

// === impl Publisher ===

impl Publisher {
    /// Starts to publish, on a thread with a runtime of its own.
    pub(crate) fn start(shared: &Arc<Shared>, tls: &Tls) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(Stop::Running);
        let mut work = Work { shared: Arc::clone(shared), witnesses: Witnesses::new(tls), reader: None, told: None, by: None };
        // Before the first call, so that the order of leaves does not hang on a thread.
        work.tell_of_keys();
        let progress = Arc::clone(shared);
        let run = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work.run(stopped))));
            if ended.is_err() {
                progress.progress.tried(Err(Trouble::Waits("the thread that publishes has failed: restart the gateway".to_owned())));
            }
            // Connections to witnesses end with it; a name that is being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("publish".to_owned()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Publishes what is there once more, within two seconds, and ends.
    pub(crate) fn finish(self) {
        self.end(Stop::Draining);
    }

    /// Ends.
    pub(crate) fn stop(self) {
        self.end(Stop::Now);
    }

    fn end(self, how: Stop) {
        self.stop.send_replace(how);
        // A failure was told when it came.
        let _ended = self.thread.join();
    }
}

// === impl Work ===

impl Work {
    async fn run(&mut self, mut stop: watch::Receiver<Stop>) {
        let mut tick = tokio::time::interval(PUBLISH_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut how_far = stop.clone();
        loop {
            tokio::select! {
                biased;
                () = reached(&mut stop, Stop::Draining) => break,
                _ = tick.tick() => {}
            }
            tokio::select! {
                biased;
                () = reached(&mut stop, Stop::Draining) => break,
                () = self.round() => {}
            }
        }
        tokio::select! {
            biased;
            () = reached(&mut how_far, Stop::Now) => {}
            _ = tokio::time::timeout(PUBLISH_LAST, self.round()) => {}
        }
    }

    /// Publishes if something is new, or could not be published before.
    async fn round(&mut self) {
        self.tell_of_keys();
        let generation = self.shared.generation.load_full();
        let metrics = self.shared.store.metrics();
        let other_policy = generation.ledger.policy.is_some() && !self.by.as_ref().is_some_and(|by| Arc::ptr_eq(by, &generation));
        if metrics.leaves <= metrics.published && !other_policy && !self.shared.progress.is_in_trouble() {
            return;
        }
        self.shared.progress.behind(Instant::now());
        let done = self.publish(&generation).await;
        if done.is_err() {
            self.reader = None;
        }
        self.by = Some(generation);
        self.shared.progress.tried(done);
    }

    async fn publish(&mut self, generation: &Generation) -> Result<(), Trouble> {
        let shared = Arc::clone(&self.shared);
        let head = shared.store.head().map_err(Trouble::of_store)?;
        let signed = shared.name.sign(&shared.store, head).map_err(Trouble::of_store)?;
        let (cosigned, doubt) = self.cosigned(generation, signed).await?;
        shared.store.publish(Published { head, note: cosigned.to_string() }).map_err(Trouble::of_store)?;
        shared.progress.doubted(doubt);
        Ok(())
    }

    /// With the cosignatures that the policy asks for.
    async fn cosigned(&mut self, generation: &Generation, signed: SignedCheckpoint) -> Result<(SignedCheckpoint, Option<String>), Trouble> {
        let Some(witnessing) = &generation.ledger.policy else { return Ok((signed, None)) };
        if self.reader.is_none() {
            self.reader = Some(self.shared.store.reader().map_err(Trouble::of_store)?);
        }
        let (reader, size) = (self.reader.as_ref(), signed.unverified().size());
        let prove = |old| match reader {
            Some(reader) => reader.prove_consistency(old, size),
            None => Err(StoreError::NotFound(self.shared.store.path().to_owned())),
        };
        let published = self.shared.store.published().map_or(0, |published| published.head.size);
        let policy = witnessing.policy.clone().for_log(self.shared.name.log_key().clone());
        self.witnesses.gather((signed, published), (&policy, &witnessing.witnesses), &prove).await
    }

    /// Writes a leaf when callers' keys are not those that the ledger told of last. What fails is tried again.
    fn tell_of_keys(&mut self) {
        let now = self.shared.keys.digest();
        if self.told == Some(now) {
            return;
        }
        match self.tell_of(now) {
            Ok(()) => self.told = Some(now),
            Err(error) => tracing::debug!(%error, "the ledger does not say yet that keys changed"),
        }
    }

    fn tell_of(&self, now: Digest) -> Result<(), StoreError> {
        let noted = self.shared.store.reader()?.noted(Fact::ApiKeys)?;
        // A store of which nothing was told yet had no keys.
        let nobody = || KeyList { generation: 0, keys: Vec::new() }.digest().as_bytes().to_vec();
        if noted.unwrap_or_else(nobody) == now.as_bytes() { Ok(()) } else { ledger_events::api_keys(&self.shared.store, now) }
    }
}
