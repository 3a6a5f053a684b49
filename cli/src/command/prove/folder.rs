//! The folder of a proof: the report, and each question in Cedar's and the solver's language, so that somebody else can ask again.
//!
//! INVARIANT: it is written beside and renamed, so that no half of a proof ever stands where a proof belongs; nothing but an older proof is
//! ever replaced.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_prove::{Question, Report};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::data_folder;
use crate::exit::{Exit, Failure};
use crate::invocation::shell_quoted;
use crate::output;

/// Below the data folder.
const FOLDER: &str = "proofs";
const REPORT: &str = "proof.json";
/// Digits of the digest in the name of a folder.
const DIGITS: usize = 12;

/// A proof as it is written.
pub(super) struct Proof<'r> {
    report: &'r Report,
    json: String,
}

/// A proof that is kept.
pub(super) struct Kept {
    /// The property, as folders are called.
    pub(super) name: String,
    /// Of the bytes of `proof.json`.
    pub(super) sha256: String,
}

/// Writes each proof and says where. Where nobody named a folder, one that cannot be written is only said.
pub(super) fn keep(reports: &[Report], named: Option<&Path>) -> anyhow::Result<Vec<Kept>> {
    let proofs: Vec<Proof<'_>> = reports.iter().map(Proof::of).collect::<anyhow::Result<_>>()?;
    let Some(named) = named else {
        if let Err(error) = keep_by_default(&proofs) {
            output::say(&format!("note: the proof is not kept: {error:#}"));
            return Ok(Vec::new());
        }
        return Ok(kept(&proofs));
    };
    match proofs.as_slice() {
        [proof] => proof.write(named)?,
        proofs => proofs.iter().try_for_each(|proof| proof.write(&named.join(proof.plain_name())))?,
    }
    say(named);
    Ok(kept(&proofs))
}

fn kept(proofs: &[Proof<'_>]) -> Vec<Kept> {
    proofs.iter().map(|proof| Kept { name: proof.plain_name(), sha256: proof.digest() }).collect()
}

fn keep_by_default(proofs: &[Proof<'_>]) -> anyhow::Result<()> {
    let folder = data_folder::make()?.join(FOLDER);
    for proof in proofs {
        let digits: String = proof.digest().chars().take(DIGITS).collect();
        let own = folder.join(format!("{}-{digits}", proof.plain_name()));
        proof.write(&own)?;
        if proofs.len() == 1 {
            say(&own);
        }
    }
    if proofs.len() > 1 {
        say(&folder);
    }
    Ok(())
}

fn say(folder: &Path) {
    output::say(&format!("proof: {}", shell_quoted(folder)));
}

// === impl Proof ===

impl<'r> Proof<'r> {
    fn of(report: &'r Report) -> anyhow::Result<Self> {
        let mut value = serde_json::to_value(report)?;
        let questions: Vec<Value> = report.questions.iter().enumerate().map(question).collect();
        let table = value.as_object_mut().context("a report is a table")?;
        table.insert("questions".to_owned(), questions.into());
        table.insert("verdict".to_owned(), serde_json::to_value(report.verdict())?);
        table.insert("program".to_owned(), format!("comity {}", env!("CARGO_PKG_VERSION")).into());
        table.insert("how".to_owned(), how(report).into());
        Ok(Self { report, json: serde_json::to_string_pretty(&value)? + "\n" })
    }

    /// Of the bytes of `proof.json`.
    pub(super) fn digest(&self) -> String {
        hex::encode(sha2::Sha256::digest(self.json.as_bytes()))
    }

    fn plain_name(&self) -> String {
        self.report.property.replace(" --action ", "-")
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let folder = std::path::absolute(folder).context("cannot read the current folder")?;
        let around = folder.parent().context("a proof needs a folder of its own")?;
        let unwritable = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("cannot write the proof to `{}`: {error}", folder.display()))
                .hint("name a folder that can be written with `--proof`")
        };
        refuse_others(&folder)?;
        std::fs::create_dir_all(around).map_err(unwritable)?;
        let beside = tempfile::Builder::new().prefix(".proof-").tempdir_in(around).map_err(unwritable)?;
        self.fill(beside.path()).map_err(unwritable)?;
        readable(beside.path()).map_err(unwritable)?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(unwritable)?;
        }
        std::fs::rename(beside.path(), &folder).map_err(unwritable)?;
        // It is no longer there under its old name.
        let _gone: PathBuf = beside.keep();
        Ok(())
    }

    fn fill(&self, folder: &Path) -> std::io::Result<()> {
        for (at, question) in self.report.questions.iter().enumerate() {
            std::fs::write(folder.join(file(at, "cedar")), &question.cedar)?;
            std::fs::write(folder.join(file(at, "smt2")), &question.smt)?;
        }
        std::fs::write(folder.join(REPORT), &self.json)
    }
}

/// A folder of somebody else's is left as it is: only one that holds nothing but the files of a proof is replaced.
fn refuse_others(folder: &Path) -> anyhow::Result<()> {
    let ours = match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).all(|entry| is_of_a_proof(&entry.file_name().to_string_lossy())),
        Err(_) => !folder.exists(),
    };
    if ours {
        return Ok(());
    }
    let failure = Failure::new(Exit::Failed, format!("`{}` is there already and holds more than a proof", folder.display()));
    Err(failure.hint("name a folder that is not there yet").into())
}

/// `proof.json`, `01.cedar`, `01.smt2`
fn is_of_a_proof(name: &str) -> bool {
    let numbered =
        |ending: &str| name.strip_suffix(ending).is_some_and(|stem| stem.len() >= 2 && stem.bytes().all(|byte| byte.is_ascii_digit()));
    name == REPORT || numbered(".cedar") || numbered(".smt2")
}

/// As folders usually are: one made for a moment is for its owner alone.
fn readable(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// `01.smt2`
fn file(at: usize, ending: &str) -> String {
    format!("{:02}.{ending}", at.saturating_add(1))
}

fn question((at, question): (usize, &Question)) -> Value {
    json!({
        "name": question.name,
        "cedar": file(at, "cedar"),
        "cedar_sha256": question.cedar_sha256,
        "smt": file(at, "smt2"),
        "smt_sha256": question.smt_sha256,
        "search": question.search,
        "solver": question.solver,
        "expected": expected(question),
    })
}

/// What a solver answers to the script.
fn expected(question: &Question) -> &'static str {
    match (question.search.as_str(), question.solver.as_str()) {
        ("impossible", "impossible" | "not asked") => "unsat",
        ("possible", _) => "sat",
        ("impossible", _) => "unknown",
        (_, "impossible") => "unsat",
        (_, "possible") => "sat",
        (_, _) => "unknown",
    }
}

fn how(report: &Report) -> Vec<String> {
    let mut how = vec![
        "each question: `sha256sum 01.smt2` must give its `smt_sha256`, and `cvc5 01.smt2` must print its `expected`: `unsat` where there is no such case, `sat` where there is one"
            .to_owned(),
        "`NN.cedar` says the same as one condition in Cedar, over two calls (`context.one`, `context.two`) and two offerings (`context.a`, `context.b`)"
            .to_owned(),
    ];
    if report.in_catalogue.is_some() {
        how.push(
            "what is said of the catalogue comes from a search of all its offerings: run the same command with a catalogue of this digest"
                .to_owned(),
        );
    }
    how
}
