//! A mock of AI upstreams on a loopback port, for tests and measurements: the native APIs of OpenAI, Azure, Anthropic, Gemini and
//! Bedrock. It answers in a [`Mode`], remembers what it received ([`Seen`]) and knows which clients went away. It must never listen on
//! anything but loopback.

mod answer;
mod binary;
mod call;
mod chat;
mod converse;
mod credential;
mod embeddings;
mod errors;
mod fields;
mod gemini;
mod listing;
mod load;
mod memory;
mod messages;
mod mode;
mod model;
mod responses;
mod schema;
mod score;
mod seen;
mod server;
mod sigv4;
mod wish;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::BenchError;
use crate::cassette::Cassette;

pub use call::Dialect;
pub use mode::Mode;
pub use seen::{Fate, Seen, Tally};
pub use sigv4::{AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY};

use memory::Memory;
use seen::Book;

/// How long [`MockUpstream::until`] waits before it gives up: a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running mock upstream, with its own thread and runtime. Dropping it closes its listener and all its connections.
///
/// ```
/// use comity_bench::{Mode, MockUpstream};
/// let mock = MockUpstream::start()?;
/// mock.script([Mode::Status(503), Mode::Echo]); // the next two calls
/// assert!(mock.base_url().starts_with("http://127.0.0.1:"));
/// assert_eq!(mock.tally().calls, 0);
/// # Ok::<(), comity_bench::BenchError>(())
/// ```
pub struct MockUpstream {
    address: SocketAddr,
    book: Arc<Book>,
    memory: Arc<Memory>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How to start a mock.
#[derive(Debug, Default)]
pub struct MockOptions {
    /// Loopback port; 0 (the default) takes a free one.
    pub port: u16,
    /// What [`Mode::Replay`] answers from.
    pub cassettes: Vec<Cassette>,
}

impl MockUpstream {
    /// Starts on a free loopback port, ready when this returns. Works inside and outside an async runtime.
    ///
    /// # Errors
    /// No port, thread or runtime could be had.
    pub fn start() -> Result<MockUpstream, BenchError> {
        MockUpstream::start_with(MockOptions::default())
    }

    /// Starts with a given port or recorded exchanges.
    ///
    /// # Errors
    /// As [`MockUpstream::start`]; also if the port is taken.
    pub fn start_with(options: MockOptions) -> Result<MockUpstream, BenchError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).map_err(BenchError::Start)?;
        listener.set_nonblocking(true).map_err(BenchError::Start)?;
        let address = listener.local_addr().map_err(BenchError::Start)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(BenchError::Start)?;
        let book = Book::new();
        let (stop, stopped) = oneshot::channel();
        let memory = Arc::new(Memory::default());
        let server = server::Server { book: Arc::clone(&book), memory: Arc::clone(&memory), cassettes: options.cassettes.into() };
        let run = move || runtime.block_on(server.serve(listener, stopped));
        let thread = std::thread::Builder::new().name("mock-upstream".to_owned()).spawn(run).map_err(BenchError::Start)?;
        Ok(MockUpstream { address, book, memory, stop: Some(stop), thread: Some(thread) })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port/v1`, for a `base_url`. Calls are answered by the script, else by a model named `mock-<mode>`, else by the
    /// standing mode.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `http://127.0.0.1:port/<mode>/v1`: every call through it is answered in that mode (unless a script says otherwise).
    #[must_use]
    pub fn base_url_for(&self, mode: &Mode) -> String {
        format!("http://{}/{mode}/v1", self.address)
    }

    /// The address to configure for an upstream of a dialect: the part in front of the paths that the dialect itself names.
    #[must_use]
    pub fn dialect_url(&self, dialect: Dialect) -> String {
        let base = self.address;
        match dialect {
            Dialect::OpenAi | Dialect::Anthropic => format!("http://{base}/v1"),
            Dialect::Azure | Dialect::Bedrock => format!("http://{base}"),
            Dialect::Gemini => format!("http://{base}/v1beta"),
        }
    }

    /// The modes of the next calls, one each, in order of arrival; added to what is still scripted.
    pub fn script(&self, modes: impl IntoIterator<Item = Mode>) {
        self.book.script(modes);
    }

    /// The mode of all calls that nothing else decides. At the start: [`Mode::Echo`].
    pub fn stand(&self, mode: Mode) {
        self.book.stand(mode);
    }

    /// Lets go all calls that [`Mode::Hold`] and [`Mode::HoldStream`] hold now.
    pub fn release(&self) {
        self.book.release();
    }

    /// All recorded calls in order of arrival (load modes are not recorded).
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.book.calls()
    }

    /// The counts of now.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.book.tally()
    }

    /// Forgets calls, counts, script and kept responses. Connections that are still open count on.
    pub fn clear(&self) {
        self.book.clear();
        self.memory.clear();
    }

    /// Waits until the counts fulfil a condition, for example `|t| t.cancelled == 1`. Returns the counts that did; `None` after 30 s.
    pub async fn until(&self, condition: impl FnMut(&Tally) -> bool) -> Option<Tally> {
        let mut tally = self.book.watch_tally();
        let found = tokio::time::timeout(PATIENCE, tally.wait_for(condition)).await.ok()?.ok()?;
        Some(*found)
    }

    /// [`MockUpstream::until`] for tests without a runtime of their own. Must not be called inside one.
    pub fn wait_until(&self, condition: impl FnMut(&Tally) -> bool) -> Option<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
        runtime.block_on(self.until(condition))
    }

    /// Serves until the process ends or the mock is dropped elsewhere: for the binary.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for MockUpstream {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
