//! From the values that a search found to a call and offerings as a gateway knows them. An offering is written as a file of the catalogue and
//! read again by the catalogue's own loader, which derives what follows: nothing here derives.

use std::collections::{BTreeMap, BTreeSet};

use comity_catalogue::SourceFile;
use comity_vocab::{Action, Call, Classification, Data, Jurisdiction, Means, MeansSet, Places, Scale, UnitId, Workload, WorkloadId};

use crate::facts;
use crate::failure::GaveUp;
use crate::pinned::Pinned;
use crate::scope::{NOBODY, Scope, unlike};
use crate::search::{Atom, Model};

/// Reads the facts of one question.
#[derive(Clone, Copy)]
pub(crate) struct Found<'m> {
    pub(crate) model: &'m Model,
    pub(crate) scope: &'m Scope,
    pub(crate) pinned: &'m Pinned,
}

const STRENGTHS: [&str; 5] = ["", "claimed", "contract", "certified", "verified"];

// === impl Found ===

impl Found<'_> {
    /// The call at a place of the question, and the means of its context.
    pub(crate) fn call(&self, slot: &str, action: Action) -> Result<(Call, MeansSet), GaveUp> {
        let at = |fact: &str| format!("context.{slot}.{fact}");
        let words = |fact: &str| self.texts(&at(fact)).into_iter().collect::<BTreeSet<_>>();
        let data = Data {
            classification: class(self.number(&at("data.classification"))),
            personal: self.flag(&at("data.personal")),
            special_category: self.flag(&at("data.special_category")),
            secrets: self.flag(&at("data.secrets")),
            opaque: self.flag(&at("data.opaque")),
            remote: words("data.remote"),
            detector: self.number(&at("data.detector")),
            kinds: words("data.kinds"),
            subjects: self.places(&at("data.subjects")),
        };
        let purpose = self.text(&at("purpose")).unwrap_or_default();
        let means = Means::ALL.into_iter().filter(|means| self.flag(&at(&facts::means(*means)))).collect();
        Ok((Call { workload: self.workload()?, action, data, purpose }, means))
    }

    fn workload(&self) -> Result<Workload, GaveUp> {
        let id = match self.model.single.get("principal") {
            Some(Atom::Entity(_, id)) if id != NOBODY => id.clone(),
            _ => unlike("other-workload", &self.scope.workloads),
        };
        let within = self.scope.units.iter().filter(|unit| self.flag(&format!("in {unit}")));
        let unit = within.max_by_key(|unit| unit.len()).cloned().unwrap_or_else(|| unlike("other-unit", &self.scope.units));
        let unnamed = |what: &str| GaveUp::new(format!("the terms name a {what} that no gateway can have"));
        Ok(Workload {
            id: id.parse::<WorkloadId>().map_err(|_| unnamed("workload"))?,
            unit: unit.parse::<UnitId>().map_err(|_| unnamed("unit"))?,
            sector: self.text("sector").filter(|_| self.scope.reads("sector")).unwrap_or_default(),
            clearance: if self.scope.reads("clearance") { class(self.number("principal.clearance")) } else { Classification::Secret },
            critical: self.flag("principal.critical"),
        })
    }

    /// The id of the offering at a place of the question: one that the terms name, or that of an example.
    pub(crate) fn offering_id(&self, slot: &str) -> String {
        match self.model.single.get(&format!("context.{slot}.id")) {
            Some(Atom::Entity(_, id)) if self.scope.offerings.contains(id) => id.clone(),
            _ => format!("example-{slot}/model@{slot}"),
        }
    }

    /// A file of the catalogue with that offering alone.
    pub(crate) fn offering_file(&self, slot: &str) -> SourceFile {
        let id = self.offering_id(slot);
        let operator = id.split('/').next().unwrap_or_default();
        let mut text = format!(
            "[operator]\nid = \"{operator}\"\nname = \"An example\"\nsource = \"made up for a proof\"\nread = \"the proof\"\nas_of = 2000-01-01\n\
             strength = \"contract\"\n\n[[offering]]\nid = \"{id}\"\nupstream_model = \"model\"\nsurfaces = [\"chat\", \"embeddings\"]\n\
             unretained_on_request = true\n"
        );
        for (fact, value) in self.offering_facts(slot) {
            text.push_str(&format!("{fact} = {value}\n"));
        }
        SourceFile { path: format!("proof/{slot}.toml"), text }
    }

    /// Facts with their TOML.
    fn offering_facts(&self, slot: &str) -> Vec<(String, String)> {
        let at = |fact: &str| format!("context.{slot}.{fact}");
        let mut lines = Vec::new();
        for name in ["operator", "control", "developer", "governing_law"] {
            if let Some(Atom::Entity(_, code)) = self.model.single.get(&at(&format!("origin.{name}"))) {
                lines.push((name.to_owned(), known(code)));
            }
        }
        for name in ["processed_in", "stored_in", "hardware"] {
            lines.push((name.to_owned(), self.listed(&at(&format!("origin.{name}")))));
        }
        if self.flag(&at("compellable_stated")) {
            lines.push(("compellable_by".to_owned(), self.listed(&at("origin.compellable_by"))));
        }
        lines.push(("open_weights".to_owned(), self.flag(&at("open_weights")).to_string()));
        let transfers: Vec<String> = self.texts(&at("assurance.transfer")).iter().map(|word| format!("\"{word}\"")).collect();
        lines.push(("transfer".to_owned(), format!("[{}]", transfers.join(", "))));
        lines.extend(self.levels(slot));
        lines.extend(self.certificates(slot));
        lines
    }

    fn levels(&self, slot: &str) -> impl Iterator<Item = (String, String)> {
        Scale::ALL.into_iter().filter_map(move |scale| {
            let level = self.number(&format!("context.{slot}.{}", facts::level(scale)));
            let strength = self.number(&format!("context.{slot}.{}", facts::strength(scale)));
            let stated = STRENGTHS.get(usize::from(strength)).filter(|stated| !stated.is_empty())?;
            Some((scale.name().to_owned(), format!("{{ value = {level}, strength = \"{stated}\" }}")))
        })
    }

    /// Each nation that certified needs a certificate of its own; the terms do not see which.
    fn certificates(&self, slot: &str) -> Vec<(String, String)> {
        let mut by = self.codes(&format!("context.{slot}.assurance.certified_by")).into_iter();
        let named = self.texts(&format!("context.{slot}.assurance.certifications"));
        let spare = self.pinned.world.certifications.iter().filter(|word| !self.scope.certifications.contains(*word)).cloned();
        let mut lines = Vec::new();
        for word in &named {
            let value = by.next().map_or("true".to_owned(), |nation| format!("{{ by = \"{nation}\", strength = \"certified\" }}"));
            lines.push((format!("certificate.\"{word}\""), value));
        }
        for (nation, word) in by.zip(spare) {
            lines.push((format!("certificate.\"{word}\""), format!("{{ by = \"{nation}\", strength = \"certified\" }}")));
        }
        lines
    }

    fn listed(&self, path: &str) -> String {
        let codes = self.codes(path);
        if codes.is_empty() || codes.contains(Jurisdiction::UNKNOWN.as_str()) {
            return "\"unknown\"".to_owned();
        }
        format!("[{}]", codes.iter().map(|code| format!("\"{code}\"")).collect::<Vec<_>>().join(", "))
    }

    fn codes(&self, path: &str) -> BTreeSet<String> {
        let members = self.model.sets.get(path).into_iter().flatten();
        members.filter_map(|atom| if let Atom::Entity(_, code) = atom { Some(code.clone()) } else { None }).collect()
    }

    fn places(&self, path: &str) -> Places {
        Places::of(self.codes(path).iter().filter_map(|code| code.parse().ok()).collect())
    }

    fn texts(&self, path: &str) -> Vec<String> {
        let members = self.model.sets.get(path).into_iter().flatten();
        members.filter_map(|atom| if let Atom::Text(text) = atom { Some(text.clone()) } else { None }).collect()
    }

    fn text(&self, path: &str) -> Option<String> {
        if let Some(Atom::Text(text)) = self.model.single.get(path) { Some(text.clone()) } else { None }
    }

    fn flag(&self, path: &str) -> bool {
        self.model.flags.get(path).copied().unwrap_or_default()
    }

    fn number(&self, path: &str) -> u8 {
        let Some(Atom::Number(number)) = self.model.single.get(path) else { return 0 };
        u8::try_from(*number).unwrap_or_default()
    }
}

fn known(code: &str) -> String {
    if code == Jurisdiction::UNKNOWN.as_str() { "\"unknown\"".to_owned() } else { format!("\"{code}\"") }
}

fn class(number: u8) -> Classification {
    Classification::ALL.into_iter().find(|class| class.number() == number).unwrap_or(Classification::Secret)
}

/// The deciding facts of an offering as text, from what the loader made of it.
pub(crate) fn shown(offering: &comity_vocab::Offering, scope: &Scope) -> BTreeMap<String, String> {
    let mut offering = offering.clone();
    // Blocs that no term names decide nothing.
    let named = |blocs: &mut BTreeSet<comity_vocab::BlocId>| blocs.retain(|bloc| scope.blocs.contains_key(bloc.as_str()));
    let (origin, assurance) = (&mut offering.origin, &mut offering.assurance);
    [&mut origin.processed_within, &mut origin.stored_within, &mut origin.compellable_within, &mut assurance.certified_in]
        .into_iter()
        .for_each(named);
    let value = serde_json::to_value(&offering).unwrap_or_default();
    let facts = scope.offering_facts().filter(|(fact, _)| fact != "id" && fact != "compellable_stated");
    facts.filter_map(|(fact, _)| Some((short(&fact), say(look(&value, &fact)?)))).collect()
}

/// `assurance.level.retention` is said as `retention`, its strength as `retention known as`.
fn short(fact: &str) -> String {
    let last = fact.rsplit('.').next().unwrap_or(fact);
    if fact.starts_with("assurance.strength.") { format!("{last} strength") } else { last.to_owned() }
}

fn look<'v>(value: &'v serde_json::Value, fact: &str) -> Option<&'v serde_json::Value> {
    fact.split('.').try_fold(value, |value, part| value.get(part))
}

fn say(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "unknown".to_owned(),
        serde_json::Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) if text == Jurisdiction::UNKNOWN.as_str() => "unknown".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) if items.is_empty() => "none".to_owned(),
        serde_json::Value::Array(items) => items.iter().map(say).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(_) => value.to_string(),
    }
}
