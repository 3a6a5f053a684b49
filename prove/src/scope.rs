//! What some terms can tell apart: the facts that they read, and the values at which an answer can change. Everything else of the world is
//! the same to them, so one value stands for all of its kind.
//!
//! INVARIANT: two jurisdictions share a representative only if no term names either of them, every named bloc has both or neither, and no
//! term compares one fact with another. With such a comparison as many of each kind stay as the facts could hold differently.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{BinaryOp, Expr, Literal};
use comity_terms::{attribute_path, collect};
use comity_vocab::Jurisdiction;

use crate::cedar::Cedar;
use crate::facts::{self, Sort};
use crate::pinned::{Members, Pinned};

/// Facts that a question can hold at once: four single jurisdictions and six sets, of each of two offerings. Comparing them with each other
/// can ask for that many different members of a kind, and one more for each comparison.
const HELD_AT_ONCE: usize = 20;
/// Stands for every word, text or name that no term names.
pub(crate) const OTHER: &str = "other";

/// What the terms of a question can tell apart.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Jurisdictions that differ to these terms; `XX` is always among them.
    pub(crate) codes: BTreeSet<Jurisdiction>,
    /// Which of those stands for each jurisdiction.
    pub(crate) stands_for: BTreeMap<Jurisdiction, Jurisdiction>,
    /// Named blocs with their members among the codes.
    pub(crate) blocs: BTreeMap<String, Members>,
    pub(crate) certifications: BTreeSet<String>,
    pub(crate) transfers: BTreeSet<String>,
    /// Any other words that are named, and one that is not.
    pub(crate) texts: BTreeSet<String>,
    pub(crate) units: BTreeSet<String>,
    pub(crate) workloads: BTreeSet<String>,
    pub(crate) offerings: BTreeSet<String>,
    /// Facts that are read, and those that they follow from: `data.personal`, `origin.control`, `clearance`.
    reads: BTreeSet<String>,
}

/// What expressions name.
#[derive(Default)]
struct Names {
    entities: BTreeSet<(String, String)>,
    strings: BTreeSet<String>,
    paths: BTreeSet<String>,
    comparisons: usize,
}

// === impl Scope ===

impl Scope {
    /// What these expressions tell apart, over `principal`, `resource` and `context` as terms are.
    pub(crate) fn new<'a>(expressions: impl Iterator<Item = &'a Cedar>, pinned: &Pinned) -> Self {
        let mut names = Names::default();
        expressions.for_each(|expr| names.note(expr));
        let of = |kind: &str| names.entities.iter().filter(|(k, _)| k == kind).map(|(_, id)| id.clone()).collect::<BTreeSet<_>>();
        let mut blocs: BTreeMap<String, Members> = of("Bloc").into_iter().map(|name| (name.clone(), pinned.bloc(&name))).collect();
        let named: BTreeSet<Jurisdiction> = of("Jurisdiction").iter().filter_map(|code| code.parse().ok()).collect();
        let each = if names.comparisons == 0 { 1 } else { HELD_AT_ONCE + names.comparisons };
        let stands_for = representatives(pinned, (&named, &blocs), each);
        let codes: BTreeSet<Jurisdiction> = stands_for.values().copied().collect();
        let conditions: BTreeSet<String> = blocs.values().flat_map(|members| members.only_with.values().flatten()).cloned().collect();
        for members in blocs.values_mut() {
            members.always.retain(|code| codes.contains(code));
            members.only_with.retain(|code, _| codes.contains(code));
        }
        let words: BTreeSet<String> = names.strings.union(&conditions).cloned().collect();
        let mut texts = names.strings;
        texts.insert(unlike(&texts));
        let mut scope = Self {
            certifications: listed(&words, &pinned.world.certifications),
            transfers: listed(&words, &pinned.world.transfers),
            units: names.entities.iter().filter(|(kind, _)| kind == "Unit").map(|(_, id)| id.clone()).collect(),
            workloads: names.entities.iter().filter(|(kind, _)| kind == "Workload").map(|(_, id)| id.clone()).collect(),
            offerings: names.entities.iter().filter(|(kind, _)| kind == "Offering").map(|(_, id)| id.clone()).collect(),
            codes,
            stands_for,
            blocs,
            texts,
            reads: BTreeSet::new(),
        };
        names.paths.iter().for_each(|path| scope.read(path));
        if !scope.offerings.is_empty() {
            scope.read("id");
        }
        scope
    }

    /// Whether a fact decides anything: `origin.control`, `data.personal`, `clearance`.
    pub(crate) fn reads(&self, fact: &str) -> bool {
        self.reads.contains(fact)
    }

    /// Whether some membership of a bloc asks for that word.
    pub(crate) fn is_condition(&self, word: &str) -> bool {
        self.blocs.values().any(|members| members.only_with.values().any(|words| words.contains(word)))
    }

    /// The facts of offerings that decide something.
    pub(crate) fn offering_facts(&self) -> impl Iterator<Item = (String, Sort)> {
        facts::of_offering().filter(|(path, _)| self.reads(path))
    }

    /// The facts of calls that decide something.
    pub(crate) fn call_facts(&self) -> impl Iterator<Item = (String, Sort)> {
        facts::of_call().filter(|(path, _)| self.reads(path))
    }

    /// Notes that a fact is read, with what it follows from. A record is everything in it.
    pub(crate) fn read(&mut self, path: &str) {
        let of_workload = facts::OF_WORKLOAD.into_iter().map(|(name, sort)| (name.to_owned(), sort));
        let all = facts::of_offering().chain(facts::of_call()).chain(of_workload);
        for (fact, _) in all {
            let within = path.is_empty() || fact == path || fact.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
            if within && self.reads.insert(fact.clone()) {
                facts::roots(&fact).iter().for_each(|root| self.read(root));
            }
        }
    }
}

/// Those of the list that are named, and one that is not, if there is one.
fn listed(named: &BTreeSet<String>, list: &BTreeSet<String>) -> BTreeSet<String> {
    let other = list.iter().find(|word| !named.contains(*word));
    list.intersection(named).chain(other).cloned().collect()
}

/// A word that is not among these.
fn unlike(words: &BTreeSet<String>) -> String {
    let mut word = OTHER.to_owned();
    while words.contains(&word) {
        word.push('-');
    }
    word
}

/// For each jurisdiction, the one that stands for it.
fn representatives(
    pinned: &Pinned,
    (named, blocs): (&BTreeSet<Jurisdiction>, &BTreeMap<String, Members>),
    each: usize,
) -> BTreeMap<Jurisdiction, Jurisdiction> {
    let mut kinds: BTreeMap<Vec<(bool, BTreeSet<String>)>, Vec<Jurisdiction>> = BTreeMap::new();
    let mut stands_for = BTreeMap::from([(Jurisdiction::UNKNOWN, Jurisdiction::UNKNOWN)]);
    for code in &pinned.familiar {
        let own = |members: &Members| (members.always.contains(code), members.only_with.get(code).cloned().unwrap_or_default());
        let representative = if named.contains(code) {
            *code
        } else {
            let kind = kinds.entry(blocs.values().map(own).collect()).or_default();
            if kind.len() < each {
                kind.push(*code);
                *code
            } else {
                kind.first().copied().unwrap_or(*code)
            }
        };
        stands_for.insert(*code, representative);
    }
    stands_for
}

// === impl Names ===

impl Names {
    fn note(&mut self, expr: &Expr) {
        collect(expr, &mut |part| {
            self.note_part(part);
            let path = attribute_path(part);
            if let Some(path) = &path {
                let relative = path.split_once('.').map_or("", |(_, rest)| rest);
                if path != "principal" && path != "action" && path != "resource" {
                    self.paths.insert(relative.to_owned());
                }
            }
            path.is_some()
        });
    }

    fn note_part(&mut self, part: &Expr) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "other expressions name nothing themselves")]
        match part {
            Expr::Literal(Literal::EntityUID(uid)) => _ = self.entities.insert((uid.ty.to_string(), uid.eid.to_string())),
            Expr::Literal(Literal::String(text)) => _ = self.strings.insert(text.to_string()),
            Expr::BinaryOp { op, left, right } if compares(*op) && has_fact(left) && has_fact(right) => self.comparisons += 1,
            _ => {}
        }
    }
}

const fn compares(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::NotEq | BinaryOp::In | BinaryOp::Contains | BinaryOp::ContainsAll | BinaryOp::ContainsAny)
}

/// Whether jurisdictions that are facts stand somewhere in it.
fn has_fact(expr: &Expr) -> bool {
    let mut found = false;
    collect(expr, &mut |part| {
        let path = attribute_path(part);
        let sort = path.as_deref().and_then(|path| path.split_once('.')).and_then(|(_, relative)| sort(relative));
        found |= matches!(sort, Some(Sort::Code | Sort::Places | Sort::Codes)) || matches!(part, Expr::GetAttr { .. }) && path.is_none();
        path.is_some()
    });
    found
}

/// The sort of a fact of an offering or a call.
pub(crate) fn sort(relative: &str) -> Option<Sort> {
    facts::of_offering().chain(facts::of_call()).find(|(path, _)| path == relative).map(|(_, sort)| sort)
}
