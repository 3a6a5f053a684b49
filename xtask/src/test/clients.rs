//! Runs tests/clients/ with the real client packages, pinned: Python's in a virtual environment, Node's in a copy of their folder, both
//! below the target folder. It never installs anything outside that folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{Tally, counted, data_folder};
use crate::project::Project;
use crate::{python, shell};

const FOLDER: &str = "tests/clients";
const PINS: &str = "tests/clients/requirements.txt";
const NODE_FOLDER: &str = "tests/clients/node";
const NODE_PINS: &str = "tests/clients/node/package-lock.json";
/// The oldest that the pinned packages and the test runner's options run on.
const NODE_MIN: (u32, u32) = (20, 10);

/// Both suites, whether or not the first passes.
pub(super) fn run(project: &Project) -> anyhow::Result<Tally> {
    let python = python::environment(project, "clients-venv", PINS)?;
    let mut tally = pytest(project, &python)?;
    tally.add(node(project, &python)?);
    Ok(tally)
}

// === Python ===

fn pytest(project: &Project, python: &Path) -> anyhow::Result<Tally> {
    let mut pytest = Command::new(python);
    pytest.current_dir(&project.root).args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider", FOLDER]);
    counted(with_programs(project, &mut pytest))
}

pub(super) fn with_programs<'a>(project: &Project, command: &'a mut Command) -> &'a mut Command {
    command.env("COMITY_DATA", data_folder(project)).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("COMITY_BIN", project.program("debug", "comity"));
    command.env("COMITY_MOCK_BIN", project.program("debug", "mock-upstream"))
}

// === Node ===

fn node(project: &Project, python: &Path) -> anyhow::Result<Tally> {
    let hint = format!("Node {}.{} or later with npm is needed (on Debian: apt-get install nodejs npm)", NODE_MIN.0, NODE_MIN.1);
    let version = shell::output(Command::new("node").arg("--version")).with_context(|| hint.clone())?;
    if read_version(&version).is_none_or(|found| found < NODE_MIN) {
        bail!("Node {} is too old\n{hint}", version.trim());
    }
    // The packages are found from where the tests are: so they run as a copy beside them.
    let folder = project.target.join("clients-node");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for path in project.files()?.iter().filter(|path| path.starts_with(NODE_FOLDER)) {
        let name = Path::new(path).file_name().with_context(|| format!("`{path}` is no file"))?;
        std::fs::copy(project.root.join(path), folder.join(name)).with_context(|| format!("cannot copy `{path}`"))?;
    }
    let pins = project.text(NODE_PINS)?.with_context(|| format!("`{NODE_PINS}` is not UTF-8"))?;
    python::installed(&folder.join("installed.txt"), &pins, || {
        let mut npm = Command::new("npm");
        npm.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
        shell::run(&mut npm).context("cannot install the pinned client packages of Node")
    })?;
    let mut tests = Command::new("node");
    tests.current_dir(&folder).arg("run.mjs").env("COMITY_CLIENTS", project.root.join(FOLDER)).env("COMITY_PYTHON", python);
    counted(with_programs(project, &mut tests))
}

/// `v20.11.1` → (20, 11).
fn read_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::read_version;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(read_version("v20.11.1\n"), Some((20, 11)));
        assert_eq!(read_version("20"), None);
    }
}
