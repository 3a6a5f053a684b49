//! A counterexample in words: the calls, the offerings, what was decided on them. It shows what decides something and leaves out the rest.

use std::collections::BTreeSet;

use comity_prove::{Decided, Example, OfferingSeen};
use comity_vocab::{Action, Call, Classification, MeansSet, Places, TermId};

/// A unit, workload, sector or purpose that stands for any other begins with this.
const ANY_OTHER: &str = "other";

/// One line for each thing that there is to say.
pub(super) fn lines(example: &Example) -> Vec<String> {
    let calls = example.calls.iter().map(|(slot, call)| call_line(example, slot, call));
    let decisions = example.decisions.iter().map(|decided| decision(example, decided));
    calls.chain(offerings(example)).chain(decisions).collect()
}

// === calls ===

fn call_line(example: &Example, slot: &str, call: &Call) -> String {
    let several = example.calls.len() > 1;
    let words = call_words(call, &example.deciding);
    let a = if words.is_empty() { "any call" } else { "a call" };
    let head = if several { format!("call {slot}: ") } else { format!("{a}: ") };
    let performable = performable(example, slot);
    let performable = performable.map(|means| format!("; performable: {means}")).unwrap_or_default();
    let to = match call.action {
        Action::Infer => "to chat",
        Action::Embed => "to make embeddings",
    };
    let words: Vec<&str> = words.iter().map(String::as_str).chain([to]).collect();
    format!("{head}{}{performable}", words.join(", "))
}

/// What decides something and is not as in the plainest call.
fn call_words(call: &Call, deciding: &[String]) -> Vec<String> {
    let reads = |fact: &str| deciding.iter().any(|deciding| deciding == fact);
    let data = &call.data;
    let mut words = Vec::new();
    let mut say = |holds: bool, what: String| words.extend(holds.then_some(what));
    say(reads("data.classification"), data.classification.to_string());
    say(data.opaque && reads("data.opaque"), "parts that no detector can read".to_owned());
    say(data.personal && reads("data.personal"), "personal data".to_owned());
    say(data.special_category && reads("data.special_category"), "special categories".to_owned());
    say(data.secrets && reads("data.secrets"), "credentials".to_owned());
    say(data.detector > 0 && reads("data.detector"), format!("looked at by detectors of tier {}", data.detector));
    say(!data.kinds.is_empty() && reads("data.kinds"), format!("kinds {}", joined(&data.kinds)));
    say(!data.remote.is_empty() && reads("data.remote"), format!("reaching out by {}", joined(&data.remote)));
    say(reads("data.subjects"), format!("about people of {}", places(&data.subjects)));
    say(reads("purpose") && !call.purpose.is_empty(), format!("for the purpose `{}`", call.purpose));
    say(true, workload(call, deciding));
    words.retain(|word| !word.is_empty());
    words
}

fn places(places: &Places) -> String {
    let known = places.known().map(|known| known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    known.unwrap_or_else(|| "unknown places".to_owned())
}

/// Who asks, if that decides something.
fn workload(call: &Call, deciding: &[String]) -> String {
    let reads = |fact: &str| deciding.iter().any(|deciding| deciding == fact);
    let workload = &call.workload;
    let critical = if workload.critical && reads("critical") { "critical " } else { "" };
    let mut about = Vec::new();
    if !stands_for_any(workload.id.as_str()) {
        about.push(format!("called `{}`", workload.id));
    }
    if !stands_for_any(workload.unit.as_str()) {
        about.push(format!("in `{}`", workload.unit));
    }
    if !workload.sector.is_empty() {
        about.push(format!("of the sector `{}`", workload.sector));
    }
    if reads("clearance") && workload.clearance != Classification::Secret {
        about.push(format!("cleared for {}", workload.clearance));
    }
    if critical.is_empty() && about.is_empty() {
        return String::new();
    }
    format!("of a {critical}workload {}", about.join(" ")).trim_end().to_owned()
}

fn stands_for_any(name: &str) -> bool {
    name.starts_with(&format!("{ANY_OTHER}-"))
}

/// What can be performed on a call, if all its decisions have the same.
fn performable(example: &Example, slot: &str) -> Option<MeansSet> {
    let mut sets = example.decisions.iter().filter(|decided| decided.call == slot).map(|decided| decided.performable);
    let first = sets.next()?;
    (!first.is_empty() && sets.all(|set| set == first)).then_some(first)
}

// === offerings ===

/// Two: that in which they differ, then what both are. One: all that decides.
fn offerings(example: &Example) -> Vec<String> {
    let all: Vec<&OfferingSeen> = example.offerings.values().collect();
    match all.as_slice() {
        [one, other] => {
            let differing: BTreeSet<&String> = one.facts.keys().filter(|fact| one.facts.get(*fact) != other.facts.get(*fact)).collect();
            let only = |offering: &OfferingSeen| {
                let facts = offering.facts.iter().filter(|(fact, _)| differing.contains(fact));
                described(offering, &facts_said(facts))
            };
            let both = facts_said(one.facts.iter().filter(|(fact, _)| !differing.contains(fact)));
            [only(one), only(other)].into_iter().chain((!both.is_empty()).then(|| format!("both: {both}"))).collect()
        }
        several => several.iter().map(|offering| described(offering, &facts_said(offering.facts.iter()))).collect(),
    }
}

fn described(offering: &OfferingSeen, facts: &str) -> String {
    let real = if offering.real { " of the catalogue" } else { "" };
    let facts = if facts.is_empty() { "whatever it is" } else { facts };
    format!("`{}`{real}: {facts}", offering.id)
}

fn facts_said<'f>(facts: impl Iterator<Item = (&'f String, &'f String)>) -> String {
    facts.map(|(fact, value)| format!("{fact} {value}")).collect::<Vec<_>>().join("; ")
}

// === decisions ===

fn decision(example: &Example, decided: &Decided) -> String {
    let id = example.offerings.get(&decided.offering).map_or(decided.offering.as_str(), |offering| offering.id.as_str());
    let call = if example.calls.len() > 1 { format!(" for call {}", decided.call) } else { String::new() };
    let terms = if several_terms(example) { format!(" under {}", decided.terms.join(" + ")) } else { String::new() };
    let able = performable(example, &decided.call).is_none() && !decided.performable.is_empty();
    let able = if able { format!(", with {} performable", decided.performable) } else { String::new() };
    format!("`{id}`{call}{terms}{able} is {}", outcome(decided))
}

fn several_terms(example: &Example) -> bool {
    let mut terms = example.decisions.iter().map(|decided| &decided.terms);
    terms.next().is_some_and(|first| terms.any(|other| other != first))
}

fn outcome(decided: &Decided) -> String {
    if decided.decision == "permitted" {
        let how = if decided.means.is_empty() { "as it is".to_owned() } else { format!("under the means {}", decided.means) };
        let preferred =
            if decided.preferred_by.is_empty() { String::new() } else { format!(", preferred by {}", ids(&decided.preferred_by)) };
        return format!("permitted {how}, by {}{preferred}", ids(&decided.by));
    }
    let mut why = Vec::new();
    if !decided.by.is_empty() {
        why.push(format!("{} {} it", ids(&decided.by), if decided.by.len() == 1 { "forbids" } else { "forbid" }));
    }
    if !decided.nothing_permits_in.is_empty() {
        let layers: Vec<String> = decided.nothing_permits_in.iter().map(|layer| format!("layer {layer}")).collect();
        why.push(format!("nothing in {} permits it", layers.join(" and ")));
    }
    if !decided.failed.is_empty() {
        why.push(format!("{} cannot be evaluated", ids(&decided.failed)));
    }
    format!("denied: {}", why.join("; "))
}

fn ids(ids: &[TermId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

fn joined(words: &BTreeSet<String>) -> String {
    words.iter().cloned().collect::<Vec<_>>().join(" ")
}
