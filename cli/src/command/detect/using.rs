//! Which detector a command means: the kinds, the lists of names and the models that its arguments name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use comity_redact::{Detector, Gazetteer, GazetteerError, Kind, Kinds, Trained};

use crate::exit::{Exit, Failure};
use crate::output::{self, styled};

#[derive(Debug, clap::Args)]
pub(super) struct Using {
    /// A model of names made by `comity detect train`; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Detector")]
    model: Vec<PathBuf>,
    #[cfg(feature = "gliner")]
    #[command(flatten)]
    general: General,
    #[command(flatten)]
    lists: Lists,
}

/// A general model, in programs that were built to run one. It is asked for the usual labels.
#[cfg(feature = "gliner")]
#[derive(Debug, clap::Args)]
struct General {
    /// A GLiNER model in ONNX form; `ORT_DYLIB_PATH` names the library of ONNX Runtime
    #[arg(long, value_name = "FILE", help_heading = "Detector", requires = "gliner_tokenizer")]
    gliner: Option<PathBuf>,
    /// The `tokenizer.json` of that model
    #[arg(long, value_name = "FILE", help_heading = "Detector", requires = "gliner")]
    gliner_tokenizer: Option<PathBuf>,
    /// The least probability of a finding of that model
    #[arg(long, value_name = "NUMBER", help_heading = "Detector", requires = "gliner", default_value_t = comity_gliner::Settings::THRESHOLD)]
    gliner_threshold: f32,
}

/// Kinds and lists of names.
#[derive(Debug, clap::Args)]
pub(super) struct Lists {
    /// A list of names, one a line, and the kind that they are: `person=staff.txt`; may be given several times
    #[arg(long, value_name = "KIND=FILE", help_heading = "Detector")]
    gazetteer: Vec<String>,
    /// More kinds of data, in the form of packs/kinds/; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Detector")]
    kinds: Vec<PathBuf>,
}

// === impl Using ===

impl Using {
    /// The detector with all its tiers.
    pub(super) fn detector(&self) -> anyhow::Result<Detector> {
        let mut detector = self.lists.detector()?;
        for path in &self.model {
            let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let model = Trained::load(&bytes, detector.kinds());
            let model = model.map_err(|error| Failure::new(Exit::Invalid, format!("`{}`: {error}", path.display())))?;
            detector = detector.with_names(Arc::new(model));
        }
        #[cfg(feature = "gliner")]
        if let Some(model) = self.general.open(detector.kinds())? {
            detector = detector.with_names(Arc::new(model));
        }
        Ok(detector)
    }
}

// === impl General ===

#[cfg(feature = "gliner")]
impl General {
    fn open(&self, kinds: &Kinds) -> anyhow::Result<Option<comity_gliner::Gliner>> {
        use comity_gliner::{Gliner, Settings};

        let (Some(model), Some(tokenizer)) = (&self.gliner, &self.gliner_tokenizer) else { return Ok(None) };
        let labels = Settings::usual_labels(kinds);
        let opened = Gliner::open(Settings { model, tokenizer, runtime: None, labels, threshold: self.gliner_threshold });
        let failure = |error: comity_gliner::GlinerError| {
            let failure = Failure::new(Exit::Invalid, error.to_string());
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        };
        Ok(Some(opened.map_err(failure)?))
    }
}

// === impl Lists ===

impl Lists {
    /// The files of kinds, each with its name. They are read once, because a file may be a pipe.
    pub(super) fn kinds_files(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.kinds.iter().map(|path| Ok((path.display().to_string(), read_kinds(path)?))).collect()
    }

    /// A detector without models.
    pub(super) fn detector(&self) -> anyhow::Result<Detector> {
        let detector = Detector::with_kinds(kinds(&self.kinds_files()?)?)?;
        if self.gazetteer.is_empty() {
            return Ok(detector);
        }
        let lists = self.gazetteer.iter().map(|list| read_list(list, detector.kinds())).collect::<anyhow::Result<Vec<_>>>()?;
        let names = Gazetteer::of_lists(lists.iter().map(|list| (list.kind, list.text.as_str())));
        let names = names.map_err(|error| match error {
            GazetteerError::NoName(place) => {
                let path = lists.get(place).map_or("", |list| list.path);
                anyhow::Error::from(Failure::new(Exit::Invalid, format!("`{path}` has no name in it")).hint("write one name in a line"))
            }
            GazetteerError::TooMany => error.into(),
        })?;
        if names.passed_over() > 0 {
            let what = format!("lines of the lists that are too short or too long for a name, and not looked for: {}", names.passed_over());
            output::say(&format!("{}: {what}", styled(output::NOTE, "warning")));
        }
        Ok(detector.with_names(Arc::new(names)))
    }
}

/// The shipped kinds and those of files.
pub(super) fn kinds(files: &[(String, String)]) -> anyhow::Result<Kinds> {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Ok(Kinds::shipped().with(&files).map_err(|error| Failure::new(Exit::Invalid, error.to_string()))?)
}

/// A file that is no text is as invalid as one that is not understood.
fn read_kinds(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let message =
            format!("the kinds file `{}` is not text in UTF-8: byte {} is wrong", path.display(), error.utf8_error().valid_up_to());
        Failure::new(Exit::Invalid, message).hint("a kinds file is TOML, in the form of packs/kinds/").into()
    })
}

/// A list of names.
struct List<'a> {
    kind: Kind,
    path: &'a str,
    text: String,
}

/// `person=staff.txt`
fn read_list<'a>(list: &'a str, kinds: &Kinds) -> anyhow::Result<List<'a>> {
    let usage = |message: String| Failure::new(Exit::Usage, message).hint("write `--gazetteer person=staff.txt`");
    let (name, path) = list.split_once('=').ok_or_else(|| usage(format!("`--gazetteer {list}` names no kind")))?;
    let kind = kinds
        .find(name)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("unknown kind `{name}`")).hint("`comity detect kinds` lists all kinds"))?;
    Ok(List { kind, path, text: read_text(Path::new(path))? })
}

/// A file of UTF-8 text. The error never quotes it.
pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    text(bytes, &format!("`{}`", path.display()))
}

/// Bytes as UTF-8 text.
pub(super) fn text(bytes: Vec<u8>, name: &str) -> anyhow::Result<String> {
    if bytes.contains(&0) {
        let hint = "take the text out of it first: `pdftotext`, `pandoc`";
        return Err(Failure::new(Exit::Failed, format!("{name} is binary, not text")).hint(hint).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let hint = "convert it: `iconv -f LATIN1 -t UTF-8`";
        Failure::new(Exit::Failed, format!("{name} is not UTF-8: byte {at} is wrong")).hint(hint).into()
    })
}
