//! `comity terms check`: loads layers as the gateway would, says what is wrong with them, and proves what is quick to prove.

mod properties;

use std::path::PathBuf;

use comity_catalogue::Catalogue;
use comity_terms::{Effect, Layer, Terms};
use serde::Serialize;

use super::settings::{self, Setting};
use super::source;
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::command::prove::Judged;
use crate::command::prove::ground::Ground;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table};

/// Layers that are checked when none is named.
const LAYER_DEFAULT: &str = "uk-public";

const EXAMPLES: &str = "\
Examples:
  comity terms check terms/nation.cedar terms/own.cedar
  comity terms check ./terms --prove --markdown report.md     in the tests of a repository of terms

Exit codes with --prove: 0 nothing that fails is violated, 3 errors, vacuous, redundant, shadowed or
monotone is violated, 1 one of them is unknown, 4 the terms are invalid. Equal treatment is shown and
never fails.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files or folders of terms or names of shipped packs, outermost layer first [default: uk-public]
    #[arg(value_name = "FILE|PACK")]
    layers: Vec<String>,
    /// Sets a parameter in every named layer that has it; lists are written with commas; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = settings::parse)]
    set: Vec<Setting>,
    /// A folder of own catalogue files beside the shipped ones
    #[arg(long, value_name = "FOLDER")]
    catalogue: Option<PathBuf>,
    /// Then proves: no term fails, each can match, matters and is not always overridden, and more assurance never denies
    #[arg(long)]
    prove: bool,
    /// Writes the proofs as a page for a pull request; `-` for stdout
    #[arg(long, value_name = "FILE", requires = "prove")]
    markdown: Option<PathBuf>,
    /// The solver cvc5 for proofs, or `none` [default: the variable CVC5, else `cvc5` on PATH]
    #[arg(long, value_name = "PATH", requires = "prove")]
    solver: Option<String>,
}

#[derive(Serialize)]
struct Report {
    digest: String,
    layers: Vec<LayerReport>,
    /// With `--prove`.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Vec<Judged>>,
}

#[derive(Serialize)]
struct LayerReport {
    name: String,
    permits: usize,
    forbids: usize,
    preferences: usize,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let named = if args.layers.is_empty() { vec![LAYER_DEFAULT.to_owned()] } else { args.layers.clone() };
    let packs = named.iter().map(|name| source::packs(name)).collect::<anyhow::Result<Vec<_>>>()?.concat();
    settings::check(&packs, &args.set)?;
    let terms = source::load(settings::filled(&packs, &args.set)?)?;
    let files = catalogue_files::over_shipped(args.catalogue.as_deref())?;
    let parsed = Catalogue::parse(files).map_err(|problems| catalogue::invalid(&problems))?;
    let report = Report::of(&terms);
    let ground = Ground::new(vec![terms], parsed, clock::now())?;
    if args.prove {
        return prove(args, (report, ground), output);
    }
    match output {
        Output::Json => output::json(&report)?,
        Output::Human => report.print()?,
    }
    Ok(Exit::Ok)
}

fn prove(args: &Args, (report, ground): (Report, Ground), output: Output) -> anyhow::Result<Exit> {
    let page_alone = args.markdown.as_deref().is_some_and(properties::is_stdout);
    if page_alone && output == Output::Json {
        let failure = Failure::new(Exit::Usage, "`--markdown -` and `--output json` both write to stdout");
        return Err(failure.hint("write the page to a file").into());
    }
    let proved = properties::prove(ground.subject, args.solver.as_deref())?;
    let exit = properties::exit(&proved);
    match output {
        Output::Human if page_alone => {}
        Output::Human => {
            report.print()?;
            properties::print(&proved)?;
        }
        Output::Json => {
            let judged = proved.iter().cloned().map(Judged::of).collect();
            output::json(&Report { properties: Some(judged), ..report })?;
        }
    }
    if let Some(to) = &args.markdown {
        properties::write_page(&proved, to)?;
    }
    Ok(exit)
}

// === impl Report ===

impl Report {
    fn of(terms: &Terms) -> Self {
        Self { digest: terms.digest().to_string(), layers: terms.layers().iter().map(LayerReport::of).collect(), properties: None }
    }

    fn print(&self) -> anyhow::Result<()> {
        let mut table = Table::new(&["layer", "permits", "forbids", "preferences"]);
        for layer in &self.layers {
            let numbers = [layer.permits, layer.forbids, layer.preferences].map(|number| number.to_string());
            table.row([layer.name.clone()].into_iter().chain(numbers).collect());
        }
        output::data(&table.render(output::width()))?;
        output::say(&format!("terms are valid, digest {}", self.digest));
        Ok(())
    }
}

impl LayerReport {
    fn of(layer: &Layer) -> Self {
        let count = |effect: Effect| layer.terms().filter(|term| term.effect == effect && !term.prefers).count();
        Self {
            name: layer.name().to_owned(),
            permits: count(Effect::Permit),
            forbids: count(Effect::Forbid),
            preferences: layer.terms().filter(|term| term.prefers).count(),
        }
    }
}
