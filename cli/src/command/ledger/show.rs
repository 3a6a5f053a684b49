//! `comity ledger show`: leaves as they are stored, or all about one decision. They hold no personal data; `terms why` opens the private record.

use std::fmt::Write as _;

use comity_ledger::{ChangedKeys, DecisionLeaf, DrillPhase, Event, Leaf, OutcomeLeaf, Verdict};
use comity_store::{FactRecord, FoundDecision, Reader, StoredLeaf};
use serde_json::{Value, json};

use crate::clock;
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, Output, Table, styled};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity ledger show           the last 20 leaves
  comity ledger show 4f2a91    one decision, with what became of it
  comity ledger show --from 0 --count 100 --output json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The decision: its digest or the first digits of it, at least 4
    #[arg(conflicts_with_all = ["from", "count"])]
    decision: Option<String>,
    /// The first leaf to show; without it, the last ones
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// How many leaves
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    #[command(flatten)]
    place: Place,
}

/// Shows.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    match &args.decision {
        Some(prefix) => show_decision(&reader.find_decision(prefix).map_err(place::failure)?, output),
        None => show_leaves(&reader, args, output),
    }
}

fn show_leaves(reader: &Reader, args: &Args, output: Output) -> anyhow::Result<Exit> {
    let size = reader.size().map_err(place::failure)?;
    let from = args.from.unwrap_or_else(|| size.saturating_sub(u64::from(args.count)));
    let leaves = reader.leaves(from, usize::try_from(args.count)?).map_err(place::failure)?;
    match output {
        Output::Json => {
            let leaves = leaves.iter().map(stored).collect::<anyhow::Result<Vec<_>>>()?;
            output::json(&json!({ "size": size, "leaves": leaves }))?;
        }
        Output::Human if leaves.is_empty() => output::say(&format!("The ledger has {size} leaves, none of them from {from} on.")),
        Output::Human => output::data(&table(&leaves).render(output::width()))?,
    }
    Ok(Exit::Ok)
}

fn table(leaves: &[StoredLeaf]) -> Table {
    let mut table = Table::new(&["leaf", "decision", "minute (UTC)", "what", "offering", "details"]);
    for stored in leaves {
        let index = stored.index.to_string();
        match &stored.leaf {
            Leaf::Decision(leaf) => table.row(vec![
                index,
                leaf.decision.short(),
                clock::minute(leaf.minute.start()),
                verdict(leaf.verdict),
                leaf.offering.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                decided(leaf),
            ]),
            Leaf::Outcome(leaf) => table.row(vec![
                index,
                leaf.decision.short(),
                clock::minute(leaf.minute.start()),
                leaf.outcome.name().replace('_', " "),
                String::new(),
                became(leaf),
            ]),
            Leaf::Event(leaf) => table.row(vec![
                index,
                String::new(),
                clock::minute(leaf.minute.start()),
                leaf.event.kind().replace('_', " "),
                String::new(),
                happened(&leaf.event),
            ]),
        }
    }
    table
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Permit => styled(GOOD, "permit"),
        Verdict::Denial => styled(BAD, "denial"),
    }
}

/// Class, means and terms in a few words.
fn decided(leaf: &DecisionLeaf) -> String {
    let mut text = leaf.classes.classification().to_string();
    if leaf.classes.personal() {
        text.push_str(", personal");
    }
    if leaf.classes.secrets() {
        text.push_str(", secrets");
    }
    if !leaf.means.is_empty() {
        let _ = write!(text, "; {}", leaf.means);
    }
    let terms: Vec<_> = leaf.term_ids.iter().map(comity_vocab::TermId::as_str).collect();
    if !terms.is_empty() {
        let _ = write!(text, "; {}", terms.join(", "));
    }
    text
}

fn became(leaf: &OutcomeLeaf) -> String {
    let mut parts = vec![format!("status {}", leaf.status)];
    if let (Some(tokens_in), Some(tokens_out)) = (leaf.tokens_in, leaf.tokens_out) {
        let by_whom = if leaf.estimated { " (estimated)" } else { "" };
        parts.push(format!("{tokens_in} tokens in, {tokens_out} out{by_whom}"));
    }
    if let Some(cost) = &leaf.cost {
        parts.push(format!("{} micro-{}", cost.micros.0, cost.currency));
    }
    parts.join("; ")
}

/// An event in a few words.
fn happened(event: &Event) -> String {
    match event {
        Event::Erased(erased) => {
            let before = erased.before.map(|minute| format!(" {}", clock::minute(minute.start()))).unwrap_or_default();
            format!("{}{before}; {} keys destroyed; {}", erased.scope.name().replace('_', " "), erased.keys, erased.reason)
        }
        Event::TermsChanged(changed) | Event::CatalogueChanged(changed) => {
            format!("{} after {}", changed.after.short(), changed.before.short())
        }
        Event::KeyChanged(changed) => match changed.what {
            ChangedKeys::ApiKeys => "API keys".to_owned(),
            ChangedKeys::Signer => "the key that signs checkpoints".to_owned(),
        },
        Event::Drill(drill) => match drill.phase {
            DrillPhase::Begun => "begun".to_owned(),
            DrillPhase::Ended => "ended".to_owned(),
        },
        Event::Proof(proof) => format!("{} {}; proof {}", proof.property.as_str(), proof.verdict.name(), proof.proof.short()),
        Event::Started(started) => {
            format!("version {}; durability {}; terms {}", started.program, started.durability, started.terms.short())
        }
        Event::Stopped(stopped) if stopped.complete => "every call had ended".to_owned(),
        Event::Stopped(_) => "calls were cut off".to_owned(),
    }
}

fn show_decision(found: &FoundDecision, output: Output) -> anyhow::Result<Exit> {
    match output {
        Output::Json => output::json(&decision_json(found)?)?,
        Output::Human => {
            output::data(&decision_table(found).render(output::width()))?;
            output::say(&format!("\nWhy: comity terms why {}", found.leaf.decision.short()));
        }
    }
    Ok(Exit::Ok)
}

fn decision_table(found: &FoundDecision) -> Table {
    let leaf = &found.leaf;
    let mut table = Table::new(&["", ""]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("decision", leaf.decision.to_string());
    row("leaf", found.index.to_string());
    row("minute (UTC)", clock::minute(leaf.minute.start()));
    row("verdict", verdict(leaf.verdict));
    row("offering", leaf.offering.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string));
    row("means", leaf.means.to_string());
    row("what and why", decided(leaf));
    row("hop", format!("{} of {}", leaf.hop.saturating_add(1), found.hops.len()));
    row("terms", leaf.terms.to_string());
    row("catalogue", leaf.catalogue.to_string());
    row("fact record", record_state(&found.record).to_owned());
    row("durability", leaf.durability.name().to_owned());
    let outcome = match &found.outcome {
        Some((index, leaf)) => format!("{}; {}; leaf {index}", leaf.outcome.name().replace('_', " "), became(leaf)),
        None => "none".to_owned(),
    };
    row("outcome", outcome);
    table
}

const fn record_state(record: &FactRecord) -> &'static str {
    match record {
        FactRecord::Open(_) => "kept, encrypted",
        FactRecord::Erased => "erased",
        FactRecord::Sealed => "sealed: the store's master key, its passphrase or the file of keys with its key is not here",
    }
}

fn decision_json(found: &FoundDecision) -> anyhow::Result<Value> {
    let outcome = match &found.outcome {
        Some((index, leaf)) => json!({ "index": index, "leaf": leaf_json(&Leaf::Outcome(leaf.clone()))? }),
        None => Value::Null,
    };
    let leaf = leaf_json(&Leaf::Decision(found.leaf.clone()))?;
    Ok(json!({ "index": found.index, "leaf": leaf, "hops": found.hops, "record": record_state(&found.record), "outcome": outcome }))
}

fn stored(stored: &StoredLeaf) -> anyhow::Result<Value> {
    Ok(json!({ "index": stored.index, "leaf": serde_json::from_slice::<Value>(&stored.bytes)? }))
}

fn leaf_json(leaf: &Leaf) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&leaf.to_bytes())?)
}
