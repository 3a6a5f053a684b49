//! How files are named and how they begin, how long they are, and which must be there.

use super::Finding;
use crate::project::Project;

const MUST_EXIST: [&str; 9] =
    ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "deny.toml", "clippy.toml", ".ci/run"];

/// Names that say nothing about what is inside.
const NAMELESS: [&str; 7] = ["mod.rs", "utils.rs", "util.rs", "common.rs", "misc.rs", "helpers.rs", "manager.rs"];

/// More than this is usually two jobs.
const LINES_MAX: usize = 600;

pub(crate) fn check(project: &Project, files: &[String]) -> anyhow::Result<Vec<Finding>> {
    let missing = MUST_EXIST.iter().filter(|wanted| !files.iter().any(|path| path == *wanted));
    let mut findings: Vec<Finding> = missing.map(|wanted| Finding::error(*wanted, "is missing")).collect();
    for path in files.iter().filter(|path| path.ends_with(".rs") || path.ends_with(".py")) {
        let text = project.text(path)?.unwrap_or_default();
        findings.extend(check_source(path, &text));
    }
    Ok(findings)
}

fn check_source(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    if NAMELESS.contains(&name) {
        findings.push(Finding::error(path, "this name says nothing; name the file for its job"));
    }
    if name.ends_with(".rs") && !text.starts_with("//! ") {
        findings.push(Finding::error(path, "does not start with `//!`: say why the file exists and what it must never do"));
    }
    if name.ends_with(".py") && !text.starts_with("\"\"\"") {
        findings.push(Finding::error(path, "does not start with a docstring: say why the file exists and what it must never do"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.push(Finding::warning(path, format!("has {lines} lines, more than {LINES_MAX}: is it one job?")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check_source;

    #[test]
    fn names_first_lines_and_length_are_seen() {
        let found = |path: &str, text: &str| check_source(path, text).len();
        assert_eq!(found("a/pipeline.rs", "//! Why.\n"), 0);
        assert_eq!(found("a/mod.rs", "//! Why.\n"), 1);
        assert_eq!(found("a/b.rs", "use x;\n"), 1);
        assert_eq!(found("a/b.py", "import x\n"), 1);
        assert!(check_source("a/b.rs", &"//! Why.\n".repeat(601))[0].warning);
    }
}
