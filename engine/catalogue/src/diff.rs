//! What one catalogue says otherwise than another: offerings that came and went, facts that changed, blocs, laws.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{Instant, OfferingId};

use crate::catalogue::Catalogue;
use crate::law::Law;
use crate::offering::Entry;
use crate::view::{BlocView, FactView};

/// One thing that two catalogues say differently. What one of them does not have is missing on its side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `offering`, `bloc`, `law`, `operator`, `developer`, `jurisdiction`, `certification` or `transfer`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// The fact, of an offering; the member, of a bloc. Nothing where the whole thing came or went.
    pub fact: Option<String>,
    /// What it says before.
    pub before: Option<Said>,
    /// What it says after.
    pub after: Option<Said>,
}

/// What a catalogue says, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// For people.
    pub value: String,
    /// Source, day and strength, where they are told.
    pub by: Option<String>,
}

// === impl Catalogue ===

impl Catalogue {
    /// Everything that `other` says differently at an instant, by kind and id. Only facts that count are compared; expired ones are unknown.
    #[must_use]
    pub fn diff(&self, other: &Self, instant: Instant) -> Vec<Difference> {
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let (before, after) = (kind.of(self, instant), kind.of(other, instant));
            let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for id in ids {
                kind.compare(id, (before.get(id), after.get(id)), &mut found);
            }
        }
        found
    }
}

/// What is compared.
#[derive(Clone, Copy)]
enum Kind {
    Jurisdiction,
    Bloc,
    Law,
    Certification,
    Transfer,
    Developer,
    Operator,
    Offering,
}

/// What is said of one thing: of itself (under ""), and of its parts.
type Parts = BTreeMap<String, Said>;

// === impl Kind ===

impl Kind {
    const ALL: [Self; 8] =
        [Self::Jurisdiction, Self::Bloc, Self::Law, Self::Certification, Self::Transfer, Self::Developer, Self::Operator, Self::Offering];

    const fn name(self) -> &'static str {
        match self {
            Self::Jurisdiction => "jurisdiction",
            Self::Bloc => "bloc",
            Self::Law => "law",
            Self::Certification => "certification",
            Self::Transfer => "transfer",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Offering => "offering",
        }
    }

    fn of(self, catalogue: &Catalogue, instant: Instant) -> BTreeMap<String, Parts> {
        let named = |(id, name): (&str, &str)| (id.to_owned(), whole(name));
        match self {
            Self::Jurisdiction => catalogue.jurisdictions().map(|(code, name)| named((code.as_str(), name))).collect(),
            Self::Bloc => catalogue.blocs().map(|bloc| (bloc.id.to_string(), bloc_parts(&bloc))).collect(),
            Self::Law => catalogue.laws().map(|law| (law.id.clone(), law_parts(law))).collect(),
            Self::Certification => catalogue.certifications().map(named).collect(),
            Self::Transfer => catalogue.transfers().map(named).collect(),
            Self::Developer => catalogue.developers().map(named).collect(),
            Self::Operator => catalogue.operators().map(named).collect(),
            Self::Offering => {
                let facts = |id: &OfferingId| catalogue.facts(id, instant).unwrap_or_default();
                let parts = |(id, entry): (&OfferingId, &Entry)| (id.to_string(), offering_parts(entry, facts(id)));
                catalogue.offerings.iter().map(parts).collect()
            }
        }
    }

    fn compare(self, id: &str, (before, after): (Option<&Parts>, Option<&Parts>), found: &mut Vec<Difference>) {
        let mut push = |fact: Option<&str>, before: Option<&Said>, after: Option<&Said>| {
            found.push(Difference {
                kind: self.name(),
                id: id.to_owned(),
                fact: fact.map(str::to_owned),
                before: before.cloned(),
                after: after.cloned(),
            });
        };
        let (Some(before), Some(after)) = (before, after) else {
            let itself = |parts: &Parts| parts.get("").cloned();
            push(None, before.and_then(itself).as_ref(), after.and_then(itself).as_ref());
            return;
        };
        let parts: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for part in parts {
            let (before, after) = (before.get(part), after.get(part));
            if before != after {
                push(Some(part.as_str()).filter(|part| !part.is_empty()), before, after);
            }
        }
    }
}

fn whole(text: &str) -> Parts {
    Parts::from([(String::new(), Said { value: text.to_owned(), by: None })])
}

fn offering_parts(entry: &Entry, facts: Vec<FactView>) -> Parts {
    let said = |fact: FactView| {
        let days = [("", fact.as_of), ("expires ", fact.expires)].into_iter().filter_map(|(what, day)| Some(format!(", {what}{}", day?)));
        let strength = fact.strength.number();
        let by = (!fact.source.is_empty()).then(|| format!("{}{}, strength {strength}", fact.source, days.collect::<String>()));
        let value = if fact.expired { format!("unknown, since {} expired", fact.value) } else { fact.value };
        (fact.name, Said { value, by })
    };
    let surfaces: Vec<&str> = entry.surfaces.iter().map(|surface| surface.name()).collect();
    let introduced = [
        ("", "an offering".to_owned()),
        ("list_price", entry.list_price.clone().unwrap_or_default()),
        ("surfaces", surfaces.join(", ")),
        ("upstream_model", entry.upstream_model.clone()),
    ];
    let introduced = introduced.into_iter().map(|(name, value)| (name.to_owned(), Said { value, by: None }));
    facts.into_iter().filter(|fact| !fact.overridden).map(said).chain(introduced).collect()
}

fn law_parts(law: &Law) -> Parts {
    let day = |day: Option<jiff::civil::Date>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    let parts = [
        ("", format!("{}, {}", law.name, law.citation)),
        ("who", law.who.clone()),
        ("access", law.access.clone()),
        ("binds", law.binds.iter().cloned().collect::<Vec<_>>().join(", ")),
        ("extraterritorial", law.extraterritorial.to_string()),
        ("since", day(law.since)),
        ("until", day(law.until)),
        ("note", law.note.clone().unwrap_or_default()),
        ("source", law.source.clone()),
    ];
    parts.into_iter().map(|(name, value)| (name.to_owned(), Said { value, by: None })).collect()
}

fn bloc_parts(bloc: &BlocView) -> Parts {
    let mut parts = whole(&bloc.name);
    for member in &bloc.members {
        let only_with = member.only_with.as_ref().map(|word| format!(" only with {word}")).unwrap_or_default();
        let day = |instant: Instant| crate::provenance::day_of(instant).unwrap_or_else(|| "ever".to_owned());
        let value = format!("{} to {}{only_with}", day(member.since), day(member.until));
        let said = parts.entry(member.jurisdiction.to_string()).or_insert_with(|| Said { value: String::new(), by: None });
        said.value = if said.value.is_empty() { value } else { format!("{}, {value}", said.value) };
    }
    parts
}
