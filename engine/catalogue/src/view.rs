//! The catalogue as a person wants to see it: what it says, who says so, how that was read, and whether it counts.

use std::collections::BTreeSet;

use comity_vocab::{BlocId, Instant, Jurisdiction, OfferingId, Strength};
use jiff::civil::Date;

use crate::catalogue::Catalogue;
use crate::fact::Fact;
use crate::law::{Law, LawGiver};
use crate::offering::Entry;
use crate::provenance::Provenance;
use crate::value::{FactName, Value};

/// One fact of one offering, as some file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactView {
    /// As in the files: `processed_in`, `certificate.iso27001`.
    pub name: String,
    /// For people: `FR, DE`, `2`, `0.40 in, 1.60 out USD per million tokens`, `unknown`.
    pub value: String,
    /// The document; empty for an unknown that nobody looked up.
    pub source: String,
    /// How it was read; nothing if nobody read it.
    pub read: Option<String>,
    /// The day that the fact is of, as `2026-01-31`.
    pub as_of: Option<String>,
    /// What it counts for.
    pub strength: Strength,
    /// What the file says that it counts for, where that is more.
    pub stated_strength: Option<Strength>,
    /// The first day on which it is unknown again, as `2026-01-31`.
    pub expires: Option<String>,
    /// The day by which somebody should read the source again, where the file names one.
    pub review: Option<String>,
    /// The file that says so.
    pub file: String,
    /// The line in that file.
    pub line: usize,
    /// Whether a later fact counts instead.
    pub overridden: bool,
    /// Whether it has expired, so that it is unknown.
    pub expired: bool,
}

/// A bloc, with everybody who is, was or will be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlocView {
    /// As terms name it: `eu_adequate`.
    pub id: BlocId,
    /// In words.
    pub name: String,
    /// What a reader should know.
    pub note: Option<String>,
    /// The document.
    pub source: String,
    /// How it was read.
    pub read: Option<String>,
    /// The day that the source is of.
    pub as_of: Option<String>,
    /// The day by which somebody should read the source again.
    pub review: Option<String>,
    /// By jurisdiction, then by time.
    pub members: Vec<MemberView>,
}

/// One membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub jurisdiction: Jurisdiction,
    /// From this instant on.
    pub since: Instant,
    /// Up to this instant, not included; [`Instant::MAX`] if no end is known.
    pub until: Instant,
    /// The certification or transfer mechanism that an offering needs for it to count.
    pub only_with: Option<String>,
    /// The document.
    pub source: String,
}

/// Why the authorities of one country can compel access to calls of an offering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach<'c> {
    /// Whose authorities.
    pub jurisdiction: Jurisdiction,
    /// The facts that bring the offering into their reach; `compellable_by` where a source says so itself.
    pub through: Vec<FactView>,
    /// The laws on the list that reach it through one of these facts. None means that none is listed, not that there is none.
    pub laws: Vec<&'c Law>,
}

// === impl Catalogue ===

impl Catalogue {
    /// Everything that any file says of an offering, by name; of facts with one name the one that counts comes first. The instant decides
    /// which have expired. Nothing if there is no such offering.
    #[must_use]
    pub fn facts(&self, id: &OfferingId, instant: Instant) -> Option<Vec<FactView>> {
        let entry = self.offerings.get(id)?;
        let views = entry.facts.iter().flat_map(|(name, facts)| {
            let ranked = facts.iter().rev().enumerate();
            ranked.map(move |(rank, fact)| FactView { overridden: rank > 0, ..self.fact_view(name.to_string(), fact, instant) })
        });
        Some(views.collect())
    }

    /// Every bloc.
    pub fn blocs(&self) -> impl Iterator<Item = BlocView> {
        self.blocs.iter().map(|(id, bloc)| {
            let members = bloc.periods().map(|(jurisdiction, period)| MemberView {
                jurisdiction,
                since: period.since,
                until: period.until,
                only_with: period.only_with.clone(),
                source: period.source.clone(),
            });
            let Provenance { source, read, as_of, review, .. } = bloc.provenance.clone();
            let day = |day: Option<Date>| day.map(|day| day.to_string());
            BlocView {
                id: id.clone(),
                name: bloc.name.clone(),
                note: bloc.note.clone(),
                source: source.unwrap_or_default(),
                read,
                as_of: day(as_of),
                review: day(review),
                members: members.collect(),
            }
        })
    }

    /// Every law that compels access, by id.
    pub fn laws(&self) -> impl Iterator<Item = &Law> {
        self.laws.values()
    }

    /// Code and name of every jurisdiction, without `XX`.
    pub fn jurisdictions(&self) -> impl Iterator<Item = (Jurisdiction, &str)> {
        self.lists.jurisdictions.iter().map(|(code, name)| (*code, name.as_str()))
    }

    /// Id and name of every developer.
    pub fn developers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.developers.iter().map(|(id, name)| (id.as_str(), name.as_str()))
    }

    /// How `compellable_by` of an offering comes about, country by country. Where one of the facts is unknown, so is the whole: then only
    /// `XX` is returned, with the unknown facts.
    #[must_use]
    pub fn compelled(&self, id: &OfferingId, instant: Instant) -> Vec<Reach<'_>> {
        let Some(entry) = self.offerings.get(id) else { return Vec::new() };
        let links = if entry.facts.contains_key(&FactName::CompellableBy) {
            vec![FactName::CompellableBy]
        } else {
            vec![FactName::Operator, FactName::Control, FactName::ProcessedIn, FactName::StoredIn]
        };
        let named: Vec<Link<'_>> = links.iter().map(|name| Link::of(entry, name, instant)).collect();
        if named.iter().any(|link| link.places.is_empty()) {
            let unknown = named.iter().filter(|link| link.places.is_empty());
            let through = unknown.map(|link| self.link_view(link, instant)).collect();
            return vec![Reach { jurisdiction: Jurisdiction::UNKNOWN, through, laws: Vec::new() }];
        }
        let countries: BTreeSet<_> = named.iter().flat_map(|link| link.places.iter().copied()).collect();
        let reach = |jurisdiction| {
            let through: Vec<&Link<'_>> = named.iter().filter(|link| link.places.contains(&jurisdiction)).collect();
            let stated = links.contains(&FactName::CompellableBy);
            let reaches = |law: &&Law| {
                let bound = stated || through.iter().any(|link| law.binds.contains(link.name.key()));
                law.applies(instant) && bound && self.is_law_of(law, jurisdiction, instant)
            };
            let laws = self.laws.values().filter(reaches).collect();
            Reach { jurisdiction, through: through.into_iter().map(|link| self.link_view(link, instant)).collect(), laws }
        };
        countries.into_iter().map(reach).collect()
    }

    fn is_law_of(&self, law: &Law, jurisdiction: Jurisdiction, instant: Instant) -> bool {
        match &law.of {
            LawGiver::Jurisdiction(of) => *of == jurisdiction,
            LawGiver::Bloc(bloc) => self.blocs.get(bloc).is_some_and(|bloc| bloc.at(instant).always.contains(&jurisdiction)),
        }
    }

    fn link_view(&self, link: &Link<'_>, instant: Instant) -> FactView {
        let name = link.name.to_string();
        match link.fact {
            Some(fact) => self.fact_view(name, fact, instant),
            None => FactView::unstated(name),
        }
    }

    /// A fact as if it counted.
    fn fact_view(&self, name: String, fact: &Fact, instant: Instant) -> FactView {
        let provenance = &fact.provenance;
        let known = *fact.at(instant) != Value::Unknown;
        let strength = if known { provenance.strength() } else { Strength::Unknown };
        let day = |day: Option<Date>| day.map(|day| day.to_string());
        FactView {
            name,
            value: fact.value.to_string(),
            source: provenance.source.clone().unwrap_or_default(),
            read: provenance.read.clone(),
            as_of: day(provenance.as_of),
            strength,
            stated_strength: provenance.stated.filter(|stated| known && *stated > strength),
            expires: day(provenance.expires),
            review: day(provenance.review),
            file: self.path(fact.file),
            line: fact.line,
            overridden: false,
            expired: provenance.expired(instant),
        }
    }

    pub(crate) fn path(&self, file: usize) -> String {
        self.files.get(file).map(|file| file.path.clone()).unwrap_or_default()
    }
}

/// A fact that brings an offering into the reach of countries.
struct Link<'e> {
    name: FactName,
    fact: Option<&'e Fact>,
    /// Empty if nobody knows.
    places: Vec<Jurisdiction>,
}

// === impl Link ===

impl<'e> Link<'e> {
    fn of(entry: &'e Entry, name: &FactName, instant: Instant) -> Self {
        let fact = entry.facts.get(name).and_then(|facts| facts.last());
        let places = match fact.map_or(&Value::Unknown, |fact| fact.at(instant)) {
            Value::Jurisdiction(code) => vec![*code],
            Value::Places(places) => places.iter().copied().collect(),
            Value::Unknown
            | Value::Region
            | Value::Level(_)
            | Value::Words(_)
            | Value::Text(_)
            | Value::Lines(_)
            | Value::Flag(_)
            | Value::Price(_)
            | Value::Certificate(_) => Vec::new(),
        };
        Self { name: name.clone(), fact, places }
    }
}

// === impl FactView ===

impl FactView {
    /// A fact of which no file says anything.
    fn unstated(name: String) -> Self {
        Self {
            name,
            value: Value::Unknown.to_string(),
            source: String::new(),
            read: None,
            as_of: None,
            strength: Strength::Unknown,
            stated_strength: None,
            expires: None,
            review: None,
            file: String::new(),
            line: 0,
            overridden: false,
            expired: false,
        }
    }
}
