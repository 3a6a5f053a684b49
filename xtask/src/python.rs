//! Python environments below the target folder that hold exactly the packages of a list of pins. Nothing is installed anywhere else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::project::Project;
use crate::shell;

/// The Python of an environment that holds exactly the pinned packages; made anew when the pins change.
pub(crate) fn environment(project: &Project, name: &str, pins_file: &str) -> anyhow::Result<PathBuf> {
    let pins = project.text(pins_file)?.with_context(|| format!("`{pins_file}` is not UTF-8"))?;
    let folder = project.target.join(name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    installed(&folder.join("installed.txt"), &pins, || install(&folder, &python, &project.root.join(pins_file)))?;
    Ok(python)
}

fn install(folder: &Path, python: &Path, pins: &Path) -> anyhow::Result<()> {
    let hint = "Python 3.11 or later with its `venv` module is needed (on Debian: apt-get install python3-venv)";
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).context(hint)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]).arg(pins);
    shell::run(&mut pip).context("cannot install the pinned packages of Python")
}

/// Does the work unless it was done for exactly these pins.
pub(crate) fn installed(stamp: &Path, pins: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    if std::fs::read_to_string(stamp).is_ok_and(|done| done == pins) {
        return Ok(());
    }
    work()?;
    std::fs::write(stamp, pins).with_context(|| format!("cannot write `{}`", stamp.display()))
}
