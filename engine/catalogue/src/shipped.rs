//! The catalogue that comes with Comity, taken into the program when it is built.

use include_dir::{Dir, include_dir};

use crate::catalogue::SourceFile;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue");

/// Every TOML file of the repository's `catalogue/` folder, in the order of their paths; an organisation's own files come after these.
#[must_use]
pub fn shipped() -> Vec<SourceFile> {
    let mut files = Vec::new();
    collect(&FOLDER, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The shipped files with an organisation's own over them. Own files that list the jurisdictions are a whole catalogue, and stand alone.
#[must_use]
pub fn over_shipped(own: Vec<SourceFile>) -> Vec<SourceFile> {
    over(shipped(), own)
}

/// The same without the shipped list prices: what an import into the folder of these files starts from.
#[must_use]
pub fn over_shipped_without_prices(own: Vec<SourceFile>) -> Vec<SourceFile> {
    over(shipped().into_iter().filter(|file| !file.is_imported()).collect(), own)
}

fn over(mut shipped: Vec<SourceFile>, own: Vec<SourceFile>) -> Vec<SourceFile> {
    let lists_jurisdictions = |file: &SourceFile| file.text.lines().any(|line| line.trim_start().starts_with("[jurisdictions]"));
    if own.iter().any(lists_jurisdictions) {
        return own;
    }
    shipped.extend(own);
    shipped
}

fn collect(folder: &Dir<'_>, files: &mut Vec<SourceFile>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy();
        if let Some(text) = file.contents_utf8().filter(|_| path.ends_with(".toml")) {
            files.push(SourceFile { path: format!("catalogue/{}", path.replace('\\', "/")), text: text.to_owned() });
        }
    }
    for inner in folder.dirs() {
        collect(inner, files);
    }
}
