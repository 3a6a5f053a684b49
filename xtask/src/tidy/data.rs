//! Every file of packs/, catalogue/, examples/ and tests/recorded/ is read by a test. The table says by which; a file that no line covers fails, so that
//! nobody can add an example that nothing holds to be true.

use super::Finding;

/// Folder, ending, and the test that reads every such file.
const COVERED: [(&str, &str, &str); 9] = [
    ("catalogue/", ".toml", "engine/catalogue: the shipped catalogue loads"),
    ("packs/kinds/", ".toml", "engine/redact: every example of every kind holds"),
    ("packs/", ".cedar", "engine/terms: the shipped packs load"),
    ("packs/", ".toml", "cli: `comity terms test` passes for each shipped pack"),
    ("packs/", ".cedarschema", "engine/terms: the shipped packs load"),
    ("examples/recorded/", ".yaml", "bench: recorded exchanges replay; tests/clients: through the gateway"),
    ("tests/recorded/", ".yaml", "bench: recorded exchanges replay; tests/clients: through the gateway"),
    ("tests/recorded/", "LICENSE", "no test: the licence of the recordings"),
    ("examples/", ".toml", "cli: each example configuration passes the check"),
];

const FOLDERS: [&str; 4] = ["packs/", "catalogue/", "examples/", "tests/recorded/"];

pub(crate) fn check(files: &[String]) -> Vec<Finding> {
    let data = files.iter().filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
    data.filter(|path| !covered(path))
        .map(|path| Finding::error(path, "no test reads it; write one, then add a line to xtask/src/tidy/data.rs"))
        .collect()
}

fn covered(path: &str) -> bool {
    path.ends_with(".md") || COVERED.iter().any(|(folder, ending, _test)| path.starts_with(folder) && path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn a_file_that_no_test_reads_is_not_covered() {
        assert!(covered("catalogue/operators/a.toml") && covered("examples/recorded/a.yaml") && covered("packs/uk-public/README.md"));
        assert!(!covered("examples/start.sh") && !covered("packs/uk-public/terms.json"));
    }
}
