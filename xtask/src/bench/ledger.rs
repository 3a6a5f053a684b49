//! `cargo xtask bench ledger`: more than 100,000 leaves of a real gateway through the verifiers of others and our own, and forgeries of them, with
//! the release profile (tests/ledger/large.py).

use crate::project::Project;
use crate::shell;
use crate::test::ledger;

const LARGE: &str = "tests/ledger/large.py";

pub(super) fn run(project: &Project) -> anyhow::Result<bool> {
    super::build_release(project)?;
    let mut pytest = ledger::pytest(project)?;
    let programs = [("COMITY_BIN", "comity"), ("COMITY_MOCK_BIN", "mock-upstream"), ("COMITY_LOAD_BIN", "load")];
    pytest.envs(programs.map(|(variable, name)| (variable, project.program("release", name))));
    shell::run(pytest.args(["-s", LARGE]))?;
    Ok(true)
}
