//! Which crates are kept out, and where. The same bans stand in deny.toml for those who run cargo-deny; here they need no network.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::Finding;
use crate::project::{Node, Package, Project};

/// Nowhere, not even below a dependency: a second TLS stack, and one that needs a system library.
const NOWHERE: [&str; 3] = ["openssl", "openssl-sys", "native-tls"];

/// Not on the way of a call: twice the CPU of hyper's own client for the same request.
const NOT_SHIPPED: [(&str, &str); 2] = [("comity", "reqwest"), ("comity-enforce", "reqwest")];

/// Engine crates are pure: none of these, however deep.
const NOT_IN_ENGINE: [&str; 10] = ["tokio", "mio", "socket2", "hyper", "axum", "rusqlite", "tempfile", "async-std", "smol", "reqwest"];

/// Nor any of these as a direct dependency: time and chance come in as arguments.
const NOT_DIRECTLY_IN_ENGINE: [&str; 4] = ["getrandom", "rand", "fastrand", "uuid"];

/// Only these rooms name Cedar: it is a third of the compile time.
const CEDAR: [&str; 3] = ["engine/terms", "engine/decide", "prove"];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &project.metadata.packages {
        if NOWHERE.contains(&package.name.as_str()) {
            findings.push(Finding::error("Cargo.lock", format!("crate `{}` {} is banned everywhere", package.name, package.version)));
        }
        if package.source.as_ref().is_some_and(|source| source != CRATES_IO) {
            findings.push(Finding::error("Cargo.lock", format!("crate `{}` does not come from crates.io", package.name)));
        }
    }
    let graph = Graph::of(project);
    for member in project.members() {
        findings.extend(check_member(project, &graph, member));
    }
    findings
}

fn check_member(project: &Project, graph: &Graph<'_>, member: &Package) -> Vec<Finding> {
    let folder = member.folder(&project.root);
    let place = format!("{folder}/Cargo.toml");
    let below = graph.below(&member.id);
    let mut findings = Vec::new();
    let mut ban = |name: &str, why: &str| findings.push(Finding::error(&place, format!("brings crate `{name}`: {why}")));
    for (shipped, name) in NOT_SHIPPED {
        if member.name == shipped && below.contains(name) {
            ban(name, "not on the way of a call");
        }
    }
    let direct = || member.dependencies.iter().filter(|dependency| dependency.kind.is_none()).map(|dependency| dependency.name.as_str());
    if folder.starts_with("engine/") {
        NOT_IN_ENGINE.iter().filter(|name| below.contains(*name)).for_each(|name| ban(name, "engine crates are pure"));
        let given = "engine crates get time and chance as arguments";
        direct().filter(|name| NOT_DIRECTLY_IN_ENGINE.contains(name)).for_each(|name| ban(name, given));
    }
    if !CEDAR.contains(&folder.as_str()) {
        direct().filter(|name| name.starts_with("cedar-")).for_each(|name| ban(name, "only terms, decide and prove name Cedar"));
    }
    if folder != "cli" && folder != "xtask" {
        direct().filter(|name| *name == "anyhow").for_each(|name| ban(name, "only cli and xtask use it; write an error enum"));
    }
    findings
}

/// The lint settings reach every crate: `[lints] workspace = true`, and engine/clippy.toml, which hides the root's, repeats it.
pub(crate) fn lints(project: &Project) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for member in project.members() {
        let path = format!("{}/Cargo.toml", member.folder(&project.root));
        let manifest = parse(project, &path)?;
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if inherits != Some(true) {
            findings.push(Finding::error(path, "has no `[lints] workspace = true`"));
        }
    }
    let (root, engine) = (parse(project, "clippy.toml")?, parse(project, "engine/clippy.toml")?);
    for (key, value) in root {
        if engine.get(&key) != Some(&value) {
            findings
                .push(Finding::error("engine/clippy.toml", format!("does not repeat `{key} = {value}` of clippy.toml, which it hides")));
        }
    }
    Ok(findings)
}

fn parse(project: &Project, path: &str) -> anyhow::Result<toml::Table> {
    let text = project.text(path)?.unwrap_or_default();
    text.parse().with_context(|| format!("`{path}` is not TOML"))
}

/// The resolved dependencies without those for tests.
struct Graph<'a> {
    nodes: BTreeMap<&'a str, &'a Node>,
    names: BTreeMap<&'a str, &'a str>,
}

// === impl Graph ===

impl<'a> Graph<'a> {
    fn of(project: &'a Project) -> Graph<'a> {
        let nodes = project.metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let names = project.metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        Graph { nodes, names }
    }

    /// Names of all crates that a crate brings along, itself included.
    fn below(&self, id: &'a str) -> BTreeSet<&'a str> {
        let (mut seen, mut open) = (BTreeSet::from([id]), vec![id]);
        while let Some(node) = open.pop().and_then(|id| self.nodes.get(id)) {
            for edge in node.deps.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none())) {
                if seen.insert(&edge.pkg) {
                    open.push(&edge.pkg);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}
