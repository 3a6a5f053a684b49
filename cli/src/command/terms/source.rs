//! Reads layers of terms: a file, with the `pack.toml` beside it, the name of a shipped pack, or a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comity_decide::UnknownName;
use comity_terms::{LayerSource, Pack, PackFile, ParameterProblem, ParameterValue, Terms, TermsProblem, shipped_pack, shipped_pack_names};

use crate::exit::{Exit, Failure, Note};

/// What declares the parameters of the terms beside it.
const PACK_FILE: &str = "pack.toml";
/// The terms of a pack.
const TERMS_FILE: &str = "terms.cedar";

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

/// Every layer that `name` means. A folder is the pack in it, or else each of its files of terms, in the order of their names.
///
/// A shipped pack goes before a folder of the same bare name: `./name` is the folder.
pub(crate) fn packs(name: &str) -> anyhow::Result<Vec<Pack>> {
    let folder = Path::new(name);
    if !folder.is_dir() || shipped_pack(name).is_some() {
        return Ok(vec![pack(name)?]);
    }
    let terms = folder.join(TERMS_FILE);
    let files = if folder.join(PACK_FILE).is_file() && terms.is_file() { vec![terms] } else { files_of(folder)? };
    if files.is_empty() {
        let failure = Failure::new(Exit::Invalid, format!("there is no file of terms in the folder `{name}`"));
        return Err(failure.hint("name a folder that holds files whose names end in `.cedar`").into());
    }
    files.iter().map(|file| pack(&file.display().to_string())).collect()
}

/// The same for several, with commas between them, outermost first.
pub(crate) fn all_packs(named: &str) -> anyhow::Result<Vec<Pack>> {
    let names: Vec<&str> = named.split(',').map(str::trim).collect();
    if names.contains(&"") {
        let failure = Failure::new(Exit::Usage, format!("`{named}` names no layer at one place"));
        return Err(failure.hint("write packs or files with commas between them: `uk-public,own.cedar`").into());
    }
    Ok(names.into_iter().map(packs).collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// The layer that `name` means, with the defaults of its parameters.
pub(crate) fn layer(name: &str) -> anyhow::Result<LayerSource> {
    Ok(pack(name)?.default_layer())
}

/// Layers named with commas, outermost first, each with the defaults of its parameters.
pub(crate) fn layers(named: &str) -> anyhow::Result<Terms> {
    load(all_packs(named)?.iter().map(Pack::default_layer).collect())
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
    unknown_names_in("the terms name", unknown)
}

/// The same, where names that stand in no term are said to be somewhere else.
pub(crate) fn unknown_names_in(elsewhere: &str, unknown: Vec<UnknownName>) -> Failure {
    let note = |name: UnknownName| {
        let term = name.term.map_or_else(|| elsewhere.to_owned(), |term| format!("term `{term}` names"));
        let listed = (name.kind == "offering").then(|| "`comity catalogue list` shows every offering".to_owned());
        let hint = name.near.map(|near| format!("did you mean `{near}`?")).or(listed);
        Note { message: format!("{term} unknown {} `{}`", name.kind, name.name), hint }
    };
    Failure::all(Exit::Invalid, unknown.into_iter().map(note).collect())
}

/// What a pack is called: the terms of every pack are in a file of the same name.
fn folder_name(path: &Path) -> Option<String> {
    Some(path.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// The files of terms directly in a folder, in the order of their names.
fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| Failure::new(Exit::Invalid, format!("cannot read the folder `{}`: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "cedar") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
