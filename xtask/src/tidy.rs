//! The shape of the tree, checked: who may import whom, which crates are kept out, how files are named and begin, what must be there.
//! Each rule says which file breaks it and what to do; none of them needs the network.

mod crates;
mod data;
mod files;
mod imports;
mod texts;

use crate::project::Project;

/// What a rule found.
pub(crate) struct Finding {
    /// A file or a crate.
    pub(crate) place: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
    /// Only said, does not fail.
    pub(crate) warning: bool,
}

impl Finding {
    fn error(place: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { place: place.into(), message: message.into(), warning: false }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { place: place.into(), message: message.into(), warning: true }
    }
}

/// Runs all rules and prints what they found; true if no rule failed.
pub(crate) fn run(project: &Project) -> anyhow::Result<bool> {
    let files = project.files()?;
    let mut findings = imports::check(project, &files)?;
    findings.extend(crates::check(project));
    findings.extend(crates::lints(project)?);
    findings.extend(files::check(project, &files)?);
    findings.extend(texts::check(project, &files)?);
    findings.extend(data::check(&files));
    for Finding { place, message, warning } in &findings {
        let kind = if *warning { "warning" } else { "error" };
        eprintln!("{kind}: {place}: {message}");
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    eprintln!("tidy: {} files, {errors} errors, {} warnings", files.len(), findings.len().saturating_sub(errors));
    Ok(errors == 0)
}
