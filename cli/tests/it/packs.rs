//! Every shipped pack keeps its word: its tests pass, say what a refused caller reads, and its README says what it is not.

use std::path::{Path, PathBuf};

use crate::harness::{Machine, text};

/// Fewer tests than this leave terms unexercised.
const TESTS_MIN: usize = 8;
const HEADINGS: [&str; 3] = ["## What it does not cover", "## Tests", "## Sources"];
const NOT_ADVICE: &str = "A starting point to edit, not legal advice";

/// The folder of each pack; `kinds` holds kinds of personal data, not terms.
fn packs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.retain(|path| !path.ends_with("kinds"));
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn name(pack: &Path) -> String {
    pack.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The `[[test]]` tables of a pack.
fn tests(pack: &Path) -> Vec<toml::Table> {
    let files = std::fs::read_dir(pack.join("tests")).unwrap().map(|entry| entry.unwrap().path());
    let suites = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let suites = suites.map(|path| std::fs::read_to_string(path).unwrap().parse::<toml::Table>().unwrap());
    let tests = suites.filter_map(|mut suite| suite.remove("test")).flat_map(|tests| tests.as_array().unwrap().clone());
    tests.map(|test| test.as_table().unwrap().clone()).collect()
}

#[test]
fn the_tests_of_every_pack_pass() {
    let machine = Machine::new();
    for pack in packs() {
        let folder = pack.join("tests");
        let output = machine.run(&["terms", "test", folder.to_str().unwrap()]);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let failed: Vec<_> = out.lines().skip_while(|line| line.ends_with("... ok")).collect();
        assert!(output.status.success(), "{}:\n{}\n{err}", name(&pack), failed.join("\n"));
    }
}

#[test]
fn every_pack_tests_both_ways_and_says_why_it_denies() {
    for pack in packs() {
        let (name, tests) = (name(&pack), tests(&pack));
        assert!(tests.len() >= TESTS_MIN, "{name} has {} tests, fewer than {TESTS_MIN}", tests.len());
        let denies = |test: &&toml::Table| test["expect"].as_str() == Some("denied");
        let denials: Vec<_> = tests.iter().filter(denies).collect();
        assert!(!denials.is_empty() && denials.len() < tests.len(), "{name} needs tests of permits and of denials");
        for test in denials {
            let says = test.get("says").and_then(toml::Value::as_array).is_some_and(|says| !says.is_empty());
            assert!(says, "{name}: the denial {} needs `says`", test["name"]);
        }
    }
}

#[test]
fn every_term_of_every_pack_is_in_its_readme_and_in_a_test() {
    for pack in packs() {
        let (name, tests) = (name(&pack), tests(&pack));
        let readme = std::fs::read_to_string(pack.join("README.md")).unwrap_or_else(|error| panic!("{name}/README.md: {error}"));
        for heading in HEADINGS {
            assert!(readme.lines().any(|line| line == heading), "{name}/README.md needs `{heading}`");
        }
        assert!(readme.contains(NOT_ADVICE), "{name}/README.md needs `{NOT_ADVICE}`");
        let terms = std::fs::read_to_string(pack.join("terms.cedar")).unwrap();
        let tested = toml::Value::Array(tests.into_iter().map(toml::Value::Table).collect()).to_string();
        for id in terms.lines().filter_map(|line| line.strip_prefix("@id(\"")?.strip_suffix("\")")) {
            assert!(readme.contains(&format!("`{id}`")), "{name}/README.md does not name `{id}`");
            assert!(tested.contains(&format!("\"{id}\"")), "{name}: no test has `{id}` among its reasons");
        }
    }
}

/// Every shipped pack is listed, and named in no other way than its folder.
#[test]
fn every_pack_is_listed() {
    let output = Machine::new().run(&["terms", "packs", "--output", "json"]);
    assert!(output.status.success());
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|pack| pack["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, packs().iter().map(|pack| name(pack)).collect::<Vec<_>>());
}
