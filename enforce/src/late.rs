//! What is left to do when a call is over and takes milliseconds: done on one thread of its own, so that no other call waits for it, and
//! finished before the gateway ends.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::limits::LATE_MAX;
use crate::spend::Effort;

type Job = Box<dyn FnOnce(Effort) + Send>;

/// The thread and the way to it; neither once it was closed.
pub(crate) struct Late(Mutex<Option<(SyncSender<Job>, JoinHandle<()>)>>);

impl Late {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(LATE_MAX);
        let work = move || jobs.iter().for_each(|job| job(Effort::ByText));
        let thread = std::thread::Builder::new().name("late".to_owned()).spawn(work)?;
        Ok(Self(Mutex::new(Some((sender, thread)))))
    }

    /// Does `job` soon; at once, and with the least effort, where the thread has more to do than it may.
    pub(crate) fn run(&self, job: impl FnOnce(Effort) + Send + 'static) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(sender, _)| sender.clone());
        let Some(sender) = sender else { return job(Effort::BySize) };
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = sender.try_send(Box::new(job)) {
            job(Effort::BySize);
        }
    }

    /// Waits until everything is done.
    pub(crate) fn close(&self) {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = taken {
            drop(sender);
            let _ended = thread.join();
        }
    }
}
