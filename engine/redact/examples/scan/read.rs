//! Annotated texts from files, through the readers that training and `comity detect eval` use, so that whoever measures reads no other
//! text and no other mark. It changes nothing in them, and knows nothing of what a label means.

use std::ops::Range;
use std::path::{Path, PathBuf};

use comity_redact::{Document, read_brat, read_iob2, read_presidio};
use serde::{Deserialize, Serialize};

use super::Error;

/// A data set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    path: PathBuf,
    format: Format,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// A folder with `x.txt` and `x.ann`.
    Brat,
    Iob2,
    PresidioResearch,
}

/// A document as it is said to others.
#[derive(Serialize)]
pub(crate) struct Annotated {
    text: String,
    spans: Vec<Marked>,
}

/// Offsets in bytes.
#[derive(Serialize)]
struct Marked {
    label: String,
    parts: Vec<Range<usize>>,
}

// === impl Source ===

impl Source {
    pub(crate) fn annotated(&self) -> Result<Vec<Annotated>, Error> {
        Ok(self.documents()?.into_iter().map(Annotated::from).collect())
    }

    fn documents(&self) -> Result<Vec<Document>, Error> {
        let name = self.path.display().to_string();
        match self.format {
            Format::Brat => folder(&self.path),
            Format::Iob2 => Ok(read_iob2(&name, &text(&self.path)?)?),
            Format::PresidioResearch => Ok(read_presidio(&name, &text(&self.path)?)?),
        }
    }
}

// === impl Annotated ===

impl From<Document> for Annotated {
    fn from(document: Document) -> Self {
        let spans = document.spans.into_iter().map(|span| Marked { label: span.label, parts: span.parts }).collect();
        Self { text: document.text, spans }
    }
}

/// A folder in brat's format, in the order of the names.
pub(crate) fn folder(folder: &Path) -> Result<Vec<Document>, Error> {
    let unreadable = |error| format!("cannot read `{}`: {error}", folder.display());
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ann"));
    files.sort();
    let read = |path: &PathBuf| Ok(read_brat(&path.display().to_string(), &text(&path.with_extension("txt"))?, &text(path)?)?);
    files.iter().map(read).collect()
}

fn text(path: &Path) -> Result<String, Error> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?)
}
