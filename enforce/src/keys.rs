//! API keys in memory. The store is read when its counter changes, never on the path of a call with a known key.
//!
//! INVARIANT: an outage of the store never turns a valid key into 401. A key that is not known while the store cannot be read is 503.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use arc_swap::ArcSwap;
use comity_store::{ApiKey, KeyList, KeyState, Keys, PresentedKey, StoreError};
use comity_vocab::{Digest, Instant, KeyId};
use tokio::sync::oneshot;

use crate::limits::{KEYS_LOOKUPS_MAX, KEYS_POLL};

/// The keys that open something.
pub(crate) struct KeyRing {
    shared: Arc<Known>,
    look: SyncSender<oneshot::Sender<()>>,
}

struct Known {
    keys: ArcSwap<HashMap<KeyId, Arc<ApiKey>>>,
    /// As [`comity_store::KeyList::digest`].
    digest: ArcSwap<Digest>,
    /// Whether the last look into the store succeeded.
    readable: AtomicBool,
}

/// Why a presented key opens nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyRefused {
    /// Nobody made it.
    Unknown,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The store cannot be read, so nobody can say.
    Unreadable,
}

// === impl KeyRing ===

impl KeyRing {
    /// Reads all keys and keeps them current on a thread of its own, until the ring is dropped.
    pub(crate) fn start(keys: Keys) -> Result<Self, StoreError> {
        let list = keys.list()?;
        let shared =
            Arc::new(Known { keys: ArcSwap::default(), digest: ArcSwap::from_pointee(list.digest()), readable: AtomicBool::new(true) });
        let mut seen = list.generation;
        shared.replace(list);
        let (look, looks) = sync_channel::<oneshot::Sender<()>>(KEYS_LOOKUPS_MAX);
        let theirs = Arc::clone(&shared);
        let follow = move || {
            loop {
                let asked = match looks.recv_timeout(KEYS_POLL) {
                    Ok(asked) => Some(asked),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                theirs.refresh(&keys, &mut seen);
                asked.map(|asked| asked.send(()));
            }
        };
        // Without the thread no change would ever count; the first look would say so.
        let started = std::thread::Builder::new().name("keys".to_owned()).spawn(follow);
        if let Err(error) = started {
            tracing::error!(%error, "cannot start the thread that follows changes of keys");
        }
        Ok(Self { shared, look })
    }

    /// The key that was presented, if it opens something now.
    pub(crate) async fn open(&self, presented: &PresentedKey, now: Instant) -> Result<Arc<ApiKey>, KeyRefused> {
        if let Some(known) = self.find(presented) {
            return state(known, now);
        }
        // It may have been made a moment ago by another process.
        self.look_again().await;
        match self.find(presented) {
            Some(known) => state(known, now),
            None if self.shared.readable.load(Ordering::Acquire) => Err(KeyRefused::Unknown),
            None => Err(KeyRefused::Unreadable),
        }
    }

    /// Reads all keys again, here and now: some may have been made since the gateway was built.
    pub(crate) fn reread(&self, keys: &Keys) -> Result<(), StoreError> {
        self.shared.replace(keys.list()?);
        Ok(())
    }

    /// Names all keys as they are known now, also those that open nothing.
    pub(crate) fn digest(&self) -> Digest {
        **self.shared.digest.load()
    }

    fn find(&self, presented: &PresentedKey) -> Option<Arc<ApiKey>> {
        let keys = self.shared.keys.load();
        keys.get(presented.id()).filter(|known| known.is(presented)).cloned()
    }

    async fn look_again(&self) {
        let (done, looked) = oneshot::channel();
        if self.look.try_send(done).is_ok() {
            // An error says that the thread is gone; then what is known stays.
            let _ = looked.await;
        }
    }
}

fn state(known: Arc<ApiKey>, now: Instant) -> Result<Arc<ApiKey>, KeyRefused> {
    match known.state(now) {
        KeyState::Usable => Ok(known),
        KeyState::Expired => Err(KeyRefused::Expired),
        KeyState::Revoked => Err(KeyRefused::Revoked),
    }
}

// === impl Known ===

impl Known {
    fn refresh(&self, keys: &Keys, seen: &mut u64) {
        let looked = keys.generation().and_then(|generation| if generation == *seen { Ok(None) } else { keys.list().map(Some) });
        let was_readable = self.readable.swap(looked.is_ok(), Ordering::AcqRel);
        match looked {
            Ok(None) => {}
            Ok(Some(list)) => {
                *seen = list.generation;
                self.replace(list);
            }
            Err(error) if was_readable => tracing::warn!(%error, "keys cannot be read: those that are known stay valid"),
            Err(_) => {}
        }
    }

    fn replace(&self, list: KeyList) {
        self.digest.store(Arc::new(list.digest()));
        self.keys.store(Arc::new(list.keys.into_iter().map(|key| (key.id.clone(), Arc::new(key))).collect()));
    }
}
