//! `comity.toml` as the commands meet it: read, refused with places and hints, and asked for what a command needs.

use std::path::Path;

use comity_enforce::{BuildError, Config, ConfigProblem, Problems};

use crate::exit::{Exit, Failure, Note};
use crate::place;

/// Reads a configuration.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    Ok(Config::load(path).map_err(|problems| failure(&problems))?)
}

/// Every problem with its place; the hints stand apart.
pub(crate) fn failure(problems: &Problems) -> Failure {
    let note = |problem: &ConfigProblem| {
        let shown = ConfigProblem { hint: None, ..problem.clone() };
        Note { message: shown.to_string(), hint: problem.hint.clone() }
    };
    Failure::all(Exit::Invalid, problems.0.iter().map(note).collect())
}

/// Why a gateway does not start.
pub(crate) fn build_failure(error: BuildError) -> Failure {
    let hint = error.hint();
    match error {
        BuildError::Config(ref problems) => failure(problems),
        BuildError::Store(error) => place::failure(error),
        BuildError::Listen { .. } | BuildError::Tls(_) | BuildError::Thread(_) => {
            Failure::new(Exit::Failed, error.to_string()).maybe_hint(hint)
        }
    }
}
