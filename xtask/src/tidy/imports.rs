//! Who may import whom. The table is the one in ARCHITECTURE.md; a border that moves, moves in both.

use std::collections::BTreeMap;

use super::Finding;
use crate::project::{Package, Project};

/// A room and the rooms that may import it. `vocab` may be imported by all, `cli`, `bench` and `xtask` by none (`bench` by tests only).
const IMPORTERS: [(&str, &[&str]); 16] = [
    ("terms", &["decide", "package", "prove", "replay", "study", "enforce", "cli"]),
    ("catalogue", &["decide", "package", "prove", "replay", "study", "enforce", "cli"]),
    ("decide", &["upstream", "prove", "replay", "study", "enforce", "cli"]),
    ("dialect", &["upstream", "enforce"]),
    ("redact", &["gliner", "enforce", "cli"]),
    ("gliner", &["enforce", "cli"]),
    ("attest", &["enforce", "cli"]),
    ("ledger", &["store", "package", "enforce", "replay", "cli", "bench"]),
    ("package", &["cli"]),
    ("store", &["upstream", "enforce", "replay", "cli", "bench"]),
    ("upstream", &["enforce", "cli"]),
    ("prove", &["study", "cli"]),
    ("replay", &["cli"]),
    ("study", &["cli"]),
    ("enforce", &["cli"]),
    ("cli", &[]),
];

/// Where an import is for one type only: importer's folder, the imported crate, the type.
const ONE_TYPE: [(&str, &str, &str); 2] = [("edge/upstream", "comity_decide", "Permit"), ("edge/upstream", "comity_store", "Receipt")];

pub(crate) fn check(project: &Project, files: &[String]) -> anyhow::Result<Vec<Finding>> {
    let rooms: BTreeMap<&str, String> = project.members().map(|package| (package.name.as_str(), room(package, project))).collect();
    let mut findings = Vec::new();
    for package in project.members() {
        let importer = room(package, project);
        for dependency in &package.dependencies {
            let Some(imported) = rooms.get(dependency.name.as_str()) else { continue };
            if !allowed(imported, &importer, dependency.kind.as_deref()) {
                let place = format!("{}/Cargo.toml", package.folder(&project.root));
                findings.push(Finding::error(
                    place,
                    format!("room `{importer}` may not import `{imported}` (see the table in ARCHITECTURE.md)"),
                ));
            }
        }
    }
    findings.extend(one_type(project, files)?);
    Ok(findings)
}

/// The last part of the crate's folder: `engine/vocab` is the room `vocab`.
fn room(package: &Package, project: &Project) -> String {
    let folder = package.folder(&project.root);
    folder.rsplit('/').next().unwrap_or_default().to_owned()
}

fn allowed(imported: &str, importer: &str, kind: Option<&str>) -> bool {
    if imported == importer || imported == "vocab" {
        return true;
    }
    if imported == "bench" {
        return kind == Some("dev");
    }
    IMPORTERS.iter().any(|(room, importers)| *room == imported && importers.contains(&importer))
}

fn one_type(project: &Project, files: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (folder, krate, only) in ONE_TYPE {
        for path in files.iter().filter(|path| path.starts_with(&format!("{folder}/src/")) && path.ends_with(".rs")) {
            let text = project.text(path)?.unwrap_or_default();
            let others = named(&text, krate).into_iter().filter(|name| name != only);
            findings
                .extend(others.map(|name| Finding::error(path, format!("takes `{krate}::{name}`; only `{only}` may be imported here"))));
        }
    }
    Ok(findings)
}

/// Every name that a text takes from a crate: `a::B`, `a::{B, C}`, `use a as b` (named `*`, for it may take anything).
fn named(text: &str, krate: &str) -> Vec<String> {
    let mut names = Vec::new();
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices(krate) {
        let rest = code.get(at.saturating_add(krate.len())..).unwrap_or_default();
        if let Some(list) = rest.strip_prefix("::{") {
            let list = list.split('}').next().unwrap_or_default();
            names.extend(list.split(',').map(|name| identifier(name.trim())).filter(|name| !name.is_empty()));
        } else if let Some(path) = rest.strip_prefix("::") {
            names.push(identifier(path));
        } else if rest.starts_with(';') || rest.starts_with(" as ") {
            names.push("*".to_owned());
        }
    }
    names
}

fn identifier(text: &str) -> String {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() && text.starts_with('*') { "*".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_in_the_right_direction() {
        assert!(allowed("vocab", "store", None) && allowed("decide", "upstream", None) && allowed("store", "upstream", None));
        assert!(!allowed("upstream", "decide", None) && !allowed("enforce", "replay", None) && !allowed("cli", "enforce", None));
        assert!(!allowed("redact", "decide", None) && !allowed("terms", "upstream", None));
        assert!(allowed("bench", "enforce", Some("dev")) && !allowed("bench", "enforce", None));
        assert!(!allowed("xtask", "cli", None));
    }

    #[test]
    fn names_taken_from_a_crate_are_found() {
        let text = "use a::B; // a::Comment\nuse a::{C, D as E};\nfn f(x: a::f::G) {}\nuse a;\nuse a::*;";
        assert_eq!(named(text, "a"), ["B", "C", "D", "f", "*", "*"]);
    }
}
