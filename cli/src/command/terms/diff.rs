//! `comity terms diff A B`: what two terms decide otherwise, over the catalogue and the kinds of calls that people compare terms by.
//!
//! It judges nothing: whatever it finds, it ends with 0.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use comity_catalogue::Catalogue;
use comity_decide::{Changed, DataClass, Difference, Engine, Survey, Verdict, all_means, changed, unknown_names};
use comity_enforce::PERFORMED;
use comity_terms::Terms;
use comity_vocab::{Instant, MeansSet};
use serde::Serialize;

use super::source;
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::exit::Exit;
use crate::output::{self, Output, Table};

/// Rows for a person, unless all are wanted.
const ROWS_MAX: usize = 20;
/// Terms to blame in one row for a person; JSON has all.
const BLAMED_MAX: usize = 2;

const EXAMPLES: &str = "\
Examples:
  comity terms diff uk-public eu-gdpr                   two shipped packs
  comity terms diff eu-gdpr eu-gdpr,own.cedar           what a layer of your own adds
  comity terms diff old.cedar new.cedar --class personal --all
  comity terms diff uk-public eu-gdpr --output json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The terms before: a file, a shipped pack, or several with commas, outermost layer first
    #[arg(value_name = "A")]
    before: String,
    /// The terms after
    #[arg(value_name = "B")]
    after: String,
    /// Only calls of this data class; may be repeated [default: all]
    #[arg(long, value_name = "CLASS")]
    class: Vec<DataClass>,
    /// A folder of catalogue files: over the shipped catalogue, unless it has lists of its own
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Facts of this day instead of now
    #[arg(long, value_name = "DATE", value_parser = clock::parse)]
    at: Option<Instant>,
    /// Every row, however many
    #[arg(long)]
    all: bool,
}

/// All that is said, for scripts too.
#[derive(Serialize)]
struct Report {
    before: Vec<String>,
    after: Vec<String>,
    at: String,
    catalogue: String,
    /// Means that count as performable here.
    performable: MeansSet,
    /// Those of them that this version of the gateway performs.
    performed: MeansSet,
    classes: Vec<Count>,
    changes: Vec<Row>,
}

/// One data class.
#[derive(Serialize)]
struct Count {
    class: &'static str,
    offerings: usize,
    same: usize,
    denied: usize,
    permitted: usize,
    means: usize,
}

/// One offering that is treated otherwise.
#[derive(Serialize)]
struct Row {
    offering: String,
    class: &'static str,
    before: String,
    after: String,
    because: Vec<String>,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let instant = args.at.unwrap_or_else(clock::now);
    let files = catalogue_files::over_shipped(args.folder.as_deref())?;
    let parsed = Arc::new(Catalogue::parse(files).map_err(|problems| catalogue::invalid(&problems))?);
    let checked = |named: &str| -> anyhow::Result<Arc<Terms>> {
        let terms = source::layers(named)?;
        let unknown = unknown_names(&terms, &parsed.at(instant));
        if !unknown.is_empty() {
            return Err(source::unknown_names(unknown).into());
        }
        Ok(Arc::new(terms))
    };
    let before = Engine::new(checked(&args.before)?, Arc::clone(&parsed));
    let after = before.with_terms(checked(&args.after)?);
    let report = Report::new(&before, &after, args, instant);
    match output {
        Output::Json => output::json(&report)?,
        Output::Human => report.print(if args.all { usize::MAX } else { ROWS_MAX })?,
    }
    Ok(Exit::Ok)
}

// === impl Report ===

impl Report {
    fn new(before: &Engine, after: &Engine, args: &Args, instant: Instant) -> Self {
        let wanted = |class: &DataClass| args.class.is_empty() || args.class.contains(class);
        let offerings = before.world(instant).offerings.len();
        let (one, other) = (Survey::new(before, instant), Survey::new(after, instant));
        let (mut classes, mut changes) = (Vec::new(), Vec::new());
        for class in DataClass::ALL.into_iter().filter(wanted) {
            let found = one.differences(&other, class);
            classes.push(Count::of(class, offerings, &found));
            changes.extend(found.into_iter().map(Row::of));
        }
        let names = |engine: &Engine| engine.terms().layers().iter().map(|layer| layer.name().to_owned()).collect();
        Self {
            before: names(before),
            after: names(after),
            at: clock::date(instant),
            catalogue: before.catalogue().digest().to_string(),
            performable: all_means(),
            performed: PERFORMED,
            classes,
            changes,
        }
    }

    fn print(&self, rows_max: usize) -> anyhow::Result<()> {
        let mut counts = Table::new(&["data class", "the same", "now denied", "now permitted", "other means"]);
        for count in &self.classes {
            let numbers = [count.same, count.denied, count.permitted, count.means].map(|number| number.to_string());
            counts.row([count.class.to_owned()].into_iter().chain(numbers).collect());
        }
        output::data(&counts.render(output::width()))?;
        let rows = self.joined();
        if !rows.is_empty() {
            let mut table = Table::new(&["offering", "data", "before", "after", "because of"]);
            rows.iter().take(rows_max).for_each(|(row, classes)| table.row(self.cells(row, classes)));
            let (before, after) = (self.before.join(" + "), self.after.join(" + "));
            output::data(&format!("\nbefore: {before}; after: {after}\n\n{}", table.render(output::width())))?;
        }
        let more = rows.len().saturating_sub(rows_max);
        if more > 0 {
            output::data(&format!("and {more} more: --all shows them"))?;
        }
        let legend = format!(
            "Offerings of the catalogue, at {}. A verdict is the means under which an offering is permitted, \"as is\" where none is \
             asked for, or \"denied\". All means count as performable; this version performs {}.",
            self.at, self.performed
        );
        output::say(&format!("\n{}", output::wrap(&legend, "", "")));
        Ok(())
    }

    /// Rows that differ in the data class alone are one for a person.
    fn joined(&self) -> Vec<(&Row, Vec<&str>)> {
        let mut joined: BTreeMap<_, (&Row, Vec<&str>)> = BTreeMap::new();
        for row in &self.changes {
            let same = (&row.offering, &row.before, &row.after, &row.because);
            joined.entry(same).or_insert_with(|| (row, Vec::new())).1.push(row.class);
        }
        joined.into_values().collect()
    }

    fn cells(&self, row: &Row, classes: &[&str]) -> Vec<String> {
        let others: Vec<&str> = self.classes.iter().map(|count| count.class).filter(|class| !classes.contains(class)).collect();
        let data = match others.as_slice() {
            [] if classes.len() > 1 => "all".to_owned(),
            [other] if classes.len() > 2 => format!("all but {other}"),
            _ => classes.join(", "),
        };
        let more = row.because.len().saturating_sub(BLAMED_MAX);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        let blamed: Vec<&str> = row.because.iter().take(BLAMED_MAX).map(String::as_str).collect();
        vec![row.offering.clone(), data, row.before.clone(), row.after.clone(), blamed.join(", ") + &more]
    }
}

// === impl Count ===

impl Count {
    fn of(class: DataClass, offerings: usize, found: &[Difference]) -> Self {
        let mut ways: BTreeMap<Changed, usize> = BTreeMap::new();
        for way in found.iter().filter_map(|difference| changed(&difference.before, &difference.after)) {
            *ways.entry(way).or_default() += 1;
        }
        let number = |way: Changed| ways.get(&way).copied().unwrap_or_default();
        Self {
            class: class.name(),
            offerings,
            same: offerings.saturating_sub(found.len()),
            denied: number(Changed::Denied),
            permitted: number(Changed::Permitted),
            means: number(Changed::Means),
        }
    }
}

// === impl Row ===

impl Row {
    fn of(difference: Difference) -> Self {
        Self {
            offering: difference.offering.to_string(),
            class: difference.class.name(),
            before: verdict(&difference.before),
            after: verdict(&difference.after),
            because: difference.because.iter().map(ToString::to_string).collect(),
        }
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Permit { means, .. } if means.is_empty() => "as is".to_owned(),
        Verdict::Permit { means, .. } => means.to_string(),
        Verdict::Denial { .. } => "denied".to_owned(),
    }
}
