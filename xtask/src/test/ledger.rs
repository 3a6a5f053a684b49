//! Runs tests/ledger/: an exported ledger, checked by programs that are not ours (Python's sigstore, Go's x/mod/sumdb), and refused by them
//! once it was tampered with. Both are set up below the target folder; without them the step fails, for it must never be left out unseen.

use std::process::Command;

use super::{Tally, clients, counted};
use crate::project::Project;
use crate::{go, python};

const FOLDER: &str = "tests/ledger";
const PINS: &str = "tests/ledger/requirements.txt";
const VERIFIER: &str = "tests/ledger/verify.go";

pub(super) fn run(project: &Project) -> anyhow::Result<Tally> {
    counted(pytest(project)?.arg(FOLDER))
}

/// The command that runs tests with the verifiers of others, but for which.
pub(crate) fn pytest(project: &Project) -> anyhow::Result<Command> {
    let verifier = go::build(project, VERIFIER, "verify")?;
    let python = python::environment(project, "ledger-venv", PINS)?;
    let mut pytest = Command::new(python);
    pytest.current_dir(&project.root).args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider"]);
    let (go, settings) = go::environment(project)?;
    clients::with_programs(project, &mut pytest).env("COMITY_GO_VERIFIER", verifier).env("COMITY_GO", go).envs(settings);
    Ok(pytest)
}
