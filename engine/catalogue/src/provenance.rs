//! Where a fact comes from: the document, how it was read, of which day it is, and how strongly it binds.
//!
//! INVARIANT: a source that nobody read never counts for more than a claim.

use comity_vocab::{Instant, Strength};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::de::DeTable;

use crate::reader::{Complaint, Reader, get, nearest};

/// The keys that say where a fact comes from.
pub(crate) const KEYS: [&str; 6] = ["source", "read", "as_of", "strength", "expires", "review"];

/// What a table says of where its facts come from; what it leaves out comes from the table above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// The document.
    pub(crate) source: Option<String>,
    /// How it was read: package, version and path, or stored page and date.
    pub(crate) read: Option<String>,
    /// The day that the fact is of.
    pub(crate) as_of: Option<Date>,
    /// As written; [`Provenance::strength`] says what it counts for.
    pub(crate) stated: Option<Strength>,
    /// The first day on which the fact is unknown again.
    pub(crate) expires: Option<Date>,
    /// The day by which somebody should read the source again.
    pub(crate) review: Option<Date>,
    /// A key is there but cannot be read, which is complained of already.
    pub(crate) malformed: bool,
}

// === impl Provenance ===

impl Provenance {
    /// Reads the keys of a table.
    pub(crate) fn parse(reader: &mut Reader<'_, '_>, table: &DeTable<'_>) -> Self {
        let mut provenance = Self {
            malformed: false,
            source: get(table, "source").and_then(|node| reader.text(node, "source")).map(str::to_owned),
            read: get(table, "read").and_then(|node| reader.text(node, "read")).map(str::to_owned),
            as_of: get(table, "as_of").and_then(|node| reader.date(node, "as_of")),
            stated: parse_strength(reader, table),
            expires: get(table, "expires").and_then(|node| reader.date(node, "expires")),
            review: get(table, "review").and_then(|node| reader.date(node, "review")),
        };
        let read = [provenance.source.is_some(), provenance.read.is_some(), provenance.as_of.is_some()];
        provenance.malformed = ["source", "read", "as_of"].into_iter().zip(read).any(|(key, read)| !read && get(table, key).is_some());
        provenance.check_days(reader, table);
        provenance
    }

    fn check_days(&self, reader: &mut Reader<'_, '_>, table: &DeTable<'_>) {
        for (key, later) in [("expires", self.expires), ("review", self.review)] {
            let (Some(as_of), Some(later), Some(node)) = (self.as_of, later, get(table, key)) else { continue };
            if later <= as_of {
                reader.error(node.span(), Complaint::new(format!("`{key}` {later} is not after `as_of` {as_of}")));
            }
        }
    }

    /// What this leaves out, from the table above. A new `source` takes nothing over: how one document was read says nothing of another.
    pub(crate) fn or_from(self, above: &Self) -> Self {
        if self.source.is_some() {
            return self;
        }
        Self {
            source: above.source.clone(),
            read: self.read.or_else(|| above.read.clone()),
            as_of: self.as_of.or(above.as_of),
            stated: self.stated.or(above.stated),
            expires: self.expires.or(above.expires),
            review: self.review.or(above.review),
            malformed: self.malformed || above.malformed,
        }
    }

    /// What the source counts for: what is written (a claim if nothing is), and a claim at most if nobody read it.
    pub(crate) fn strength(&self) -> Strength {
        let stated = self.stated.unwrap_or(Strength::Claimed);
        if self.read.is_some() { stated } else { stated.min(Strength::Claimed) }
    }

    /// Whether the fact is unknown again at `instant`.
    pub(crate) fn expired(&self, instant: Instant) -> bool {
        self.expires.is_some_and(|expires| start_of(expires) <= instant)
    }
}

/// 00:00 UTC of a day.
pub(crate) fn start_of(date: Date) -> Instant {
    let zoned = date.to_zoned(TimeZone::UTC);
    // Only a day at the far ends of the calendar has no instant: it never comes.
    zoned.map_or(Instant::MAX, |zoned| Instant(zoned.timestamp().as_microsecond()))
}

/// The day of an instant, as `2026-01-31`; nothing for the ends of time.
pub(crate) fn day_of(instant: Instant) -> Option<String> {
    let known = instant != Instant::MIN && instant != Instant::MAX;
    let timestamp = jiff::Timestamp::from_microsecond(instant.0).ok().filter(|_| known)?;
    Some(timestamp.to_zoned(TimeZone::UTC).date().to_string())
}

const STRENGTHS: [(&str, Strength); 4] = [
    ("claimed", Strength::Claimed),
    ("contract", Strength::Contract),
    ("certified", Strength::Certified),
    ("verified", Strength::Verified),
];

fn parse_strength(reader: &mut Reader<'_, '_>, table: &DeTable<'_>) -> Option<Strength> {
    let node = get(table, "strength")?;
    let given = reader.text(node, "strength")?;
    let strength = STRENGTHS.iter().find(|(name, _)| *name == given).map(|(_, strength)| *strength);
    if strength == Some(Strength::Verified) {
        let complaint = Complaint::new("strength `verified` in a file");
        reader.warn(
            node.span(),
            complaint.hint("`verified` is for what a gateway verified itself; write `certified` for an audit by others"),
        );
    }
    if strength.is_none() {
        let hint = nearest(given, STRENGTHS.map(|(name, _)| name))
            .map_or_else(|| "use claimed, contract or certified".to_owned(), |near| format!("did you mean `{near}`?"));
        reader.error(node.span(), Complaint::new(format!("unknown strength `{given}`")).hint(hint));
    }
    strength
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: Option<&str>, read: Option<&str>, stated: Option<Strength>) -> Provenance {
        Provenance { source: source.map(Into::into), read: read.map(Into::into), stated, ..Provenance::default() }
    }

    #[test]
    fn a_source_that_nobody_read_is_a_claim() {
        assert_eq!(read(Some("contract"), None, Some(Strength::Contract)).strength(), Strength::Claimed);
        assert_eq!(read(Some("contract"), Some("page"), Some(Strength::Contract)).strength(), Strength::Contract);
        assert_eq!(read(Some("contract"), Some("page"), None).strength(), Strength::Claimed);
    }

    #[test]
    fn a_new_source_takes_over_nothing() {
        let above = read(Some("contract"), Some("page 3"), Some(Strength::Contract));
        let own = read(Some("a blog"), None, None).or_from(&above);
        assert_eq!((own.read, own.stated), (None, None));
        let heir = read(None, Some("page 4"), None).or_from(&above);
        assert_eq!((heir.source.as_deref(), heir.read.as_deref()), (Some("contract"), Some("page 4")));
    }

    #[test]
    fn a_day_starts_at_midnight_utc() {
        assert_eq!(start_of(Date::constant(2026, 11, 22)), Instant::from_seconds(1_795_305_600));
    }
}
