//! Reads the texts that a generation is made of: layers of terms, files of the catalogue.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comity_catalogue::{Catalogue, SourceFile};
use comity_terms::{LayerSource, Pack, PackFile, ParameterProblem, ParameterValue, Terms, TermsProblem, shipped_pack, shipped_pack_names};
use toml::Spanned;

use super::local::LocalOffering;
use crate::config::{Config, ConfigProblem, LayerConfig, suggestion};

/// What declares the parameters of the terms beside it.
const PACK_FILE: &str = "pack.toml";

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
            vec![problem.hint(suggestion(pack.get_ref(), &names))]
        }),
        (None, Some(path)) => read_pack(config, path, files),
        (Some(_), Some(_)) | (None, None) => {
            Err(vec![ConfigProblem::anywhere(config.path().display().to_string(), "a `[[layer]]` needs either `pack` or `path`")])
        }
    };
    let source = read.and_then(|pack| filled(config, layer, &pack)).map_err(|found| problems.extend(found)).ok()?;
    let name = layer.name.clone().unwrap_or(source.name);
    Some(LayerSource { name, ..source })
}

/// A file of terms, with the `pack.toml` beside it if there is one.
fn read_pack(config: &Config, path: &Spanned<PathBuf>, files: &mut Vec<PathBuf>) -> Result<Pack, Vec<ConfigProblem>> {
    let mut read = |relative: &Path| {
        let full = config.folder().join(relative);
        files.push(full.clone());
        let unreadable = |error| format!("cannot read the terms in `{}`: {error}", full.display());
        std::fs::read_to_string(&full).map_err(|error| vec![config.source().problem(Some(path.span()), unreadable(error))])
    };
    let text = read(path.get_ref())?;
    let beside = path.get_ref().with_file_name(PACK_FILE);
    let file = config.folder().join(&beside).is_file().then(|| read(&beside)).transpose()?;
    let file = file.map(|text| PackFile { path: beside.display().to_string(), text });
    // The terms of every pack are in a file of the same name: a pack is called like its folder.
    let folder = path.get_ref().parent().and_then(Path::file_name).filter(|_| file.is_some());
    let name = folder.or_else(|| path.get_ref().file_stem()).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let source = LayerSource { name, path: path.get_ref().display().to_string(), text };
    Pack::new(source, file.as_ref()).map_err(|found| found.into_iter().map(from_terms).collect())
}

/// The pack's layer with the parameters of `comity.toml`; each problem points at the value that is wrong.
fn filled(config: &Config, layer: &LayerConfig, pack: &Pack) -> Result<LayerSource, Vec<ConfigProblem>> {
    let mut given = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in &layer.parameters {
        match parameter(value.get_ref()) {
            Some(read) => drop(given.insert(name.clone(), read)),
            None => {
                let problem =
                    config.source().problem(Some(value.span()), format!("parameter `{name}` is no text, number or list of texts"));
                problems.push(problem.hint("write for example `\"GB\"`, `2` or `[\"GB\", \"FR\"]`"));
            }
        }
    }
    let from_parameter = |problem: ParameterProblem| {
        let span = layer.parameters.get(&problem.parameter).map(Spanned::span);
        ConfigProblem { hint: problem.hint, ..config.source().problem(span, problem.message) }
    };
    let filled = pack.layer(&given).map_err(|found| problems.extend(found.into_iter().map(from_parameter)));
    filled.ok().filter(|_| problems.is_empty()).ok_or(problems)
}

fn parameter(value: &toml::Value) -> Option<ParameterValue> {
    match value {
        toml::Value::String(text) => Some(ParameterValue::Text(text.clone())),
        toml::Value::Integer(number) => Some(ParameterValue::Number(*number)),
        toml::Value::Array(list) => {
            let texts = list.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map(ParameterValue::List)
        }
        toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
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
    let mut own = Vec::new();
    for path in &config.catalogue {
        let full = config.folder().join(path.get_ref());
        let around = full.parent().unwrap_or(&full).to_owned();
        match read_folder((&around, &full), files) {
            Ok(found) => own.extend(found),
            Err(error) => {
                let message = format!("cannot read the catalogue in `{}`: {error}", full.display());
                problems.push(config.source().problem(Some(path.span()), message));
            }
        }
    }
    let mut sources = comity_catalogue::over_shipped(own);
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

/// Paths are told from the folder `around` on: where it lies must not change the digest of the catalogue.
fn read_folder((around, path): (&Path, &Path), files: &mut Vec<PathBuf>) -> std::io::Result<Vec<SourceFile>> {
    files.push(path.to_owned());
    if path.is_file() {
        let shown = path.strip_prefix(around).unwrap_or(path).display().to_string().replace('\\', "/");
        return Ok(vec![SourceFile { path: shown, text: std::fs::read_to_string(path)? }]);
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "toml") {
            sources.extend(read_folder((around, &path), files)?);
        }
    }
    Ok(sources)
}

fn from_catalogue(problem: comity_catalogue::Problem) -> ConfigProblem {
    let place = problem.line.map(|line| (line, problem.column.map_or(1, Into::into)));
    ConfigProblem { path: problem.path, place, message: problem.message, snippet: None, hint: problem.hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "title = \"t\"\nlaw = \"none\"\n[parameters.home]\ntype = \"jurisdiction\"\ndefault = \"GB\"\nabout = \"a\"\n";
    const TERMS: &str = "@id(\"a\")\n@goal(\"privacy\")\n@reason(\"r\")\npermit (principal, action == Action::\"infer\", resource)\n\
                         when { [?home].containsAll(resource.origin.processed_in) };\n";

    /// The texts of the layers that `layer` gives, or what is wrong.
    fn check(layer: &str, expected: Result<(&str, &str), &str>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::write(folder.path().join("home/pack.toml"), MANIFEST).unwrap();
        std::fs::write(folder.path().join("home/terms.cedar"), TERMS).unwrap();
        std::fs::write(folder.path().join("alone.cedar"), TERMS).unwrap();
        let config = Config::parse(&folder.path().join("c.toml"), &format!("[[layer]]\n{layer}\n")).unwrap();
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        let found = terms(&config, &mut files, &mut problems);
        let said = crate::config::Problems(problems).to_string().replace(&format!("{}/", folder.path().display()), "");
        match (found, expected) {
            (Some(found), Ok((name, text))) => {
                let source = found.sources().remove(0);
                assert!(source.name == name && source.text.contains(text), "{source:?}");
                assert!(files.iter().any(|file| file.ends_with("home/pack.toml")), "a change of the pack is seen");
            }
            (_, expected) => assert_eq!(said, expected.unwrap_err()),
        }
    }

    #[test]
    fn a_layer_takes_its_parameters() {
        check("path = \"home/terms.cedar\"", Ok(("home", "[Jurisdiction::\"GB\"].containsAll")));
        check("path = \"home/terms.cedar\"\nparameters = { home = \"FR\" }", Ok(("home", "[Jurisdiction::\"FR\"].containsAll")));
        check("path = \"home/terms.cedar\"\nname = \"own\"", Ok(("own", "[Jurisdiction::\"GB\"].containsAll")));
    }

    #[test]
    fn a_parameter_that_is_wrong_names_its_place() {
        check(
            "path = \"home/terms.cedar\"\nparameters = { hoem = \"FR\" }",
            Err(
                "c.toml:3:23: `home` has no parameter `hoem`\n  |\n3 | parameters = { hoem = \"FR\" }\n  |                       ^\nhint: did you mean `home`?",
            ),
        );
        check(
            "path = \"home/terms.cedar\"\n[layer.parameters]\nhome = 3",
            Err(
                "c.toml:4:8: parameter `home` must be a jurisdiction, not a number\n  |\n4 | home = 3\n  |        ^\nhint: write it like its default: `home = \"GB\"`",
            ),
        );
        check(
            "path = \"home/terms.cedar\"\nparameters = { home = true }",
            Err(
                "c.toml:3:23: parameter `home` is no text, number or list of texts\n  |\n3 | parameters = { home = true }\n  |                       ^\nhint: write for example `\"GB\"`, `2` or `[\"GB\", \"FR\"]`",
            ),
        );
        check(
            "pack = \"uk-public\"\nparameters = { home = \"FR\" }",
            Err(
                "c.toml:3:23: `uk-public` has no parameter `home`\n  |\n3 | parameters = { home = \"FR\" }\n  |                       ^\nhint: it has no parameters",
            ),
        );
        check(
            "path = \"alone.cedar\"",
            Err(
                "alone.cedar:5:9: unknown parameter `?home`\n  |\n5 | when { [?home].containsAll(resource.origin.processed_in) };\n  |         ^\nhint: declare it in `pack.toml` beside this file: `[parameters.home]`",
            ),
        );
    }
}
