//! Loading terms: parse, validate strictly, read annotations, lint. All problems come back at once; terms load whole or not at all.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::pst::Clause;
use cedar_policy::{ActionConstraint, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use comity_vocab::{Digest, Hasher, TermId};
use miette::Diagnostic;

use crate::annotation::{self, Goal};
use crate::formula::{Formula, requirement};
use crate::problem::{Place, TermsProblem};
use crate::reads::{Reads, Thresholds};
use crate::{SCHEMA, lint};

const DIGEST_DOMAIN: &str = "comity terms v1";
const INFER: &str = "infer";
const EMBED: &str = "embed";
const PREFER: &str = "prefer";

/// What is refused beyond the rules of the language.
type Lint = fn(&Term, &LayerSource) -> Vec<TermsProblem>;

/// The text of one layer and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSource {
    /// What people call the layer, for example `uk-public`.
    pub name: String,
    /// The file or pack, for messages.
    pub path: String,
    /// Cedar policies.
    pub text: String,
}

/// Ordered layers; an offering is admitted only if every layer permits it under the same means.
#[derive(Debug)]
pub struct Terms {
    layers: Vec<Layer>,
    digest: Digest,
    reads: Reads,
    thresholds: Thresholds,
}

/// One checked layer.
#[derive(Debug)]
pub struct Layer {
    source: LayerSource,
    admit: PolicySet,
    prefer: PolicySet,
    terms: BTreeMap<PolicyId, Term>,
}

/// Whether a term permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It admits what it matches, unless a forbid stands in the way.
    Permit,
    /// It refuses what it matches.
    Forbid,
}

/// One policy with its annotations.
#[derive(Debug)]
pub struct Term {
    /// `@id`, unique over all layers.
    pub id: TermId,
    /// `@goal`
    pub goal: Goal,
    /// `@reason`
    pub reason: String,
    /// `@basis`
    pub basis: Option<String>,
    /// Permit or forbid.
    pub effect: Effect,
    /// Whether it ranks (`action == Action::"prefer"`) instead of admitting.
    pub prefers: bool,
    /// What it asks of a call, towards admission.
    pub requirement: Formula,
    /// The policy as it was written.
    pub text: String,
    /// The line of its first annotation, counted from 1.
    pub line: usize,
}

// === impl Terms ===

impl Terms {
    /// Loads ordered layers. No layers is valid, and denies everything.
    ///
    /// # Errors
    /// Every problem in every layer, in the order of the text.
    pub fn load(sources: Vec<LayerSource>) -> Result<Self, Vec<TermsProblem>> {
        Self::load_with(sources, lint::check)
    }

    /// Loads what nothing is decided by, such as a question about terms: everything is checked but what lints refuse.
    ///
    /// # Errors
    /// As [`Terms::load`].
    pub fn load_unlinted(sources: Vec<LayerSource>) -> Result<Self, Vec<TermsProblem>> {
        Self::load_with(sources, |_, _| Vec::new())
    }

    fn load_with(sources: Vec<LayerSource>, lint: Lint) -> Result<Self, Vec<TermsProblem>> {
        let schema = schema();
        let mut problems = Vec::new();
        let mut layers = Vec::new();
        for source in sources {
            match Layer::load(source, &schema, lint) {
                Ok(layer) => layers.push(layer),
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(repeated_ids(&layers));
        if !problems.is_empty() {
            return Err(problems);
        }
        let digest = digest(&layers);
        let policies = || layers.iter().flat_map(|layer| layer.admit.policies().chain(layer.prefer.policies()));
        let (reads, thresholds) = (Reads::of(policies()), Thresholds::of(policies()));
        Ok(Self { layers, digest, reads, thresholds })
    }

    /// Covers the ordered list of layers: name and text of each.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The layers, outermost first.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What to keep so that `load` gives these terms again, with the same digest.
    #[must_use]
    pub fn sources(&self) -> Vec<LayerSource> {
        self.layers.iter().map(|layer| layer.source.clone()).collect()
    }

    /// The facts that any policy reads.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The levels and names that any policy compares facts with.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The term of that id, in any layer.
    #[must_use]
    pub fn term(&self, id: &TermId) -> Option<&Term> {
        self.layers.iter().flat_map(|layer| layer.terms.values()).find(|term| term.id == *id)
    }
}

fn digest(layers: &[Layer]) -> Digest {
    let mut hasher = Hasher::new(DIGEST_DOMAIN);
    hasher.part(SCHEMA.as_bytes());
    for layer in layers {
        hasher.part(layer.source.name.as_bytes());
        hasher.part(layer.source.text.as_bytes());
    }
    hasher.finish()
}

fn schema() -> Schema {
    #[expect(clippy::expect_used, reason = "the schema is part of the program, and a test loads it")]
    Schema::from_str(SCHEMA).expect("the embedded schema is valid")
}

fn repeated_ids(layers: &[Layer]) -> Vec<TermsProblem> {
    let mut seen: BTreeMap<&TermId, &Layer> = BTreeMap::new();
    let mut problems = Vec::new();
    for layer in layers {
        for term in layer.terms.values() {
            if let Some(first) = seen.insert(&term.id, layer) {
                let message = format!("term id `{}` is used twice, first in `{}`", term.id, first.source.path);
                let hint = format!("rename one of them, for example to `{}-2`", term.id);
                problems.push(TermsProblem::at(layer.source.find(&term.text, "@id"), message, Some(hint)));
            }
        }
    }
    problems
}

// === impl Layer ===

impl Layer {
    fn load(source: LayerSource, schema: &Schema, lint: Lint) -> Result<Self, Vec<TermsProblem>> {
        let set = PolicySet::from_str(&source.text)
            .map_err(|errors| errors.iter().map(|error| source.diagnosed(error, None)).collect::<Vec<_>>())?;
        if let Some(template) = set.templates().next() {
            let place = source.find(&template.to_cedar(), "?");
            let hint = "write the value in place of `?principal` or `?resource`".to_owned();
            return Err(vec![TermsProblem::at(place, "a term may not have slots".to_owned(), Some(hint))]);
        }
        let mut problems = validation_problems(&set, schema, &source);
        let mut layer = Self { source, admit: PolicySet::new(), prefer: PolicySet::new(), terms: BTreeMap::new() };
        for policy in set.policies() {
            problems.extend(layer.take(policy).err().unwrap_or_default());
        }
        if problems.is_empty() {
            problems.extend(layer.terms.values().flat_map(|term| lint(term, &layer.source)));
            problems.sort_by_key(|problem| (problem.line, problem.column));
        }
        if problems.is_empty() { Ok(layer) } else { Err(problems) }
    }

    fn take(&mut self, policy: &Policy) -> Result<(), Vec<TermsProblem>> {
        let text = policy.to_cedar().unwrap_or_default();
        let at =
            |needle: &str, message: String, hint: Option<String>| vec![TermsProblem::at(self.source.find(&text, needle), message, hint)];
        let read = annotation::read(policy).map_err(|faults| {
            faults.into_iter().flat_map(|fault| at(&fault.needle, fault.message, Some(fault.hint))).collect::<Vec<_>>()
        })?;
        let prefers = actions(policy).map_err(|message| at("action", message, Some(ACTION_HINT.to_owned())))?;
        let effect = match policy.effect() {
            cedar_policy::Effect::Permit => Effect::Permit,
            cedar_policy::Effect::Forbid => Effect::Forbid,
        };
        let tree = policy.to_pst().map_err(|error| at("", error.to_string(), None))?;
        let clauses: &[Clause] = tree.body().clauses();
        let requirement = requirement(effect == Effect::Permit, clauses);
        let line = TermsProblem::at(self.source.find(&text, ""), String::new(), None).line;
        let id = PolicyId::new(read.id.as_str());
        if let Some(first) = self.terms.get(&id) {
            let message = format!("term id `{}` is used twice, first at line {}", read.id, first.line);
            return Err(at("@id", message, Some(format!("rename one of them, for example to `{}-2`", read.id))));
        }
        let set = if prefers { &mut self.prefer } else { &mut self.admit };
        set.add(policy.new_id(id.clone())).map_err(|error| at("@id", error.to_string(), None))?;
        let (goal, reason, basis) = (read.goal, read.reason, read.basis);
        self.terms.insert(id, Term { id: read.id, goal, reason, basis, effect, prefers, requirement, text, line });
        Ok(())
    }

    /// The layer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The policies that admit; ids are the terms' `@id`s.
    #[must_use]
    pub fn admit(&self) -> &PolicySet {
        &self.admit
    }

    /// The policies that rank.
    #[must_use]
    pub fn prefer(&self) -> &PolicySet {
        &self.prefer
    }

    /// All terms of the layer, by id.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.terms.values()
    }

    /// The term with that policy id.
    #[must_use]
    pub fn term(&self, id: &PolicyId) -> Option<&Term> {
        self.terms.get(id)
    }
}

const ACTION_HINT: &str = "write `action in [Action::\"infer\", Action::\"embed\"]`, or `action == Action::\"prefer\"` for a preference";

/// Whether the policy ranks; one that names no action, or mixes admitting with ranking, is refused.
fn actions(policy: &Policy) -> Result<bool, String> {
    let named = match policy.action_constraint() {
        ActionConstraint::Any => return Err("a term must name its actions".to_owned()),
        ActionConstraint::Eq(action) => vec![action],
        ActionConstraint::In(actions) => actions,
    };
    let known = named.iter().all(|action| [INFER, EMBED, PREFER].contains(&action.id().unescaped()));
    let preferring = named.iter().filter(|action| action.id().unescaped() == PREFER).count();
    match (known, preferring) {
        (false, _) => Err("a term names an unknown action".to_owned()),
        (true, 0) => Ok(false),
        (true, n) if n == named.len() => Ok(true),
        (true, _) => Err("a term may admit or rank, not both".to_owned()),
    }
}

fn validation_problems(set: &PolicySet, schema: &Schema, source: &LayerSource) -> Vec<TermsProblem> {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| {
        let term = set.policy(error.policy_id()).and_then(|policy| policy.annotation("id"));
        source.diagnosed(error, term)
    });
    let slack = result.validation_warnings().map(|warning| {
        let term = set.policy(warning.policy_id()).and_then(|policy| policy.annotation("id"));
        source.diagnosed(warning, term)
    });
    errors.chain(slack).collect()
}

// === impl LayerSource ===

impl LayerSource {
    /// The place of `needle` within the policy that reads `policy`; the policy's start when it is not there.
    pub(crate) fn find<'a>(&'a self, policy: &str, needle: &str) -> Place<'a> {
        let start = self.text.find(policy).unwrap_or_default();
        let within = policy.find(needle).unwrap_or_default();
        Place { path: &self.path, text: &self.text, offset: start + within }
    }

    /// A problem that Cedar found, in our words: its message, its place, its help.
    fn diagnosed(&self, error: &(impl Diagnostic + std::fmt::Display), term: Option<&str>) -> TermsProblem {
        let offset = error.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
        let place = Place { path: &self.path, text: &self.text, offset };
        let text = error.to_string();
        // Cedar names policies by number; people name terms by id.
        let text = text.split_once("`, ").filter(|(head, _)| head.starts_with("for policy")).map_or(text.as_str(), |(_, rest)| rest);
        let message = term.map_or_else(|| text.to_owned(), |id| format!("term `{id}`: {text}"));
        TermsProblem::at(place, message, error.help().map(|help| help.to_string()))
    }
}
