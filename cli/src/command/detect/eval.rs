//! `comity detect eval`: how good a detector is on annotated texts.

use comity_redact::{Measure, Report, evaluate};

use super::dataset_files::Dataset;
use super::using::Using;
use crate::exit::{Exit, Failure};
use crate::output::{self, NOTE, Output, Table, styled};

const EXAMPLES: &str = "\
Examples:
  comity detect eval annotated/                        what the patterns leave in clear
  comity detect eval annotated/ --model names.crf --gazetteer person=staff.txt
  comity detect eval letters.iob2 --map SURNAME=person --by-label
  comity detect eval synth.json --output json

Exit code 4 if the annotations are not in order, or mark nothing.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    dataset: Dataset,
    /// Rows by label of the data set instead of by kind
    #[arg(long)]
    by_label: bool,
    #[command(flatten)]
    using: Using,
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let documents = args.dataset.read()?;
    if documents.iter().all(|document| document.spans.is_empty()) {
        let failure = Failure::new(Exit::Invalid, "the data set has no entities, so nothing can be measured");
        return Err(failure.hint("mark what is to be found; what is found in a text without marks, `comity detect FILE` shows").into());
    }
    let detector = args.using.detector()?;
    let labels = args.dataset.labels(detector.kinds())?;
    let report = evaluate(&detector, &labels, &documents)?;
    match output {
        Output::Human => human(&report, args.by_label)?,
        Output::Json => output::json(&report)?,
    }
    Ok(Exit::Ok)
}

fn human(report: &Report, by_label: bool) -> anyhow::Result<()> {
    let rows = if by_label { &report.labels } else { &report.kinds };
    let has_languages = rows.iter().any(|measure| !measure.language.is_empty());
    let first = if by_label { "label" } else { "kind" };
    let mut headings = vec![first, "entities", "leaked", "precision", "recall", "F1", "strict F1"];
    if has_languages {
        headings.insert(1, "language");
    }
    let mut table = Table::new(&headings);
    for measure in rows.iter().chain([&report.total]) {
        let mut cells = cells(measure, by_label);
        if has_languages {
            cells.insert(1, measure.language.clone());
        }
        table.row(cells);
    }
    output::data(&table.render(output::width()))?;
    let legend = "Leaked: any character other than space stays in clear. Precision and recall count a finding that touches an entity of its \
                  kind; strict F1 counts the exact place only.";
    output::say(&format!("\n{}", output::wrap(legend, "", "")));
    if !report.unknown_labels.is_empty() {
        let labels: Vec<String> = report.unknown_labels.iter().map(|(label, count)| format!("{label} ({count})")).collect();
        let line = format!("labels that mean no kind here: {}; `--map LABEL=kind` gives them one", labels.join(", "));
        output::say(&format!("{}: {}", styled(NOTE, "note"), output::wrap(&line, "", "  ")));
    }
    if !report.unmarked.is_empty() {
        let kinds: Vec<String> = report.unmarked.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        let line = format!("found, but no such thing is marked in these texts: {}", kinds.join(", "));
        output::say(&format!("{}: {}", styled(NOTE, "note"), output::wrap(&line, "", "  ")));
    }
    Ok(())
}

/// Findings are counted by kind, so a row for a label has no precision.
fn cells(measure: &Measure, by_label: bool) -> Vec<String> {
    let of_findings = |value: f64| if by_label && measure.name != "all" { String::new() } else { format!("{value:.3}") };
    vec![
        measure.name.clone(),
        measure.entities.to_string(),
        format!("{:.1} %", measure.leak_rate * 100.0),
        of_findings(measure.precision),
        format!("{:.3}", measure.recall),
        of_findings(measure.f1),
        of_findings(measure.strict_f1),
    ]
}
