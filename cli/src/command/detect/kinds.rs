//! `comity detect kinds`: what the detectors know, and whether the sentences of one's own files of kinds hold.

use comity_redact::{Detector, Example, ExampleOutcome, Examples, ExamplesError, KindInfo};
use serde_json::{Value, json};

use super::scan;
use super::using::{self, Lists};
use crate::exit::{Exit, Failure, Note};
use crate::output::{self, NOTE, Output, Table, styled};

const EXAMPLES: &str = "\
Examples:
  comity detect kinds                       all that are known, by country
  comity detect kinds --country BR
  comity detect kinds --country any --output json
  comity detect kinds --kinds ours.toml     yours too, and its sentences are tried

Exit code 4 if a kinds file cannot be used, or a sentence in it does not hold.";

/// Sentences that are shown one by one; a wrong check digit makes all of a kind fail.
const SHOWN_MAX: usize = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only the kinds of this country (ISO 3166-1: `BR`); `any` for those of no country
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    #[command(flatten)]
    lists: Lists,
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let files = args.lists.kinds_files()?;
    let kinds = using::kinds(&files)?;
    let wanted = |info: &&KindInfo| args.country.as_ref().is_none_or(|country| country.eq_ignore_ascii_case(country_of(info)));
    let mut infos: Vec<&KindInfo> = kinds.iter().map(|(_, info)| info).filter(wanted).collect();
    infos.sort_by_key(|info| (info.country.clone(), info.name.clone()));
    if let (Some(country), true) = (&args.country, infos.is_empty()) {
        let failure = Failure::new(Exit::Failed, format!("no kind belongs to `{country}`"));
        return Err(failure.hint("`comity detect kinds` lists all; `--kinds FILE` brings more").into());
    }
    match output {
        Output::Json => output::json(&infos.iter().map(|info| as_json(info)).collect::<Vec<_>>())?,
        Output::Human => human(&infos)?,
    }
    if files.is_empty() {
        return Ok(Exit::Ok);
    }
    try_sentences(&files, &Detector::with_kinds(kinds)?)
}

/// Tries the sentences of files: with each file alone, and where they hold, among all kinds.
fn try_sentences(files: &[(String, String)], detector: &Detector) -> anyhow::Result<Exit> {
    let mut wrong = Vec::new();
    for (name, text) in files {
        let tried = try_file((name, text), detector)?;
        if !tried.iter().any(fails) {
            output::say(&format!("\n`{name}`: {} of {} sentences hold", tried.len(), tried.len()));
        }
        wrong.extend(
            tried.iter().filter(|example| fails(example)).map(|example| format!("`{name}`: {}", output::harmless(&example.to_string()))),
        );
    }
    if wrong.is_empty() { Ok(Exit::Ok) } else { Err(failure(&wrong).into()) }
}

fn try_file((name, text): (&str, &str), detector: &Detector) -> anyhow::Result<Vec<Example>> {
    let invalid = |error: ExamplesError| Failure::new(Exit::Invalid, format!("`{name}`: {error}"));
    let examples = Examples::read(name, text).map_err(|error| Failure::new(Exit::Invalid, error.to_string()))?;
    for kind in examples.with_few() {
        let line = format!("kind `{kind}` of `{name}` has fewer than three sentences in `finds` or `passes`");
        output::say(&format!("{}: {line}", styled(NOTE, "note")));
    }
    let alone = examples.alone().map_err(invalid)?;
    if alone.iter().any(fails) { Ok(alone) } else { Ok(examples.among(detector).map_err(invalid)?) }
}

fn fails(example: &Example) -> bool {
    match example.outcome {
        ExampleOutcome::Fails | ExampleOutcome::WronglyMarked => true,
        ExampleOutcome::Holds | ExampleOutcome::OtherName => false,
    }
}

fn failure(wrong: &[String]) -> Failure {
    let mut notes: Vec<Note> = wrong.iter().take(SHOWN_MAX).map(|message| Note { message: message.clone(), hint: None }).collect();
    if let Some(more) = wrong.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        notes.push(Note { message: format!("{more} more sentences do not hold"), hint: None });
    }
    Failure::all(Exit::Invalid, notes).hint("change the pattern, or the sentence; packs/kinds/README.md says what makes a value a finding")
}

fn country_of(info: &KindInfo) -> &str {
    info.country.as_deref().unwrap_or("any")
}

fn as_json(info: &KindInfo) -> Value {
    json!({
        "kind": info.name, "label": info.label.as_str(), "title": info.title, "class": scan::class(info.class).0, "country": info.country,
    })
}

fn human(infos: &[&KindInfo]) -> anyhow::Result<()> {
    let mut table = Table::new(&["country", "kind", "label", "class", "what it is"]);
    for info in infos {
        let (class, style) = scan::class(info.class);
        table.row(vec![
            country_of(info).to_owned(),
            info.name.clone(),
            info.label.as_str().to_owned(),
            styled(style, class),
            info.title.clone(),
        ]);
    }
    output::data(&table.render(output::width()))?;
    output::say("\nThe label stands in pseudonyms: PII_PER_…");
    Ok(())
}
