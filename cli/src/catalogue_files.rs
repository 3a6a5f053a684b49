//! Reads catalogue files from disk, for the room that parses them and never opens a file.
//!
//! The shipped files come first and the organisation's own after them, so that these add and override.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_catalogue::SourceFile;

use crate::exit::{Exit, Failure};

const HINT: &str = "name the folder that holds the catalogue's TOML files";
/// More files than any catalogue has; a wrong folder would have more.
const FILES_MAX: usize = 10_000;
/// A catalogue file is written by hand.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The shipped catalogue with the folder's files over it, or the folder's alone if they are a whole catalogue.
pub(crate) fn over_shipped(folder: Option<&Path>) -> anyhow::Result<Vec<SourceFile>> {
    Ok(comity_catalogue::over_shipped(only(folder)?))
}

/// The same for a folder that prices are imported into: it may still be empty, and the shipped list prices do not stand in for its own.
pub(crate) fn to_import_into(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    Ok(comity_catalogue::over_shipped_without_prices(below(folder)?))
}

/// Every TOML file of the folder and those below, in the order of their paths; one at least.
pub(crate) fn only(folder: Option<&Path>) -> anyhow::Result<Vec<SourceFile>> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let files = below(folder)?;
    if files.is_empty() {
        return Err(Failure::new(Exit::Invalid, format!("there is no TOML file in `{}`", folder.display())).hint(HINT).into());
    }
    Ok(files)
}

fn below(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    walk(folder, &mut paths)
        .map_err(|error| Failure::new(Exit::Invalid, format!("cannot read the folder `{}`: {error}", folder.display())).hint(HINT))?;
    paths.sort();
    paths.iter().map(|path| read(folder, path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(std::io::Error::other(format!("more than {FILES_MAX} files")));
        }
    }
    Ok(())
}

fn read(folder: &Path, path: &Path) -> anyhow::Result<SourceFile> {
    let shown = path.strip_prefix(folder.parent().unwrap_or(folder)).unwrap_or(path).display().to_string().replace('\\', "/");
    let invalid = |message: String| Failure::new(Exit::Invalid, message);
    let found = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
    // A pipe or a device would never end.
    if !found.is_file() {
        return Err(invalid(format!("`{shown}` is no ordinary file")).into());
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(invalid(format!("`{shown}` is larger than {FILE_BYTES_MAX} bytes")).into());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| invalid(format!("cannot read `{shown}`: {error}")).hint("save the file as UTF-8 text"))?;
    Ok(SourceFile { path: shown, text })
}
