//! The page: the template's words with the run's tables in them. Each `{{name}}` of the template is filled once; one that nobody fills, or a
//! table that stands nowhere, is an error.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::labels::Group;
use super::measured::{ComitySide, Measured, MeasuredSet, Side, Trained};
use super::score::{Tally, real, share};
use crate::shell;

/// What the detectors are held to.
struct Goal {
    what: String,
    /// Nothing: not measured in this run.
    measured: Option<String>,
    met: bool,
}

const MB_PER_SECOND_MIN: f64 = 100.0;
const TIMES_PRESIDIO_MIN: f64 = 1000.0;
const CLINICAL_LEAK_MAX: f64 = 0.04;

pub(super) fn render(template: &str, measured: &Measured) -> anyhow::Result<String> {
    let (synth, clinical) = (measured.synth()?, measured.clinical()?);
    let mut parts = BTreeMap::from([
        ("date", shell::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned()),
        ("machine", machine()),
        ("versions", versions(measured)),
        ("threshold", format!("{}", measured.threshold)),
        ("recognisers_defaults", measured.recognisers.0.to_string()),
        ("recognisers_everything", measured.recognisers.1.to_string()),
        ("sets", sets(measured)),
        ("goals", goals(measured)?),
        ("synth_structured", of_group(synth, Some(Group::Structured))),
        ("synth_names", [of_group(synth, Some(Group::Names)), of_group(synth, Some(Group::Other)), taken(synth)].join("\n\n")),
        ("uner", with_taken(measured.set("uner-en-dev")?)),
        ("meddocan", with_taken(clinical)),
        ("speed", speed(measured)),
        ("missed_patterns", missed(measured)),
        ("gazetteer", gazetteer(measured)),
        ("trained", trained(measured, clinical)),
        ("disguises", disguises(measured, synth)),
    ]);
    fill(template, &mut parts)
}

fn fill(template: &str, parts: &mut BTreeMap<&str, String>) -> anyhow::Result<String> {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("a `{{` of the template is not closed")?;
        page.push_str(before);
        page.push_str(&parts.remove(name).with_context(|| format!("the template names `{name}`, which nobody makes, or names it twice"))?);
        rest = after;
    }
    if let Some(name) = parts.keys().next() {
        bail!("`{name}` stands nowhere in the template");
    }
    page.push_str(rest);
    ensure!(!page.contains("NaN"), "a number of the page is none");
    Ok(page)
}

/// What a run of one side prints: enough to see a change at work.
pub(super) fn comity_alone(comity: &ComitySide) -> String {
    let mut text = String::new();
    for (name, side) in &comity.patterns {
        let rows = side.score.rows.iter().map(|row| one_side(&row.title, row.tally)).chain([one_side("all", side.score.all())]);
        let (mb, taken) = (side.mb_per_second(), percent(side.score.taken()));
        text.push_str(&format!("{name}: {mb:.0} MB/s, {taken} taken\n\n"));
        text.push_str(&table(&["", "entities", "leak", "P R F1"], rows.collect()));
        text.push_str("\n\n");
    }
    let rows = comity.disguised.iter().map(|(title, tally)| one_side(title, *tally)).collect();
    text.push_str(&table(&["disguised", "values", "leak", "P R F1"], rows));
    text.push('\n');
    text
}

fn one_side(title: &str, tally: Tally) -> Vec<String> {
    vec![title.to_owned(), tally.entities.to_string(), percent(tally.leak_rate()), quality(tally)]
}

// === Parts ===

fn goals(measured: &Measured) -> anyhow::Result<String> {
    let (synth, clinical) = (measured.synth()?, measured.clinical()?);
    let speed = clinical.comity.mb_per_second();
    let least =
        |other: fn(&MeasuredSet) -> &Side| measured.sets.iter().map(|set| set.comity.times(other(set))).fold(f64::INFINITY, f64::min);
    let (as_installed, fastest) = (least(|set| &set.defaults), least(|set| &set.patterns));
    let (ours, theirs) = (synth.comity.structured().leak_rate(), synth.everything.structured().leak_rate());
    let trained = measured.trained.as_ref().and_then(|trained| trained.side.score.all().leak_rate());
    let goals = [
        Goal {
            what: format!("patterns read at least {MB_PER_SECOND_MIN} MB/s (meddocan-dev, Spanish)"),
            measured: Some(format!("{speed:.0} MB/s")),
            met: speed >= MB_PER_SECOND_MIN,
        },
        Goal {
            what: format!("at least {} times as fast as Presidio as it is installed, on each set", thousands(TIMES_PRESIDIO_MIN)),
            measured: Some(format!("{} times or more", thousands(as_installed))),
            met: as_installed >= TIMES_PRESIDIO_MIN,
        },
        Goal {
            what: "the same against Presidio without a language model, at its fastest".to_owned(),
            measured: Some(format!("{} times or more", thousands(fastest))),
            met: fastest >= TIMES_PRESIDIO_MIN,
        },
        Goal {
            what: "structured identifiers leak no more than with all recognisers of Presidio (presidio-synth-v2)".to_owned(),
            measured: Some(format!("{} against {}", percent(ours), percent(theirs))),
            met: ours <= theirs,
        },
        Goal {
            what: format!("a model trained on meddocan-train-sample leaks at most {} of meddocan-dev", percent(Some(CLINICAL_LEAK_MAX))),
            measured: trained.map(|leak| percent(Some(leak))),
            met: trained.is_some_and(|leak| leak <= CLINICAL_LEAK_MAX),
        },
    ];
    let rows = goals.into_iter().map(|goal| {
        let verdict = if goal.met { "met" } else { "not met" };
        let measured = goal.measured.unwrap_or_else(|| "not measured".to_owned());
        vec![goal.what, measured, verdict.to_owned()]
    });
    Ok(table(&["goal", "measured", ""], rows.collect()))
}

fn sets(measured: &Measured) -> String {
    let rows = measured.sets.iter().map(|set| {
        vec![
            set.name.clone(),
            set.language.clone(),
            thousands(real(set.texts)),
            thousands(real(set.characters)),
            thousands(real(set.entities)),
        ]
    });
    table(&["set", "language", "texts", "characters", "entities"], rows.collect())
}

/// The rows of a group and their sum, or all rows.
fn of_group(set: &MeasuredSet, group: Option<Group>) -> String {
    let tallies = |of: &dyn Fn(&Side) -> Tally| [of(&set.comity), of(&set.defaults), of(&set.everything)];
    let mut rows = Vec::new();
    for (index, row) in set.comity.score.rows.iter().enumerate().filter(|(_, row)| group.is_none_or(|group| row.group == group)) {
        let of_row = |side: &Side| side.score.rows.get(index).map(|row| row.tally).unwrap_or_default();
        rows.push(three_sides(&row.title, tallies(&of_row)));
    }
    let sum = |side: &Side| side.score.sum(|row| group.is_none_or(|group| row.group == group));
    rows.push(three_sides("**all of these**", tallies(&sum)));
    let header = [
        "",
        "entities",
        "leak: Comity",
        "leak: Presidio",
        "leak: Presidio, all",
        "P R F1: Comity",
        "P R F1: Presidio",
        "P R F1: Presidio, all",
    ];
    table(&header, rows)
}

fn three_sides(title: &str, tallies: [Tally; 3]) -> Vec<String> {
    let entities = tallies.first().map_or(0, |tally| tally.entities).to_string();
    let leaks = tallies.iter().map(|tally| percent(tally.leak_rate()));
    let qualities = tallies.iter().map(|tally| quality(*tally));
    [title.to_owned(), entities].into_iter().chain(leaks).chain(qualities).collect()
}

fn with_taken(set: &MeasuredSet) -> String {
    [of_group(set, None), taken(set)].join("\n\n")
}

fn taken(set: &MeasuredSet) -> String {
    let of = |side: &Side| percent(side.score.taken());
    let (comity, defaults, everything) = (of(&set.comity), of(&set.defaults), of(&set.everything));
    format!("Taken of ordinary text in {}: Comity {comity}, Presidio {defaults}, Presidio, all {everything}.", set.name)
}

fn speed(measured: &Measured) -> String {
    let mut rows = Vec::new();
    for set in &measured.sets {
        let sides = [
            ("Comity, patterns", &set.comity),
            ("Presidio", &set.defaults),
            ("Presidio, all", &set.everything),
            ("Presidio, patterns", &set.patterns),
        ];
        rows.extend(sides.map(|(title, side)| speed_row(&set.name, title, side, set.comity.times(side))));
    }
    if let Some(gazetteer) = &measured.gazetteer {
        rows.push(speed_row(
            "presidio-synth-v2, second half",
            "Comity, gazetteer",
            &gazetteer.with,
            gazetteer.without.times(&gazetteer.with),
        ));
    }
    if let (Some(Trained { side, .. }), Ok(clinical)) = (&measured.trained, measured.clinical()) {
        rows.push(speed_row(&clinical.name, "Comity, trained", side, clinical.comity.times(side)));
    }
    table(&["set", "", "CPU ms for 1,000 characters", "MB/s", "times Comity's patterns"], rows)
}

fn speed_row(set: &str, title: &str, side: &Side, times: f64) -> Vec<String> {
    let (ms, mb) = (side.ms_per_1000(), side.mb_per_second());
    let mb = if mb >= 10.0 { format!("{mb:.0}") } else { format!("{mb:.3}") };
    let ms = if ms >= 1.0 { format!("{ms:.1}") } else { format!("{ms:.4}") };
    vec![set.to_owned(), title.to_owned(), ms, mb, thousands(times)]
}

fn missed(measured: &Measured) -> String {
    let mut rows = Vec::new();
    for set in &measured.sets {
        let of = |group| set.comity.score.group(group);
        let cell = |tally: Tally| if tally.entities == 0 { "-".to_owned() } else { format!("{} of {}", tally.leaked, tally.entities) };
        rows.push(vec![set.name.clone(), cell(of(Group::Structured)), cell(of(Group::Names)), cell(of(Group::Other))]);
    }
    table(&["set", "structured", "names, places, organisations", "other"], rows)
}

fn gazetteer(measured: &Measured) -> String {
    let Some(found) = &measured.gazetteer else { return "Not measured in this run.".to_owned() };
    let names = |side: &Side| side.score.group(Group::Names);
    format!(
        "Measured with the {} names, places and organisations of the first half of presidio-synth-v2 as the list, on the second half: {} of the names \
         there are on the list. Of those, {} leak; of all names, {} leak ({} without the list). So a list protects whom it names, written as it names them, \
         and nobody else: it is for the names that you know. {} of ordinary text is taken ({} without the list).",
        found.listed,
        percent(share(found.known.entities, names(&found.with).entities)),
        percent(found.known.leak_rate()),
        percent(names(&found.with).leak_rate()),
        percent(names(&found.without).leak_rate()),
        percent(found.with.score.taken()),
        percent(found.without.score.taken()),
    )
}

fn trained(measured: &Measured, clinical: &MeasuredSet) -> String {
    let Some(Trained { side, train_seconds }) = &measured.trained else { return "Not measured in this run.".to_owned() };
    let mut rows = Vec::new();
    for (with, without) in side.score.rows.iter().zip(&clinical.comity.score.rows) {
        let leak = |tally: Tally| percent(tally.leak_rate());
        rows.push(vec![with.title.clone(), with.tally.entities.to_string(), leak(without.tally), leak(with.tally), quality(with.tally)]);
    }
    let (all, before) = (side.score.all(), clinical.comity.score.all());
    rows.push(vec![
        "**all of these**".to_owned(),
        all.entities.to_string(),
        percent(before.leak_rate()),
        percent(all.leak_rate()),
        quality(all),
    ]);
    format!(
        "Trained on meddocan-train-sample{} and measured on meddocan-dev: texts of one kind, so this says nothing of texts of another. {} of \
         ordinary text is taken.\n\n{}",
        train_seconds.map(|seconds| format!(" ({seconds:.0} s of CPU time)")).unwrap_or_default(),
        percent(side.score.taken()),
        table(&["", "entities", "leak: patterns", "leak: trained", "P R F1: trained"], rows)
    )
}

fn disguises(measured: &Measured, synth: &MeasuredSet) -> String {
    let row = |title: &str, ours: Tally, theirs: Tally| {
        vec![title.to_owned(), ours.entities.to_string(), percent(ours.leak_rate()), percent(theirs.leak_rate())]
    };
    let plain = row("as they were", synth.comity.structured(), synth.everything.structured());
    let rows = measured.disguised.iter().map(|(title, ours, theirs)| row(title, *ours, *theirs));
    table(&["written as", "values", "Comity", "Presidio, all"], std::iter::once(plain).chain(rows).collect())
}

fn versions(measured: &Measured) -> String {
    let named: Vec<String> = measured.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!("Comity {}, {}", env!("CARGO_PKG_VERSION"), named.join(", "))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores}-core {} {}", std::env::consts::ARCH, std::env::consts::OS)
}

// === Text ===

fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let mut lines =
        vec![line(&header.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()), format!("|{}", "---|".repeat(header.len()))];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

fn quality(tally: Tally) -> String {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    if tally.findings == 0 { "-".to_owned() } else { [tally.precision(), tally.recall(), tally.f1()].map(shown).join(" ") }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Without decimals, in groups of three.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_used_once_and_every_name_is_known() {
        let parts = || BTreeMap::from([("a", "1".to_owned()), ("b", "2".to_owned())]);
        assert_eq!(fill("x {{a}} y {{b}}.", &mut parts()).unwrap(), "x 1 y 2.");
        for wrong in ["{{a}}", "{{a}} {{b}} {{a}}", "{{a}} {{b}} {{c}}", "{{a}} {{b"] {
            assert!(fill(wrong, &mut parts()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((thousands(1234.6).as_str(), thousands(999.0).as_str(), thousands(1e6).as_str()), ("1,235", "999", "1,000,000"));
        assert_eq!((percent(Some(0.0416)).as_str(), percent(None).as_str()), ("4.2 %", "-"));
        assert_eq!(table(&["a", "b"], vec![vec!["1".to_owned(), "2".to_owned()]]), "| a | b |\n|---|---|\n| 1 | 2 |");
    }
}
