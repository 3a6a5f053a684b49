//! The only place of the gateway that reads the clock for a decision. The engine gets instants as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use comity_vocab::Instant;

/// Now. A clock before 1970 counts as 1970.
pub(crate) fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
