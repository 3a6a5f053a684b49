//! `comity terms test`: terms are tested like code. Each test is a call, an offering and the decision that must come out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use comity_catalogue::{Catalogue, SourceFile};
use comity_decide::{Candidates, Engine, Explanation, Query, Verdict, unknown_names};
use comity_terms::{LayerSource, ParameterValue};
use comity_vocab::{Action, Call, Classification, Data, Instant, MeansSet, OfferingId, Places, TermId, Workload};
use serde::{Deserialize, Serialize};

use super::source;
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, GOOD, Output};

/// A test file is written by hand; a wrong path would name something larger.
const FILE_BYTES_MAX: u64 = 1 << 20;

const FORMAT: &str = "\
A test file:
  terms = [\"../terms.cedar\"]          # layers, outermost first; files beside the test file, or names of packs;
                                     # { layer = \"../terms.cedar\", parameters = { home = \"FR\" } } sets parameters
  catalogue = [\"offerings.toml\"]      # files of offerings, beside the shipped catalogue; may be left out

  [[test]]
  name = \"personal data is refused abroad\"
  call = { classification = \"public\", personal = true }
  offering = \"example/model@us\"
  expect = \"denied\"                   # or \"permitted\"
  reasons = [\"personal-needs-protection\"]    # forbids that matched; for a permit, the terms that permit
  says = [\"personal data leaves only …\"]     # texts that the refused caller sees
  would_help = [\"the means `pseudonymised`\"]";

#[derive(Debug, clap::Args)]
#[command(after_help = FORMAT)]
pub(crate) struct Args {
    /// Folders of test files (every `*.toml` that has a `[[test]]`), or single files
    #[arg(required = true, value_name = "FOLDER|FILE")]
    paths: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    terms: Vec<SuiteLayer>,
    #[serde(default)]
    catalogue: Vec<String>,
    #[serde(default)]
    test: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a layer is a name in quotes, or `{ layer = \"NAME\", parameters = { … } }`")]
enum SuiteLayer {
    Named(String),
    Set(SetLayer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetLayer {
    layer: String,
    parameters: BTreeMap<String, SuiteValue>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "a parameter is a text, a number or a list of texts")]
enum SuiteValue {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    call: CaseCall,
    #[serde(default)]
    performable: MeansSet,
    offering: OfferingId,
    expect: Expected,
    #[serde(default)]
    means: MeansSet,
    reasons: BTreeSet<TermId>,
    #[serde(default)]
    preferred_by: Option<BTreeSet<TermId>>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    would_help: Vec<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Permitted,
    Denied,
}

/// A call as it came in; what is left out is harmless, so that a test says only what it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseCall {
    action: Action,
    workload: String,
    unit: String,
    sector: String,
    clearance: Classification,
    critical: bool,
    classification: Classification,
    personal: bool,
    special_category: bool,
    secrets: bool,
    opaque: bool,
    remote: BTreeSet<String>,
    detector: u8,
    kinds: BTreeSet<String>,
    purpose: String,
}

#[derive(Serialize)]
struct Outcome {
    file: String,
    test: String,
    passed: bool,
    problems: Vec<String>,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let mut outcomes = Vec::new();
    for file in test_files(&args.paths)? {
        outcomes.extend(run_file(&file)?);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    match output {
        Output::Json => output::json(&outcomes)?,
        Output::Human => outcomes.iter().try_for_each(Outcome::print)?,
    }
    if outcomes.is_empty() {
        return Err(Failure::new(Exit::Failed, "no tests found").hint("write a `[[test]]`: see `comity terms test --help`").into());
    }
    output::say(&format!("{} passed, {failed} failed", outcomes.len() - failed));
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
}

fn test_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let mut found: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            found.retain(|file| file.extension().is_some_and(|extension| extension == "toml") && has_tests(file));
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Files of offerings lie in the same folder.
fn has_tests(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains("[[test]]"))
}

fn run_file(file: &Path) -> anyhow::Result<Vec<Outcome>> {
    let shown = file.display().to_string();
    let suite: Suite = toml::from_str(&read(file)?).map_err(|error| {
        Failure::new(Exit::Invalid, format!("{shown}: {}", error.to_string().trim_end()))
            .hint("see `comity terms test --help` for the format")
    })?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let terms = source::load(suite.terms.iter().map(|layer| layer.read(folder)).collect::<anyhow::Result<_>>()?)?;
    let mut files = catalogue_files::over_shipped(None)?;
    for name in &suite.catalogue {
        files.push(SourceFile { path: name.clone(), text: read(&folder.join(name))? });
    }
    let parsed = Catalogue::parse(files).map_err(|problems| catalogue::invalid(&problems))?;
    let now = clock::now();
    let unknown = unknown_names(&terms, &parsed.at(now));
    if !unknown.is_empty() {
        return Err(source::unknown_names(unknown).into());
    }
    let engine = Engine::new(Arc::new(terms), Arc::new(parsed));
    Ok(suite.test.iter().map(|case| case.run(&engine, &shown, now)).collect())
}

fn read(file: &Path) -> anyhow::Result<String> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("cannot read `{shown}`"))?.len();
    anyhow::ensure!(size <= FILE_BYTES_MAX, "`{shown}` is larger than {FILE_BYTES_MAX} bytes");
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))
}

// === impl SuiteLayer ===

impl SuiteLayer {
    /// A file beside the test file, else a pack.
    fn read(&self, folder: &Path) -> anyhow::Result<LayerSource> {
        let (name, given) = match self {
            Self::Named(name) => (name, BTreeMap::new()),
            Self::Set(set) => (&set.layer, set.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()),
        };
        let path = folder.join(name);
        let pack = source::pack(&if path.is_file() { path.display().to_string() } else { name.clone() })?;
        source::filled(&pack, &given)
    }
}

impl From<SuiteValue> for ParameterValue {
    fn from(value: SuiteValue) -> Self {
        match value {
            SuiteValue::Text(text) => Self::Text(text),
            SuiteValue::Number(number) => Self::Number(number),
            SuiteValue::List(list) => Self::List(list),
        }
    }
}

// === impl Case ===

impl Case {
    fn run(&self, engine: &Engine, file: &str, instant: Instant) -> Outcome {
        let problems = match self.call.facts() {
            Ok(call) => self.problems(engine, &call, instant),
            Err(message) => vec![message],
        };
        Outcome { file: file.to_owned(), test: self.name.clone(), passed: problems.is_empty(), problems }
    }

    fn problems(&self, engine: &Engine, call: &Call, instant: Instant) -> Vec<String> {
        let candidates = Candidates::new(vec![self.offering.clone()]);
        let query = Query { call, performable: self.performable, candidates: &candidates, instant };
        if !engine.world(instant).offerings.contains_key(&self.offering) {
            return vec![format!("the catalogue has no offering `{}`", self.offering)];
        }
        let admission = engine.admit(&query);
        match admission.verdicts().first().map(|(_, verdict)| verdict) {
            Some(Verdict::Permit { means, terms, preferred_by }) => self.compare_permit(*means, terms, preferred_by),
            Some(Verdict::Denial { refusals, .. }) => {
                let forbids = refusals.iter().flat_map(|refusal| refusal.forbids.iter().cloned()).collect();
                let explanation = engine.explain(&query, &self.offering);
                self.compare_denial(&forbids, &explanation)
            }
            None => vec!["nothing was decided".to_owned()],
        }
    }

    fn compare_permit(&self, means: MeansSet, terms: &[TermId], preferred_by: &[TermId]) -> Vec<String> {
        let mut problems = Vec::new();
        if self.expect == Expected::Denied {
            problems.push(format!("expected a denial, but it was permitted by {}", list(terms)));
            return problems;
        }
        if !self.says.is_empty() {
            problems.push("a permit says nothing: `says` is for denials".to_owned());
        }
        if means != self.means {
            problems.push(format!("expected means {}, but they are {means}", self.means));
        }
        problems.extend(differing("reasons", &self.reasons, &terms.iter().cloned().collect()));
        if let Some(expected) = &self.preferred_by {
            problems.extend(differing("preferred_by", expected, &preferred_by.iter().cloned().collect()));
        }
        problems
    }

    fn compare_denial(&self, forbids: &BTreeSet<TermId>, explanation: &Explanation) -> Vec<String> {
        let mut problems = Vec::new();
        if self.expect == Expected::Permitted {
            problems.push(format!("expected a permit, but it was denied by {}", list(forbids)));
            return problems;
        }
        problems.extend(differing("reasons", &self.reasons, forbids));
        let said: Vec<&str> = explanation.terms.iter().map(|term| term.reason.as_str()).collect();
        for expected in self.says.iter().filter(|text| !said.contains(&text.as_str())) {
            problems.push(format!("expected the refused caller to read \"{expected}\"; what is said: \"{}\"", said.join("\", \"")));
        }
        let ways: Vec<String> = explanation.would_help.iter().map(|way| super::why::way(way)).collect();
        for expected in self.would_help.iter().filter(|way| !ways.contains(way)) {
            problems.push(format!("expected `{expected}` to help; what would help: {}", list(&ways)));
        }
        problems
    }
}

fn differing(what: &str, expected: &BTreeSet<TermId>, found: &BTreeSet<TermId>) -> Option<String> {
    (expected != found).then(|| format!("expected {what} {}, found {}", list(expected), list(found)))
}

fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "default deny (nothing permitted it)".to_owned() } else { items.join(", ") }
}

// === impl CaseCall ===

impl Default for CaseCall {
    fn default() -> Self {
        Self {
            action: Action::Infer,
            workload: "test".to_owned(),
            unit: "test".to_owned(),
            sector: String::new(),
            clearance: Classification::Secret,
            critical: false,
            classification: Classification::Public,
            personal: false,
            special_category: false,
            secrets: false,
            opaque: false,
            remote: BTreeSet::new(),
            detector: 1,
            kinds: BTreeSet::new(),
            purpose: String::new(),
        }
    }
}

impl CaseCall {
    fn facts(&self) -> Result<Call, String> {
        let workload = Workload {
            id: self.workload.parse().map_err(|error| format!("{error}"))?,
            unit: self.unit.parse().map_err(|error| format!("{error}"))?,
            sector: self.sector.clone(),
            clearance: self.clearance,
            critical: self.critical,
        };
        let data = Data {
            classification: self.classification,
            personal: self.personal || self.opaque,
            special_category: self.special_category || self.opaque,
            secrets: self.secrets,
            opaque: self.opaque,
            remote: self.remote.clone(),
            detector: self.detector,
            kinds: self.kinds.clone(),
            subjects: Places::UNKNOWN,
        };
        Ok(Call { workload, action: self.action, data, purpose: self.purpose.clone() })
    }
}

// === impl Outcome ===

impl Outcome {
    fn print(&self) -> anyhow::Result<()> {
        let mark = if self.passed { output::styled(GOOD, "ok") } else { output::styled(BAD, "FAILED") };
        output::data(&format!("{}: {} ... {mark}", self.file, self.test))?;
        self.problems.iter().try_for_each(|problem| output::data(&output::wrap(problem, "    ", "    ")))
    }
}
