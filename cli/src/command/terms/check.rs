//! `comity terms check`: loads layers as the gateway would, and says what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use comity_catalogue::Catalogue;
use comity_decide::unknown_names;
use comity_terms::{Effect, Layer, LayerSource, Pack, ParameterValue, Terms};
use serde::Serialize;

use super::source;
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table};

/// Layers that are checked when none is named.
const LAYER_DEFAULT: &str = "uk-public";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files of terms or names of shipped packs, outermost layer first [default: uk-public]
    #[arg(value_name = "FILE|PACK")]
    layers: Vec<String>,
    /// Sets a parameter in every named layer that has it; lists are written with commas; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
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
    let packs: Vec<Pack> = named.iter().map(|name| source::pack(name)).collect::<anyhow::Result<_>>()?;
    let terms = source::load(layers(&packs, &args.set)?)?;
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

fn setting(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').ok_or_else(|| "write `name=value`, for example `home=FR`".to_owned())?;
    Ok((parts.0.trim().to_owned(), parts.1.trim().to_owned()))
}

/// Each pack with those of the settings that it has a parameter for; one that no pack has is refused.
fn layers(packs: &[Pack], set: &[(String, String)]) -> anyhow::Result<Vec<LayerSource>> {
    if let Some((name, _)) = set.iter().find(|(name, _)| packs.iter().all(|pack| pack.parameter(name).is_none())) {
        return Err(Failure::new(Exit::Invalid, format!("no layer has a parameter `{name}`")).hint(nearest(name, packs)).into());
    }
    let mut names = BTreeSet::new();
    if let Some((name, _)) = set.iter().find(|(name, _)| !names.insert(name)) {
        let failure = Failure::new(Exit::Usage, format!("parameter `{name}` is set twice"));
        return Err(failure.hint("keep one `--set` for each parameter").into());
    }
    let filled = |pack: &Pack| {
        let own = set.iter().filter_map(|(name, text)| Some((name.clone(), pack.parameter(name)?.written(text))));
        source::filled(pack, &own.collect::<BTreeMap<String, ParameterValue>>())
    };
    packs.iter().map(filled).collect()
}

/// "did you mean", or every parameter that there is.
fn nearest(name: &str, packs: &[Pack]) -> String {
    let known: Vec<_> = packs.iter().flat_map(Pack::parameters).map(|(name, _)| name).collect();
    match known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min() {
        Some((distance, near)) if distance <= 2 => format!("did you mean `{near}`?"),
        Some(_) => format!("use one of {}", known.join(", ")),
        None => "only a pack with a `pack.toml` has parameters: see `comity terms packs`".to_owned(),
    }
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
