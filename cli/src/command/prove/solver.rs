//! Finds the solver. One that somebody named and that does not run is an error: whoever named it counts on it. One that nobody named is only
//! missed.

use std::path::PathBuf;
use std::time::Duration;

use comity_prove::Solver;

use crate::exit::{Exit, Failure};
use crate::output;

/// Seconds for one question, unless told otherwise.
pub(crate) const PATIENCE: u16 = 60;
const VARIABLE: &str = "CVC5";
const NONE: &str = "none";
/// What is looked for on PATH.
const PROGRAM: &str = "cvc5";
const INSTALL: &str =
    "install cvc5 (`apt-get install cvc5`, `brew install cvc5/cvc5/cvc5` or https://cvc5.github.io), or say `--solver none`";

/// The solver that `--solver` names, else the variable, else the one on PATH; nothing if none is to be used or there is none.
pub(crate) fn find(argument: Option<&str>, seconds: u16) -> anyhow::Result<Option<Solver>> {
    let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let patient = |solver: Solver| solver.within(Duration::from_secs(seconds.into()));
    let named = match argument {
        Some(NONE) => return Ok(None),
        Some(path) => Some((PathBuf::from(path), "--solver")),
        None => variable.map(|path| (path, VARIABLE)),
    };
    if let Some((path, by)) = named {
        let failure = |error| Failure::new(Exit::Failed, format!("the solver that `{by}` names: {error}")).hint(INSTALL);
        return Ok(Some(Solver::at(path).map(patient).map_err(failure)?));
    }
    match Solver::at(PathBuf::from(PROGRAM)) {
        Ok(solver) => Ok(Some(patient(solver))),
        Err(error) => {
            output::say(&output::wrap(&format!("note: no solver ({error}): the search of this program answers alone"), "", "  "));
            output::say(&output::wrap(&format!("to have each proof confirmed, {INSTALL}"), "  ", "  "));
            Ok(None)
        }
    }
}
