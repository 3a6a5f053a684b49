//! `comity terms why DECISION`: makes a decision of the ledger again, from the terms, catalogue and facts of its day, and explains it.
//!
//! If what comes out is not what the ledger says, that is said first: the explanation would be worth nothing.

use comity_decide::{Candidates, Change, Decision, Denial, Engine, Explanation, FactRecord, Permit, Query};
use comity_ledger::{DecisionLeaf, OutcomeLeaf, Verdict};
use comity_store::{FactRecord as StoredRecord, FoundDecision};
use comity_terms::{Effect, Terms};
use comity_vocab::TermId;
use serde::Serialize;

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, FAINT, GOOD, NOTE, Output, STRONG, styled};
use crate::past;
use crate::place::{self, Place};

/// Permitted offerings that a person is shown; the others are counted.
const PERMITTED_SHOWN_MAX: usize = 10;
/// Denied offerings that are explained at length and shown to a person; the others are counted.
const EXPLAINED_MAX: usize = 5;

const EXAMPLES: &str = "\
Examples:
  comity terms why 3f9a2c                             as a refusal names it
  comity terms why 3f9a2c --output json
  comity terms why 3f9a2c --store backup/comity.db    from a copy of the store

Exit code 5 if the decision does not come out the same again.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The decision: its digest or the first digits of it, at least 4
    #[arg(value_name = "DECISION")]
    decision: String,
    #[command(flatten)]
    place: Place,
}

/// Everything that is said, for scripts too.
#[derive(Serialize)]
struct Report {
    decision: String,
    leaf: u64,
    hop: u32,
    time: String,
    same_again: bool,
    terms: String,
    catalogue: String,
    asked: Asked,
    permitted: Vec<Permitted>,
    denied: Vec<Denied>,
    chosen: Option<String>,
    outcome: Option<String>,
}

#[derive(Serialize)]
struct Asked {
    model: String,
    action: &'static str,
    workload: String,
    unit: String,
    clearance: String,
    classification: String,
    purpose: String,
    found: Vec<String>,
    detector_failed: bool,
}

#[derive(Serialize)]
struct Permitted {
    offering: String,
    means: String,
    reachable: bool,
    terms: Vec<Reason>,
    preferred_by: Vec<Reason>,
}

#[derive(Serialize)]
struct Denied {
    offering: String,
    terms: Vec<Reason>,
    would_help: Vec<String>,
}

#[derive(Serialize)]
struct Reason {
    layer: String,
    id: String,
    goal: String,
    reason: String,
    basis: Option<String>,
    /// For a permit that came near: the conditions that failed.
    failed: Vec<String>,
    near_miss: bool,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let found = reader.find_decision(&args.decision).map_err(place::failure)?;
    let record = record(&found)?;
    let engine = past::engine(&reader, &found.leaf)?;
    let report = Report::new(&engine, &record, &found);
    match output {
        Output::Json => output::json(&report)?,
        Output::Human => report.print()?,
    }
    Ok(if report.same_again { Exit::Ok } else { Exit::VerificationFailed })
}

/// One way out as a sentence part.
pub(crate) fn way(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn record(found: &FoundDecision) -> anyhow::Result<FactRecord> {
    let unreadable = |message: &str, hint: &str| Failure::new(Exit::Failed, message.to_owned()).hint(hint);
    match &found.record {
        StoredRecord::Open(plain) => Ok(FactRecord::from_bytes(plain.expose())?),
        StoredRecord::Erased => {
            Err(unreadable("the facts of this decision were erased", "`comity ledger show` still shows its leaf, which stays verifiable")
                .into())
        }
        StoredRecord::Sealed => Err(unreadable(
            "the facts of this decision are encrypted, and the key is not here",
            "run this where the gateway's data folder is",
        )
        .into()),
    }
}

// === impl Report ===

impl Report {
    fn new(engine: &Engine, record: &FactRecord, found: &FoundDecision) -> Self {
        let candidates: Candidates = record.candidates();
        let query = record.query(&candidates);
        let decision = engine.admit_fresh(&query).decide(record.call_id);
        let leaf = &found.leaf;
        Self {
            decision: leaf.decision.to_string(),
            leaf: found.index,
            hop: leaf.hop,
            time: clock::second(record.instant),
            same_again: same(&decision, leaf),
            terms: leaf.terms.to_string(),
            catalogue: leaf.catalogue.to_string(),
            asked: Asked::of(record),
            permitted: decision.permits.iter().map(|permit| permitted(permit, engine.terms(), record)).collect(),
            denied: denied(engine, &query, &decision.denials),
            chosen: leaf.offering.as_ref().filter(|_| leaf.verdict == Verdict::Permit).map(ToString::to_string),
            outcome: found.outcome.as_ref().map(|(_, outcome)| became(outcome)),
        }
    }

    fn print(&self) -> anyhow::Result<()> {
        if !self.same_again {
            let warning = "The decision does not come out the same again from what is kept: do not rely on the explanation below.";
            output::data(&styled(BAD, output::wrap(warning, "", "")))?;
        }
        self.print_head()?;
        self.print_permitted()?;
        self.print_denied()?;
        match &self.chosen {
            Some(offering) => output::data(&format!("{} {offering}", styled(STRONG, "sent to")))?,
            None => output::data(&format!("{} nothing left the gateway", styled(STRONG, "not sent:")))?,
        }
        if let Some(outcome) = &self.outcome {
            output::data(&format!("{} {outcome}", styled(STRONG, "outcome")))?;
        }
        Ok(())
    }

    fn print_head(&self) -> anyhow::Result<()> {
        let asked = &self.asked;
        let short = |digest: &str| digest.chars().take(12).collect::<String>();
        output::data(&format!("{} {}", styled(STRONG, "decision"), self.decision))?;
        output::data(&format!("  leaf {}, {}, hop {}", self.leaf, self.time, self.hop))?;
        output::data(&format!("  terms {}, catalogue {}", short(&self.terms), short(&self.catalogue)))?;
        if self.same_again {
            output::data("  made again from the kept terms, catalogue and facts: same result")?;
        }
        output::data(&format!("{} {} of `{}`", styled(STRONG, "asked"), asked.action, asked.model))?;
        output::data(&format!("  by {} in {}, cleared for {}", asked.workload, asked.unit, asked.clearance))?;
        let purpose = if asked.purpose.is_empty() { String::new() } else { format!(", for {}", asked.purpose) };
        let found = if asked.found.is_empty() { "nothing found".to_owned() } else { format!("found: {}", asked.found.join(", ")) };
        output::data(&output::wrap(&format!("{} data, {found}{purpose}", asked.classification), "  ", "  "))?;
        if asked.detector_failed {
            output::data(&styled(BAD, "  a detector failed, so the call was denied whatever the terms say"))?;
        }
        Ok(())
    }

    fn print_permitted(&self) -> anyhow::Result<()> {
        // What answered is named in any case, however many others were permitted.
        let chosen = |permitted: &Permitted| self.chosen.as_ref() == Some(&permitted.offering);
        let (first, others): (Vec<_>, Vec<_>) =
            self.permitted.iter().enumerate().partition(|(at, permitted)| *at < PERMITTED_SHOWN_MAX || chosen(permitted));
        for (_, permitted) in first {
            let reachable = if permitted.reachable { "" } else { " (no upstream or credential here)" };
            let mark = styled(GOOD, "permitted");
            output::data(&format!("{mark} {}, means: {}{}", permitted.offering, permitted.means, styled(FAINT, reachable)))?;
            permitted.terms.iter().try_for_each(|reason| reason.print("by"))?;
            permitted.preferred_by.iter().try_for_each(|reason| reason.print("preferred by"))?;
        }
        print_others("permitted", others.len())
    }

    fn print_denied(&self) -> anyhow::Result<()> {
        for denied in self.denied.iter().take(EXPLAINED_MAX) {
            output::data(&format!("{} {}", styled(BAD, "denied"), denied.offering))?;
            denied.terms.iter().try_for_each(|reason| reason.print(if reason.near_miss { "nearest permit" } else { "by" }))?;
            for way in &denied.would_help {
                output::data(&output::wrap(way, &format!("  {} ", styled(NOTE, "would help:")), "    "))?;
            }
        }
        print_others("denied", self.denied.len().saturating_sub(EXPLAINED_MAX))
    }
}

/// How many more there are than a person wants to read.
fn print_others(what: &str, others: usize) -> anyhow::Result<()> {
    if others == 0 { Ok(()) } else { output::data(&styled(FAINT, format!("{others} more {what}: --output json names them all"))) }
}

/// Whether the ledger's leaf says what was just decided.
fn same(decision: &Decision, leaf: &DecisionLeaf) -> bool {
    let permit = leaf.offering.as_ref().and_then(|offering| decision.permits.iter().find(|permit| permit.offering() == offering));
    let verdict = match leaf.verdict {
        Verdict::Permit => permit.is_some_and(|permit| permit.means() == leaf.means && permit.terms() == leaf.term_ids.as_slice()),
        Verdict::Denial => permit.is_none(),
    };
    verdict && decision.digest == leaf.decision
}

fn permitted(permit: &Permit, terms: &Terms, record: &FactRecord) -> Permitted {
    let reasons = |ids: &[TermId]| ids.iter().filter_map(|id| Reason::of(id, terms)).collect();
    Permitted {
        offering: permit.offering().to_string(),
        means: permit.means().to_string(),
        reachable: record.rank.iter().any(|input| input.offering == *permit.offering()),
        terms: reasons(permit.terms()),
        preferred_by: reasons(permit.preferred_by()),
    }
}

/// The denied, nearest first; those beyond the bound are named without an explanation.
fn denied(engine: &Engine, query: &Query<'_>, denials: &[Denial]) -> Vec<Denied> {
    let mut explained = engine.obstacles(query, denials);
    explained.sort_by_key(|explanation| explanation.terms.len());
    for nearest in explained.iter_mut().take(EXPLAINED_MAX) {
        *nearest = engine.explain(query, &nearest.offering);
    }
    let each = |explanation: Explanation| Denied {
        offering: explanation.offering.to_string(),
        would_help: explanation.would_help.iter().map(|changes| way(changes)).collect(),
        terms: explanation.terms.into_iter().map(Reason::near).collect(),
    };
    explained.into_iter().map(each).collect()
}

fn became(outcome: &OutcomeLeaf) -> String {
    let tokens = |count: Option<u32>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let name = outcome.outcome.name().replace('_', " ");
    let by_whom = if outcome.estimated { " (estimated)" } else { "" };
    format!("{name}, status {}, tokens in {}, out {}{by_whom}", outcome.status, tokens(outcome.tokens_in), tokens(outcome.tokens_out))
}

// === impl Asked ===

impl Asked {
    fn of(record: &FactRecord) -> Self {
        let (call, data) = (&record.call, &record.call.data);
        let flags = [
            (data.personal, "personal data"),
            (data.special_category, "special categories"),
            (data.secrets, "credentials"),
            (data.opaque, "parts that no detector can read"),
        ];
        let flags = flags.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.to_owned());
        let kinds = (!data.kinds.is_empty()).then(|| format!("kinds {}", data.kinds.iter().cloned().collect::<Vec<_>>().join(" ")));
        let remote =
            (!data.remote.is_empty()).then(|| format!("reaching out by {}", data.remote.iter().cloned().collect::<Vec<_>>().join(" ")));
        Self {
            model: record.model.clone(),
            action: call.action.name(),
            workload: call.workload.id.to_string(),
            unit: call.workload.unit.to_string(),
            clearance: call.workload.clearance.to_string(),
            classification: data.classification.to_string(),
            purpose: call.purpose.clone(),
            found: flags.chain(kinds).chain(remote).collect(),
            detector_failed: record.detector_failed,
        }
    }
}

// === impl Reason ===

impl Reason {
    fn of(id: &TermId, terms: &Terms) -> Option<Self> {
        let layer = terms.layers().iter().find(|layer| layer.terms().any(|term| term.id == *id))?;
        let term = terms.term(id)?;
        Some(Self {
            layer: layer.name().to_owned(),
            id: id.to_string(),
            goal: term.goal.to_string(),
            reason: term.reason.clone(),
            basis: term.basis.clone(),
            failed: Vec::new(),
            near_miss: false,
        })
    }

    fn near(term: comity_decide::NearTerm) -> Self {
        Self {
            layer: term.layer,
            id: term.id.to_string(),
            goal: term.goal.to_string(),
            reason: term.reason,
            basis: term.basis,
            near_miss: term.effect == Effect::Permit,
            failed: if term.effect == Effect::Permit { term.failed } else { Vec::new() },
        }
    }

    fn print(&self, how: &str) -> anyhow::Result<()> {
        let basis = self.basis.as_ref().map(|basis| format!(" ({basis})")).unwrap_or_default();
        let text = format!("{how} `{}` of {}: {}{basis}", self.id, self.layer, self.reason);
        output::data(&output::wrap(&text, "  ", "    "))?;
        self.failed.iter().try_for_each(|condition| output::data(&output::wrap(&format!("failed: {condition}"), "    ", "      ")))
    }
}
