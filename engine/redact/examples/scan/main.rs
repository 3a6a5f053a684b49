//! Comity's side of `cargo xtask bench detectors`: a request as JSON on standard input, the answer as JSON on standard output. It reads data
//! sets for both sides, or scans texts and says findings and CPU time. It judges nothing: one scorer, elsewhere, judges both sides. A tool
//! of this repository: what it prints are the texts that it was told to read, and where personal data stands in them.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    reason = "a measuring program reads, prints and looks at the clock"
)]

mod read;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use comity_redact::{Detector, Finding, Gazetteer, Labels, TrainOptions, Trained, Training};
use serde::{Deserialize, Serialize};

type Error = Box<dyn std::error::Error>;

/// The tiers that [`Work::detector`] can build.
const TIERS: [&str; 3] = ["patterns", "gazetteer", "trained"];

/// What is asked.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    /// Data sets, whose documents are to be said.
    Read(Vec<read::Source>),
    Scan(Work),
}

/// What to scan, and with what beside patterns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    sets: Vec<Set>,
    /// CPU time that each set is to be scanned for, over and over.
    seconds: f64,
    #[serde(default)]
    names: Vec<List>,
    model: Option<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    name: String,
    texts: Vec<String>,
}

/// Names of one kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    kind: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Model {
    File(PathBuf),
    /// A folder in brat's format, and its language.
    Train(PathBuf, String),
}

#[derive(Serialize)]
struct Report {
    /// All kinds that the detector knows, so that a misspelt name is seen.
    kinds: Vec<String>,
    tiers: [&'static str; TIERS.len()],
    train_seconds: Option<f64>,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    set: String,
    rounds: usize,
    /// Of one round: the median of all.
    cpu_seconds: f64,
    /// A list for each text: kind, first byte, byte after the last.
    findings: Vec<Vec<(String, usize, usize)>>,
}

fn main() -> ExitCode {
    match answer() {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<String, Error> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    Ok(match serde_json::from_str(&input)? {
        Request::Read(sources) => {
            let sets = sources.iter().map(read::Source::annotated).collect::<Result<Vec<_>, _>>()?;
            serde_json::to_string(&sets)?
        }
        Request::Scan(work) => serde_json::to_string(&work.done()?)?,
    })
}

// === impl Work ===

impl Work {
    fn done(&self) -> Result<Report, Error> {
        let begin = cpu_time();
        let detector = self.detector()?;
        let trained = matches!(self.model, Some(Model::Train(..)));
        let train_seconds = trained.then(|| cpu_time().saturating_sub(begin).as_secs_f64());
        let kinds = detector.kinds().iter().map(|(_, info)| info.name.clone()).collect();
        let runs = self.sets.iter().map(|set| run(&detector, set, self.seconds)).collect::<Result<_, _>>()?;
        Ok(Report { kinds, tiers: TIERS, train_seconds, runs })
    }

    fn detector(&self) -> Result<Detector, Error> {
        let mut detector = Detector::new()?;
        let mut lines = Vec::new();
        for list in &self.names {
            let kind = detector.kinds().find(&list.kind).ok_or_else(|| format!("no kind `{}`", list.kind))?;
            lines.extend(list.names.iter().map(|name| (kind, name.as_str())));
        }
        if !lines.is_empty() {
            detector = detector.with_names(Arc::new(Gazetteer::build(lines)?));
        }
        let bytes = match &self.model {
            None => return Ok(detector),
            Some(Model::File(file)) => std::fs::read(file)?,
            Some(Model::Train(folder, language)) => train(&detector, folder, language)?,
        };
        let trained = Trained::load(&bytes, detector.kinds())?;
        Ok(detector.with_names(Arc::new(trained)))
    }
}

fn train(detector: &Detector, folder: &Path, language: &str) -> Result<Vec<u8>, Error> {
    let labels = Labels::known(detector.kinds())?;
    let options = TrainOptions { languages: vec![language.to_owned()], ..TrainOptions::default() };
    Ok(Training { documents: &read::folder(folder)?, labels: &labels, detector, options }.run(&mut |_| {})?)
}

/// The round that warms the caches gives the findings and is not timed.
fn run(detector: &Detector, set: &Set, seconds: f64) -> Result<Run, comity_redact::ScanError> {
    let findings = set.texts.iter().map(|text| named(detector, text)).collect::<Result<_, _>>()?;
    let mut times = Vec::new();
    let mut sum = Duration::ZERO;
    while sum.as_secs_f64() < seconds {
        let begin = cpu_time();
        for text in &set.texts {
            std::hint::black_box(detector.scan(std::hint::black_box(text))?);
        }
        let time = cpu_time().saturating_sub(begin);
        times.push(time);
        // A clock that stands still must not make this endless.
        sum = sum.saturating_add(time.max(Duration::from_micros(1)));
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Run { set: set.name.clone(), rounds: times.len(), cpu_seconds: median.as_secs_f64(), findings })
}

fn named(detector: &Detector, text: &str) -> Result<Vec<(String, usize, usize)>, comity_redact::ScanError> {
    let name = |finding: &Finding| detector.kinds().get(finding.kind).map(|info| info.name.clone()).unwrap_or_default();
    Ok(detector.scan(text)?.iter().map(|finding| (name(finding), finding.start, finding.end)).collect())
}

/// Of this process.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}

/// Where there is no such clock, time that passes, since some moment in the past.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
