//! How the demo looks: short lines that fit the terminal, the same without colour.

use comity_decide::{Change, Explanation};
use comity_store::{Reader, Verified};
use comity_terms::Effect;
use comity_vocab::{OfferingId, TermId};
use serde_json::{Value, json};

use crate::command::ledger;
use crate::invocation::{curl, own_name, shell_quoted};
use crate::output::{self, BAD, FAINT, GOOD, STRONG, styled};
use crate::refusal::Refusal;

use super::account::{Account, Admitted};
use super::call::{Ended, Outcome, answer_text};
use super::cases::{CASES, Caller, Case};
use super::ground::{Ground, PACK, PLACE, ROUTE, Served};
use super::tamper::{self, Found};

/// The column at which text starts, after a label.
const MARGIN: usize = 13;
/// Ways out that are worth reading.
const WAYS_MAX: usize = 2;

// === opening ===

/// What the demo stands on, and what it assumes.
pub(super) fn opening(ground: &Ground, served: &Served) -> anyhow::Result<()> {
    output::data(&styled(STRONG, "Comity: any country's AI, on your own country's terms"))?;
    output::data("")?;
    field("gateway", &format!("{}, a real one on a free port of this machine", served.url))?;
    field("terms", &format!("the shipped pack {PACK}"))?;
    field("model", &format!("{}, a small demonstration model on this machine", served.own_model()))?;
    field("asserted", &format!("by the demo, not known: this machine is the organisation's own and stands in {PLACE}"))?;
    field(
        "abroad",
        "the catalogue's offerings are real, but there is no credential for them here: none of them is called, no answer is faked",
    )?;
    field("far end", "one more offering, of which nothing is known, is played by this machine, to show what leaves and what returns")?;
    field("store", &ground.store.display().to_string())
}

// === one call ===

/// What arrived at the far end, and what it answered.
type Exchange = (Value, Value);

/// What was asked, as it arrived.
fn asked_text(arrived: &Value) -> &str {
    arrived.pointer("/messages/0/content").and_then(Value::as_str).unwrap_or_default()
}

/// Who asks what; printed before the answer is there.
pub(super) fn question(number: usize, case: &Case) -> anyhow::Result<()> {
    output::data("")?;
    let heading = format!("{number} of {}  {}", CASES.len(), case.title);
    output::data(&styled(STRONG, heading))?;
    output::data(&output::wrap(&styled(FAINT, case.story), "", ""))?;
    output::data("")?;
    field("asks", &format!("{}, cleared for {}", case.caller.workload(), case.caller.clearance()))?;
    field("question", &format!("\u{201c}{}\u{201d}", case.question))
}

/// What was decided and why, and the answer where there is one.
pub(super) fn decided((case, passed): (&Case, Option<&Exchange>), outcome: &Outcome, account: &Account) -> anyhow::Result<()> {
    field("found", &found(account))?;
    candidates(outcome, account)?;
    match &outcome.ended {
        Ended::Answered { offering, means, text } => {
            permitted(account, offering, means)?;
            if case.tells_order {
                order(account, offering)?;
            }
            if let Some((arrived, said)) = passed {
                field("left", &format!("\u{201c}{}\u{201d}", asked_text(arrived)))?;
                field("returned", &format!("\u{201c}{}\u{201d}", answer_text(said)))?;
                if *text == answer_text(said) {
                    field("", unrestored(text))?;
                }
            }
            field("answer", &format!("\u{201c}{text}\u{201d}"))?;
            let played = if passed.is_some() { ", played by the model on this machine" } else { ", the model on this machine" };
            field("from", &format!("{offering}{played}"))?;
        }
        Ended::Refused(refusal) => refused(refusal, account)?,
    }
    let short: String = outcome.decision.chars().take(12).collect();
    field("ledger", &format!("decision {short}, leaf {}", outcome.leaf))
}

/// Why no value was put back into an answer.
fn unrestored(answer: &str) -> &'static str {
    if answer.to_ascii_uppercase().contains("PII") {
        "the small model spelled the pseudonym wrongly, so there is nothing to put a value back for"
    } else {
        "the small model named no pseudonym, so there is nothing to put a value back for"
    }
}

/// The facts that the detectors and the classes gave.
fn found(account: &Account) -> String {
    let data = &account.call.data;
    let mut parts = vec![format!("class {}", data.classification)];
    let kinds: Vec<_> = data.kinds.iter().cloned().collect();
    if !kinds.is_empty() {
        parts.push(kinds.join(", "));
    }
    let flags = [
        (data.personal, "personal data"),
        (data.special_category, "special category"),
        (data.secrets, "credential"),
        (data.opaque, "unreadable parts"),
    ];
    parts.extend(flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()));
    parts.join("; ")
}

/// Each offering that could have served the call: admitted ones in their order, denied ones by reason.
fn candidates(outcome: &Outcome, account: &Account) -> anyhow::Result<()> {
    let mut label = "candidates";
    for (verdict, offerings) in groups(outcome, account) {
        field(label, &verdict)?;
        label = "";
        let all = offerings.len() > 1 && offerings.len() == account.admitted.len() + account.denied.len();
        let text = if all { format!("all {}", offerings.len()) } else { named(&offerings) };
        let indent = " ".repeat(MARGIN + 2);
        output::data(&output::wrap(&text, &indent, &indent))?;
    }
    Ok(())
}

fn groups<'a>(outcome: &Outcome, account: &'a Account) -> Vec<(String, Vec<&'a OfferingId>)> {
    let mut groups: Vec<(String, Vec<&OfferingId>)> = Vec::new();
    let admitted = account.admitted.iter().map(|admitted| (admission(outcome, admitted), &admitted.offering));
    let denied = account.denied.iter().map(|denied| (format!("{} {}", styled(BAD, "denied"), obstacles(denied)), &denied.offering));
    for (verdict, offering) in admitted.chain(denied) {
        match groups.iter_mut().find(|(group, _)| *group == verdict) {
            Some((_, offerings)) => offerings.push(offering),
            None => groups.push((verdict, vec![offering])),
        }
    }
    groups
}

fn admission(outcome: &Outcome, admitted: &Admitted) -> String {
    let answered = matches!(&outcome.ended, Ended::Answered { offering, .. } if *offering == admitted.offering.as_str());
    let mut text = styled(GOOD, "admitted");
    if !admitted.means.is_empty() {
        text.push_str(&format!(" if {}", admitted.means));
    }
    if !admitted.preferred_by.is_empty() {
        text.push_str(" and preferred");
    }
    text.push_str(match (answered, admitted.reachable) {
        (true, _) => ", and it answered",
        (false, true) => ", here",
        (false, false) => ", no credential here",
    });
    text
}

/// Offerings of one verdict that are named; the others are counted.
const NAMED_MAX: usize = 8;

/// Offerings of one model in several places are named once: `operator/model@a, @b`.
fn named(offerings: &[&OfferingId]) -> String {
    let mut text = String::new();
    let mut before: Option<&OfferingId> = None;
    for offering in offerings.iter().take(NAMED_MAX) {
        let same = before.is_some_and(|before| before.operator() == offering.operator() && before.model() == offering.model());
        match (same, before) {
            (true, _) => text.push_str(&format!(", @{}", offering.place())),
            (false, Some(_)) => text.push_str(&format!("; {offering}")),
            (false, None) => text.push_str(offering.as_str()),
        }
        before = Some(offering);
    }
    match offerings.len().saturating_sub(NAMED_MAX) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

/// The forbids that matched, or that nothing permitted.
fn obstacles(explanation: &Explanation) -> String {
    let forbids = explanation.terms.iter().filter(|term| term.effect == Effect::Forbid).map(|term| term.id.to_string());
    let mut forbids: Vec<_> = forbids.collect();
    forbids.dedup();
    if forbids.is_empty() { "because no term permits it".to_owned() } else { format!("by {}", forbids.join(", ")) }
}

fn permitted(account: &Account, offering: &str, means: &str) -> anyhow::Result<()> {
    let served = account.admitted.iter().find(|admitted| admitted.offering.as_str() == offering);
    field("decided", &format!("{}, means: {means}", styled(GOOD, "permit")))?;
    for id in served.into_iter().flat_map(|admitted| &admitted.terms) {
        field("because", &reason(account, id))?;
    }
    let denied = account.denied.iter().find(|explanation| !explanation.would_help.is_empty());
    denied.map_or(Ok(()), |denied| field("would help", &format!("{}: {}", denied.offering, ways(&denied.would_help))))
}

/// Why another offering would have come first.
fn order(account: &Account, answered: &str) -> anyhow::Result<()> {
    let Some(first) = account.admitted.first().filter(|first| first.offering.as_str() != answered && !first.reachable) else {
        return Ok(());
    };
    let why = first.preferred_by.first().map_or_else(|| " by list price and name".to_owned(), |id| format!(": {}", reason(account, id)));
    let text = format!("{} comes first{why}. There is no credential for it here, so the next one that is here answered", first.offering);
    field("order", &text)
}

fn reason(account: &Account, id: &TermId) -> String {
    account.engine.terms().term(id).map_or_else(|| id.to_string(), |term| format!("{} ({id})", term.reason))
}

fn refused(refusal: &Refusal, account: &Account) -> anyhow::Result<()> {
    field("decided", &format!("{}, HTTP {} {}", styled(BAD, "denial"), refusal.status.as_u16(), refusal.code))?;
    for term in &refusal.reasons {
        let basis = term.basis.as_ref().map(|basis| format!("; {basis}")).unwrap_or_default();
        field("because", &format!("{} ({}, {}{basis})", term.reason, term.id, term.goal))?;
    }
    // What the caller was told, and for the one offering that is here, what only its explanation says.
    if let Some(way) = refusal.would_help.first() {
        field("would help", way)?;
    }
    let here = account.denied.iter().find(|denied| account.is_here(&denied.offering));
    here.map_or(Ok(()), |here| field("", &format!("{}: {}", here.offering, ways(&here.would_help))))
}

fn ways(ways: &[Vec<Change>]) -> String {
    let way = |changes: &Vec<Change>| changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    ways.iter().take(WAYS_MAX).map(way).collect::<Vec<_>>().join("; or ")
}

// === the end ===

/// The demo's own ledger, and what a changed byte does.
pub(super) fn ledger(verified: &Verified, found: &Found) -> anyhow::Result<()> {
    output::data("")?;
    output::data(&styled(STRONG, "The ledger"))?;
    output::data("")?;
    field("verified", &ledger::counted(verified))?;
    field("root", &verified.root.to_string())?;
    field("tampering", &format!("in a copy of the store, {}: {} (leaf {})", tamper::WHAT, styled(GOOD, "found"), found.leaf))?;
    field("", &found.said)
}

/// What to try next, with commands that work.
pub(super) fn next(ground: &Ground, reader: &Reader) -> anyhow::Result<()> {
    let name = own_name();
    let store = shell_quoted(&ground.store);
    let mut lines = Vec::new();
    for (what, decision) in tamper::examples(reader)? {
        lines.push((format!("why that {what}"), format!("{name} terms why {} --store {store}", decision.short())));
    }
    lines.push(("every leaf".to_owned(), format!("{name} ledger show --store {store}")));
    lines.push(("a gateway for your own applications".to_owned(), format!("{name} up")));
    lines.push(("this one, kept running".to_owned(), format!("{name} demo --serve")));
    output::data("")?;
    output::data(&styled(STRONG, "Next"))?;
    for (what, command) in lines {
        output::data(&format!("\n  {}\n  {command}", styled(FAINT, what)))?;
    }
    Ok(())
}

/// Says how to call the gateway that keeps running.
pub(super) fn serving(ground: &Ground, served: &Served) {
    output::say(&format!("\nThe gateway of the demo keeps running at {}. Ctrl-C ends it. Try:\n", served.url));
    output::say(&curl(&served.url, ground.key(Caller::Press), ROUTE));
}

/// One labelled paragraph.
fn field(label: &str, text: &str) -> anyhow::Result<()> {
    let first = format!("  {} ", styled(FAINT, format!("{label:<width$}", width = MARGIN - 3)));
    output::data(&output::wrap(text, &first, &" ".repeat(MARGIN)))
}

// === json ===

/// One call as data.
pub(super) fn case_json((case, passed): (&Case, Option<&Exchange>), outcome: &Outcome, account: &Account) -> Value {
    let ended = match &outcome.ended {
        Ended::Answered { offering, means, text } => json!({ "verdict": "permit", "offering": offering, "means": means, "answer": text }),
        Ended::Refused(refusal) => json!({
            "verdict": "denial", "code": refusal.code, "would_help": refusal.would_help,
            "reasons": refusal.reasons.iter().map(|term| json!({ "id": term.id, "goal": term.goal, "reason": term.reason, "basis": term.basis })).collect::<Vec<_>>(),
        }),
    };
    let admitted = |one: &Admitted| {
        json!({
            "offering": one.offering, "verdict": "permit", "means": one.means, "terms": one.terms,
            "preferred_by": one.preferred_by, "reachable": one.reachable,
        })
    };
    let denied = |one: &Explanation| json!({ "offering": one.offering, "verdict": "denial", "obstacles": obstacles(one), "would_help": ways(&one.would_help) });
    let candidates: Vec<_> = account.admitted.iter().map(admitted).chain(account.denied.iter().map(denied)).collect();
    json!({
        "title": case.title, "workload": case.caller.workload(), "question": case.question, "data": account.call.data,
        "passed": passed.map(|(arrived, said)| json!({ "left": asked_text(arrived), "returned": answer_text(said) })),
        "status": outcome.status.as_u16(), "decision": outcome.decision, "leaf": outcome.leaf, "ended": ended, "candidates": candidates,
    })
}

/// The whole demo as data.
pub(super) fn all_json(calls: Vec<Value>, verified: &Verified, found: &Found) -> Value {
    json!({
        "calls": calls, "root": verified.root, "leaves": verified.size,
        "tampering": { "what": tamper::WHAT, "found_in_leaf": found.leaf, "said": found.said },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_pseudonym_and_none_are_told_apart() {
        for (answer, said) in [
            ("It is PII_EML_7Q2M4X6T.", "spelled the pseudonym wrongly"),
            ("It is pii-eml-7Q2M4X6T3Z5W8Y9K.", "spelled the pseudonym wrongly"),
            ("She asks for a library card.", "named no pseudonym"),
            ("", "named no pseudonym"),
        ] {
            assert!(unrestored(answer).contains(said), "{answer}");
        }
    }
}
