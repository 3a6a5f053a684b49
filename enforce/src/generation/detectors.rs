//! Builds what looks for personal data: the shipped kinds, and what the organisation adds to them.

use std::path::PathBuf;
use std::sync::Arc;

use comity_redact::{Detector, Kind, Kinds};
use toml::Spanned;

use crate::config::{Config, ConfigProblem, near_kind};
use crate::detect::Detect;

/// The detectors of a configuration; nothing when a file of theirs has a problem.
pub(super) fn build(config: &Config, files: &mut Vec<PathBuf>, problems: &mut Vec<ConfigProblem>) -> Option<Arc<dyn Detect>> {
    let kinds = kinds(config, files).map_err(|problem| problems.push(problem)).ok()?;
    for (name, hint) in config.findings.unknown(&kinds) {
        problems.push(config.source().problem(None, format!("`[findings]` names an unknown finding `{name}`")).hint(hint));
    }
    let built = Detector::with_kinds(kinds).map_err(|error| problems.push(config.source().problem(None, error.to_string())));
    let shared = |detector| -> Arc<dyn Detect> { Arc::new(detector) };
    built.ok().map(shared)
}

/// The kinds whose pseudonyms keep their shape.
pub(super) fn shaped(config: &Config, kinds: &Kinds, problems: &mut Vec<ConfigProblem>) -> Arc<[Kind]> {
    let known: Vec<&str> = kinds.iter().map(|(_, kind)| kind.name.as_str()).collect();
    let mut find = |name: &Spanned<String>| {
        let found = kinds.find(name.get_ref());
        if found.is_none() {
            let problem = config.source().problem(Some(name.span()), format!("unknown kind `{}`", name.get_ref()));
            problems.push(problem.hint(near_kind(name.get_ref(), &known)));
        }
        found
    };
    config.pseudonyms.keep_shape.iter().filter_map(&mut find).collect()
}

fn kinds(config: &Config, files: &mut Vec<PathBuf>) -> Result<Kinds, ConfigProblem> {
    let mut texts = Vec::new();
    for path in &config.detectors.kinds {
        texts.push((path.get_ref().display().to_string(), read(config, path, files)?));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Kinds::shipped().with(&texts).map_err(|error| config.source().problem(None, error.to_string()))
}

fn read(config: &Config, path: &Spanned<PathBuf>, files: &mut Vec<PathBuf>) -> Result<String, ConfigProblem> {
    let full = config.folder().join(path.get_ref());
    files.push(full.clone());
    let unreadable = |error| format!("cannot read the kinds in `{}`: {error}", full.display());
    std::fs::read_to_string(&full).map_err(|error| config.source().problem(Some(path.span()), unreadable(error)))
}
