//! `comity terms check`: loads layers as the gateway would, and says what is wrong with them.

use std::path::PathBuf;

use comity_catalogue::Catalogue;
use comity_decide::unknown_names;
use comity_terms::{Effect, Layer, Terms};
use serde::Serialize;

use super::settings::{self, Setting};
use super::source;
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::exit::Exit;
use crate::output::{self, Output, Table};

/// Layers that are checked when none is named.
const LAYER_DEFAULT: &str = "uk-public";

#[derive(Debug, clap::Args)]
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
}

#[derive(Serialize)]
struct Report {
    digest: String,
    layers: Vec<LayerReport>,
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
    let unknown = unknown_names(&terms, &parsed.at(clock::now()));
    if !unknown.is_empty() {
        return Err(source::unknown_names(unknown).into());
    }
    let report = Report::of(&terms);
    match output {
        Output::Json => output::json(&report)?,
        Output::Human => report.print()?,
    }
    Ok(Exit::Ok)
}

// === impl Report ===

impl Report {
    fn of(terms: &Terms) -> Self {
        Self { digest: terms.digest().to_string(), layers: terms.layers().iter().map(LayerReport::of).collect() }
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
