//! An answer for a person: both verdicts first, then what was found, then what it rests on. It never says "proved" in other words.

use comity_prove::{Answer, Finding, Report, TermSeen, Verdict};

use super::example;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, STRONG, Table, styled};

/// What nobody may take this for.
pub(crate) const ADVICE: &str = "Comity describes; this is no legal advice.";
const INDENT: &str = "  ";
const DEEPER: &str = "    ";

/// One property.
pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    print_verdicts(report)?;
    print_findings(report)?;
    output::data("")?;
    print_notes(&report.notes)?;
    rests_on(&report.assumes)
}

/// A line for each property, then the details of those that do not hold.
pub(super) fn print_all(reports: &[Report]) -> anyhow::Result<()> {
    output::data(&table(reports).render(output::width()))?;
    for report in reports.iter().filter(|report| report.verdict() != Verdict::Proved) {
        output::data(&format!("\n{}: {}", styled(STRONG, &report.property), report.asks))?;
        print_verdicts(report)?;
        print_findings(report)?;
    }
    output::data("")?;
    print_notes(&each_once(reports.iter().flat_map(|report| &report.notes)))?;
    rests_on(&each_once(reports.iter().flat_map(|report| &report.assumes)))
}

/// Property, verdict in principle, verdict today.
pub(crate) fn table(reports: &[Report]) -> Table {
    let mut table = Table::new(&["property", "in principle", "in the catalogue"]);
    for report in reports {
        table.row(vec![report.property.clone(), in_principle(report).styled(), today(report).styled()]);
    }
    table
}

/// A verdict in a word or two, and how it looks.
pub(crate) struct Said {
    pub(crate) words: String,
    verdict: Option<Verdict>,
}

/// The verdict for everything that can be.
pub(crate) fn in_principle(report: &Report) -> Said {
    Said::of(report.in_principle.as_ref())
}

/// The verdict for the catalogue. A term that no offering of today meets violates nothing.
pub(crate) fn today(report: &Report) -> Said {
    let said = Said::of(report.in_catalogue.as_ref());
    if !idles(report) {
        return said;
    }
    let terms = report.in_catalogue.iter().flat_map(|answer| &answer.findings).filter(|finding| !violates(report, finding)).count();
    if terms == 0 {
        return Said { words: "as in principle".to_owned(), verdict: None };
    }
    let what = if terms == 1 { "1 term".to_owned() } else { format!("{terms} terms") };
    Said { words: format!("{what} for no offering of today"), verdict: None }
}

/// Whether what the catalogue says is information, and no violation: terms are asked for one by one, and some of them wait for an offering.
pub(crate) fn idles(report: &Report) -> bool {
    let each_term = matches!(report.property.as_str(), "vacuous" | "redundant" | "shadowed");
    each_term && report.in_catalogue.as_ref().is_some_and(|answer| answer.verdict == Verdict::Violated)
}

/// `terms.cedar:12 home (industrial)`
pub(crate) fn place(term: &TermSeen) -> String {
    format!("{}:{} {} ({})", term.file, term.line, term.id, term.goal)
}

fn print_verdicts(report: &Report) -> anyhow::Result<()> {
    if let Some(answer) = &report.in_principle {
        print_verdict("in principle", &in_principle(report), answer)?;
    }
    if let Some(answer) = &report.in_catalogue {
        print_verdict(&format!("in the catalogue of {}", report.at), &today(report), answer)?;
    }
    Ok(())
}

fn print_verdict(where_seen: &str, said: &Said, answer: &Answer) -> anyhow::Result<()> {
    // Why nobody knows stands below.
    let by = if answer.by.is_empty() || answer.verdict == Verdict::Unknown { String::new() } else { format!(" (by {})", answer.by) };
    let line = format!("{}: {}{by}", styled(STRONG, where_seen), said.styled());
    output::data(&output::wrap(&line, "", INDENT))?;
    answer.because.iter().try_for_each(|why| output::data(&output::wrap(why, INDENT, DEEPER)))
}

fn print_findings(report: &Report) -> anyhow::Result<()> {
    for finding in report.in_principle.iter().flat_map(|answer| &answer.findings) {
        print_finding(finding, None)?;
    }
    for finding in report.in_catalogue.iter().flat_map(|answer| &answer.findings) {
        if idles(report) {
            if !violates(report, finding) {
                print_idle(finding)?;
            }
        } else {
            let today = report.in_principle.is_some().then(|| format!("in the catalogue of {}", report.at));
            print_finding(finding, today.as_deref())?;
        }
    }
    Ok(())
}

/// Whether the terms of a finding are at fault in principle already.
fn violates(report: &Report, finding: &Finding) -> bool {
    report.in_principle.iter().flat_map(|answer| &answer.findings).any(|violation| violation.terms == finding.terms)
}

/// A term that waits for an offering needs one line.
fn print_idle(finding: &Finding) -> anyhow::Result<()> {
    let places: Vec<String> = finding.terms.iter().map(place).collect();
    output::data(&output::wrap(&format!("for no offering of today: {}", places.join(", ")), INDENT, DEEPER))
}

fn print_finding(finding: &Finding, today: Option<&str>) -> anyhow::Result<()> {
    let today = today.map(|today| format!("{today}: ")).unwrap_or_default();
    output::data("")?;
    output::data(&output::wrap(&format!("{today}{}", finding.says), "", INDENT))?;
    finding.terms.iter().try_for_each(|term| output::data(&output::wrap(&place(term), INDENT, DEEPER)))?;
    if !finding.facts.is_empty() {
        output::data(&output::wrap(&format!("facts that flip it: {}", finding.facts.join(", ")), INDENT, DEEPER))?;
    }
    let Some(example) = &finding.example else { return Ok(()) };
    example::lines(example).iter().try_for_each(|line| output::data(&output::wrap(line, INDENT, DEEPER)))
}

fn each_once<'s>(texts: impl Iterator<Item = &'s String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for text in texts {
        if !once.contains(text) {
            once.push(text.clone());
        }
    }
    once
}

/// What a reader should know before taking comfort in a verdict.
fn print_notes(notes: &[String]) -> anyhow::Result<()> {
    notes.iter().try_for_each(|note| output::data(&styled(NOTE, output::wrap(&format!("note: {note}"), "", INDENT))))
}

fn rests_on(assumes: &[String]) -> anyhow::Result<()> {
    for assumed in assumes {
        output::data(&styled(FAINT, output::wrap(&format!("assumes: {assumed}"), "", INDENT)))?;
    }
    output::data(&styled(FAINT, ADVICE))
}

// === impl Said ===

impl Said {
    fn of(answer: Option<&Answer>) -> Self {
        let verdict = answer.map(|answer| answer.verdict);
        let words = match verdict {
            Some(Verdict::Proved) => "proved",
            Some(Verdict::Violated) => "violated",
            Some(Verdict::Unknown) => "unknown",
            None => "not asked",
        };
        Self { words: words.to_owned(), verdict }
    }

    pub(crate) fn styled(&self) -> String {
        let style = match self.verdict {
            Some(Verdict::Proved) => GOOD,
            Some(Verdict::Violated) => BAD,
            Some(Verdict::Unknown) => NOTE,
            None => FAINT,
        };
        styled(style, &self.words)
    }
}
