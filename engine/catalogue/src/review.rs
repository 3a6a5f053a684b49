//! Which facts are due to be read again. Old is not wrong: an overdue fact goes on to count, and `check` says so.

use comity_vocab::Instant;
use jiff::Span;
use jiff::civil::Date;

use crate::catalogue::Catalogue;
use crate::problem::{Problem, Severity};
use crate::provenance::{Provenance, start_of};
use crate::value::{FactName, Value};

/// Prices change by the season.
const PRICE_DAYS: i64 = 183;
/// Contracts, places and audits are looked at once a year, with a month to do it.
const YEARLY_DAYS: i64 = 396;
const LOOK_AGAIN: &str = "read its source again, then set `as_of`; or name another day with `review`";
/// Seats, owners and licences seldom change.
const SELDOM_DAYS: i64 = 1_100;

// === impl Catalogue ===

impl Catalogue {
    /// A warning for each fact that counts, bloc and law whose review is due at `instant`: its `review` day, or else some time after its
    /// `as_of` day, by the kind of fact; and for each fact that has expired, or is of a day to come. A line that several offerings share is
    /// named once.
    #[must_use]
    pub fn overdue(&self, instant: Instant) -> Vec<Problem> {
        let mut found = Vec::new();
        let counting = self.offerings.values().flat_map(|entry| &entry.facts).filter_map(|(name, facts)| Some((name, facts.last()?)));
        for (name, fact) in counting.filter(|(_, fact)| fact.value != Value::Unknown) {
            let (place, provenance) = ((fact.file, fact.line), &fact.provenance);
            if let Some(expires) = provenance.expires.filter(|_| provenance.expired(instant)) {
                found.push(self.warning(place, format!("fact `{name}` expired on {expires}: it is unknown since"), LOOK_AGAIN));
                continue;
            }
            if let Some(as_of) = provenance.as_of.filter(|as_of| start_of(*as_of) > instant) {
                found.push(self.warning(place, format!("fact `{name}` is of {as_of}, which has not come yet"), "is the date right?"));
            }
            let due = due(&fact.provenance, days(name)).filter(|due| start_of(*due) <= instant);
            found.extend(due.map(|due| self.overdue_line(place, &format!("fact `{name}`"), due)));
        }
        for (id, bloc) in &self.blocs {
            let due = due(&bloc.provenance, YEARLY_DAYS).filter(|due| start_of(*due) <= instant);
            found.extend(due.map(|due| self.overdue_line(bloc.place, &format!("bloc `{id}`"), due)));
        }
        for law in self.laws.values() {
            let due = law.review.or_else(|| after(law.as_of?, SELDOM_DAYS)).filter(|due| start_of(*due) <= instant);
            found.extend(due.map(|due| self.overdue_line((law.file, law.line), &format!("law `{}`", law.id), due)));
        }
        found.sort();
        found.dedup();
        found
    }

    fn overdue_line(&self, place: (usize, usize), what: &str, due: Date) -> Problem {
        self.warning(place, format!("{what} was due for review on {due}"), LOOK_AGAIN)
    }

    fn warning(&self, (file, line): (usize, usize), message: String, hint: &str) -> Problem {
        let path = self.path(file);
        Problem { path, line: Some(line), column: None, message, hint: Some(hint.to_owned()), severity: Severity::Warning }
    }
}

fn due(provenance: &Provenance, days: i64) -> Option<Date> {
    provenance.review.or_else(|| after(provenance.as_of?, days))
}

fn after(day: Date, days: i64) -> Option<Date> {
    day.checked_add(Span::new().days(days)).ok()
}

const fn days(name: &FactName) -> i64 {
    match name {
        FactName::Price => PRICE_DAYS,
        FactName::ProcessedIn
        | FactName::StoredIn
        | FactName::CompellableBy
        | FactName::GoverningLaw
        | FactName::Level(_)
        | FactName::Transfer
        | FactName::Subprocessors
        | FactName::UnretainedOnRequest
        | FactName::Certificate(_) => YEARLY_DAYS,
        FactName::Operator
        | FactName::Control
        | FactName::Developer
        | FactName::DeveloperControl
        | FactName::Hardware
        | FactName::OpenWeights
        | FactName::Licence => SELDOM_DAYS,
    }
}
