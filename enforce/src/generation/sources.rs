//! Reads the texts that a generation is made of: layers of terms, files of the catalogue.

use std::path::{Path, PathBuf};

use comity_catalogue::{Catalogue, SourceFile};
use comity_terms::{LayerSource, Terms, TermsProblem, shipped_pack, shipped_pack_names};

use super::local::LocalOffering;
use crate::config::{Config, ConfigProblem, LayerConfig, suggestion};

/// Loads the layers; nothing when one of them has a problem.
pub(super) fn terms(config: &Config, files: &mut Vec<PathBuf>, problems: &mut Vec<ConfigProblem>) -> Option<Terms> {
    let before = problems.len();
    let layers: Vec<_> = config.layers.iter().filter_map(|layer| read_layer(config, layer, files, problems)).collect();
    if problems.len() > before {
        return None;
    }
    Terms::load(layers).map_err(|found| problems.extend(found.into_iter().map(from_terms))).ok()
}

fn read_layer(config: &Config, layer: &LayerConfig, files: &mut Vec<PathBuf>, problems: &mut Vec<ConfigProblem>) -> Option<LayerSource> {
    let read = match (&layer.pack, &layer.path) {
        (Some(pack), None) => shipped_pack(pack.get_ref()).ok_or_else(|| {
            let names = shipped_pack_names();
            let problem = config.source().problem(Some(pack.span()), format!("unknown pack `{}`", pack.get_ref()));
            problem.hint(suggestion(pack.get_ref(), &names))
        }),
        (None, Some(path)) => {
            let full = config.folder().join(path.get_ref());
            files.push(full.clone());
            let name = path.get_ref().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            std::fs::read_to_string(&full).map(|text| LayerSource { name, path: path.get_ref().display().to_string(), text }).map_err(
                |error| config.source().problem(Some(path.span()), format!("cannot read the terms in `{}`: {error}", full.display())),
            )
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(ConfigProblem::anywhere(config.path().display().to_string(), "a `[[layer]]` needs either `pack` or `path`"))
        }
    };
    let source = read.map_err(|problem| problems.push(problem)).ok()?;
    let name = layer.name.clone().unwrap_or(source.name);
    Some(LayerSource { name, ..source })
}

fn from_terms(problem: TermsProblem) -> ConfigProblem {
    ConfigProblem {
        path: problem.path,
        place: Some((problem.line, problem.column)),
        message: problem.message,
        snippet: Some(problem.snippet),
        hint: problem.hint,
    }
}

/// Loads the shipped catalogue, the organisation's own after it, and the offering of this process last.
pub(super) fn catalogue(
    config: &Config,
    local: Option<&LocalOffering>,
    files: &mut Vec<PathBuf>,
    problems: &mut Vec<ConfigProblem>,
) -> Option<Catalogue> {
    let before = problems.len();
    let mut sources = comity_catalogue::shipped();
    for path in &config.catalogue {
        let full = config.folder().join(path.get_ref());
        match read_folder(&full, files) {
            Ok(own) => sources.extend(own),
            Err(error) => {
                let message = format!("cannot read the catalogue in `{}`: {error}", full.display());
                problems.push(config.source().problem(Some(path.span()), message));
            }
        }
    }
    sources.extend(local.map(LocalOffering::catalogue_file));
    if problems.len() > before {
        return None;
    }
    let failed = |found: Vec<comity_catalogue::Problem>| {
        let errors = found.into_iter().filter(|problem| problem.severity == comity_catalogue::Severity::Error);
        problems.extend(errors.map(from_catalogue));
    };
    Catalogue::parse(sources).map_err(failed).ok()
}

fn read_folder(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<Vec<SourceFile>> {
    files.push(path.to_owned());
    if path.is_file() {
        return Ok(vec![SourceFile { path: path.display().to_string(), text: std::fs::read_to_string(path)? }]);
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "toml") {
            sources.extend(read_folder(&path, files)?);
        }
    }
    Ok(sources)
}

fn from_catalogue(problem: comity_catalogue::Problem) -> ConfigProblem {
    let place = problem.line.map(|line| (line, problem.column.map_or(1, Into::into)));
    ConfigProblem { path: problem.path, place, message: problem.message, snippet: None, hint: problem.hint }
}
