//! Runs tests/clients/ with the real client packages, pinned, in a virtual environment below the target folder.
//! It never installs anything outside that folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{Tally, counted, data_folder};
use crate::project::Project;
use crate::shell;

const PINS: &str = "tests/clients/requirements.txt";

pub(super) fn run(project: &Project) -> anyhow::Result<Tally> {
    let python = environment(project)?;
    let mut pytest = Command::new(python);
    pytest.current_dir(&project.root).args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider", "tests/clients"]);
    pytest.env("COMITY_DATA", data_folder(project)).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.env("COMITY_BIN", project.program("debug", "comity"));
    pytest.env("COMITY_MOCK_BIN", project.program("debug", "mock-upstream"));
    counted(&mut pytest)
}

/// The Python of an environment that holds exactly the pinned packages; made anew when the pins change.
fn environment(project: &Project) -> anyhow::Result<PathBuf> {
    let pins = project.text(PINS)?.with_context(|| format!("`{PINS}` is not UTF-8"))?;
    let folder = project.target.join("clients-venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        return Ok(python);
    }
    install(project, &folder, &python)?;
    std::fs::write(&stamp, pins).with_context(|| format!("cannot write `{}`", stamp.display()))?;
    Ok(python)
}

fn install(project: &Project, folder: &Path, python: &Path) -> anyhow::Result<()> {
    let hint = "Python 3.10 or later with its `venv` module is needed (on Debian: apt-get install python3-venv)";
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).context(hint)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]).arg(project.root.join(PINS));
    shell::run(&mut pip).context("cannot install the pinned client packages")
}
