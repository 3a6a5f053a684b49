//! The other side of the gateway, under control: a mock upstream that answers, records and misbehaves on demand, and a
//! small load generator; and beneath the store, disks that fail and lose power. Used by tests of other rooms and by `cargo xtask bench`.
//! It must never open anything but loopback, and never be a dependency of what is shipped (dev-dependency only).

pub mod cassette;
pub mod crash;
pub mod load;
pub mod mock;

pub use mock::{Dialect, Fate, MockUpstream, Mode, Seen, Tally};

/// What can go wrong before any answer is given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The loopback listener, the runtime or its thread could not be made.
    #[error("cannot start the mock upstream: {0}")]
    Start(#[source] std::io::Error),
    /// A mode name that [`Mode`] does not know.
    #[error("unknown mode `{0}`")]
    UnknownMode(String),
    /// A recorded exchange could not be read.
    #[error("cannot read recorded exchange `{path}`: {message}")]
    Cassette {
        /// The file.
        path: String,
        /// What the reader said.
        message: String,
    },
    /// A load run failed: its text names the first failure.
    #[error("load run failed: {0}")]
    Load(String),
    /// A process could not be measured.
    #[error("cannot measure process {pid}: {message}")]
    Process {
        /// The process id asked for.
        pid: u32,
        /// What was missing.
        message: String,
    },
}
