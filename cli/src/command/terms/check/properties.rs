//! `comity terms check --prove`: the properties that are quick to prove, for every change of terms, and a page for whoever reviews the change.
//!
//! Equal treatment is shown and never fails the check: whether terms may tell equals apart is for people to decide.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use comity_prove::{Finding, Given, Property, Report, Subject, Verdict};

use crate::command::prove::{self, answer, solver, work};
use crate::exit::Exit;
use crate::output;

/// A file name that stands for stdout.
const STDOUT: &str = "-";

/// Proves them all.
pub(super) fn prove(subject: Subject, named_solver: Option<&str>) -> anyhow::Result<Vec<Report>> {
    let properties = [
        Property::Errors,
        Property::Vacuous,
        Property::Redundant,
        Property::Shadowed,
        Property::Monotone,
        Property::EqualTreatment(Given::default()),
    ];
    work::prove(subject, solver::find(named_solver, solver::PATIENCE)?, &properties)
}

/// A violation of any that can fail, else a doubt about any.
pub(super) fn exit(reports: &[Report]) -> Exit {
    let failing: Vec<&Report> = reports.iter().filter(|report| can_fail(report)).collect();
    prove::exit(prove::worst(failing))
}

/// A line for each, and what is at fault.
pub(super) fn print(reports: &[Report]) -> anyhow::Result<()> {
    output::data("")?;
    output::data(&answer::table(reports).render(output::width()))?;
    for report in reports {
        for finding in violations(report) {
            output::data("")?;
            output::data(&output::wrap(&format!("{}: {}", report.property, finding.says), "", "  "))?;
            finding.terms.iter().try_for_each(|term| output::data(&output::wrap(&answer::place(term), "  ", "    ")))?;
        }
        for why in doubts(report) {
            output::data(&output::wrap(&format!("{}: {why}", report.property), "", "  "))?;
        }
    }
    output::say("`comity prove PROPERTY` shows the calls and offerings behind each.");
    Ok(())
}

/// Writes the page for a pull request.
pub(super) fn write_page(reports: &[Report], to: &Path) -> anyhow::Result<()> {
    let page = page(reports);
    if is_stdout(to) {
        return output::data(page.trim_end());
    }
    std::fs::write(to, page).with_context(|| format!("cannot write `{}`", to.display()))
}

pub(super) fn is_stdout(to: &Path) -> bool {
    to == Path::new(STDOUT)
}

fn page(reports: &[Report]) -> String {
    let mut page = String::from("## What these terms guarantee\n\n| property | in principle | in the catalogue |\n|---|---|---|\n");
    for report in reports {
        let note = if can_fail(report) { "" } else { " (for information)" };
        let (principle, today) = (answer::in_principle(report).words, answer::today(report).words);
        let _ = writeln!(page, "| `{}`{note} | {principle} | {today} |", report.property);
    }
    let mut bullets = String::new();
    for report in reports {
        for finding in violations(report) {
            let places: Vec<String> = finding.terms.iter().map(|term| format!("`{}:{}`", term.file, term.line)).collect();
            let _ = writeln!(bullets, "- `{}`: {} ({})", report.property, escaped(&finding.says), places.join(", "));
        }
        for why in doubts(report) {
            let _ = writeln!(bullets, "- `{}`: unknown: {}", report.property, escaped(why));
        }
    }
    if !bullets.is_empty() {
        let _ = write!(page, "\n{bullets}");
    }
    let at = reports.first().map(|report| report.at.as_str()).unwrap_or_default();
    let solver = reports.first().and_then(|report| report.solver.as_deref()).unwrap_or("no solver");
    let _ = writeln!(page, "\nComity {}, {solver}, catalogue of {at}. {}", env!("CARGO_PKG_VERSION"), answer::ADVICE);
    page
}

/// Names in terms may hold anything; between backticks they are left as they are.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('\n', " ")
}

fn can_fail(report: &Report) -> bool {
    report.property != Property::EqualTreatment(Given::default()).name()
}

/// What violates a property, in principle before today; a term that waits for an offering violates nothing.
fn violations(report: &Report) -> impl Iterator<Item = &Finding> {
    let violated = |answer: &&comity_prove::Answer| answer.verdict == Verdict::Violated;
    let principle = report.in_principle.as_ref().filter(violated);
    let today = report.in_catalogue.as_ref().filter(violated).filter(|_| principle.is_none() && !answer::idles(report));
    principle.into_iter().chain(today).flat_map(|answer| &answer.findings)
}

fn doubts(report: &Report) -> impl Iterator<Item = &str> {
    let answers = report.in_principle.iter().chain(&report.in_catalogue);
    answers.filter(|answer| answer.verdict == Verdict::Unknown).flat_map(|answer| &answer.because).map(String::as_str)
}
