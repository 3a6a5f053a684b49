//! Whether the catalogue of today serves what must be served: each data class, and each kind of critical workload without some countries.
//! There is nothing to prove beyond the catalogue. The gateway's engine has the last word on every offering that is named; a search of the
//! catalogue spares it those that it need not look at.

use std::collections::{BTreeMap, BTreeSet};

use comity_catalogue::World;
use comity_decide::{Candidates, DataClass, Engine, Query, Survey, all_means};
use comity_vocab::{Action, Call, Instant, Jurisdiction, Offering, OfferingId, Surface, UnitId, WorkloadId};

use crate::cedar::{self, Cedar};
use crate::failure::GaveUp;
use crate::inquiry::ProveError;
use crate::market;
use crate::place::Place;
use crate::possible::is_above;
use crate::prover::Prover;
use crate::report::{Answer, Verdict};
use crate::rules::Asked;
use crate::scope::Scope;
use crate::search::{Known, Search};

const BY: &str = "the engine, over every offering of the catalogue";
const BY_BOTH: &str = "exhaustive search of the catalogue, and the engine";
const UNSERVED: &str = "no offering serves it even today";
/// Offerings that a sentence names.
const NAMED_MAX: usize = 3;

impl Prover {
    /// A data class that no offering serves is a finding.
    pub(crate) fn complete(&mut self) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, BY);
        let Some(engine) = self.bench.sides.first().map(|side| &side.engine) else { return Ok(answer) };
        let (survey, world) = (Survey::new(engine, self.bench.instant), engine.world(self.bench.instant));
        let unserved: Vec<&str> = DataClass::ALL
            .into_iter()
            .filter(|class| !survey.verdicts(*class).iter().any(|(id, verdict)| verdict.permits() && chats(&world, id)))
            .map(DataClass::about)
            .collect();
        if !unserved.is_empty() {
            answer.found(self.finding(0, format!("no offering of the catalogue serves {}", unserved.join(", ")), &[]));
        }
        Ok(answer)
    }

    /// A kind of critical workload that is served today, and would not be without these jurisdictions, is a finding; so is one that nobody
    /// serves even today.
    pub(crate) fn survives(&mut self, without: &BTreeSet<Jurisdiction>) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, BY_BOTH);
        let Some(engine) = self.bench.sides.first().map(|side| &side.engine) else { return Ok(answer) };
        let (survey, world) = (Survey::new(engine, self.bench.instant), engine.world(self.bench.instant));
        let codes: Vec<&str> = without.iter().map(Jurisdiction::as_str).collect();
        let mut says: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let scope = self.scope_of(&self.actions(), &[]);
        let mut shelf = Shelf::new(&scope, self, without).ok();
        let (calls, mut open) = (self.critical_calls(&scope), Vec::new());
        self.bench.progress.begin(calls.len());
        for (kind, call) in calls {
            self.bench.progress.one_done();
            match shelf.as_mut().map_or(Fate::Open, |shelf| shelf.fate(&call)) {
                // The engine has the last word about what is left.
                Fate::Left(id) if admits(engine, (&call, &id), self.bench.instant) => {}
                Fate::Unserved => says.entry(UNSERVED.to_owned()).or_default().push(kind),
                Fate::Left(_) | Fate::Open => open.push((kind, call)),
            }
        }
        for (kind, served) in side_by_side(&open, |call| serving(&survey, &world, call)) {
            let served: Vec<&Offering> = served.iter().filter_map(|id| world.offerings.get(id)).collect();
            let left = served.iter().filter(|offering| !depends(offering, without)).count();
            let lost: Vec<String> = served.iter().take(NAMED_MAX).map(|offering| offering.id.to_string()).collect();
            if served.is_empty() {
                says.entry(UNSERVED.to_owned()).or_default().push(kind.clone());
            } else if left == 0 {
                let more = if served.len() > NAMED_MAX { ", …" } else { "" };
                let fate = format!(
                    "{} today, which all depend on {} or on what is unknown: {}{more}",
                    in_number(served.len()),
                    codes.join(", "),
                    lost.join(", ")
                );
                says.entry(fate).or_default().push(kind.clone());
            }
        }
        for (fate, kinds) in says {
            answer.found(self.finding(0, format!("{}: {fate}", kinds.join(", ")), &[]));
        }
        Ok(answer)
    }

    /// Every kind of critical call that these terms tell apart by unit, name and purpose, for each data class.
    fn critical_calls(&self, scope: &Scope) -> Vec<(String, Call)> {
        let units = scope.units.iter().filter_map(|unit| unit.parse::<UnitId>().ok()).map(Some);
        let units: Vec<Option<UnitId>> = [None].into_iter().chain(units).collect();
        let names = scope.workloads.iter().filter_map(|name| name.parse::<WorkloadId>().ok()).map(Some);
        let names: Vec<Option<WorkloadId>> = [None].into_iter().chain(names).collect();
        let purposes = scope.texts.iter().filter(|text| scope.reads("purpose") && !scope.others.contains(*text)).map(Some);
        let purposes: Vec<Option<&String>> = [None].into_iter().chain(purposes).collect();
        let mut calls = Vec::new();
        for class in DataClass::ALL.into_iter().filter(|class| *class != DataClass::Critical) {
            let whos = units.iter().map(|unit| (unit, &None)).chain(names.iter().skip(1).map(|name| (&None, name)));
            for ((unit, name), purpose) in whos.flat_map(|who| purposes.iter().map(move |purpose| (who, purpose))) {
                let mut call = class.call(Action::Infer);
                call.workload.critical = true;
                let mut kind = format!("a critical workload with {}", class.about());
                if let Some(unit) = unit {
                    call.workload.unit = unit.clone();
                    kind = format!("{kind} in `{unit}`");
                }
                if let Some(name) = name {
                    call.workload.id = name.clone();
                    kind = format!("{kind} called `{name}`");
                }
                if let Some(purpose) = purpose {
                    call.purpose.clone_from(purpose);
                    kind = format!("{kind} for `{purpose}`");
                }
                calls.push((kind, call));
            }
        }
        calls
    }
}

/// The chats of the catalogue as terms see them, for one call after another: so that the engine need not look at every offering for each.
struct Shelf<'s> {
    scope: &'s Scope,
    search: Search<'s>,
    permitted: Known,
    /// Some offering that is left without the jurisdictions.
    left: Known,
    /// Those of each row that are.
    rows: Vec<(Known, Vec<OfferingId>)>,
}

/// What becomes of a kind of call.
enum Fate {
    /// This offering serves it, and is left.
    Left(OfferingId),
    Unserved,
    /// It takes a look at every offering to say.
    Open,
}

// === impl Shelf ===

impl<'s> Shelf<'s> {
    fn new(scope: &'s Scope, prover: &Prover, without: &BTreeSet<Jurisdiction>) -> Result<Self, GaveUp> {
        if scope.patterns || scope.reads("sector") {
            return Err(GaveUp::new("texts that no list is complete of"));
        }
        let (rules, world) = (prover.rules(0), &prover.bench.pinned.world);
        let place = Place::new(CALL, "a", Asked::Admit(Action::Infer));
        let mut search = Search::new(scope, &["a"], &[CALL])?;
        let rows = market::rows(scope, &prover.bench.pinned, Some(Surface::Chat));
        let chosen = market::confine(&mut search, scope, &rows, ("a", &[CALL]))?;
        let permitted = search.known(&scope.permits_under(&rules, place)?)?;
        let is_left = |id: &OfferingId| world.offerings.get(id).is_some_and(|offering| !depends(offering, without));
        let rows =
            rows.into_iter().zip(chosen).map(|(row, chosen)| (chosen, row.offerings.into_iter().filter(is_left).collect::<Vec<_>>()));
        let rows: Vec<_> = rows.filter(|(_, left)| !left.is_empty()).collect();
        let left = search.any(rows.iter().map(|(chosen, _)| *chosen));
        Ok(Self { scope, search, permitted, left, rows })
    }

    fn fate(&mut self, call: &Call) -> Fate {
        self.searched(call).unwrap_or(Fate::Open)
    }

    fn searched(&mut self, call: &Call) -> Result<Fate, GaveUp> {
        let given = self.search.known(&cedar::all(facts_of(self.scope, call)?))?;
        if self.search.find(&[given, self.permitted, self.left])?.is_some() {
            let row = self.rows.iter().find(|(chosen, _)| self.search.held(*chosen));
            return Ok(row.and_then(|(_, left)| left.first().cloned()).map_or(Fate::Open, Fate::Left));
        }
        Ok(if self.search.find(&[given, self.permitted])?.is_some() { Fate::Open } else { Fate::Unserved })
    }
}

/// The call of the question.
const CALL: &str = "one";

/// That the call of a question is this one; which means are performed is open.
fn facts_of(scope: &Scope, call: &Call) -> Result<Vec<Cedar>, GaveUp> {
    let mut facts = Vec::new();
    for (fact, _) in scope.call_facts().filter(|(fact, _)| !fact.starts_with("means.")) {
        let at = cedar::path(&format!("{CALL}.{fact}"));
        let is = |flag: bool| if flag { at.clone() } else { cedar::not(&at) };
        facts.push(match fact.as_str() {
            "data.classification" => cedar::equal(&at, &cedar::number(call.data.classification.number())),
            "data.personal" => is(call.data.personal),
            "data.special_category" => is(call.data.special_category),
            "data.secrets" => is(call.data.secrets),
            "data.opaque" => is(call.data.opaque),
            "data.detector" => cedar::equal(&at, &cedar::number(call.data.detector)),
            "data.remote" if call.data.remote.is_empty() => cedar::is_empty(&at),
            "data.kinds" if call.data.kinds.is_empty() => cedar::is_empty(&at),
            "data.subjects" if call.data.subjects.known().is_none() => cedar::contains(&at, &cedar::entity("Jurisdiction", "XX")),
            "purpose" if scope.texts.contains(&call.purpose) => cedar::equal(&at, &cedar::text(&call.purpose)),
            "purpose" => cedar::any(scope.others.iter().map(|other| cedar::equal(&at, &cedar::text(other)))),
            _ => return Err(GaveUp::new(format!("`{fact}` of a kind of call is not known"))),
        });
    }
    let within = |uid: Cedar| cedar::binary(cedar_policy::pst::BinaryOp::In, &cedar::principal(), &uid);
    let holds = |condition: Cedar, holds: bool| if holds { condition } else { cedar::not(&condition) };
    let (own, id) = (call.workload.unit.as_str(), call.workload.id.as_str());
    facts.extend(scope.units.iter().map(|unit| holds(within(cedar::entity("Unit", unit)), unit == own || is_above(unit, own))));
    facts.extend(scope.workloads.iter().map(|name| holds(within(cedar::entity("Workload", name)), name == id)));
    if scope.reads("critical") {
        facts.push(holds(cedar::attribute(&cedar::principal(), "critical"), call.workload.critical));
    }
    if scope.reads("clearance") {
        let clearance = cedar::attribute(&cedar::principal(), "clearance");
        facts.push(cedar::equal(&clearance, &cedar::number(call.workload.clearance.number())));
    }
    Ok(facts)
}

/// Whether the engine admits a call there, whatever means that takes.
fn admits(engine: &Engine, (call, id): (&Call, &OfferingId), instant: Instant) -> bool {
    let candidates = Candidates::new(vec![id.clone()]);
    let query = Query { call, performable: all_means(), candidates: &candidates, instant };
    engine.admit_fresh(&query).verdicts().iter().any(|(_, verdict)| verdict.permits())
}

/// Whether it serves chats: embeddings alone serve no data class.
fn chats(world: &World, id: &OfferingId) -> bool {
    world.offerings.get(id).is_some_and(|offering| offering.surfaces.contains(&Surface::Chat))
}

/// The offerings that serve a call as a chat.
fn serving(survey: &Survey<'_>, world: &World, call: &Call) -> Vec<OfferingId> {
    let verdicts = survey.verdicts_on(|action| Call { action, ..call.clone() });
    verdicts.into_iter().filter(|(id, verdict)| verdict.permits() && chats(world, id)).map(|(id, _)| id).collect()
}

/// Answers each call, on as many threads as this machine runs at once; in the order of the calls.
fn side_by_side<'c, T: Send>(calls: &'c [(String, Call)], answer: impl Fn(&Call) -> T + Sync) -> Vec<(&'c String, T)> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let each = calls.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let answer = &answer;
        let work = |calls: &'c [(String, Call)]| calls.iter().map(|(kind, call)| (kind, answer(call))).collect::<Vec<_>>();
        let running: Vec<_> = calls.chunks(each).map(|calls| scope.spawn(move || work(calls))).collect();
        #[expect(clippy::expect_used, reason = "a thread that panicked has nothing to say, and its panic goes on here")]
        running.into_iter().flat_map(|thread| thread.join().expect("a survey")).collect()
    })
}

fn in_number(number: usize) -> String {
    if number == 1 { "1 offering serves it".to_owned() } else { format!("{number} offerings serve it") }
}

/// Whether an offering is gone without these: operator, its parent, the places, and the developer unless anybody may run the weights. What is
/// unknown may be any of them.
fn depends(offering: &Offering, without: &BTreeSet<Jurisdiction>) -> bool {
    let origin = &offering.origin;
    let gone = |code: Jurisdiction| code.is_unknown() || without.contains(&code);
    let any = |places: &comity_vocab::Places| places.known().is_none_or(|known| known.iter().any(|code| without.contains(code)));
    let developed = !offering.open_weights && gone(origin.developer);
    gone(origin.operator) || gone(origin.control) || any(&origin.processed_in) || any(&origin.stored_in) || developed
}

#[cfg(test)]
mod tests;
