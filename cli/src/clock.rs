//! The clock of the command, and instants written for people and scripts.
//!
//! The engine takes instants as arguments; this is where the command gets them. Times are UTC, so that output is the same everywhere.

use comity_vocab::Instant;
use jiff::Timestamp;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Now.
pub(crate) fn now() -> Instant {
    Instant(Timestamp::now().as_microsecond())
}

/// `days` later.
pub(crate) fn after_days(instant: Instant, days: u16) -> Instant {
    Instant(instant.0.saturating_add(MICROS_PER_DAY.saturating_mul(i64::from(days))))
}

/// `2026-11-22`.
pub(crate) fn date(instant: Instant) -> String {
    written(instant, "%Y-%m-%d")
}

/// `2026-11-22 14:05`.
pub(crate) fn minute(instant: Instant) -> String {
    written(instant, "%Y-%m-%d %H:%M")
}

/// `2026-11-22T14:05:09Z`.
pub(crate) fn second(instant: Instant) -> String {
    written(instant, "%Y-%m-%dT%H:%M:%SZ")
}

/// Reads `2026-11-22` (its first instant) or `2026-11-22T14:05:09Z`.
pub(crate) fn parse(text: &str) -> Result<Instant, String> {
    let midnight = || text.parse::<jiff::civil::Date>().and_then(|date| date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC));
    let timestamp = text.parse::<Timestamp>().or_else(|_| midnight().map(|zoned| zoned.timestamp()));
    timestamp
        .map(|timestamp| Instant(timestamp.as_microsecond()))
        .map_err(|_| format!("`{text}` is no date: write it as `2026-11-22` or `2026-11-22T14:05:09Z`"))
}

fn written(instant: Instant, format: &str) -> String {
    match Timestamp::from_microsecond(instant.0) {
        Ok(timestamp) => timestamp.strftime(format).to_string(),
        Err(_) => "never".to_owned(),
    }
}
