//! Runs Comity's side: the example `scan` of `engine/redact`, which reads the data sets, for both sides, or gets texts and says what stands
//! where and what CPU time that took. It is another program, because nothing here may import the detectors.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dataset::{Document, Set, Text};
use super::labels::{Format, SetSpec};
use super::score::Finding;
use crate::project::{Project, cargo};
use crate::shell;

/// What is given to the detectors beside texts.
#[derive(Default, Serialize)]
pub(super) struct Tiers {
    /// A list of names makes the tier `gazetteer`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) names: Vec<Names>,
    /// A model makes the tier `trained`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<Model>,
}

#[derive(Clone, Serialize)]
pub(super) struct Names {
    pub(super) kind: String,
    pub(super) names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Model {
    /// From a file.
    File(PathBuf),
    /// Trained at once on a folder of texts with marks in brat's format, in a language.
    Train(PathBuf, String),
}

pub(super) struct Scanner {
    program: PathBuf,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Request<'a> {
    Read(Vec<Source>),
    Scan(Work<'a>),
}

#[derive(Serialize)]
struct Source {
    path: PathBuf,
    format: Format,
}

#[derive(Serialize)]
struct Work<'a> {
    seconds: f64,
    sets: Vec<WorkSet<'a>>,
    #[serde(flatten)]
    tiers: &'a Tiers,
}

#[derive(Serialize)]
struct WorkSet<'a> {
    name: &'a str,
    texts: Vec<&'a str>,
}

/// What the example says.
#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) kinds: Vec<String>,
    /// Tiers that this build has.
    pub(super) tiers: Vec<String>,
    /// What training the model cost.
    pub(super) train_seconds: Option<f64>,
    pub(super) runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Run {
    set: String,
    pub(super) cpu_seconds: f64,
    findings: Vec<Vec<(String, usize, usize)>>,
}

// === impl Scanner ===

impl Scanner {
    pub(super) fn build(project: &Project) -> anyhow::Result<Scanner> {
        eprintln!("building the detectors with the release profile");
        let mut build = Command::new(cargo());
        build.current_dir(&project.root).args(["build", "--release", "--quiet", "--package", "comity-redact", "--example", "scan"]);
        shell::run(&mut build)?;
        let program = Path::new("examples").join(format!("scan{}", std::env::consts::EXE_SUFFIX));
        Ok(Scanner { program: project.target.join("release").join(program) })
    }

    /// Reads data sets below a folder, through the readers of the detectors: the only ones that there are.
    pub(super) fn read(&self, folder: &Path, specs: &[SetSpec]) -> anyhow::Result<Vec<Set>> {
        let sources = specs.iter().map(|spec| Source { path: folder.join(&spec.path), format: spec.format }).collect();
        let sets: Vec<Vec<Document>> = self.ask(&Request::Read(sources))?;
        ensure!(sets.len() == specs.len(), "a data set was not read");
        specs.iter().zip(sets).map(|(spec, documents)| Set::new(spec, documents)).collect()
    }

    /// Scans all sets, each for about that much CPU time.
    pub(super) fn scan(&self, sets: &[&Set], tiers: &Tiers, seconds: f64) -> anyhow::Result<Report> {
        let sets = sets.iter().map(|set| WorkSet { name: &set.name, texts: set.plain_texts() }).collect();
        self.ask(&Request::Scan(Work { seconds, sets, tiers }))
    }

    fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> anyhow::Result<T> {
        let request = serde_json::to_vec(request).context("the texts are no JSON")?;
        let mut child = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.program.display()))?;
        // It reads all before it writes, so this cannot block.
        child.stdin.take().context("no standard input")?.write_all(&request).context("the detectors do not read")?;
        let output = child.wait_with_output().context("cannot wait for the detectors")?;
        if !output.status.success() {
            bail!("the detectors ended with {}", output.status);
        }
        serde_json::from_slice(&output.stdout).context("the detectors' answer is not as expected")
    }
}

// === impl Report ===

impl Report {
    pub(super) fn run(&self, set: &str) -> anyhow::Result<&Run> {
        self.runs.iter().find(|run| run.set == set).with_context(|| format!("nothing was reported of `{set}`"))
    }

    pub(super) fn has(&self, tier: &str) -> bool {
        self.tiers.iter().any(|known| known == tier)
    }
}

// === impl Run ===

impl Run {
    /// With offsets in characters.
    pub(super) fn findings(&self, set: &Set) -> Vec<Vec<Finding>> {
        let of_text = |(text, found): (&Text, &Vec<(String, usize, usize)>)| {
            let finding = |(name, start, end): &(String, usize, usize)| Finding {
                name: name.clone(),
                start: text.in_characters(*start),
                end: text.in_characters(*end),
            };
            found.iter().map(finding).collect()
        };
        set.texts.iter().zip(&self.findings).map(of_text).collect()
    }
}
