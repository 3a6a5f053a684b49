//! What must not stand in any tracked text: folders of one person's machine, hosts of package registries (a mirror, a private index),
//! marks of an unfinished merge.

use super::Finding;
use crate::project::Project;

/// Written in two halves, so that this file does not break its own rule.
const FORBIDDEN: [(&str, &str, &str); 11] = [
    ("/wo", "rk/", "a folder of one machine"),
    ("/tm", "p/w/", "a folder of one machine"),
    ("/tm", "p/t/", "a folder of one machine"),
    ("/ro", "ot/", "a home folder"),
    ("/ho", "me/", "a home folder"),
    ("/Us", "ers/", "a home folder"),
    ("pypi.", "org/simple", "a registry's host"),
    ("files.python", "hosted.org", "a registry's host"),
    ("registry.", "npmjs.org", "a registry's host"),
    ("static.", "crates.io", "a registry's host"),
    ("deb.", "debian.org", "a registry's host"),
];

const MERGE_MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

pub(crate) fn check(project: &Project, files: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files {
        if let Some(text) = project.text(path)? {
            findings.extend(check_text(path, &text));
        }
    }
    Ok(findings)
}

fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", number.saturating_add(1));
        for (start, end, what) in FORBIDDEN {
            let pattern = format!("{start}{end}");
            if stands_alone(line, &pattern) {
                findings.push(Finding::error(&place, format!("holds `{pattern}`, {what}")));
            }
        }
        if MERGE_MARKS.iter().any(|mark| line.starts_with(mark)) {
            findings.push(Finding::error(&place, "holds the mark of an unfinished merge"));
        }
    }
    findings
}

/// A path pattern counts where a path starts (`"/x/`, ` /x/`), not within a longer one (`a/x/`); a host anywhere.
fn stands_alone(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !pattern.starts_with('/') || !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_count_at_their_start_only() {
        let home = format!("{}{}", "/ho", "me/");
        assert!(stands_alone(&format!("cd {home}ann"), &home));
        assert!(stands_alone(&format!("\"{home}ann\""), &home));
        assert!(!stands_alone(&format!("docs{home}page.md"), &home));
    }

    #[test]
    fn merge_marks_are_found_with_their_line() {
        let found = check_text("a", &format!("x\n{} ours\n", "<".repeat(7)));
        assert_eq!((found.len(), found[0].place.as_str()), (1, "a:2"));
    }
}
