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

/// Bytes held in memory while the write-ahead log is written over itself after a failed flush.
pub(crate) const WRITE_AGAIN_BYTES: usize = 1024 * 1024;

/// Bytes of one fact record: facts of some hundred candidates. Content is kept elsewhere.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a tenant's or a workload's name: names are of at most 128 bytes.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Bytes of one body or answer that is kept: more than people write, less than what would hold up the other leaves of its batch for long.
pub const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Keys of private records that the sequencer knows without looking: some 20 MiB. Beyond it all are looked up anew.
pub(crate) const DATA_KEYS_KNOWN_MAX: usize = 65_536;

/// Work that a passphrase costs whoever guesses it (scrypt, N = 2^18): what age's own programs take, about a second and 256 MiB, once a start.
pub(crate) const WORK_FACTOR: u8 = 18;

/// Work that a file of another program may ask for (scrypt, N = 2^22): as age's own programs, some 16 seconds and 4 GiB.
pub(crate) const WORK_FACTOR_MAX: u8 = 22;

/// Leaves pruned in one transaction, which others' writes wait for: about a quarter of a second.
pub(crate) const PRUNE_BATCH_MAX: u64 = 16_384;

/// Bytes of one state: who made something at an upstream, at which offering, and the facts of its chain.
pub(crate) const STATE_BYTES_MAX: usize = 4 * 1024;

/// States that may wait to be written: those of two queues' worth of calls, at most 16 MiB. Beyond it they are forgotten.
pub(crate) const STATES_PENDING_MAX: usize = 2 * QUEUE_DEFAULT;

/// States written in one transaction: the leaves that arrive meanwhile wait some 10 ms for it.
pub(crate) const STATES_BATCH_MAX: usize = BATCH_MAX;

/// Expired states deleted with one batch: twice what a batch adds, so that their number falls while new ones come.
pub(crate) const EXPIRED_BATCH_MAX: usize = 2 * STATES_BATCH_MAX;

/// Batches of expired states deleted when the store opens: about half a second of work. The writer deletes the rest.
pub(crate) const EXPIRED_BATCHES_AT_OPEN: usize = 32;

/// Time between two looks for expired states when no new ones come: expiry is exact when they are read, so this only frees space.
pub(crate) const EXPIRED_INTERVAL: Duration = Duration::from_secs(60);

/// Lost states that are told apart (2 MiB). When the disk failed that often, nothing written before is recalled until the store opens anew.
pub(crate) const STATES_LOST_MAX: usize = 65_536;

/// How long an erasure waits for readers of the write-ahead logs, each of the two, and everybody for it: a reader's single query is over by then.
pub(crate) const FOLD_PATIENCE: Duration = Duration::from_millis(100);

/// Time between two tries to finish an erasure, or to empty the write-ahead logs after one, when nothing else is written.
pub(crate) const ERASE_INTERVAL: Duration = Duration::from_secs(1);

/// How long closing waits for readers before it leaves the write-ahead log to the next start.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Statements kept prepared on one connection: all that the sequencer has (about 30), so that none is parsed twice.
pub(crate) const STATEMENTS: usize = 48;

/// Bytes of one generation: all terms or a whole catalogue as text.
pub(crate) const GENERATION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Purposes of one key, and bytes of one purpose: a person lists them by hand.
pub(crate) const PURPOSES_MAX: usize = 64;
pub(crate) const PURPOSE_BYTES_MAX: usize = 128;

/// Leaves that [`crate::Reader::leaves`] gives at once: about 16 MiB.
pub(crate) const LEAVES_READ_MAX: usize = 10_000;

/// Fewer hex digits of a decision are too often ambiguous to be meant.
pub(crate) const PREFIX_DIGITS_MIN: usize = 4;
