//! The store's side of what outsiders see and ask: heads, checkpoints, cosignatures, erasure and retention. All of it blocks for a commit.
//!
//! Never sign what did not come from here: a signature over a head that a crash may take back is a fork.

use std::sync::Arc;

use crate::checkpoint::{Head, Published, Witnessed};
use crate::erase::{Erasing, ErasureOrder};
use crate::writer::{Apart, Job};
use crate::{Store, StoreError};

// === impl Store ===

impl Store {
    /// What is committed so far, on the disk whatever the store's durability: what is signed of it can never be lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the disk cannot take it now.
    pub fn head(&self) -> Result<Head, StoreError> {
        self.ask(|ack| Job::Apart(Apart::Head(ack)))
    }

    /// Writes something to see whether leaves can be written, and takes [`crate::Metrics::last_error`] back if so.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written now.
    pub fn try_disk(&self) -> Result<(), StoreError> {
        self.ask(|ack| Job::Apart(Apart::Try(ack)))
    }

    /// Keeps a checkpoint; others may see it once this returns. The same size again takes a note with more cosignatures.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`] when it is not the root of so many leaves here, or covers fewer than the last; [`StoreError::Unavailable`].
    pub fn publish(&self, checkpoint: Published) -> Result<(), StoreError> {
        self.ask(|ack| Job::Apart(Apart::Publish { checkpoint, ack }))
    }

    /// The checkpoint that others may see; never blocks.
    #[must_use]
    pub fn published(&self) -> Option<Arc<Published>> {
        self.0.shared.health.shown()
    }

    /// Notes that a foreign checkpoint is cosigned, if what was cosigned before is still `before`. The cosignature may leave once this returns.
    ///
    /// # Errors
    /// [`StoreError::WitnessedMore`] when another was cosigned in between, or one of more leaves before; [`StoreError::Unavailable`].
    pub fn witness(&self, seen: Witnessed, before: Option<Head>) -> Result<(), StoreError> {
        self.ask(|ack| Job::Apart(Apart::Witness { seen, before, ack }))
    }

    /// Destroys keys, so that the private records under them open for nobody, and writes a leaf that says so.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the disk cannot take it; what was begun is finished at the next start.
    pub fn erase(&self, order: ErasureOrder) -> Result<Erasing, StoreError> {
        self.ask(|ack| Job::Apart(Apart::Erase { order, ack }))
    }

    /// Takes away leaves before `minimum`, rounded down to whole bundles of 256, and all that is kept beside them. Gives the first leaf that is
    /// left. Proofs of later leaves and all roots stay. One commit for each 16,384 leaves; others' writes go on in between.
    ///
    /// # Errors
    /// [`StoreError::NotPrunable`] beyond what a published checkpoint covers, or with calls under way before it.
    pub fn prune(&self, minimum: u64) -> Result<u64, StoreError> {
        let mut left = self.ask(|ack| Job::Apart(Apart::Prune { minimum, ack }))?;
        loop {
            let next = self.ask(|ack| Job::Apart(Apart::Prune { minimum, ack }))?;
            if next == left {
                return Ok(next);
            }
            left = next;
        }
    }

    /// The Ed25519 public key of this ledger's checkpoints and cosignatures.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.custody.public_key()
    }

    /// Signs the text of a checkpoint of a head that [`Store::head`] gave, or the message of a cosignature after [`Store::witness`].
    ///
    /// # Errors
    /// [`StoreError::Encryption`] when whoever holds the keys cannot do it.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], StoreError> {
        self.0.custody.sign(message)
    }
}
