//! `comity catalogue list`: every offering, or those that are what somebody looks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use comity_catalogue::{Catalogue, World};
use comity_vocab::{Currency, Jurisdiction, Offering, Places, Scale};
use serde_json::{Value, json};

use super::filter::{Filter, Permitted};
use super::{At, From, words};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table};

const EXAMPLES: &str = "\
Examples:
  comity catalogue list --country FR --sort price
  comity catalogue list --within eu --not-compellable-by US
  comity catalogue list --control US --certified iso27001
  comity catalogue list --serves \"personal under eu-gdpr\"    what terms permit
  comity catalogue list --folder ./our-catalogue --csv > offerings.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// The order of the list
    #[arg(long, value_name = "ORDER", default_value = "name", help_heading = "Output")]
    sort: Sort,
    /// Comma-separated values with a heading, for a spreadsheet
    #[arg(long, help_heading = "Output")]
    csv: bool,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// By id
    Name,
    /// The cheapest first, for three tokens in and one out; each currency for itself
    Price,
}

/// Tokens in for each token out, when prices are compared: most calls read more than they write.
const INPUTS_PER_OUTPUT: u64 = 3;

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let catalogue = Arc::new(args.from.load()?);
    let instant = args.at.instant();
    let world = catalogue.at(instant);
    check_names(args, &catalogue)?;
    let permitted = args.filter.permitted(&catalogue, instant)?;
    let is_permitted = |offering: &Offering| permitted.as_ref().is_none_or(|permitted| permitted.contains_key(&offering.id));
    let mut offerings: Vec<&Offering> =
        world.offerings.values().filter(|offering| args.filter.admits(offering) && is_permitted(offering)).collect();
    if args.sort == Sort::Price {
        offerings.sort_by_key(|offering| by_price(offering));
    }
    match output {
        Output::Json if args.csv => return Err(Failure::new(Exit::Usage, "`--csv` and `--output json` exclude each other").into()),
        Output::Json => output::json(&offerings.iter().map(|offering| as_json(offering, permitted.as_ref())).collect::<Vec<_>>())?,
        Output::Human if args.csv => csv(&offerings, permitted.as_ref())?,
        Output::Human => human(&offerings, &world, permitted.as_ref())?,
    }
    Ok(Exit::Ok)
}

/// A misspelt name would find nothing, silently.
fn check_names(args: &Args, catalogue: &Catalogue) -> anyhow::Result<()> {
    for (kind, name) in args.filter.names() {
        let known: Vec<String> = match kind {
            "bloc" => catalogue.blocs().map(|bloc| bloc.id.to_string()).collect(),
            _ => catalogue.certifications().map(|(name, _)| name.to_owned()).collect(),
        };
        if !known.iter().any(|other| other == name) {
            let hint = format!("the {kind}s are {}", known.join(", "));
            return Err(Failure::new(Exit::Failed, format!("the catalogue has no {kind} `{name}`")).hint(hint).into());
        }
    }
    for code in args.filter.jurisdictions() {
        if !catalogue.jurisdictions().any(|(known, _)| known == code) {
            let failure = Failure::new(Exit::Failed, format!("the catalogue has no jurisdiction `{code}`"));
            return Err(failure.hint("write a code of ISO 3166-1: `GB` for the United Kingdom").into());
        }
    }
    Ok(())
}

/// Unknown prices last, currencies apart: nothing here knows what one is worth in another.
fn by_price(offering: &Offering) -> (bool, Option<Currency>, u64) {
    let blend = offering
        .price
        .map(|price| price.input_micros_per_mtok.0.saturating_mul(INPUTS_PER_OUTPUT).saturating_add(price.output_micros_per_mtok.0));
    (blend.is_none(), offering.price.map(|price| price.currency), blend.unwrap_or_default())
}

fn human(offerings: &[&Offering], world: &World, permitted: Option<&Permitted>) -> anyhow::Result<()> {
    output::data(&table(offerings, world, permitted).render(output::width()))?;
    let legend = "? unknown. Reach of: whose authorities can compel access. Levels count up from worst; after them, how they are \
                  known: 1 claimed, 2 contract, 3 certified, 4 verified. Price: per million tokens in/out.";
    output::say(&format!("\n{}", output::wrap(legend, "", "")));
    output::say(&format!(
        "{} of {} offerings. Every fact and its source: comity catalogue show OFFERING",
        offerings.len(),
        world.offerings.len()
    ));
    Ok(())
}

fn table(offerings: &[&Offering], world: &World, permitted: Option<&Permitted>) -> Table {
    let mut headings = vec!["offering", "operator", "runs in", "reach of", "training", "retention", "price"];
    if permitted.is_some() {
        headings.push("means");
    }
    let mut table = Table::new(&headings);
    for offering in offerings {
        let origin = &offering.origin;
        let mut cells = vec![
            offering.id.to_string(),
            words::whose(origin.operator, origin.control),
            words::few_places(&origin.processed_in, world),
            words::few_places(&origin.compellable_by, world),
            words::level(offering, Scale::Training),
            words::level(offering, Scale::Retention),
            words::price(offering.price.as_ref()),
        ];
        cells.extend(means(offering, permitted));
        table.row(cells);
    }
    table
}

/// The means under which terms permit it.
fn means(offering: &Offering, permitted: Option<&Permitted>) -> Option<String> {
    permitted?.get(&offering.id).map(ToString::to_string)
}

fn as_json(offering: &Offering, permitted: Option<&Permitted>) -> Value {
    let mut value = json!(offering);
    if let (Some(means), Value::Object(fields)) = (permitted.and_then(|permitted| permitted.get(&offering.id)), &mut value) {
        fields.insert("means".to_owned(), json!(means));
    }
    value
}

/// One line an offering, all places written out; unknown is an empty cell. No cell can be taken for a formula.
fn csv(offerings: &[&Offering], permitted: Option<&Permitted>) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let scales = Scale::ALL.map(Scale::name);
    let strengths = scales.map(|scale| format!("{scale}_strength"));
    let mut heading = vec![
        "offering",
        "operator",
        "control",
        "developer",
        "developer_control",
        "governing_law",
        "processed_in",
        "stored_in",
        "compellable_by",
        "open_weights",
        "licence",
        "certifications",
        "transfer",
        "currency",
        "input_micros_per_mtok",
        "output_micros_per_mtok",
        "means",
    ];
    heading.extend(scales.iter().zip(&strengths).flat_map(|(scale, strength)| [*scale, strength.as_str()]));
    writer.write_record(&heading)?;
    for offering in offerings {
        writer.write_record(csv_cells(offering, permitted).into_iter().map(harmless))?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("cannot write the table: {error}"))?;
    output::piece(&String::from_utf8(bytes)?)
}

fn csv_cells(offering: &Offering, permitted: Option<&Permitted>) -> Vec<String> {
    let (origin, assurance) = (&offering.origin, &offering.assurance);
    let one = |code: Jurisdiction| if code.is_unknown() { String::new() } else { code.to_string() };
    let many = |places: &Places| places.known().map(spaced).unwrap_or_default();
    let price = offering.price.as_ref();
    let mut cells = vec![
        offering.id.to_string(),
        one(origin.operator),
        one(origin.control),
        one(origin.developer),
        one(offering.developer_control),
        one(origin.governing_law),
        many(&origin.processed_in),
        many(&origin.stored_in),
        many(&origin.compellable_by),
        offering.open_weights.to_string(),
        offering.licence.clone().unwrap_or_default(),
        spaced(&assurance.certifications),
        spaced(&assurance.transfer),
        price.map(|price| price.currency.to_string()).unwrap_or_default(),
        price.map(|price| price.input_micros_per_mtok.0.to_string()).unwrap_or_default(),
        price.map(|price| price.output_micros_per_mtok.0.to_string()).unwrap_or_default(),
        means(offering, permitted).unwrap_or_default(),
    ];
    cells.extend(Scale::ALL.into_iter().flat_map(|scale| match (assurance.level.get(scale), assurance.strength.get(scale)) {
        (_, 0) => [String::new(), String::new()],
        (level, strength) => [level.to_string(), strength.to_string()],
    }));
    cells
}

/// A spreadsheet would take a cell that begins like this for a formula.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell }
}

fn spaced<T: ToString>(items: &BTreeSet<T>) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
