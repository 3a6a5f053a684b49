//! Finds the SMT solver cvc5 for proofs: the one that `CVC5` names, else the one on `PATH`, else Debian's packages, unpacked below the
//! target folder. It never installs anything outside that folder, and never goes on without a solver: a proof that cannot run has failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::debian::Debian;
use crate::project::Project;
use crate::shell;

/// Names the solver, for us and for the tests.
pub(crate) const VARIABLE: &str = "CVC5";
/// What the program, its package and its folder are called.
const NAME: &str = "cvc5";
/// Where Debian's packages put libraries, in folders that are named for the machine's kind.
const LIBRARIES: [&str; 2] = ["usr/lib", "lib"];

/// A solver that runs, by its full path.
pub(crate) fn program(project: &Project) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return of_machine(&named, &path).with_context(|| format!("`{VARIABLE}` names no solver"));
    }
    let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let found = of_machine(OsStr::new(&name), &path).or_else(|_| of_debian(&project.target.join(NAME)));
    found.with_context(|| {
        format!("the solver cvc5 is needed, and could not be fetched (on Debian: apt-get install cvc5; else let {VARIABLE} name it)")
    })
}

/// By a path, or by a bare name, which is looked up as a shell does.
fn of_machine(named: &OsStr, path: &OsStr) -> anyhow::Result<PathBuf> {
    let mut programs = std::env::split_paths(path).map(|folder| folder.join(named));
    let is_bare = Path::new(named).components().count() == 1;
    let program = if is_bare { programs.find(|program| program.is_file()) } else { Some(named.into()) };
    let program = program.with_context(|| format!("there is no program `{}`", named.display()))?;
    check(&program)?;
    std::path::absolute(&program).with_context(|| format!("`{}` has no full path", program.display()))
}

/// Is it cvc5, and does it run?
fn check(program: &Path) -> anyhow::Result<()> {
    let version = shell::output(Command::new(program).arg("--version"))?;
    if !version.starts_with("This is cvc5 ") {
        bail!("`{}` is not cvc5: it says `{}`", program.display(), version.lines().next().unwrap_or_default());
    }
    Ok(())
}

// === Debian's packages ===

/// The wrapper is written last: where it runs, everything is there.
fn of_debian(folder: &Path) -> anyhow::Result<PathBuf> {
    let wrapper = folder.join(NAME);
    if !wrapper.is_file() || check(&wrapper).is_err() {
        let unpacked = folder.join("debian");
        fetch(&folder.join("apt"), &unpacked)?;
        wrap(&wrapper, &unpacked)?;
        check(&wrapper)?;
    }
    Ok(wrapper)
}

fn fetch(apt: &Path, unpacked: &Path) -> anyhow::Result<()> {
    eprintln!("note: there is no cvc5: fetching Debian's packages (about 7 MB, 25 MB unpacked)");
    let debian = Debian::read(apt)?;
    let names = debian.lacking(NAME)?;
    debian.unpack(&names.iter().map(String::as_str).collect::<Vec<_>>(), unpacked)
}

/// A program that finds the libraries beside it, because the loader does not look there.
fn wrap(wrapper: &Path, unpacked: &Path) -> anyhow::Result<()> {
    let text = script(&library_folders(unpacked)?);
    std::fs::write(wrapper, text).with_context(|| format!("cannot write `{}`", wrapper.display()))?;
    shell::run(Command::new("chmod").arg("755").arg(wrapper))
}

/// From the folder of packages, with `/`: such as `usr/lib/x86_64-linux-gnu`.
fn library_folders(unpacked: &Path) -> anyhow::Result<Vec<String>> {
    let mut folders = Vec::new();
    for parent in LIBRARIES.into_iter().filter(|parent| unpacked.join(parent).is_dir()) {
        for entry in std::fs::read_dir(unpacked.join(parent)).with_context(|| format!("cannot read `{}`", unpacked.display()))? {
            let entry = entry.with_context(|| format!("cannot read `{}`", unpacked.display()))?;
            if entry.path().is_dir() {
                folders.push(format!("{parent}/{}", entry.file_name().display()));
            }
        }
    }
    Ok(folders)
}

/// Relative to itself, so that no path needs quotes; `exec`, so that who stops it stops the solver.
fn script(folders: &[String]) -> String {
    let places: Vec<String> = folders.iter().map(|folder| format!("$debian/{folder}")).collect();
    format!(
        "#!/bin/sh\n\
         debian=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd)/debian\n\
         export LD_LIBRARY_PATH=\"{}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         exec \"$debian/usr/bin/{NAME}\" \"$@\"\n",
        places.join(":")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_refused() {
        let error = of_machine(OsStr::new(env!("CARGO")), OsStr::new("")).unwrap_err().to_string();
        assert!(error.contains("is not cvc5: it says `cargo "), "{error}");
    }

    #[test]
    fn a_path_without_a_solver_has_none() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let error = of_machine(OsStr::new(NAME), folder.as_os_str()).unwrap_err().to_string();
        assert_eq!(error, "there is no program `cvc5`");
    }

    #[test]
    fn the_wrapper_names_its_libraries_from_where_it_is() {
        let text = script(&["usr/lib/x86_64-linux-gnu".into(), "lib/x86_64-linux-gnu".into()]);
        assert!(
            text.contains(r#"LD_LIBRARY_PATH="$debian/usr/lib/x86_64-linux-gnu:$debian/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+"#),
            "{text}"
        );
        assert!(text.ends_with("exec \"$debian/usr/bin/cvc5\" \"$@\"\n"), "{text}");
    }
}
