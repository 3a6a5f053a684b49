//! `comity detect FILE`: the text with its findings in colour, and where they are.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use comity_redact::{Class, Detector, Finding};
use serde::Serialize;

use super::using::{self, Using};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table, harmless, styled};

#[derive(Debug, clap::Args)]
pub(super) struct Look {
    /// A text file in UTF-8, or `-` for stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// End with exit code 1 if anything is found
    #[arg(long)]
    fail_if_found: bool,
    /// Put the found text into the JSON, too
    #[arg(long)]
    with_text: bool,
    #[command(flatten)]
    using: Using,
}

/// Texts longer than this are cut by whoever has them.
const TEXT_BYTES_MAX: u64 = 256 << 20;

const PERSONAL: Style = AnsiColor::Yellow.on_default().bold();
const HEALTH: Style = AnsiColor::Magenta.on_default().bold();
const SECRET: Style = AnsiColor::Red.on_default().bold();
const NEUTRAL: Style = Style::new().underline();

/// A finding for scripts.
#[derive(Serialize)]
struct Found<'t> {
    kind: &'t str,
    title: &'t str,
    class: &'static str,
    tier: &'static str,
    start: usize,
    end: usize,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'t str>,
    #[serde(skip)]
    style: Style,
}

#[derive(Serialize)]
struct Seen<'t> {
    level: u8,
    findings: Vec<Found<'t>>,
}

pub(super) fn run(args: &Look, output: Output) -> anyhow::Result<Exit> {
    let Some(file) = &args.file else {
        let hint = "comity detect letter.txt, or `-` for stdin; `comity detect --help` says what else there is";
        return Err(Failure::new(Exit::Usage, "no file is given").hint(hint).into());
    };
    let text = read(file)?;
    let detector = args.using.detector()?;
    let findings = detector.scan(&text)?;
    let places = places(&text, &findings);
    let found = |(finding, place): (&Finding, &(usize, usize))| describe(&detector, (*finding, *place), &text);
    let mut seen = Seen { level: detector.level(), findings: findings.iter().zip(&places).map(found).collect() };
    match output {
        Output::Human => human(&text, &seen)?,
        Output::Json => {
            if !args.with_text {
                seen.findings.iter_mut().for_each(|found| found.text = None);
            }
            output::json(&seen)?;
        }
    }
    Ok(if args.fail_if_found && !findings.is_empty() { Exit::Failed } else { Exit::Ok })
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let (name, read) = if file.as_os_str() == "-" {
        ("stdin".to_owned(), std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_end(&mut bytes))
    } else {
        let opened = std::fs::File::open(file);
        (format!("`{}`", file.display()), opened.and_then(|file| file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes)))
    };
    let length = read.with_context(|| format!("cannot read {name}"))?;
    if u64::try_from(length)? == TEXT_BYTES_MAX {
        return Err(Failure::new(Exit::Failed, format!("{name} is longer than 256 MiB"))
            .hint("cut it at line ends: `split -C 200M`")
            .into());
    }
    using::text(bytes, &name)
}

fn describe<'t>(detector: &'t Detector, (finding, (line, column)): (Finding, (usize, usize)), text: &'t str) -> Found<'t> {
    let info = detector.kinds().get(finding.kind);
    let (class, style) = info.map_or(("personal", PERSONAL), |info| class(info.class));
    Found {
        kind: info.map_or("", |info| &info.name),
        title: info.map_or("", |info| &info.title),
        class,
        tier: finding.tier.name(),
        start: finding.start,
        end: finding.end,
        line,
        column,
        text: text.get(finding.start..finding.end),
        style,
    }
}

/// The class in a word and its colour.
pub(super) fn class(class: Class) -> (&'static str, Style) {
    match class {
        Class::Personal => ("personal", PERSONAL),
        Class::Health => ("health", HEALTH),
        Class::Secret => ("secret", SECRET),
        Class::Neutral => ("neutral", NEUTRAL),
    }
}

/// Line and column of each finding, counted from 1; columns count characters. One pass over the text, however long its lines are.
fn places(text: &str, findings: &[Finding]) -> Vec<(usize, usize)> {
    let (mut line, mut column, mut at) = (1_usize, 1_usize, 0);
    let mut place = |finding: &Finding| {
        for character in text.get(at..finding.start).unwrap_or_default().chars() {
            (line, column) = if character == '\n' { (line.saturating_add(1), 1) } else { (line, column.saturating_add(1)) };
        }
        at = finding.start;
        (line, column)
    };
    findings.iter().map(&mut place).collect()
}

fn human(text: &str, seen: &Seen<'_>) -> anyhow::Result<()> {
    let mut shown = String::new();
    let mut at = 0;
    for found in &seen.findings {
        shown.push_str(&harmless(text.get(at..found.start).unwrap_or_default()));
        // Styled line by line, so that no line's end carries colour.
        let lines: Vec<String> = found.text.unwrap_or_default().split('\n').map(|line| styled(found.style, harmless(line))).collect();
        shown.push_str(&lines.join("\n"));
        at = found.end;
    }
    shown.push_str(&harmless(text.get(at..).unwrap_or_default()));
    output::data(shown.trim_end_matches('\n'))?;
    if seen.findings.is_empty() {
        output::say("\nnothing found; what the detectors do not look for: docs/reference/detectors.md");
        return Ok(());
    }
    let mut table = Table::new(&["place", "kind", "class", "tier", "what it is"]);
    for found in &seen.findings {
        let place = format!("{}:{}", found.line, found.column);
        table.row(vec![place, found.kind.to_owned(), styled(found.style, found.class), found.tier.to_owned(), found.title.to_owned()]);
    }
    output::data(&format!("\n{}", table.render(output::width())))
}

#[cfg(test)]
mod tests {
    use comity_redact::{Kind, Tier};

    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "é ada@example.org\n\nñ bob@example.org, eve@example.org";
        let findings = Detector::new().unwrap().scan(text).unwrap();
        assert_eq!(places(text, &findings), [(1, 3), (3, 3), (3, 20)]);
    }

    /// Whoever counts from the start of the line for each finding needs hours for this.
    #[test]
    fn one_long_line_costs_one_pass() {
        let address = "ada@example.org ";
        let text = address.repeat((4 << 20) / address.len());
        let starts = (0..text.len()).step_by(address.len());
        let at = |start| Finding { kind: Kind::EMAIL, start, end: start + address.len() - 1, tier: Tier::Patterns };
        let findings: Vec<Finding> = starts.map(at).collect();
        assert_eq!(places(&text, &findings).last(), Some(&(1, text.len() - address.len() + 1)));
    }
}
