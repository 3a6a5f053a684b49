//! Every bound of the gateway, with its default and its reason. Nothing here may wait, grow or repeat without one of these.

use std::time::Duration;

use serde::Deserialize;

/// Bounds that `[limits]` in `comity.toml` may change. Sizes are in bytes, times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Threads that serve calls. 0: one for each core; more would only take turns.
    pub threads: usize,
    /// Connections at once. 4,096: below the usual limit of open files once it is raised; each costs about 10 KB.
    pub connections_max: usize,
    /// Calls at once. 1,024: with the largest bodies allowed by `bodies_bytes_max`, what a small machine can hold.
    pub calls_max: usize,
    /// One body. 20 MiB: what the largest providers accept, images included.
    pub body_bytes_max: usize,
    /// All bodies being read or held at once. 256 MiB: a burst of the largest bodies must not exhaust memory.
    pub bodies_bytes_max: usize,
    /// Reading the head of a request, and waiting for the next one on a connection. 60 s: longer than clients keep one idle.
    pub head_ms: u64,
    /// Reading a body. 60 s: 20 MiB over 3 Mbit/s; slower senders hold memory for nothing.
    pub body_ms: u64,
    /// Handing a piece of an answer to a client that does not take it. 60 s: a dead client must not hold its call and its upstream.
    pub write_ms: u64,
    /// TCP and TLS to an upstream. 5 s: a healthy operator answers within one; the rest is left for a fallback.
    pub connect_ms: u64,
    /// From the request to the first event or the answer's head. 300 s: reasoning models think for minutes before they say anything.
    pub first_byte_ms: u64,
    /// Between two pieces of an answer. 120 s: reasoning models pause, dead peers stay silent.
    pub idle_ms: u64,
    /// One whole call to an upstream. 900 s: what the longest answers take, and the end of whatever hangs.
    pub total_ms: u64,
    /// Offerings tried for one call. 3: each costs a leaf, and a fourth has never helped a caller who waits.
    pub hops_max: u32,
    /// Attempts more at the same offering, where no other is left and the failure may pass. 2: what SDKs do by themselves.
    pub retries_max: u32,
    /// Failures in a row after which the circuit of an upstream opens: no call goes there for 15 s, then one to probe it. 5: a burst of bad
    /// luck is shorter, an outage is not. 0: it never opens.
    pub circuit_failures: u32,
    /// Finishing running calls when the gateway stops. 30 s: what service managers grant before they kill.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 0,
            connections_max: 4096,
            calls_max: 1024,
            body_bytes_max: 20 * 1024 * 1024,
            bodies_bytes_max: 256 * 1024 * 1024,
            head_ms: 60_000,
            body_ms: 60_000,
            write_ms: 60_000,
            connect_ms: 5_000,
            first_byte_ms: 300_000,
            idle_ms: 120_000,
            total_ms: 900_000,
            hops_max: 3,
            retries_max: 2,
            circuit_failures: 5,
            drain_ms: 30_000,
        }
    }
}

/// The head of a request. 64 KiB: ten times what SDKs send, and hyper's smallest useful buffer is 8 KiB.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Lines in the head of a request.
pub(crate) const HEADERS_MAX: usize = 100;
/// Bodies above this are read on a thread of their own: half a millisecond of work is the most that other calls may wait.
pub(crate) const INLINE_BYTES_MAX: usize = 128 * 1024;
/// Threads of each core for such work: it is bound by the processor, so more would only take turns.
pub(crate) const BLOCKING_THREADS_MAX: usize = 4;
/// The `model` of a call: twice the longest name of an offering.
pub(crate) const MODEL_BYTES_MAX: usize = 256;
/// Tool definitions, content parts and other members of one list or object: above this a body is an attack on the parser.
pub(crate) const MEMBERS_MAX: usize = 100_000;
/// A header that goes to the upstream: room for thirty names of features.
pub(crate) const FEATURES_BYTES_MAX: usize = 2048;
/// One name of a feature in it; longer ones say more than a name.
pub(crate) const FEATURE_BYTES_MAX: usize = 64;
/// Unbroken base64 that counts as a blob. Keys and hashes are shorter; anything longer can hide what no detector reads.
pub(crate) const BLOB_BYTES_MIN: usize = 200;
/// Refused offerings that one answer explains: each costs up to a few milliseconds, and people read the nearest only.
pub(crate) const EXPLAINED_MAX: usize = 3;
/// Terms named in one leaf; a decision that rests on more is still covered by its digest.
pub(crate) const LEAF_TERMS_MAX: usize = 64;
/// How soon a key that another process made or revoked counts.
pub(crate) const KEYS_POLL: Duration = Duration::from_millis(500);
/// Callers with an unknown key that may wait for a look into the store at once.
pub(crate) const KEYS_LOOKUPS_MAX: usize = 64;
/// How soon a changed file of configuration, terms or catalogue counts.
pub(crate) const WATCH_POLL: Duration = Duration::from_secs(2);
/// Calls whose tokens wait to be estimated: each holds its body, and takes milliseconds.
pub(crate) const LATE_MAX: usize = 256;
/// While draining, how often to look whether the threads have ended.
pub(crate) const ENDED_POLL: Duration = Duration::from_millis(20);
/// How long a circuit stays open: long enough to spare callers the wait, short enough to notice a recovery.
pub(crate) const CIRCUIT_OPEN: Duration = Duration::from_secs(15);
/// Calls to one upstream at once, unless its `calls_max` says otherwise: a quarter of the calls that the gateway itself serves at once.
pub(crate) const UPSTREAM_CALLS_MAX: usize = 256;
/// One retry for ten calls: retries must not multiply the load on an upstream that is already in trouble.
pub(crate) const RETRY_COST: u32 = 10;
/// Retries saved up while all goes well, in calls: a short trouble after a quiet hour may be retried ten times.
pub(crate) const RETRY_SAVINGS_MAX: u32 = 100;
/// The first pause before a retry; each next one is twice as long, and drawn at random below that.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that an upstream's `retry-after` can ask for here; a longer one is handed to the caller.
pub(crate) const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long an upstream's ids are remembered. 30 days, as xAI documents for stored responses (docs.x.ai/docs/guides/chat, stored page read
/// 2026-11-23); later ones are answered with 404.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// Days after which pseudonyms get another key: long enough for conversations and prompt caches, short enough that an operator cannot follow
/// a person for years.
pub(crate) const ROTATE_DAYS_DEFAULT: std::num::NonZeroU32 = std::num::NonZeroU32::new(90).unwrap();
/// Keys of pseudonyms in memory: one for each tenant and epoch that calls name. Others are asked of the store.
pub(crate) const PSEUDONYM_KEYS_MAX: usize = 4096;
/// Ids in memory; others are read from the store. Those of one call share what is known of them.
pub(crate) const KEPT_CACHED_MAX: usize = 16_384;
/// Ids and seals that one call may refer to: each may be a read of the store.
pub(crate) const REFERENCES_MAX: usize = 2048;
/// After the operating system refused a connection (too many open files), how long to wait before accepting again.
pub(crate) const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// An admin's or auditor's token shorter than this can be guessed.
pub(crate) const TOKEN_BYTES_MIN: usize = 32;
/// How often the ledger is published while leaves are new: a checkpoint at least every second, and one more flush of the disk in that time.
pub(crate) const PUBLISH_EVERY: Duration = Duration::from_millis(500);
/// Publishing what is left when the gateway stops: a witness that is down must not hold up a restart.
pub(crate) const PUBLISH_LAST: Duration = Duration::from_secs(2);
/// One witness, both exchanges: those who are asked at the same time wait for the slowest that the quorum needs.
pub(crate) const WITNESS_TIMEOUT: Duration = Duration::from_secs(5);
/// TCP and TLS to a witness.
pub(crate) const WITNESS_CONNECT: Duration = Duration::from_secs(3);
/// Once the quorum is met, how long others may still add their cosignatures: they are a luxury, and readers wait.
pub(crate) const WITNESS_GRACE: Duration = Duration::from_millis(200);
/// Shorter than the 60 s after which common load balancers drop an idle connection.
pub(crate) const WITNESS_IDLE: Duration = Duration::from_secs(50);
/// The answer of a witness: a few post-quantum signatures.
pub(crate) const WITNESS_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What a foreign log sends: 63 hashes and a checkpoint with tens of post-quantum signatures. Anybody may send it.
pub(crate) const WITNESS_REQUEST_BYTES_MAX: usize = 256 * 1024;
/// How old a cosignature may be that is answered again for the same checkpoint: anybody may repeat a request, and each new one is a flush.
pub(crate) const WITNESS_AGAIN_SECONDS: u64 = 10;
/// Requests of foreign logs at once: anybody may send them, and each holds its body.
pub(crate) const WITNESS_REQUESTS_MAX: usize = 16;
/// The body of such a request: who sends slower keeps others out.
pub(crate) const WITNESS_REQUEST: Duration = Duration::from_secs(5);
/// Tiles and bundles read at once: calls with large bodies need the threads too.
pub(crate) const LEDGER_READS_MAX: usize = 2;
/// The body of an order to erase or to prune.
pub(crate) const ORDER_BYTES_MAX: usize = 16 * 1024;

impl Limits {
    /// The bounds on one call to an upstream.
    #[must_use]
    pub fn timeouts(&self) -> comity_upstream::Timeouts {
        comity_upstream::Timeouts {
            first_byte: Duration::from_millis(self.first_byte_ms),
            idle: Duration::from_millis(self.idle_ms),
            total: Duration::from_millis(self.total_ms),
        }
    }
}

/// Bytes of the name of a data subject: an identifier in the caller's own records.
pub(crate) const SUBJECT_BYTES_MAX: usize = 256;
