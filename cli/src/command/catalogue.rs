//! `comity catalogue`: what is known about offerings, from whom, and how strongly.
//!
//! It shows the shipped catalogue with the organisation's own folder over it. Unknown is shown as unknown, never guessed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Subcommand;
use comity_catalogue::{Catalogue, FactView, Problem, Severity, World};
use comity_vocab::{BlocId, Instant, Jurisdiction, Offering, OfferingId, Places, Scale, Strength, Surface};
use serde_json::{Value, json};

use crate::catalogue_files;
use crate::clock;
use crate::exit::{Exit, Failure, Note};
use crate::output::{self, FAINT, NOTE, Output, Table, styled};

const EXAMPLES: &str = "\
Examples:
  comity catalogue list
  comity catalogue list --surface embeddings --at 2027-01-01
  comity catalogue show mistral/mistral-small-latest@eu
  comity catalogue check ./our-catalogue";

/// The catalogue: facts about offerings, each with its source
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every offering: whose, where, and what protects
    List(List),
    /// Every fact about one offering: its value, source, date and strength
    Show(Show),
    /// Check the files: exit code 4 if a fact has no source or a line is wrong
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those that serve this
    #[arg(long, value_name = "SURFACE")]
    surface: Option<SurfaceName>,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// `operator/model@place`, as `comity catalogue list` shows it
    offering: OfferingId,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The organisation's own folder; without it, the one that the configuration names
    folder: Option<PathBuf>,
    /// Leave the shipped catalogue out
    #[arg(long, requires = "folder")]
    alone: bool,
}

/// Which catalogue.
#[derive(Debug, clap::Args)]
struct From {
    /// The organisation's own folder; without it, the one that the configuration names
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct At {
    /// Facts of this day instead of now
    #[arg(long, value_name = "DATE", value_parser = clock::parse)]
    at: Option<Instant>,
}

/// Places that fit a cell.
const PLACES_MAX: usize = 3;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SurfaceName {
    Chat,
    Embeddings,
}

/// Lists, shows or checks.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.what {
        What::List(args) => list(&args, output),
        What::Show(args) => show(&args, output),
        What::Check(args) => check(&args, output),
    }
}

// === list ===

fn list(args: &List, output: Output) -> anyhow::Result<Exit> {
    let world = load(&args.from)?.at(args.at.instant());
    let wanted = args.surface.map(Surface::from);
    let serves = |offering: &&Offering| wanted.is_none_or(|surface| offering.surfaces.contains(&surface));
    let offerings: Vec<_> = world.offerings.values().filter(serves).collect();
    match output {
        Output::Json => output::json(&offerings)?,
        Output::Human => {
            output::data(&table(&offerings, &world).render(output::width()))?;
            let legend = "? unknown. Reach of: whose authorities can compel access. Levels count up from worst; after them, how they are \
                          known: 1 claimed, 2 contract, 3 certified, 4 verified. Price: per million tokens in/out.";
            output::say(&format!("\n{}", output::wrap(legend, "", "")));
            output::say("Every fact and its source: comity catalogue show OFFERING");
        }
    }
    Ok(Exit::Ok)
}

fn table(offerings: &[&Offering], world: &World) -> Table {
    let mut table = Table::new(&["offering", "operator", "runs in", "reach of", "training", "retention", "price"]);
    for offering in offerings {
        let origin = &offering.origin;
        table.row(vec![
            offering.id.to_string(),
            whose(origin.operator, origin.control),
            few_places(&origin.processed_in, world),
            few_places(&origin.compellable_by, world),
            level(offering, Scale::Training),
            level(offering, Scale::Retention),
            price(offering),
        ]);
    }
    table
}

/// The operator's country, and the parent's where it is another.
fn whose(operator: Jurisdiction, control: Jurisdiction) -> String {
    if operator == control { jurisdiction(operator) } else { format!("{} of {}", jurisdiction(operator), jurisdiction(control)) }
}

fn jurisdiction(jurisdiction: Jurisdiction) -> String {
    if jurisdiction.is_unknown() { "?".to_owned() } else { jurisdiction.to_string() }
}

fn places(places: &Places) -> String {
    places.known().map_or_else(|| "?".to_owned(), joined)
}

/// The places, or how many they are and the smallest bloc around them.
fn few_places(all: &Places, world: &World) -> String {
    let Some(known) = all.known().filter(|known| known.len() > PLACES_MAX) else { return places(all) };
    let around = world.blocs.iter().filter(|(_, members)| known.is_subset(members));
    let bloc = around.min_by_key(|(_, members)| members.len()).map(|(bloc, _)| format!(" in {bloc}")).unwrap_or_default();
    format!("{}{bloc}", known.len())
}

fn level(offering: &Offering, scale: Scale) -> String {
    match (offering.assurance.level.get(scale), offering.assurance.strength.get(scale)) {
        (0, _) => "?".to_owned(),
        (level, strength) => format!("{level}/{} ({strength})", scale.top()),
    }
}

/// List price per million tokens, in whole units and hundredths.
fn price(offering: &Offering) -> String {
    let cents = |micros: u64| format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000);
    offering.price.as_ref().map_or_else(
        || "?".to_owned(),
        |price| format!("{}/{} {}", cents(price.input_micros_per_mtok.0), cents(price.output_micros_per_mtok.0), price.currency),
    )
}

fn joined<T: ToString>(items: &BTreeSet<T>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

// === show ===

fn show(args: &Show, output: Output) -> anyhow::Result<Exit> {
    let catalogue = load(&args.from)?;
    let world = catalogue.at(args.at.instant());
    let (Some(facts), Some(offering)) = (catalogue.facts(&args.offering), world.offerings.get(&args.offering)) else {
        return Err(no_such_offering(&catalogue, &args.offering).into());
    };
    match output {
        Output::Json => output::json(&json!({
            "offering": offering, "facts": facts.iter().map(fact_json).collect::<Vec<_>>(),
        }))?,
        Output::Human => {
            output::data(&styled(output::STRONG, &offering.id))?;
            output::data("")?;
            output::data(&facts_table(&facts).render(output::width()))?;
            output::data("")?;
            output::data(&derived(offering, &world).render(output::width()))?;
        }
    }
    Ok(Exit::Ok)
}

fn no_such_offering(catalogue: &Catalogue, wanted: &OfferingId) -> Failure {
    let near = catalogue.offering_ids().max_by(|a, b| {
        let similarity = |id: &OfferingId| strsim::jaro_winkler(id.as_str(), wanted.as_str());
        similarity(a).total_cmp(&similarity(b))
    });
    let failure = Failure::new(Exit::Failed, format!("there is no offering `{wanted}`"));
    failure.hint(near.map_or_else(
        || "run `comity catalogue list`".to_owned(),
        |near| format!("did you mean `{near}`? `comity catalogue list` shows all"),
    ))
}

fn facts_table(facts: &[FactView]) -> Table {
    let mut table = Table::new(&["fact", "value", "strength", "as of", "source"]);
    for fact in facts {
        let cells =
            [fact.name.clone(), fact.value.clone(), strength(fact), fact.as_of.clone().unwrap_or_else(|| "-".to_owned()), source(fact)];
        let style = |cell: String| if fact.overridden || fact.strength == Strength::Unknown { styled(FAINT, cell) } else { cell };
        table.row(cells.into_iter().map(style).collect());
    }
    table
}

fn strength(fact: &FactView) -> String {
    let counts = strength_name(fact.strength);
    match (fact.overridden, fact.stated_strength) {
        (true, _) => format!("{counts} (overridden)"),
        (false, Some(stated)) => format!("{counts} (says {})", strength_name(stated)),
        (false, None) => counts.to_owned(),
    }
}

const fn strength_name(strength: Strength) -> &'static str {
    match strength {
        Strength::Unknown => "unknown",
        Strength::Claimed => "claimed",
        Strength::Contract => "contract",
        Strength::Certified => "certified",
        Strength::Verified => "verified",
    }
}

fn source(fact: &FactView) -> String {
    if fact.source.is_empty() {
        return "-".to_owned();
    }
    let expires = fact.expires.as_ref().map(|day| format!("; until {day}")).unwrap_or_default();
    format!("{}{expires} [{}:{}]", fact.source, fact.file, fact.line)
}

/// What follows from the facts on that day.
fn derived(offering: &Offering, world: &World) -> Table {
    let mut table = Table::new(&["derived", ""]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    let blocs = |blocs: &BTreeSet<BlocId>| joined(blocs);
    row("compellable_by", places(&offering.origin.compellable_by));
    row("processed_within", blocs(&offering.origin.processed_within));
    row("stored_within", blocs(&offering.origin.stored_within));
    row("compellable_within", blocs(&offering.origin.compellable_within));
    row("certified_in", blocs(&offering.assurance.certified_in));
    row("can be unretained", if offering.can_be_unretained { "yes" } else { "no" }.to_owned());
    if world.valid_until != Instant::MAX {
        row("changes next", clock::date(world.valid_until));
    }
    table
}

fn fact_json(fact: &FactView) -> Value {
    json!({
        "name": fact.name, "value": fact.value, "source": fact.source, "read": fact.read, "as_of": fact.as_of,
        "strength": strength_name(fact.strength), "stated_strength": fact.stated_strength.map(strength_name),
        "expires": fact.expires, "file": fact.file, "line": fact.line, "overridden": fact.overridden,
    })
}

// === check ===

fn check(args: &Check, output: Output) -> anyhow::Result<Exit> {
    let files =
        if args.alone { catalogue_files::only(args.folder.as_deref())? } else { catalogue_files::with_shipped(args.folder.as_deref())? };
    let count = files.len();
    match (Catalogue::parse(files), output) {
        (Ok(catalogue), Output::Human) => {
            catalogue.warnings().iter().for_each(warn);
            let operators: BTreeSet<_> = catalogue.offering_ids().map(OfferingId::operator).collect();
            let offerings = catalogue.offering_ids().count();
            output::data(&format!("{offerings} offerings of {} operators in {count} files", operators.len()))?;
            output::data(&format!("catalogue {}", catalogue.digest()))?;
            Ok(Exit::Ok)
        }
        (Ok(catalogue), Output::Json) => {
            output::json(&json!({
                "valid": true, "digest": catalogue.digest(), "offerings": catalogue.offering_ids().count(),
                "problems": catalogue.warnings().iter().map(problem_json).collect::<Vec<_>>(),
            }))?;
            Ok(Exit::Ok)
        }
        (Err(problems), Output::Human) => Err(invalid(&problems).into()),
        (Err(problems), Output::Json) => {
            output::json(&json!({ "valid": false, "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }))?;
            Ok(Exit::Invalid)
        }
    }
}

fn warn(problem: &Problem) {
    output::say(&format!("{}: {problem}", styled(NOTE, "warning")));
    if let Some(hint) = &problem.hint {
        output::say(&format!("  {hint}"));
    }
}

/// Every error of a catalogue that does not load, for `exit` to print; warnings are printed on the way.
pub(crate) fn invalid(problems: &[Problem]) -> Failure {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.severity == Severity::Error);
    warnings.into_iter().for_each(warn);
    let note = |problem: &Problem| Note { message: problem.to_string(), hint: problem.hint.clone() };
    Failure::all(Exit::Invalid, errors.into_iter().map(note).collect())
}

fn problem_json(problem: &Problem) -> Value {
    json!({
        "path": problem.path, "line": problem.line, "column": problem.column, "message": problem.message,
        "hint": problem.hint, "severity": problem.severity.name(),
    })
}

// === helpers ===

fn load(from: &From) -> anyhow::Result<Catalogue> {
    let files = catalogue_files::with_shipped(from.folder.as_deref())?;
    Catalogue::parse(files).map_err(|problems| invalid(&problems).into())
}

// === impl At ===

impl At {
    fn instant(&self) -> Instant {
        self.at.unwrap_or_else(clock::now)
    }
}

// === impl Surface ===

impl std::convert::From<SurfaceName> for Surface {
    fn from(name: SurfaceName) -> Self {
        match name {
            SurfaceName::Chat => Self::Chat,
            SurfaceName::Embeddings => Self::Embeddings,
        }
    }
}
