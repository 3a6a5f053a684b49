//! Pages that are made from the code that they describe: the list of them, and the check that none has drifted. Some are printed by the
//! program; the page of dialects is what a test saw, so the test itself compares or writes it.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::project::{Project, cargo};
use crate::{cvc5, shell};

/// Each page and what `comity __gen` calls it. To add one: a variant there, a line here.
const PAGES: [(&str, &str); 4] = [
    ("docs/reference/cli.md", "cli"),
    ("docs/reference/config.md", "config"),
    ("docs/reference/packs.md", "packs"),
    ("docs/reference/proofs.md", "proofs"),
];

/// The test that is behind `docs/reference/dialects.md`, by the filter that runs it; it writes with [`WRITE`] set.
const TESTED: [&str; 7] = ["test", "--workspace", "--quiet", "--test", "it", "--", "matrix::"];
const WRITE: &str = "COMITY_GEN";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if a page is not as it would be written
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(project: &Project, args: &Args) -> anyhow::Result<bool> {
    shell::run(Command::new(cargo()).current_dir(&project.root).args(["build", "--quiet", "--workspace", "--bins", "--tests"]))?;
    if args.check { Ok(check(project)? & tested(project, None)?) } else { Ok(write(project)? & tested(project, Some("1"))?) }
}

/// True if the pages that tests make are fresh, or now written. The usual run of all tests does the same without a word of it here.
fn tested(project: &Project, write: Option<&str>) -> anyhow::Result<bool> {
    let mut command = Command::new(cargo());
    command.current_dir(&project.root).args(TESTED).env_remove(WRITE).envs(write.map(|value| (WRITE, value)));
    command.env(cvc5::VARIABLE, cvc5::program(project)?);
    let (status, _lines) = shell::tee(&mut command)?;
    if status.success() && write.is_some() {
        eprintln!("wrote docs/reference/dialects.md");
    }
    Ok(status.success())
}

fn write(project: &Project) -> anyhow::Result<bool> {
    for (path, name) in PAGES {
        let file = project.root.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(&project.root)).with_context(|| format!("cannot make the folder of `{path}`"))?;
        std::fs::write(&file, page(project, name)?).with_context(|| format!("cannot write `{path}`"))?;
        eprintln!("wrote {path}");
    }
    Ok(true)
}

/// True if no page has drifted.
pub(crate) fn check(project: &Project) -> anyhow::Result<bool> {
    let mut fresh = true;
    for (path, name) in PAGES {
        let kept = std::fs::read_to_string(project.root.join(path)).unwrap_or_default();
        let wanted = page(project, name)?;
        if let Some(line) = first_difference(&kept, &wanted) {
            eprintln!("error: {path}:{line}: differs from the code\n\nhint: run `cargo xtask gen`");
            fresh = false;
        }
    }
    Ok(fresh)
}

fn page(project: &Project, name: &str) -> anyhow::Result<String> {
    let program: &Path = &project.program("debug", "comity");
    shell::output(Command::new(program).args(["__gen", name]).env(cvc5::VARIABLE, cvc5::program(project)?))
}

/// The number of the first line that differs, counted from 1.
fn first_difference(kept: &str, wanted: &str) -> Option<usize> {
    if kept == wanted {
        return None;
    }
    let same = kept.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count();
    Some(same.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
        assert_eq!(first_difference("a\n", "a"), Some(2));
    }
}
