//! An offering and everything that any file says of it: statements about its developer, its model, its operator, its place, and itself.
//!
//! The last statement wins: a later file over an earlier one; inside a file the model over its developer, the operator over both, the place
//! over its operator, and the offering over all. What lost is kept, for `show`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use comity_vocab::{Currency, OfferingId, Scale, Surface};

use crate::catalogue::SourceFile;
use crate::fact::{Fact, Facts};
use crate::names::Names;
use crate::problem::{Problem, Severity};
use crate::region::Regions;
use crate::value::{FactName, Value};

/// An offering and everything that any file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name that its upstream knows the model by.
    pub(crate) upstream_model: String,
    /// What it serves.
    pub(crate) surfaces: BTreeSet<Surface>,
    /// Where the open price list has it.
    pub(crate) list_price: Option<String>,
    /// All facts of a name, the one that counts last.
    pub(crate) facts: BTreeMap<FactName, Vec<Fact>>,
}

/// The line that introduces an offering.
pub(crate) struct Introduction {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) upstream_model: String,
    pub(crate) surfaces: BTreeSet<Surface>,
}

/// Some facts, and the offerings that they are of.
pub(crate) struct Statement {
    pub(crate) about: About,
    pub(crate) facts: Facts,
}

/// Which offerings a statement is of.
pub(crate) enum About {
    /// Every model of a developer.
    Developer(String),
    /// One model, whoever runs it.
    Model(String),
    /// Everything that an operator runs.
    Operator(String),
    /// What an operator runs at some places.
    Place(String, BTreeSet<String>),
    /// One offering.
    Offering(OfferingId),
}

/// What the files say, in the order in which statements override each other.
#[derive(Default)]
pub(crate) struct Draft {
    /// The currency of operators that do not bill in dollars.
    pub(crate) bills_in: BTreeMap<String, Currency>,
    pub(crate) introductions: BTreeMap<OfferingId, Introduction>,
    /// Where the open price list has an offering; the last file that says so counts.
    pub(crate) list_prices: BTreeMap<OfferingId, String>,
    pub(crate) statements: Vec<Statement>,
}

/// Everything that statements are put together with.
pub(crate) struct Around<'a> {
    pub(crate) names: &'a Names,
    pub(crate) regions: &'a Regions,
    pub(crate) files: &'a [SourceFile],
}

// === impl Draft ===

impl Draft {
    /// Puts every statement to the offerings that it is about.
    pub(crate) fn assemble(self, around: &Around<'_>, problems: &mut Vec<Problem>) -> BTreeMap<OfferingId, Entry> {
        let index = Index::new(&self.statements);
        let mut offerings = BTreeMap::new();
        for (id, introduction) in self.introductions {
            let mut facts: BTreeMap<FactName, Vec<Fact>> = BTreeMap::new();
            for (name, fact) in index.of(&id, around.names).flat_map(|said| &said.facts) {
                facts.entry(name.clone()).or_default().push(fact.clone());
            }
            for facts in facts.values_mut() {
                problems.extend(resolve(facts, &id, around));
            }
            problems.extend(seal_above_its_objectives(&facts, around.files));
            let Introduction { path, line, upstream_model, surfaces } = introduction;
            if !facts.contains_key(&FactName::ProcessedIn) {
                let message = format!("offering `{id}` does not say where calls are processed");
                let hint = "add `processed_in`; if nobody knows, write `processed_in = \"unknown\"`".to_owned();
                problems.push(problem((path, line), message, hint));
            }
            let list_price = self.list_prices.get(&id).cloned();
            offerings.insert(id, Entry { upstream_model, surfaces, list_price, facts });
        }
        offerings
    }
}

/// Finds the statements of an offering without asking each.
struct Index<'s> {
    statements: &'s [Statement],
    about: HashMap<Subject<'s>, Vec<usize>>,
}

/// What a statement can be about.
#[derive(PartialEq, Eq, Hash)]
enum Subject<'s> {
    Developer(&'s str),
    Model(&'s str),
    Operator(&'s str),
    Place(&'s str, &'s str),
    Offering(&'s OfferingId),
}

// === impl Index ===

impl<'s> Index<'s> {
    fn new(statements: &'s [Statement]) -> Self {
        let mut about: HashMap<Subject<'s>, Vec<usize>> = HashMap::new();
        for (at, statement) in statements.iter().enumerate() {
            for subject in statement.about.subjects() {
                about.entry(subject).or_default().push(at);
            }
        }
        Self { statements, about }
    }

    /// In the order in which they override each other.
    fn of(&self, id: &OfferingId, names: &Names) -> impl Iterator<Item = &'s Statement> {
        let (operator, model) = (id.operator(), id.model());
        let developer = names.models.get(model).map(|developer| Subject::Developer(developer));
        let others = [Subject::Model(model), Subject::Operator(operator), Subject::Place(operator, id.place()), Subject::Offering(id)];
        let found: BTreeSet<usize> =
            developer.into_iter().chain(others).filter_map(|subject| self.about.get(&subject)).flatten().copied().collect();
        found.into_iter().filter_map(|at| self.statements.get(at))
    }
}

// === impl About ===

impl About {
    fn subjects(&self) -> Vec<Subject<'_>> {
        match self {
            Self::Developer(developer) => vec![Subject::Developer(developer)],
            Self::Model(model) => vec![Subject::Model(model)],
            Self::Operator(operator) => vec![Subject::Operator(operator)],
            Self::Place(operator, places) => places.iter().map(|place| Subject::Place(operator, place)).collect(),
            Self::Offering(offering) => vec![Subject::Offering(offering)],
        }
    }
}

// === impl Fact ===

impl Fact {
    /// Puts the country of the region into a fact that says `"region"`.
    fn resolve(&mut self, id: &OfferingId, around: &Around<'_>) -> Option<Problem> {
        let Some(region) = around.regions.of(id.operator(), id.place()) else {
            let message = format!("no list of regions says where `{}` of `{}` is, for offering `{id}`", id.place(), id.operator());
            self.value = Value::Unknown;
            let path = around.files.get(self.file).map(|file| file.path.clone()).unwrap_or_default();
            return Some(problem((path, self.line), message, around.regions.hint(id.operator(), id.place())));
        };
        self.value = Value::Places(BTreeSet::from([region.country]));
        // The country is read from the list, the rest from the source: a fact whose list nobody read was not read.
        let provenance = Arc::make_mut(&mut self.provenance);
        let read = provenance.read.take().zip(region.read.as_ref());
        provenance.expires = [provenance.expires, region.expires].into_iter().flatten().min();
        provenance.read = read.map(|(read, list)| format!("{read}; country of `{}`: {list}", id.place()));
        None
    }
}

/// Puts countries into all facts of one name that say `"region"`. One that another overrides may name a region that nobody knows.
fn resolve(facts: &mut [Fact], id: &OfferingId, around: &Around<'_>) -> Option<Problem> {
    let counting = facts.len().saturating_sub(1);
    let mut problem = None;
    for (at, fact) in facts.iter_mut().enumerate().filter(|(_, fact)| fact.value == Value::Region) {
        problem = fact.resolve(id, around).filter(|_| at == counting);
    }
    problem
}

/// The level over all objectives is the least of theirs: one that is higher than a stated objective is a slip.
fn seal_above_its_objectives(facts: &BTreeMap<FactName, Vec<Fact>>, files: &[SourceFile]) -> Option<Problem> {
    let stated = |scale: Scale| {
        let fact = facts.get(&FactName::Level(scale))?.last()?;
        if let Value::Level(level) = fact.value { Some((level, fact)) } else { None }
    };
    let (seal, fact) = stated(Scale::Seal)?;
    let (lower, level) =
        Scale::SEAL_OBJECTIVES.into_iter().filter_map(|scale| Some((scale, stated(scale)?.0))).find(|(_, level)| *level < seal)?;
    let path = files.get(fact.file).map(|file| file.path.clone()).unwrap_or_default();
    let message = format!("`seal` is {seal}, but `{}` is {level}", lower.name());
    Some(problem((path, fact.line), message, "it is the least of its objectives".to_owned()))
}

fn problem((path, line): (String, usize), message: String, hint: String) -> Problem {
    Problem { path, line: Some(line), column: None, message, hint: Some(hint), severity: Severity::Error }
}
