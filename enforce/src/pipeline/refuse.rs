//! Step 11 for a refusal: which terms stood in the way, and what would have helped. Slow, and only for denials.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_decide::{Denial, Explanation, Query};
use comity_terms::Effect;
use comity_vocab::OfferingId;

use super::admit::{Hop, query};
use super::facts::Facts;
use crate::apart::apart;
use crate::error::{CallError, Reason, Refused};
use crate::generation::Generation;
use crate::limits::EXPLAINED_MAX;

/// Explains a refusal on a thread of its own: looking for ways out takes milliseconds.
pub(crate) async fn refuse(generation: &Arc<Generation>, facts: &Facts<'_>, hop: &Hop, denials: &[Denial]) -> CallError {
    if facts.detectors_failed {
        return CallError::Refused(Box::new(detectors_failed()));
    }
    let question = query(facts, hop);
    let (generation, nearest) = (Arc::clone(generation), nearest(denials));
    let (call, performable, candidates, instant) =
        (question.call.clone(), question.performable, question.candidates.clone(), question.instant);
    let explaining = apart("a refusal could not be explained", move || {
        let query = Query { call: &call, performable, candidates: &candidates, instant };
        nearest.iter().map(|offering| generation.engine.explain(&query, offering)).collect::<Vec<_>>()
    });
    // The refusal stands without its explanation too.
    CallError::Refused(Box::new(refused(&explaining.await.unwrap_or_default())))
}

/// The offerings that fewest terms stand against.
fn nearest(denials: &[Denial]) -> Vec<OfferingId> {
    let against = |denial: &Denial| denial.refusals.iter().map(|refusal| refusal.forbids.len() + refusal.errors.len()).sum::<usize>();
    let mut sorted: Vec<_> = denials.iter().map(|denial| (against(denial), &denial.offering)).collect();
    sorted.sort();
    sorted.into_iter().take(EXPLAINED_MAX).map(|(_, offering)| offering.clone()).collect()
}

fn refused(explanations: &[Explanation]) -> Refused {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut forbidden: Vec<&str> = Vec::new();
    for term in explanations.iter().flat_map(|explanation| &explanation.terms) {
        if reasons.iter().any(|known| known.id == term.id.as_str()) {
            continue;
        }
        if term.effect == Effect::Forbid {
            forbidden.push(&term.reason);
        }
        reasons.push(Reason {
            id: term.id.to_string(),
            goal: term.goal.name().to_owned(),
            reason: term.reason.clone(),
            basis: term.basis.clone(),
            layer: term.layer.clone(),
        });
    }
    let message = match forbidden.as_slice() {
        [] => "the terms refuse this call: none of them permits it".to_owned(),
        reasons => format!("the terms refuse this call: {}", reasons.join("; ")),
    };
    Refused { message, reasons, would_help: would_help(explanations) }
}

/// Each way out once, with the offerings that it would open.
fn would_help(explanations: &[Explanation]) -> Vec<String> {
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order = Vec::new();
    for explanation in explanations {
        for way in &explanation.would_help {
            let text = way.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let offerings = ways.entry(text.clone()).or_default();
            if offerings.is_empty() {
                order.push(text);
            }
            offerings.push(format!("`{}`", explanation.offering));
        }
    }
    order.into_iter().map(|text| format!("{text} (for {})", ways.get(&text).map(|ids| ids.join(", ")).unwrap_or_default())).collect()
}

fn detectors_failed() -> Refused {
    let reason = "the detectors failed, so nobody knows what is in the call, and it may not leave".to_owned();
    Refused {
        message: format!("this call is refused: {reason}"),
        reasons: vec![Reason { id: "detectors-failed".to_owned(), goal: "security".to_owned(), reason, basis: None, layer: String::new() }],
        would_help: vec!["the gateway's operator reads its log and repairs the detectors".to_owned()],
    }
}
