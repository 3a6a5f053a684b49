//! What one catalogue says otherwise than another: offerings that came and went, facts that changed, blocs, laws.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Catalogue;
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
    /// Everything that `other` says differently, by kind and id. Only facts that count are compared.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let (before, after) = (kind.of(self), kind.of(other));
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

    fn of(self, catalogue: &Catalogue) -> BTreeMap<String, Parts> {
        let named = |(id, name): (&str, &str)| (id.to_owned(), whole(name));
        match self {
            Self::Jurisdiction => catalogue.jurisdictions().map(|(code, name)| named((code.as_str(), name))).collect(),
            Self::Bloc => catalogue.blocs().map(|bloc| (bloc.id.to_string(), bloc_parts(&bloc))).collect(),
            Self::Law => catalogue.laws().map(|law| (law.id.clone(), whole(&format!("{}, {}", law.name, law.citation)))).collect(),
            Self::Certification => catalogue.certifications().map(named).collect(),
            Self::Transfer => catalogue.transfers().map(named).collect(),
            Self::Developer => catalogue.developers().map(named).collect(),
            Self::Operator => catalogue.operators().map(named).collect(),
            Self::Offering => {
                let facts = |id: &comity_vocab::OfferingId| catalogue.facts(id).unwrap_or_default();
                catalogue.offering_ids().map(|id| (id.to_string(), offering_parts(facts(id)))).collect()
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

fn offering_parts(facts: Vec<FactView>) -> Parts {
    let said = |fact: FactView| {
        let day = fact.as_of.map(|day| format!(", {day}")).unwrap_or_default();
        let by = (!fact.source.is_empty()).then(|| format!("{}{day}", fact.source));
        (fact.name, Said { value: fact.value, by })
    };
    let itself = (String::new(), Said { value: "an offering".to_owned(), by: None });
    facts.into_iter().filter(|fact| !fact.overridden).map(said).chain([itself]).collect()
}

fn bloc_parts(bloc: &BlocView) -> Parts {
    let mut parts = whole(&bloc.name);
    for member in &bloc.members {
        let only_with = member.only_with.as_ref().map(|word| format!(" only with {word}")).unwrap_or_default();
        let day = |instant: comity_vocab::Instant| crate::provenance::day_of(instant).unwrap_or_else(|| "ever".to_owned());
        let value = format!("{} to {}{only_with}", day(member.since), day(member.until));
        let said = parts.entry(member.jurisdiction.to_string()).or_insert_with(|| Said { value: String::new(), by: None });
        said.value = if said.value.is_empty() { value } else { format!("{}, {value}", said.value) };
    }
    parts
}
