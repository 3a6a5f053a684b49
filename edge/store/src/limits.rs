//! Every bound of this room, with its reason.

use std::time::Duration;

/// Writes in one transaction: large enough that the flush costs nothing per leaf (0.1 ms of a 6 ms flush), small enough for a p99 under 60 ms.
pub const BATCH_MAX: usize = 512;

/// Writes that may wait for their commit: as many calls as the gateway handles at once, and four batches.
pub const QUEUE_DEFAULT: usize = 4 * BATCH_MAX;

/// Outcomes kept in memory while the disk is full. Beyond it the oldest are left to the next start, which writes them as `unknown`.
pub(crate) const BACKLOG_MAX: usize = 65_536;

/// How long a connection waits for another one's write lock: creating a key takes milliseconds.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Page cache of the sequencer: the edges of its trees and indexes, within the gateway's 60 MB.
pub(crate) const CACHE_KIBIBYTES: i64 = 8 * 1024;

/// Pages in the write-ahead log before it is folded into the database: 16 MiB, so that folding stays rare under load.
pub(crate) const WAL_PAGES: i64 = 4096;

/// Bytes that the write-ahead log keeps on the disk when idle.
pub(crate) const WAL_BYTES_IDLE_MAX: i64 = 64 * 1024 * 1024;

/// Bytes of one fact record: facts of some hundred candidates. Content is kept elsewhere.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a tenant's name: a root unit, which is a name of at most 128 bytes.
pub(crate) const TENANT_BYTES_MAX: usize = 128;

/// Bytes of one generation: all terms or a whole catalogue as text.
pub(crate) const GENERATION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Purposes of one key, and bytes of one purpose: a person lists them by hand.
pub(crate) const PURPOSES_MAX: usize = 64;
pub(crate) const PURPOSE_BYTES_MAX: usize = 128;

/// Leaves that [`crate::Reader::leaves`] gives at once: about 16 MiB.
pub(crate) const LEAVES_READ_MAX: usize = 10_000;

/// Fewer hex digits of a decision are too often ambiguous to be meant.
pub(crate) const PREFIX_DIGITS_MIN: usize = 4;
