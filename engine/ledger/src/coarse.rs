//! Coarse views of a call: class bits, sizes by powers of two, times by the minute.
//!
//! Exact sizes and times re-identify people, so a leaf never holds them.

use std::fmt;

use comity_vocab::{Classification, Data, Instant};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};

/// The class bits of a call as it came in: classification (2 bits), then personal, special category, secrets, opaque, remote.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Classes(u32);

/// A time to the minute: whole minutes since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Minute(i64);

/// A calendar month in UTC. Keys of private records last for one, so that they can be destroyed by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// A count to its power of two: 0 for 0, else 1 + floor(log2 `n`). For bytes of a body and milliseconds of a latency.
#[must_use]
pub fn coarse(n: u64) -> u8 {
    u8::try_from(u64::BITS - n.leading_zeros()).unwrap_or(u8::MAX)
}

const MICROS_PER_MINUTE: i64 = 60_000_000;

const PERSONAL: u32 = 1 << 2;
const SPECIAL_CATEGORY: u32 = 1 << 3;
const SECRETS: u32 = 1 << 4;
const OPAQUE: u32 = 1 << 5;
const REMOTE: u32 = 1 << 6;
const EVERY_BIT: u32 = (1 << 7) - 1;

// === impl Classes ===

impl Classes {
    /// The bits of what was found in a call.
    #[must_use]
    pub fn of(data: &Data) -> Self {
        let flags = [
            (data.personal, PERSONAL),
            (data.special_category, SPECIAL_CATEGORY),
            (data.secrets, SECRETS),
            (data.opaque, OPAQUE),
            (!data.remote.is_empty(), REMOTE),
        ];
        let set = flags.into_iter().filter(|(on, _)| *on).fold(0, |bits, (_, bit)| bits | bit);
        Self(set | u32::from(data.classification.number()))
    }

    /// The number in the leaf.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// How far the data may travel.
    #[must_use]
    pub const fn classification(self) -> Classification {
        match self.0 & 3 {
            0 => Classification::Public,
            1 => Classification::Internal,
            2 => Classification::Confidential,
            _ => Classification::Secret,
        }
    }

    /// Personal data was found, or parts are opaque.
    #[must_use]
    pub const fn personal(self) -> bool {
        self.0 & PERSONAL != 0
    }

    /// Special categories were found, or parts are opaque.
    #[must_use]
    pub const fn special_category(self) -> bool {
        self.0 & SPECIAL_CATEGORY != 0
    }

    /// Credentials were found.
    #[must_use]
    pub const fn secrets(self) -> bool {
        self.0 & SECRETS != 0
    }

    /// Parts that no detector could read.
    #[must_use]
    pub const fn opaque(self) -> bool {
        self.0 & OPAQUE != 0
    }

    /// Something would make the upstream reach out.
    #[must_use]
    pub const fn remote(self) -> bool {
        self.0 & REMOTE != 0
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [
            (self.personal(), "personal"),
            (self.special_category(), "special_category"),
            (self.secrets(), "secrets"),
            (self.opaque(), "opaque"),
            (self.remote(), "remote"),
        ];
        let names: Vec<_> = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
        write!(f, "Classes({}; {})", self.classification(), names.join(", "))
    }
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = u32::deserialize(deserializer)?;
        if bits & !EVERY_BIT == 0 { Ok(Self(bits)) } else { Err(serde::de::Error::custom("unknown class bits")) }
    }
}

// === impl Minute ===

impl Minute {
    /// The minute that `instant` lies in.
    #[must_use]
    pub const fn of(instant: Instant) -> Self {
        Self(instant.0.div_euclid(MICROS_PER_MINUTE))
    }

    /// Whole minutes since 1970.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> Instant {
        Instant(self.0.saturating_mul(MICROS_PER_MINUTE))
    }
}

// === impl Month ===

impl Month {
    /// The month that `minute` lies in. Minutes before the year -9999 or after 9999 count as its end.
    #[must_use]
    pub fn of(minute: Minute) -> Self {
        let far = if minute.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let date = Timestamp::from_second(minute.start().seconds()).unwrap_or(far).to_zoned(TimeZone::UTC).date();
        Self(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// The month that begins with `date`; none for another day of it.
    #[must_use]
    pub fn beginning(date: Date) -> Option<Self> {
        (date.day() == 1).then(|| Self(i32::from(date.year()) * 12 + i32::from(date.month()) - 1))
    }

    /// Months since the year 0.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its first minute.
    #[must_use]
    pub fn start(self) -> Minute {
        let (year, month) = (i16::try_from(self.0.div_euclid(12)), i8::try_from(self.0.rem_euclid(12) + 1));
        let date = year.ok().zip(month.ok()).and_then(|(year, month)| Date::new(year, month, 1).ok());
        let start = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        start.map_or(Minute::of(Instant::MIN), |start| Minute::of(Instant::from_seconds(start.timestamp().as_second())))
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let range = Self::of(Instant::MIN).0..=Self::of(Instant::MAX).0;
        if range.contains(&number) { Ok(Self(number)) } else { Err(serde::de::Error::custom("minute out of range")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_tell_what_was_found() {
        let nobody_looked = Classes::of(&Data::default());
        assert_eq!(format!("{nobody_looked:?}"), "Classes(secret; personal, special_category, secrets, opaque)");
        let clean = Data {
            classification: Classification::Internal,
            personal: false,
            special_category: false,
            secrets: false,
            opaque: false,
            remote: ["url".to_owned()].into(),
            ..Data::default()
        };
        assert_eq!(Classes::of(&clean).bits(), 0b100_0001);
    }

    #[test]
    fn coarse_is_the_power_of_two() {
        let seen: Vec<_> = [0, 1, 2, 3, 4, 1023, 1024, u64::MAX].into_iter().map(coarse).collect();
        assert_eq!(seen, [0, 1, 2, 2, 3, 10, 11, 64]);
    }

    #[test]
    fn months_begin_at_midnight_in_utc() {
        let month = |seconds| Month::of(Minute::of(Instant::from_seconds(seconds)));
        // 2026-11-30T23:59:00Z and a minute later.
        assert_eq!((month(1_796_083_140).number(), month(1_796_083_200).number()), (2026 * 12 + 10, 2026 * 12 + 11));
        assert_eq!(month(1_796_083_200).start(), Minute::of(Instant::from_seconds(1_796_083_200)));
        assert_eq!(Month::beginning(jiff::civil::date(2026, 12, 1)), Some(month(1_796_083_200)));
        assert_eq!(Month::beginning(jiff::civil::date(2026, 12, 2)), None);
        assert!(Month::of(Minute::of(Instant::MIN)) < month(0) && month(0) < Month::of(Minute::of(Instant::MAX)));
    }

    #[test]
    fn minutes_round_down_on_both_sides_of_1970() {
        assert_eq!(Minute::of(Instant::from_seconds(119)).number(), 1);
        assert_eq!(Minute::of(Instant::from_seconds(-1)).number(), -1);
        assert_eq!(Minute::of(Instant::from_seconds(119)).start(), Instant::from_seconds(60));
        assert_eq!(Minute::of(Instant::MIN).start(), Instant::MIN);
    }
}
