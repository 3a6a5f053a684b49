//! Reads catalogue files from disk, for the room that parses them and never opens a file.
//!
//! The shipped files come first and the organisation's own after them, so that these add and override.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_catalogue::SourceFile;

use crate::exit::{Exit, Failure};

/// More files than any catalogue has; a wrong folder would have more.
const FILES_MAX: usize = 10_000;
/// A catalogue file is written by hand.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The shipped catalogue with the folder's files over it.
pub(crate) fn with_shipped(folder: Option<&Path>) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = comity_catalogue::shipped();
    files.extend(only(folder)?);
    Ok(files)
}

/// The folder's files alone if they list the jurisdictions, which makes them a whole catalogue; else the shipped catalogue with them over it.
pub(crate) fn whole(folder: Option<&Path>) -> anyhow::Result<Vec<SourceFile>> {
    let own = only(folder)?;
    let is_whole = own.iter().any(|file| file.text.lines().any(|line| line.trim_end() == "[jurisdictions]"));
    let mut files = if is_whole { Vec::new() } else { comity_catalogue::shipped() };
    files.extend(own);
    Ok(files)
}

/// Every TOML file of the folder and those below, in the order of their paths.
pub(crate) fn only(folder: Option<&Path>) -> anyhow::Result<Vec<SourceFile>> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut paths = Vec::new();
    walk(folder, &mut paths).map_err(|error| {
        Failure::new(Exit::Invalid, format!("cannot read the folder `{}`: {error}", folder.display()))
            .hint("name the folder that holds the catalogue's TOML files")
    })?;
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::new(Exit::Invalid, format!("there is no TOML file in `{}`", folder.display()))
            .hint("name the folder that holds the catalogue's TOML files")
            .into());
    }
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
    let size = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Invalid, format!("`{shown}` is larger than {FILE_BYTES_MAX} bytes")).into());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(SourceFile { path: shown, text })
}
