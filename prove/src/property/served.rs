//! Whether the catalogue of today serves what must be served: each data class, and each kind of critical workload without some countries.
//! Answered by the gateway's engine over every offering; there is nothing to prove beyond the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use comity_catalogue::World;
use comity_decide::{DataClass, Survey};
use comity_vocab::{Action, Call, Jurisdiction, Offering, OfferingId, Surface, UnitId, WorkloadId};

use crate::inquiry::ProveError;
use crate::prover::Prover;
use crate::report::{Answer, Verdict};

const BY: &str = "the engine, over every offering of the catalogue";
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
        let mut answer = Answer::new(Verdict::Proved, BY);
        let Some(engine) = self.bench.sides.first().map(|side| &side.engine) else { return Ok(answer) };
        let (survey, world) = (Survey::new(engine, self.bench.instant), engine.world(self.bench.instant));
        let codes: Vec<&str> = without.iter().map(Jurisdiction::as_str).collect();
        let mut says: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let calls = self.critical_calls();
        for (kind, served) in side_by_side(&calls, |call| serving(&survey, &world, call)) {
            let served: Vec<&Offering> = served.iter().filter_map(|id| world.offerings.get(id)).collect();
            let left = served.iter().filter(|offering| !depends(offering, without)).count();
            let lost: Vec<String> = served.iter().take(NAMED_MAX).map(|offering| offering.id.to_string()).collect();
            if served.is_empty() {
                says.entry("no offering serves it even today".to_owned()).or_default().push(kind.clone());
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
    fn critical_calls(&self) -> Vec<(String, Call)> {
        let scope = self.scope_of(&self.actions(), &[]);
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
