//! `comity catalogue check`: everything that is wrong with the files, at once, and what is due to be read again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use comity_catalogue::{Catalogue, Problem};
use comity_vocab::{Jurisdiction, OfferingId};
use serde_json::{Value, json};

use super::{At, invalid, warn};
use crate::catalogue_files;
use crate::exit::Exit;
use crate::output::{self, Output};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The organisation's own folder, over the shipped catalogue; or a whole catalogue with lists of its own
    folder: Option<PathBuf>,
    /// Leave the shipped catalogue out, also if the folder has no lists of its own
    #[arg(long, requires = "folder")]
    alone: bool,
    #[command(flatten)]
    at: At,
}

/// Warnings of one kind that are written out; the rest is counted.
const OVERDUE_SHOWN_MAX: usize = 10;

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let folder = args.folder.as_deref();
    let files = if args.alone { catalogue_files::only(folder)? } else { catalogue_files::over_shipped(folder)? };
    let count = files.len();
    let catalogue = match (Catalogue::parse(files), output) {
        (Ok(catalogue), _) => catalogue,
        (Err(problems), Output::Human) => return Err(invalid(&problems).into()),
        (Err(problems), Output::Json) => {
            output::json(&json!({ "valid": false, "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }))?;
            return Ok(Exit::Invalid);
        }
    };
    let overdue = catalogue.overdue(args.at.instant());
    let counts = Counts::of(&catalogue, args);
    match output {
        Output::Human => {
            catalogue.warnings().iter().chain(overdue.iter().take(OVERDUE_SHOWN_MAX)).for_each(warn);
            if let Some(more) = overdue.len().checked_sub(OVERDUE_SHOWN_MAX).filter(|more| *more > 0) {
                output::say(&format!("… and {more} more due for review: --output json lists them all"));
            }
            counts.print(count)?;
            output::data(&format!("catalogue {}", catalogue.digest()))?;
        }
        Output::Json => {
            let problems = catalogue.warnings().iter().chain(&overdue).map(problem_json).collect::<Vec<_>>();
            output::json(&json!({
                "valid": true, "digest": catalogue.digest(), "offerings": counts.offerings, "operators": counts.operators,
                "countries": counts.countries.len(), "processed_in": counts.countries, "place_unknown": counts.place_unknown,
                "facts": counts.facts, "blocs": counts.blocs, "laws": counts.laws, "problems": problems,
            }))?;
        }
    }
    Ok(Exit::Ok)
}

/// What the catalogue holds.
struct Counts {
    offerings: usize,
    operators: usize,
    /// Countries in which calls are processed, as far as is known, with the number of offerings.
    countries: BTreeMap<Jurisdiction, usize>,
    place_unknown: usize,
    facts: usize,
    blocs: usize,
    laws: usize,
}

// === impl Counts ===

impl Counts {
    fn of(catalogue: &Catalogue, args: &Args) -> Self {
        let instant = args.at.instant();
        let world = catalogue.at(instant);
        let operators: BTreeSet<_> = catalogue.offering_ids().map(OfferingId::operator).collect();
        let mut countries = BTreeMap::new();
        let mut place_unknown = 0;
        for offering in world.offerings.values() {
            match offering.origin.processed_in.known() {
                Some(known) => known.iter().for_each(|code| *countries.entry(*code).or_default() += 1),
                None => place_unknown += 1,
            }
        }
        let facts = |id: &OfferingId| {
            catalogue.facts(id, instant).into_iter().flatten().filter(|fact| !fact.overridden && !fact.source.is_empty()).count()
        };
        Self {
            offerings: world.offerings.len(),
            operators: operators.len(),
            countries,
            place_unknown,
            facts: catalogue.offering_ids().map(facts).sum(),
            blocs: catalogue.blocs().count(),
            laws: catalogue.laws().count(),
        }
    }

    fn print(&self, files: usize) -> anyhow::Result<()> {
        let Self { offerings, operators, facts, blocs, laws, place_unknown, .. } = self;
        output::data(&format!("offerings: {offerings} of {operators} operators, in {files} files; with a source: {facts} facts"))?;
        output::data(&format!("processed in {} countries; place unknown: {place_unknown} offerings", self.countries.len()))?;
        output::data(&format!("blocs: {blocs}; laws: {laws}"))
    }
}

fn problem_json(problem: &Problem) -> Value {
    json!({
        "path": problem.path, "line": problem.line, "column": problem.column, "message": problem.message,
        "hint": problem.hint, "severity": problem.severity.name(),
    })
}
