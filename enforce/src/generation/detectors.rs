//! Builds what looks for personal data: the shipped kinds, and what the organisation adds to them.

use std::path::PathBuf;
use std::sync::Arc;

use comity_redact::{Detector, Gazetteer, GazetteerError, Kind, Kinds, Names, Trained};
use toml::Spanned;

use crate::config::{Config, ConfigProblem, GlinerConfig, near_kind};
use crate::detect::{Detect, Tiers};

/// Reads the files of the detectors and says what is wrong with them.
struct Builder<'a> {
    config: &'a Config,
    files: &'a mut Vec<PathBuf>,
    warnings: &'a mut Vec<String>,
}

/// The detectors of a configuration; nothing when a file of theirs has a problem.
pub(super) fn build(
    config: &Config,
    files: &mut Vec<PathBuf>,
    problems: &mut Vec<ConfigProblem>,
    warnings: &mut Vec<String>,
) -> Option<Arc<dyn Detect>> {
    match (Builder { config, files, warnings }).detectors() {
        Ok(detectors) => {
            for (name, hint) in config.findings.unknown(detectors.kinds()) {
                problems.push(config.source().problem(None, format!("`[findings]` names an unknown finding `{name}`")).hint(hint));
            }
            Some(Arc::new(detectors))
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// The kinds whose pseudonyms keep their shape.
pub(super) fn shaped(config: &Config, kinds: &Kinds, problems: &mut Vec<ConfigProblem>) -> Arc<[Kind]> {
    let found = config.pseudonyms.keep_shape.iter().map(|name| find(config, kinds, name));
    found.filter_map(|found| found.map_err(|problem| problems.push(problem)).ok()).collect()
}

fn find(config: &Config, kinds: &Kinds, name: &Spanned<String>) -> Result<Kind, ConfigProblem> {
    kinds.find(name.get_ref()).ok_or_else(|| {
        let known: Vec<&str> = kinds.iter().map(|(_, kind)| kind.name.as_str()).collect();
        let problem = config.source().problem(Some(name.span()), format!("unknown kind `{}`", name.get_ref()));
        problem.hint(near_kind(name.get_ref(), &known))
    })
}

// === impl Builder ===

impl Builder<'_> {
    fn detectors(mut self) -> Result<Tiers, ConfigProblem> {
        let built = if self.config.detectors.kinds.is_empty() { Detector::new() } else { Detector::with_kinds(self.kinds()?) };
        let patterns = built.map_err(|error| self.config.source().problem(None, error.to_string()))?;
        let mut detectors = Tiers::new(patterns);
        if !self.config.detectors.gazetteers.is_empty() {
            let names = self.gazetteer(detectors.kinds())?;
            detectors = detectors.with_names(Arc::new(names));
        }
        if let Some(path) = &self.config.detectors.trained {
            let bytes = self.read(path)?;
            let problem = |error| self.config.source().problem(Some(path.span()), format!("`{}`: {error}", path.get_ref().display()));
            let model = Trained::load(&bytes, detectors.kinds()).map_err(problem)?;
            detectors = detectors.with_names(Arc::new(model));
        }
        if let Some(gliner) = &self.config.detectors.gliner {
            let names = self.gliner(gliner, detectors.kinds())?;
            detectors = detectors.with_names(names);
        }
        Ok(detectors)
    }

    /// A general model. Its file may be of gigabytes: it is opened, and not read here.
    #[cfg(feature = "gliner")]
    fn gliner(&mut self, gliner: &GlinerConfig, kinds: &Kinds) -> Result<Arc<dyn Names>, ConfigProblem> {
        use comity_gliner::{Gliner, Settings};

        let full = |path: &Spanned<PathBuf>| self.config.folder().join(path.get_ref());
        let (model, tokenizer, runtime) = (full(&gliner.model), full(&gliner.tokenizer), gliner.runtime.as_ref().map(full));
        let settings = Settings {
            model: &model,
            tokenizer: &tokenizer,
            runtime: runtime.as_deref(),
            labels: self.labels(gliner, kinds)?,
            threshold: gliner.threshold.unwrap_or(Settings::THRESHOLD),
        };
        let opened = Gliner::open(settings).map_err(|error| {
            let problem = self.config.source().problem(Some(gliner.model.span()), error.to_string());
            match error.hint() {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        })?;
        self.files.extend([model, tokenizer]);
        Ok(Arc::new(opened))
    }

    #[cfg(feature = "gliner")]
    fn labels(&self, gliner: &GlinerConfig, kinds: &Kinds) -> Result<Vec<(String, Kind)>, ConfigProblem> {
        if gliner.labels.is_empty() {
            return Ok(comity_gliner::Settings::usual_labels(kinds));
        }
        gliner.labels.iter().map(|(label, kind)| Ok((label.clone(), find(self.config, kinds, kind)?))).collect()
    }

    #[cfg(not(feature = "gliner"))]
    fn gliner(&mut self, gliner: &GlinerConfig, _: &Kinds) -> Result<Arc<dyn Names>, ConfigProblem> {
        let problem = self.config.source().problem(Some(gliner.model.span()), "this program was built without GLiNER models");
        Err(problem.hint("build it with `--features gliner`, or take `[detectors.gliner]` out"))
    }

    fn kinds(&mut self) -> Result<Kinds, ConfigProblem> {
        let config = self.config;
        config.detectors.kinds.iter().try_fold(Kinds::shipped(), |kinds, path| {
            let (name, text) = (path.get_ref().display().to_string(), self.text(path)?);
            kinds.with(&[(&name, &text)]).map_err(|error| config.source().problem(Some(path.span()), error.to_string()))
        })
    }

    /// All lists as one: a name in two of them is found once.
    fn gazetteer(&mut self, kinds: &Kinds) -> Result<Gazetteer, ConfigProblem> {
        let config = self.config;
        let mut lists = Vec::new();
        for list in &config.detectors.gazetteers {
            lists.push((find(config, kinds, &list.kind)?, self.text(&list.path)?));
        }
        let names = Gazetteer::of_lists(lists.iter().map(|(kind, text)| (*kind, text.as_str())));
        let names = names.map_err(|error| {
            let problem = |span, message| config.source().problem(span, message);
            match error {
                GazetteerError::NoName(place) => {
                    let path = config.detectors.gazetteers.get(place).map(|list| &list.path);
                    let name = path.map(|path| path.get_ref().display().to_string()).unwrap_or_default();
                    problem(path.map(Spanned::span), format!("`{name}` has no name in it"))
                        .hint("write one name in a line, or take this `[[detectors.gazetteer]]` out")
                }
                GazetteerError::TooMany => problem(None, error.to_string()),
            }
        })?;
        if names.passed_over() > 0 {
            let what = "lines of the lists of names that are too short or too long for a name, and not looked for";
            self.warnings.push(format!("{what}: {}", names.passed_over()));
        }
        Ok(names)
    }

    fn text(&mut self, path: &Spanned<PathBuf>) -> Result<String, ConfigProblem> {
        let bytes = self.read(path)?;
        let not_text = |_| self.config.source().problem(Some(path.span()), format!("`{}` is not UTF-8", path.get_ref().display()));
        String::from_utf8(bytes).map_err(not_text)
    }

    fn read(&mut self, path: &Spanned<PathBuf>) -> Result<Vec<u8>, ConfigProblem> {
        let full = self.config.folder().join(path.get_ref());
        self.files.push(full.clone());
        let unreadable = |error| format!("cannot read `{}`: {error}", full.display());
        std::fs::read(&full).map_err(|error| self.config.source().problem(Some(path.span()), unreadable(error)))
    }
}

#[cfg(test)]
mod tests {
    use comity_redact::Tier;

    use super::*;
    use crate::detect::Depth;

    fn check(tables: &str) -> Result<Arc<dyn Detect>, String> {
        checked(tables).map(|(detectors, _)| detectors)
    }

    /// The detectors, and the warnings that come with them.
    fn checked(tables: &str) -> Result<(Arc<dyn Detect>, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("staff.txt"), "# ours\nAda Lovelace\n").unwrap();
        std::fs::write(folder.path().join("nobody.txt"), "\u{feff}# ours, one day\n\n X \n").unwrap();
        std::fs::write(folder.path().join("some.txt"), "Ada Lovelace\nX\n-\n").unwrap();
        std::fs::write(folder.path().join("bad.crf"), "no model").unwrap();
        std::fs::write(folder.path().join("bad.toml"), "[[kind]]\nname = 3").unwrap();
        let config = Config::parse(&folder.path().join("comity.toml"), tables).unwrap();
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let built = build(&config, &mut Vec::new(), &mut problems, &mut warnings);
        shaped(&config, &Kinds::shipped(), &mut problems);
        let shown = problems
            .iter()
            .map(|problem| format!("{} / {}", problem.message, problem.hint.clone().unwrap_or_default()))
            .collect::<Vec<_>>();
        built.filter(|_| problems.is_empty()).map(|built| (built, warnings)).ok_or_else(|| shown.join("\n"))
    }

    #[test]
    fn a_list_of_names_is_a_tier() {
        assert_eq!(check("").unwrap().level(), 1);
        let detector = check("[[detectors.gazetteer]]\nkind = \"person\"\npath = \"staff.txt\"").unwrap();
        let found = detector.scan("ask Ada Lovelace", Depth::Full).unwrap();
        assert_eq!((detector.level(), found[0].tier, (found[0].start, found[0].end)), (2, Tier::Gazetteer, (4, 16)));
    }

    #[test]
    fn a_list_without_names_is_no_tier() {
        let list = |path: &str| format!("[[detectors.gazetteer]]\nkind = \"person\"\npath = \"{path}\"\n");
        for tables in [list("nobody.txt"), list("staff.txt") + &list("nobody.txt")] {
            let problem = check(&tables).err().unwrap();
            assert_eq!(problem, "`nobody.txt` has no name in it / write one name in a line, or take this `[[detectors.gazetteer]]` out");
        }
        assert!(checked(&list("staff.txt")).unwrap().1.is_empty());
        let (detector, warnings) = checked(&list("some.txt")).unwrap();
        assert_eq!(detector.level(), 2);
        assert_eq!(warnings, ["lines of the lists of names that are too short or too long for a name, and not looked for: 2"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_file() {
        for (tables, said) in [
            ("[detectors]\ntrained = \"bad.crf\"", "`bad.crf`: "),
            ("[detectors]\nkinds = [\"bad.toml\"]", "kinds file `bad.toml`"),
            ("[detectors]\nkinds = [\"none.toml\"]", "cannot read "),
            ("[[detectors.gazetteer]]\nkind = \"persn\"\npath = \"staff.txt\"", "unknown kind `persn` / did you mean `person`?"),
            ("[pseudonyms]\nkeep_shape = [\"payment\"]", "unknown kind `payment` / did you mean `payment_card`?"),
            ("[findings]\nemial = \"secret\"", "names an unknown finding `emial` / did you mean `email`?"),
        ] {
            let problem = check(tables).err().unwrap();
            assert!(problem.contains(said), "{problem}");
        }
    }

    /// Nothing is opened: without the feature the table is refused, with it the threshold or the kind is.
    #[test]
    fn a_general_model_that_cannot_be_had_is_refused() {
        let table = |more: &str| format!("[detectors.gliner]\nmodel = \"m.onnx\"\ntokenizer = \"t.json\"\n{more}");
        let refused = |more: &str| check(&table(more)).err().unwrap();
        if cfg!(feature = "gliner") {
            assert!(refused("threshold = 1").contains("the threshold must be above 0 and below 1 / leave it out for 0.5"));
            assert!(refused("labels = { name = \"persn\" }").contains("unknown kind `persn` / did you mean `person`?"));
            assert!(refused("").contains("t.json` cannot be used: "));
        } else {
            assert!(refused("").contains("built without GLiNER models / build it with `--features gliner`"));
        }
    }
}
