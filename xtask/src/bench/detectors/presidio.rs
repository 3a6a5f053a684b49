//! Runs Presidio's side: `bench/detectors/presidio.py` in a Python environment of its own below the target folder, with pinned packages.
//! It installs nothing elsewhere, and the program that it runs does not reach the network.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::dataset::Set;
use super::score::Finding;
use crate::project::Project;
use crate::{python, shell};

const PROGRAM: &str = "bench/detectors/presidio.py";
const PINS: &str = "bench/detectors/requirements.txt";

/// How Presidio is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Variant {
    /// As it is installed.
    Defaults,
    /// All recognisers of all countries, and organisations.
    Everything,
    /// All recognisers and no language model.
    Patterns,
}

/// What the program says.
#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) versions: BTreeMap<String, String>,
    pub(super) python: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Run {
    set: String,
    variant: Variant,
    pub(super) recognisers: usize,
    pub(super) cpu_seconds: f64,
    findings: Vec<Vec<(String, usize, usize)>>,
}

/// Reads all sets, each in all its variants; what it says is also left in a file.
pub(super) fn scan(project: &Project, threshold: f64, sets: &[(&Set, &[Variant])]) -> anyhow::Result<Report> {
    let python = python::environment(project, "bench-detectors-venv", PINS)?;
    let folder = project.target.join("bench-detectors");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let part = |(set, variants): &(&Set, &[Variant])| json!({ "name": set.name, "language": set.language, "variants": variants, "texts": set.plain_texts() });
    let sets: Vec<_> = sets.iter().map(part).collect();
    let texts = folder.join("texts.json");
    std::fs::write(&texts, json!({ "threshold": threshold, "sets": sets }).to_string()).context("cannot write the texts")?;
    let mut presidio = Command::new(python);
    presidio.current_dir(&folder).arg(project.root.join(PROGRAM)).arg(&texts).env("PYTHONDONTWRITEBYTECODE", "1");
    let json = shell::output(&mut presidio)?;
    std::fs::write(folder.join("presidio.json"), &json).context("cannot write what Presidio found")?;
    serde_json::from_str(&json).context("Presidio's report is not as expected")
}

/// What an earlier run left.
pub(super) fn read(file: &Path) -> anyhow::Result<Report> {
    let json = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_str(&json).with_context(|| format!("`{}` is not what Presidio's side writes", file.display()))
}

// === impl Report ===

impl Report {
    pub(super) fn run(&self, set: &Set, variant: Variant) -> anyhow::Result<&Run> {
        let run = self.runs.iter().find(|run| run.set == set.name && run.variant == variant);
        let run = run.with_context(|| format!("Presidio's side says nothing of `{}` ({variant:?})", set.name))?;
        ensure!(run.findings.len() == set.texts.len(), "Presidio's side read other texts than those of `{}`", set.name);
        Ok(run)
    }
}

// === impl Run ===

impl Run {
    pub(super) fn findings(&self) -> Vec<Vec<Finding>> {
        let finding = |(name, start, end): &(String, usize, usize)| Finding { name: name.clone(), start: *start, end: *end };
        self.findings.iter().map(|found| found.iter().map(finding).collect()).collect()
    }
}
