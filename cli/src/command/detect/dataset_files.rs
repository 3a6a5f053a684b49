//! Reads annotated texts from files and folders, in the forms that others write.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_redact::{DatasetError, Document, Kinds, Labels, read_brat, read_iob2, read_presidio};

use super::language;
use super::using::read_text;
use crate::exit::{Exit, Failure};

/// Which texts, and how their labels are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Dataset {
    /// Annotated texts: a folder of brat files (`.txt` beside `.ann`), a file in IOB2, or a JSON file of presidio-research
    #[arg(required = true, value_name = "DATASET")]
    paths: Vec<PathBuf>,
    /// The form of the annotations; without it: a folder is brat, `.json` is presidio, other files are iob2
    #[arg(long, value_name = "FORM", hide_possible_values = true, help_heading = "Annotations")]
    format: Option<Format>,
    /// What a label means: `--map SURNAME=person`; may be given several times
    #[arg(long, value_name = "LABEL=KIND", help_heading = "Annotations")]
    map: Vec<String>,
    /// The languages of the texts (BCP 47), with commas between
    #[arg(long, value_name = "LANGUAGES", value_delimiter = ',', value_parser = language::parse, help_heading = "Annotations")]
    pub(super) languages: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Brat,
    Iob2,
    Presidio,
}

// === impl Dataset ===

impl Dataset {
    /// All documents, in an order that does not depend on the disk.
    pub(super) fn read(&self) -> anyhow::Result<Vec<Document>> {
        let mut documents = Vec::new();
        for path in &self.paths {
            let format = self.format.unwrap_or_else(|| guess(path));
            documents.extend(read(path, format)?);
        }
        if documents.is_empty() {
            let hint = "a folder of brat files has a `.ann` beside each `.txt`";
            return Err(Failure::new(Exit::Failed, "there is no annotated text here").hint(hint).into());
        }
        // Several languages are the data set's, not a document's.
        if let [language] = self.languages.as_slice() {
            documents.iter_mut().for_each(|document| document.language.clone_from(language));
        }
        Ok(documents)
    }

    /// What labels mean: the known ones, and as `--map` says.
    pub(super) fn labels(&self, kinds: &Kinds) -> anyhow::Result<Labels> {
        let mut labels = Labels::known(kinds)?;
        for map in &self.map {
            let Some((label, kind)) = map.split_once('=') else {
                return Err(Failure::new(Exit::Usage, format!("`--map {map}` names no kind")).hint("write `--map SURNAME=person`").into());
            };
            labels.map(label, kind).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        }
        Ok(labels)
    }
}

fn guess(path: &Path) -> Format {
    let is_json = || path.extension().is_some_and(|ending| ending == "json");
    if path.is_dir() {
        Format::Brat
    } else if is_json() {
        Format::Presidio
    } else {
        Format::Iob2
    }
}

fn read(path: &Path, format: Format) -> anyhow::Result<Vec<Document>> {
    let name = path.display().to_string();
    match format {
        Format::Brat => read_folder(path),
        Format::Iob2 => Ok(read_iob2(&name, &read_text(path)?).map_err(wrong)?),
        Format::Presidio => Ok(read_presidio(&name, &read_text(path)?).map_err(wrong)?),
    }
}

fn wrong(error: DatasetError) -> Failure {
    Failure::new(Exit::Invalid, error.to_string()).maybe_hint(error.hint)
}

/// Every `.txt` of a folder with its `.ann`, sorted by name.
fn read_folder(folder: &Path) -> anyhow::Result<Vec<Document>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut texts: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    texts.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    texts.sort();
    let document = |path: &PathBuf| {
        let annotations = path.with_extension("ann");
        if !annotations.exists() {
            let message = format!("`{}` has no annotations beside it", path.display());
            return Err(Failure::new(Exit::Failed, message).hint("where nothing is to be marked, write an empty `.ann` file").into());
        }
        let name = path.display().to_string();
        let read = read_brat(&name, &read_text(path)?, &read_text(&annotations)?);
        // What is wrong is wrong in the annotations.
        Ok(read.map_err(|error| wrong(DatasetError { document: annotations.display().to_string(), ..error }))?)
    };
    texts.iter().map(document).collect()
}
