//! `comity detect train`: makes a model of names from annotated texts, and says what it leaves in clear.
//!
//! What it says of itself is measured on a tenth of the documents that a first model never saw; the model that is written has seen all.
//! Training takes long, so a place where nothing can be written is told of before it, and no file is lost that is not a model.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use comity_redact::{Detector, Document, Kinds, Labels, ModelError, Report, TrainOptions, Trained, Training, evaluate};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::dataset_files::Dataset;
use super::using::Lists;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table};

const EXAMPLES: &str = "\
Examples:
  comity detect train annotated/ --languages es --out names.crf
  comity detect train letters.iob2 --map SURNAME=person --languages en,fr --out names.crf
  comity detect train annotated/ --gazetteer person=staff.txt --certainty 0.99 --out names.crf
  comity detect eval annotated-too/ --model names.crf    then measure it on others";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    dataset: Dataset,
    /// Where the model is written; a model that is there is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file also if it is not a model
    #[arg(long)]
    force: bool,
    /// How certain the model must be to leave a word in clear, from 0 to 1: higher finds more, and more in vain
    #[arg(long, value_name = "SHARE", default_value_t = TrainOptions::default().certainty, value_parser = share)]
    certainty: f32,
    /// How often the documents are gone through
    #[arg(long, value_name = "TIMES", default_value_t = TrainOptions::default().epochs, value_parser = clap::value_parser!(u16).range(1..=200))]
    epochs: u16,
    #[command(flatten)]
    lists: Lists,
}

/// Of so many documents, one is held out.
const HELD_OUT: usize = 10;
/// With fewer documents, a tenth says nothing.
const DOCUMENTS_MIN: usize = 20;

/// What training needs, but the documents.
struct School<'a> {
    detector: &'a Detector,
    labels: &'a Labels,
    options: TrainOptions,
}

/// So much of a file tells whether it is a model.
const HEAD_BYTES: u64 = 64;

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    check_place(args)?;
    let documents = args.dataset.read()?;
    let detector = args.lists.detector()?;
    let labels = args.dataset.labels(detector.kinds())?;
    for label in labels.unknown(&documents) {
        output::say(&format!("note: label `{label}` means no kind here and is not learned; `--map {label}=kind` gives it one"));
    }
    let languages = args.dataset.languages.clone();
    let options = TrainOptions { certainty: args.certainty, epochs: args.epochs, languages };
    let school = School { detector: &detector, labels: &labels, options };
    let started = Instant::now();
    let report = school.try_out(&documents)?;
    let model = school.train(&documents, "training")?;
    write(&args.out, &model)?;
    let summary = json!({
        "model": args.out, "bytes": model.len(), "documents": documents.len(), "seconds": started.elapsed().as_secs(),
        "entities": entities(&documents, &school), "held_out": report,
    });
    match output {
        Output::Json => output::json(&summary)?,
        Output::Human => human(args, &summary, report.as_ref())?,
    }
    Ok(Exit::Ok)
}

// === impl School ===

impl School<'_> {
    /// Measures a model that has not seen every tenth document on those; nothing where there are too few.
    fn try_out(&self, documents: &[Document]) -> anyhow::Result<Option<Report>> {
        if documents.len() < DOCUMENTS_MIN {
            return Ok(None);
        }
        let part = |held_out: bool| {
            let chosen = documents.iter().enumerate().filter(move |(index, _)| (index % HELD_OUT == HELD_OUT - 1) == held_out);
            chosen.map(|(_, document)| document.clone()).collect::<Vec<_>>()
        };
        let model = self.train(&part(false), "trying out")?;
        let model = Trained::load(&model, self.detector.kinds())?;
        let detector = self.detector.clone().with_names(Arc::new(model));
        Ok(Some(evaluate(&detector, self.labels, &part(true))?))
    }

    fn train(&self, documents: &[Document], what: &'static str) -> anyhow::Result<Vec<u8>> {
        let bar = ProgressBar::new(0).with_message(what);
        bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {percent} %  {eta}")?);
        let training = Training { documents, labels: self.labels, detector: self.detector, options: self.options.clone() };
        let model = training.run(&mut |progress| {
            bar.set_length(u64::try_from(progress.all).unwrap_or_default());
            bar.set_position(u64::try_from(progress.done).unwrap_or_default());
        });
        bar.finish_and_clear();
        model.map_err(|error| Failure::new(Exit::Failed, error.to_string()).into())
    }
}

/// Entities by kind.
fn entities(documents: &[Document], school: &School<'_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for span in documents.iter().flat_map(|document| &document.spans) {
        let info = school.labels.kind(&span.label).and_then(|kind| school.detector.kinds().get(kind));
        if let Some(info) = info {
            *counts.entry(info.name.clone()).or_default() += 1;
        }
    }
    counts
}

/// Whether the model can be written where it shall be. Nothing is left there.
fn check_place(args: &Args) -> anyhow::Result<()> {
    let path = &args.out;
    let shown = path.display();
    if let Ok(there) = std::fs::metadata(path) {
        if !there.is_file() {
            let hint = "name a file: `--out names.crf`";
            return Err(Failure::new(Exit::Failed, format!("cannot write `{shown}`: it is no file")).hint(hint).into());
        }
        if !args.force && !is_model_or_empty(path).with_context(|| format!("cannot read `{shown}`"))? {
            let hint = "name another file, or replace this one with `--force`";
            return Err(Failure::new(Exit::Failed, format!("`{shown}` is there already and is not a model")).hint(hint).into());
        }
    }
    let folder = folder(path);
    if !folder.is_dir() {
        let failure = Failure::new(Exit::Failed, format!("cannot write `{shown}`: there is no folder `{}`", folder.display()));
        return Err(failure.hint(format!("mkdir -p {}", folder.display())).into());
    }
    // The error would name the trial's own file.
    let tried = tempfile::NamedTempFile::new_in(folder);
    Ok(tried.map(drop).map_err(|error| Failure::new(Exit::Failed, format!("cannot write `{shown}`: {}", error.kind())))?)
}

fn is_model_or_empty(path: &Path) -> std::io::Result<bool> {
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head.is_empty() || !matches!(Trained::load(&head, &Kinds::built_in()), Err(ModelError::NotAModel)))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The file appears whole or not at all, and only its owner may read it: it knows words of the texts.
fn write(path: &Path, model: &[u8]) -> anyhow::Result<()> {
    let written = || -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
        file.write_all(model)?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write `{}`", path.display()))
}

fn human(args: &Args, summary: &serde_json::Value, report: Option<&Report>) -> anyhow::Result<()> {
    let mut table = Table::new(&["kind", "entities", "leaked in a held-out tenth"]);
    let leaked = |kind: &str| {
        let measure = report?.kinds.iter().find(|measure| measure.name == kind)?;
        Some(format!("{} of {}", measure.leaked, measure.entities))
    };
    for (kind, count) in summary["entities"].as_object().into_iter().flatten() {
        table.row(vec![kind.clone(), count.to_string(), leaked(kind).unwrap_or_else(|| "none there".to_owned())]);
    }
    output::data(&table.render(output::width()))?;
    let measured = report.map_or_else(
        || format!("with fewer than {DOCUMENTS_MIN} documents, nothing is held out and nothing measured"),
        |report| format!("in a held-out tenth, {:.1} % of all entities leak", report.total.leak_rate * 100.0),
    );
    output::data(&format!("\n{measured}"))?;
    let (documents, bytes, seconds) = (&summary["documents"], &summary["bytes"], &summary["seconds"]);
    output::data(&format!("`{}`: {documents} documents, {bytes} bytes, {seconds} s", args.out.display()))?;
    output::say(&format!("\nuse it: comity detect --model {} letter.txt", args.out.display()));
    output::say("keep it like the texts: who guesses a word can see whether the model knows it");
    Ok(())
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("not between 0 and 1".to_owned()) }
}
