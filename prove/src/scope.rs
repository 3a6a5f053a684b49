//! What some terms can tell apart: the facts that they read, and the values at which an answer can change. Everything else of the world is
//! the same to them, so one value stands for all of its kind.
//!
//! INVARIANT: two jurisdictions share a representative only if no term names either of them, every named bloc has both or neither, and no
//! term compares one fact with another. With such a comparison as many of each kind stay as the facts could hold differently.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem};
use comity_terms::{attribute_path, collect};
use comity_vocab::{Jurisdiction, OfferingId, Places, UnitId, WorkloadId};

use crate::cedar::Cedar;
use crate::facts::{self, Sort};
use crate::pinned::{Members, Pinned};

/// Facts of jurisdictions that a question can hold at once: four single ones and five sets of each of two offerings, and the subjects of two
/// calls. Comparing them with each other can ask for that many different members of a kind, and for one more at each of the two places of
/// each comparison.
const HELD_AT_ONCE: usize = 20;
/// Likewise facts that are words or texts: purposes, kinds and `remote` of two calls, the lists of two offerings, and a sector.
const WORDS_HELD_AT_ONCE: usize = 11;
/// Stands for every word, text or name that no term names.
pub(crate) const OTHER: &str = "other";
/// Stands for every workload that no term names; no workload can be called so.
pub(crate) const NOBODY: &str = "*";

/// The only attribute of a unit.
const SECTOR: &str = "sector";

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
    /// How many more the catalogue lists.
    pub(crate) certifications_left: u8,
    pub(crate) transfers: BTreeSet<String>,
    /// Any other words that are named, and one that is not; more where the terms compare such facts with each other.
    pub(crate) texts: BTreeSet<String>,
    /// Those of the texts that stand for all that no term names.
    pub(crate) others: BTreeSet<String>,
    /// Whether a pattern (`like`) tells texts apart that no term names: then no list of texts is complete. Two that it matches are in it.
    pub(crate) patterns: bool,
    pub(crate) units: BTreeSet<String>,
    pub(crate) workloads: BTreeSet<String>,
    pub(crate) offerings: BTreeSet<String>,
    /// Units and workloads that are named as none can be called.
    pub(crate) nobody: BTreeSet<(String, String)>,
    /// Facts that are read, and those that they follow from: `data.personal`, `origin.control`, `clearance`.
    reads: BTreeSet<String>,
}

/// What expressions name.
#[derive(Default)]
struct Names {
    entities: BTreeSet<(String, String)>,
    strings: BTreeSet<String>,
    paths: BTreeSet<String>,
    /// Of jurisdictions that are facts with each other.
    comparisons: usize,
    /// Of words that are facts with each other.
    word_comparisons: usize,
    patterns: bool,
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
        let each = if names.comparisons == 0 { 1 } else { HELD_AT_ONCE + 2 * names.comparisons };
        let stands_for = representatives(pinned, (&named, &blocs), each);
        let codes: BTreeSet<Jurisdiction> = stands_for.values().copied().collect();
        let conditions: BTreeSet<String> = blocs.values().flat_map(|members| members.only_with.values().flatten()).cloned().collect();
        for members in blocs.values_mut() {
            members.always.retain(|code| codes.contains(code));
            members.only_with.retain(|code, _| codes.contains(code));
        }
        let words: BTreeSet<String> = names.strings.union(&conditions).cloned().collect();
        let compares = names.word_comparisons > 0;
        let list = |list: &BTreeSet<String>| if compares { list.clone() } else { listed(&words, list) };
        let (certifications, transfers) = (list(&pinned.world.certifications), list(&pinned.world.transfers));
        let (texts, others) = texts(names.strings, (&certifications, &transfers), names.word_comparisons);
        let possible = |(kind, id): &&(String, String)| can_be(kind, id);
        let of = |kind: &str| names.entities.iter().filter(possible).filter(|(k, _)| k == kind).map(|(_, id)| id.clone()).collect();
        let left = pinned.world.certifications.len() - certifications.len();
        let mut scope = Self {
            certifications_left: u8::try_from(left).unwrap_or(u8::MAX - 1),
            certifications,
            transfers,
            units: of("Unit"),
            workloads: of("Workload"),
            offerings: of("Offering"),
            nobody: names.entities.iter().filter(|(kind, id)| !can_be(kind, id)).cloned().collect(),
            others,
            patterns: names.patterns,
            codes,
            stands_for,
            blocs,
            texts,
            reads: BTreeSet::new(),
        };
        names.paths.iter().for_each(|path| scope.read(path));
        if names.paths.contains(SECTOR) {
            scope.reads.insert(SECTOR.to_owned());
        }
        if names.entities.iter().any(|(kind, _)| kind == "Offering") {
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

/// The texts that are named with some that are not, and those alone. Where words are compared with each other, every word of the lists is one.
fn texts(
    named: BTreeSet<String>,
    (certifications, transfers): (&BTreeSet<String>, &BTreeSet<String>),
    comparisons: usize,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut texts, mut others) = (named, BTreeSet::new());
    if comparisons > 0 {
        texts.extend(certifications.iter().chain(transfers).cloned());
    }
    let count = if comparisons == 0 { 1 } else { WORDS_HELD_AT_ONCE + 2 * comparisons };
    for _ in 0..count {
        let other = unlike(OTHER, &texts);
        texts.insert(other.clone());
        others.insert(other);
    }
    (texts, others)
}

/// The word, or one that begins with it, that is not among these.
pub(crate) fn unlike(word: &str, words: &BTreeSet<String>) -> String {
    let mut word = word.to_owned();
    while words.contains(&word) {
        word.push('x');
    }
    word
}

/// Whether a gateway can have a thing of that name.
fn can_be(kind: &str, id: &str) -> bool {
    match kind {
        "Unit" => id.parse::<UnitId>().is_ok(),
        "Workload" => id.parse::<WorkloadId>().is_ok(),
        "Offering" => id.parse::<OfferingId>().is_ok(),
        _ => true,
    }
}

/// For each jurisdiction, the one that stands for it.
fn representatives(
    pinned: &Pinned,
    (named, blocs): (&BTreeSet<Jurisdiction>, &BTreeMap<String, Members>),
    each: usize,
) -> BTreeMap<Jurisdiction, Jurisdiction> {
    let mut kinds: BTreeMap<Vec<(bool, BTreeSet<String>)>, Vec<Jurisdiction>> = BTreeMap::new();
    let used = used(pinned);
    let mut stands_for = BTreeMap::from([(Jurisdiction::UNKNOWN, Jurisdiction::UNKNOWN)]);
    for code in &pinned.familiar {
        let own = |members: &Members| (members.always.contains(code), members.only_with.get(code).cloned().unwrap_or_default());
        let representative = if named.contains(code) || each > 1 && used.contains(code) {
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

/// Jurisdictions that offerings of the catalogue have to do with: where they are compared with each other, none stands for another.
fn used(pinned: &Pinned) -> BTreeSet<Jurisdiction> {
    let of_one = |offering: &comity_vocab::Offering| {
        let origin = &offering.origin;
        let places = [&origin.processed_in, &origin.stored_in, &origin.compellable_by, &origin.hardware];
        let known = places.into_iter().filter_map(Places::known).flatten().copied();
        let single = [origin.operator, origin.control, origin.developer, origin.governing_law];
        known.chain(single).chain(offering.assurance.certified_by.iter().copied()).collect::<Vec<_>>()
    };
    pinned.world.offerings.values().flat_map(of_one).collect()
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
            Expr::BinaryOp { op, left, right } if compares(*op) => {
                let both = |sorts: &[Sort]| has_fact(left, sorts) && has_fact(right, sorts);
                self.comparisons += usize::from(both(&[Sort::Code, Sort::Places, Sort::Codes]));
                self.word_comparisons += usize::from(both(&[Sort::Certifications, Sort::Transfers, Sort::Words, Sort::Text]));
            }
            Expr::Like { pattern, .. } => {
                self.patterns = true;
                self.strings.extend(["", OTHER].map(|stands| sample(pattern, stands)));
            }
            // A sector: the only fact that is not of the call, the workload or the offering.
            Expr::GetAttr { .. } if attribute_path(part).is_none() => _ = self.paths.insert(SECTOR.to_owned()),
            _ => {}
        }
    }
}

/// A text that a pattern matches.
fn sample(pattern: &[PatternElem], wildcard: &str) -> String {
    let part = |part: &PatternElem| match part {
        PatternElem::Char(char) => char.to_string(),
        PatternElem::Wildcard => wildcard.to_owned(),
    };
    pattern.iter().map(part).collect()
}

const fn compares(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::NotEq | BinaryOp::In | BinaryOp::Contains | BinaryOp::ContainsAll | BinaryOp::ContainsAny)
}

/// Whether facts of these sorts stand somewhere in it.
fn has_fact(expr: &Expr, sorts: &[Sort]) -> bool {
    let mut found = false;
    collect(expr, &mut |part| {
        let path = attribute_path(part);
        let sort = path.as_deref().and_then(|path| path.split_once('.')).and_then(|(_, relative)| sort(relative));
        found |= sort.is_some_and(|sort| sorts.contains(&sort)) || matches!(part, Expr::GetAttr { .. }) && path.is_none();
        path.is_some()
    });
    found
}

/// The sort of a fact of an offering or a call.
pub(crate) fn sort(relative: &str) -> Option<Sort> {
    facts::of_offering().chain(facts::of_call()).find(|(path, _)| path == relative).map(|(_, sort)| sort)
}
