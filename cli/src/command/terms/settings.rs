//! `--set NAME=VALUE`: parameters of packs from the command line. One that no pack has, or that is set twice, is refused and never ignored.

use std::collections::{BTreeMap, BTreeSet};

use comity_terms::{LayerSource, Pack, ParameterValue};

use super::source;
use crate::exit::{Exit, Failure};

/// A name and the text of its value.
pub(crate) type Setting = (String, String);

/// `home=FR`.
pub(crate) fn parse(text: &str) -> Result<Setting, String> {
    let parts = text.split_once('=').ok_or_else(|| "write `name=value`, for example `home=FR`".to_owned())?;
    Ok((parts.0.trim().to_owned(), parts.1.trim().to_owned()))
}

/// Refuses a setting that none of the packs has a parameter for, and a second one of the same name.
pub(crate) fn check(packs: &[Pack], set: &[Setting]) -> anyhow::Result<()> {
    if let Some((name, _)) = set.iter().find(|(name, _)| packs.iter().all(|pack| pack.parameter(name).is_none())) {
        return Err(Failure::new(Exit::Invalid, format!("no layer has a parameter `{name}`")).hint(nearest(name, packs)).into());
    }
    let mut names = BTreeSet::new();
    if let Some((name, _)) = set.iter().find(|(name, _)| !names.insert(name)) {
        let failure = Failure::new(Exit::Usage, format!("parameter `{name}` is set twice"));
        return Err(failure.hint("keep one `--set` for each parameter").into());
    }
    Ok(())
}

/// Each pack with those of the settings that it has a parameter for.
pub(crate) fn filled(packs: &[Pack], set: &[Setting]) -> anyhow::Result<Vec<LayerSource>> {
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
