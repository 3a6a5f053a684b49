//! Reads layers of terms: a file, or the name of a shipped pack.

use std::path::Path;

use comity_decide::UnknownName;
use comity_terms::{LayerSource, Terms, TermsProblem, shipped_pack, shipped_pack_names};

use crate::exit::{Exit, Failure, Note};

/// The layer that `name` means: a file first, else a shipped pack.
pub(crate) fn layer(name: &str) -> anyhow::Result<LayerSource> {
    let path = Path::new(name);
    if path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(Exit::Invalid, format!("cannot read `{name}`: {error}")).hint("save the file as UTF-8 text"))?;
        let stem = path.file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
        return Ok(LayerSource { name: stem, path: name.to_owned(), text });
    }
    let pack = name.strip_prefix("pack:").unwrap_or(name);
    shipped_pack(pack).ok_or_else(|| {
        let hint = format!("name a file of Cedar policies, or a shipped pack: {}", shipped_pack_names().join(", "));
        Failure::new(Exit::Invalid, format!("there is no file and no pack `{name}`")).hint(hint).into()
    })
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
