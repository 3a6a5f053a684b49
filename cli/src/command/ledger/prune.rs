//! `comity ledger prune`: takes away the oldest leaves and what is kept beside them, as a retention law may ask. Later proofs stay valid.
//!
//! Only what a published checkpoint covers goes, in whole bundles of 256 leaves. Export the ledger first if others may still want the entries.

use comity_store::Reader;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::given::{day, in_the_future, published, today};
use super::writer::{Reach, Writer};
use crate::clock;
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity ledger prune --before 2025-01-01     leaves older than that day
  comity ledger prune --before-leaf 1000000";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Args)]
#[group(id = "upto", required = true, multiple = false)]
struct Which {
    /// The first day whose leaves stay (UTC), and with them all that are not published yet
    #[arg(long, value_name = "DATE", value_parser = day)]
    before: Option<Date>,
    /// The first leaf that stays; rounded down to whole bundles
    #[arg(long, value_name = "INDEX")]
    before_leaf: Option<u64>,
}

/// Prunes.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let minimum = match (args.which.before, args.which.before_leaf) {
        (Some(date), _) if date > today().saturating_add(1.day()) => return Err(in_the_future(date)),
        (Some(date), _) => older_than(&reader, date)?.min(published(&reader)?.head.size),
        (None, leaf) => leaf.unwrap_or_default(),
    };
    let before = reader.minimum().map_err(place::failure)?;
    drop(reader);
    let left = match Writer::open((&args.place, &args.reach))? {
        Writer::Here(store) => store.prune(minimum).map_err(place::failure)?,
        Writer::Gateway(gateway) => {
            let answer = gateway.post("/api/v1/ledger/prune", &json!({ "minimum": minimum }))?;
            answer.get("minimum").and_then(Value::as_u64).unwrap_or(before)
        }
    };
    let pruned = left.saturating_sub(before);
    match output {
        Output::Json => output::json(&json!({ "pruned": pruned, "minimum": left }))?,
        Output::Human => {
            let pruned = if pruned == 1 { "1 leaf".to_owned() } else { format!("{pruned} leaves") };
            output::data(&format!("{pruned} pruned; the first that is left is {left}"))?;
            if left < minimum {
                output::say("Leaves go in whole bundles of 256.");
            }
        }
    }
    Ok(Exit::Ok)
}

/// The first leaf that is not older. Clocks jump, so every leaf is looked at.
fn older_than(reader: &Reader, date: Date) -> anyhow::Result<u64> {
    let start = clock::parse(&date.to_string()).map_err(anyhow::Error::msg)?;
    let mut next = reader.minimum().map_err(place::failure)?;
    loop {
        let leaves = reader.leaves(next, 10_000).map_err(place::failure)?;
        if let Some(young) = leaves.iter().find(|stored| stored.leaf.minute().start() >= start) {
            return Ok(young.index);
        }
        match leaves.last() {
            Some(last) => next = last.index.saturating_add(1),
            None => return Ok(next),
        }
    }
}
