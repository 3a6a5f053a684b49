//! `comity catalogue diff A B`: what one catalogue says otherwise than another.

use std::path::Path;

use comity_catalogue::{Catalogue, Difference, Said};
use serde_json::{Value, json};

use super::{At, invalid};
use crate::catalogue_files;
use crate::exit::Exit;
use crate::output::{self, Output, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The catalogue before: `shipped`, or a folder (over the shipped one, unless it has lists of its own)
    #[arg(value_name = "A")]
    before: String,
    /// The catalogue after
    #[arg(value_name = "B")]
    after: String,
    /// Where each value comes from, too
    #[arg(long)]
    sources: bool,
    #[command(flatten)]
    at: At,
}

/// The name of the catalogue that comes with Comity.
const SHIPPED: &str = "shipped";

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let (before, after) = (load(&args.before)?, load(&args.after)?);
    let differences = before.diff(&after, args.at.instant());
    match output {
        Output::Json => output::json(&json!({
            "before": before.digest(), "after": after.digest(), "differences": differences.iter().map(as_json).collect::<Vec<_>>(),
        }))?,
        Output::Human if differences.is_empty() => output::data("no difference")?,
        Output::Human => {
            output::data(&table(&differences, args.sources).render(output::width()))?;
            output::say(&format!("\ndifferences: {}", differences.len()));
        }
    }
    Ok(Exit::Ok)
}

fn load(name: &str) -> anyhow::Result<Catalogue> {
    let folder = (name != SHIPPED).then(|| Path::new(name));
    Catalogue::parse(catalogue_files::over_shipped(folder)?).map_err(|problems| invalid(&problems).into())
}

fn table(differences: &[Difference], sources: bool) -> Table {
    let mut table = Table::new(&["what", "fact", "before", "after"]);
    for difference in differences {
        let said = |said: Option<&Said>| match said {
            None => "-".to_owned(),
            Some(Said { value, by: Some(by) }) if sources => format!("{value} [{by}]"),
            Some(Said { value, .. }) => value.clone(),
        };
        let (mut before, after) = (said(difference.before.as_ref()), said(difference.after.as_ref()));
        // The same value from another source is a difference too: show what differs.
        if before == after {
            before = difference.before.as_ref().and_then(|said| said.by.clone()).map_or(before, |by| format!("same, by {by}"));
        }
        table.row(vec![
            format!("{} {}", difference.kind, difference.id),
            difference.fact.clone().unwrap_or_else(|| "-".to_owned()),
            before,
            after,
        ]);
    }
    table
}

fn as_json(difference: &Difference) -> Value {
    let said = |said: Option<&Said>| said.map(|said| json!({ "value": said.value, "by": said.by }));
    json!({
        "kind": difference.kind, "id": difference.id, "fact": difference.fact, "before": said(difference.before.as_ref()),
        "after": said(difference.after.as_ref()),
    })
}
