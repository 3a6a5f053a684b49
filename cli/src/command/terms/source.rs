//! Reads layers of terms: a file, with the `pack.toml` beside it, or the name of a shipped pack.

use std::collections::BTreeMap;
use std::path::Path;

use comity_decide::UnknownName;
use comity_terms::{LayerSource, Pack, PackFile, ParameterProblem, ParameterValue, Terms, TermsProblem, shipped_pack, shipped_pack_names};

use crate::exit::{Exit, Failure, Note};

/// What declares the parameters of the terms beside it.
const PACK_FILE: &str = "pack.toml";

/// The pack that `name` means: a file first, else a shipped one.
pub(crate) fn pack(name: &str) -> anyhow::Result<Pack> {
    let path = Path::new(name);
    if !path.is_file() {
        return shipped(name.strip_prefix("pack:").unwrap_or(name));
    }
    let beside = path.with_file_name(PACK_FILE);
    let file = beside.is_file().then(|| read(&beside)).transpose()?;
    let called = if file.is_some() { folder_name(path) } else { None };
    let called = called.or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let source = LayerSource { name: called.unwrap_or_else(|| name.to_owned()), path: name.to_owned(), text: read(path)? };
    let file = file.map(|text| PackFile { path: beside.display().to_string(), text });
    Ok(Pack::new(source, file.as_ref()).map_err(|problems| failure(&problems))?)
}

/// The layer that `name` means, with the defaults of its parameters.
pub(crate) fn layer(name: &str) -> anyhow::Result<LayerSource> {
    Ok(pack(name)?.default_layer())
}

/// Layers named with commas, outermost first, each with the defaults of its parameters.
pub(crate) fn layers(named: &str) -> anyhow::Result<Terms> {
    let names: Vec<&str> = named.split(',').map(str::trim).collect();
    if names.contains(&"") {
        let failure = Failure::new(Exit::Usage, format!("`{named}` names no layer at one place"));
        return Err(failure.hint("write packs or files with commas between them: `uk-public,own.cedar`").into());
    }
    load(names.into_iter().map(layer).collect::<anyhow::Result<_>>()?)
}

/// The layer of a pack with these parameters.
pub(crate) fn filled(pack: &Pack, given: &BTreeMap<String, ParameterValue>) -> anyhow::Result<LayerSource> {
    let note = |problem: ParameterProblem| Note { message: problem.message, hint: problem.hint };
    Ok(pack.layer(given).map_err(|problems| Failure::all(Exit::Invalid, problems.into_iter().map(note).collect()))?)
}

/// Loads layers, or fails with every problem in them.
pub(crate) fn load(layers: Vec<LayerSource>) -> anyhow::Result<Terms> {
    Ok(Terms::load(layers).map_err(|problems| failure(&problems))?)
}

/// Every problem, each with its place, its line and its hint.
pub(crate) fn failure(problems: &[TermsProblem]) -> Failure {
    Failure::all(Exit::Invalid, problems.iter().map(|problem| Note { message: problem.to_string(), hint: None }).collect())
}

/// Names that the catalogue does not have.
pub(crate) fn unknown_names(unknown: Vec<UnknownName>) -> Failure {
    let note = |name: UnknownName| {
        let term = name.term.map_or_else(|| "the terms name".to_owned(), |term| format!("term `{term}` names"));
        let hint = name.near.map(|near| format!("did you mean `{near}`?"));
        Note { message: format!("{term} unknown {} `{}`", name.kind, name.name), hint }
    };
    Failure::all(Exit::Invalid, unknown.into_iter().map(note).collect())
}

/// What a pack is called: the terms of every pack are in a file of the same name.
fn folder_name(path: &Path) -> Option<String> {
    Some(path.parent()?.file_name()?.to_string_lossy().into_owned())
}

fn shipped(name: &str) -> anyhow::Result<Pack> {
    shipped_pack(name).ok_or_else(|| {
        let hint = format!("name a file of Cedar policies, or a shipped pack: {}", shipped_pack_names().join(", "));
        Failure::new(Exit::Invalid, format!("there is no file and no pack `{name}`")).hint(hint).into()
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::Invalid, format!("cannot read `{}`: {error}", path.display())).hint("save the file as UTF-8 text")
    };
    Ok(std::fs::read_to_string(path).map_err(unreadable)?)
}
