//! Every bound on the way to an upstream, with its reason. Nothing in this crate may wait, retry or buffer without one of these.

use std::time::Duration;

/// A whole JSON answer. 2,048 embeddings of 1,536 numbers are about 40 MB of text; more is a mistake or an attack.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The body of an error answer: it is read for its message only.
pub(crate) const ERROR_BYTES_MAX: usize = 64 * 1024;

/// One SSE frame. Audio and images come as base64 in one frame; the largest seen are about 2 MB.
pub(crate) const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Comments before the first event (`: processing`) are held back until it is known whether a fallback is still possible.
pub(crate) const PREAMBLE_BYTES_MAX: usize = 64 * 1024;

/// The beginning of an answer that is kept in case its upstream counts no tokens: some 500 events, and little for each open stream.
pub(crate) const TRANSCRIPT_BYTES_MAX: usize = 64 * 1024;

/// A whole answer that is looked at for the same reason: longer ones are estimated by their size.
pub(crate) const WHOLE_BYTES_MAX: usize = 1024 * 1024;

/// Headers of an answer: 100 lines are ten times what providers send.
pub(crate) const ANSWER_HEADERS_MAX: usize = 100;

/// Idle connections kept for each upstream and core: enough for a burst, few enough for a provider's limits.
pub(crate) const IDLE_CONNECTIONS_MAX: usize = 64;

/// Shorter than the 60 s after which common load balancers drop an idle connection.
pub(crate) const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// Probes that find a dead peer while a model thinks for minutes.
pub(crate) const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// TCP and TLS to an upstream. 5 s: a healthy operator answers within one; the rest is left for a fallback.
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long one call may wait for an upstream once connected, by stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request to the first event or the answer's head. 300 s: reasoning models think for minutes before they say anything.
    pub first_byte: Duration,
    /// Between two pieces of an answer. 120 s: reasoning models pause, dead peers stay silent.
    pub idle: Duration,
    /// The whole call. 900 s: what the longest answers take, and the end of whatever hangs.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { first_byte: Duration::from_secs(300), idle: Duration::from_secs(120), total: Duration::from_secs(900) }
    }
}
