//! For tests: what a piece of work logs.

use std::future::Future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::instrument::WithSubscriber as _;

/// Collects what is written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

/// Runs `work`, and gives what it logged on this thread.
pub(crate) async fn logged<F: Future>(work: F) -> (F::Output, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let done = work.with_subscriber(subscriber).await;
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (done, log)
}

// === impl Lines ===

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
