//! The catalogue from outside: what is shipped, what the checker says, what follows from facts, and when it changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod checker;
mod derivation;
mod diff;
mod import;
mod law;
mod layers_of_facts;
mod monotone;
mod reference;
mod shipped;
mod time;

use comity_catalogue::{Catalogue, Problem, SourceFile, World};
use comity_vocab::{BlocId, Instant, Jurisdiction, Offering};

/// Lists and blocs for tests that bring their own offerings.
const LISTS: &str = r#"
[jurisdictions]
AA = "Aland"
BB = "Bland"
CC = "Cland"
GB = "United Kingdom"

[mistaken]
UK = "GB"

[certifications]
iso27001 = "ISO/IEC 27001"

[transfers]
scc = "standard contractual clauses"

[bloc.pact]
name = "Pact"
source = "treaty"
read = "page 1"
as_of = 2020-01-01
members = [{ in = ["AA"] }, { in = ["BB"], since = 2025-01-01, until = 2027-01-01 }]
"#;

/// A day in which nothing of the test lists changes.
const NOW: &str = "2026-06-15";

/// A file of a catalogue.
fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

/// The test lists and these files.
fn parse(files: &[(&str, &str)]) -> Result<Catalogue, Vec<Problem>> {
    let lists = std::iter::once(file("lists.toml", LISTS));
    Catalogue::parse(lists.chain(files.iter().map(|(path, text)| file(path, text))).collect())
}

/// The same, where nothing is wrong.
fn catalogue(files: &[(&str, &str)]) -> Catalogue {
    parse(files).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

/// Problems as a person reads them.
fn render(problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("{}: {problem}{hint}\n", problem.severity.name())
    };
    problems.iter().map(one).collect()
}

/// 00:00 UTC of a day written as `2026-06-15`.
fn day(text: &str) -> Instant {
    let date: jiff::civil::Date = text.parse().unwrap();
    Instant(date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_microsecond())
}

fn offering<'w>(world: &'w World, id: &str) -> &'w Offering {
    &world.offerings[&id.parse().unwrap()]
}

fn bloc(name: &str) -> BlocId {
    name.parse().unwrap()
}

fn code(text: &str) -> Jurisdiction {
    text.parse().unwrap()
}
