//! Everything that a person or a script reads: data to stdout, talk to stderr.
//!
//! Text fits the terminal's width. Colour only where the stream is a terminal and `NO_COLOR` is not set. It never prints an error (`exit` does).

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// How data is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// Tables and sentences.
    #[default]
    Human,
    /// One JSON document, stable for scripts.
    Json,
}

/// Width where there is no terminal and `COLUMNS` says nothing.
const WIDTH_DEFAULT: usize = 80;
/// Longer lines are hard to read, however wide the screen.
const WIDTH_MAX: usize = 120;
const WIDTH_MIN: usize = 40;
const GAP: usize = 2;
const COLUMN_MIN: usize = 6;

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();

/// `text` in `style`; the stream takes the colour out where it must not be.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes one line of data to stdout.
pub(crate) fn data(line: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{line}")?;
    Ok(())
}

/// Writes a piece of data to stdout at once, without ending the line.
pub(crate) fn piece(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Writes `value` to stdout as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    data(&serde_json::to_string_pretty(value)?)
}

/// Writes one line of talk to stderr. Talk that nobody can hear is no error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// `error: …`, for `exit` alone.
pub(crate) fn error_line(label: &str, message: &str) {
    say(&format!("{}: {message}", styled(BAD.bold(), label)));
}

/// `hint: …`.
pub(crate) fn hint_line(label: &str, message: &str) {
    say(&format!("{}: {message}", styled(AnsiColor::Cyan.on_default().bold(), label)));
}

/// A text must not be able to steer the terminal that shows it.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// The width to fit, in columns.
pub(crate) fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    terminal().or_else(columns).unwrap_or(WIDTH_DEFAULT).clamp(WIDTH_MIN, WIDTH_MAX)
}

/// `text` broken to the width: the first line starts with `first`, the others with `rest`.
pub(crate) fn wrap(text: &str, first: &str, rest: &str) -> String {
    let options =
        textwrap::Options::new(width()).initial_indent(first).subsequent_indent(rest).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// A table without lines: a heading, then rows; cells wrap so that it fits the width.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells may carry style.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The whole table, no line longer than `width` unless the width is hopeless.
    pub(crate) fn render(&self, width: usize) -> String {
        // Words stay whole as long as they can.
        let widths = fit(self.widths(textwrap::core::display_width), &self.widths(longest_word), width);
        let widths = fit(widths, &vec![COLUMN_MIN; self.headings.len()], width);
        let heading: Vec<String> = self.headings.iter().map(|heading| styled(STRONG, heading)).collect();
        let has_heading = self.headings.iter().any(|heading| !heading.is_empty());
        let rows = has_heading.then_some(&heading).into_iter().chain(&self.rows);
        rows.flat_map(|row| self.lines(row, &widths)).collect::<Vec<_>>().join("\n")
    }

    /// The width of each column, where `measure` gives that of a cell.
    fn widths(&self, measure: impl Fn(&str) -> usize) -> Vec<usize> {
        let column = |index: usize, heading: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            cells.map(|cell| measure(cell)).chain([measure(heading)]).max().unwrap_or(0)
        };
        self.headings.iter().enumerate().map(|(index, heading)| column(index, heading)).collect()
    }

    fn lines(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| textwrap::wrap(cell, cell_options(*width))).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at: usize| {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(widths) {
                let text = cell.get(at).map_or("", |text| text.as_ref());
                let padding = width.saturating_sub(textwrap::core::display_width(text)) + GAP;
                line.push_str(text);
                line.push_str(&" ".repeat(padding));
            }
            line.trim_end().to_owned()
        };
        (0..height).map(line).collect()
    }
}

fn cell_options(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width.max(1))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::Custom(words))
}

/// Words, where names such as `operator/model-1@place` may be broken at their parts.
fn words(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    Box::new(pieces(line, |c, next| ends_part(c, next) || (c == '-' && next.is_alphanumeric())))
}

/// The width below which a name would be broken within a part.
fn longest_word(text: &str) -> usize {
    pieces(text, ends_part).map(|word| textwrap::core::display_width(word.word)).max().unwrap_or(0)
}

/// Whether a part of a name ends between `c` and `next`.
fn ends_part(c: char, next: char) -> bool {
    next == '@' || (c == '/' && next.is_alphabetic()) || (c == ' ' && next != ' ')
}

fn pieces(line: &str, ends: impl Fn(char, char) -> bool) -> impl Iterator<Item = textwrap::core::Word<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for ((_, c), (at, next)) in line.char_indices().zip(line.char_indices().skip(1)) {
        if ends(c, next) {
            pieces.extend(line.get(start..at));
            start = at;
        }
    }
    pieces.extend(line.get(start..).filter(|rest| !rest.is_empty()));
    pieces.into_iter().map(textwrap::core::Word::from)
}

/// Narrows the widest columns, one step at a time and none below its `least`, until the row fits.
fn fit(mut widths: Vec<usize>, least: &[usize], available: usize) -> Vec<usize> {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        // The last of the widest gives way: what comes first is what a person looks for.
        let wide = widths.iter_mut().zip(least).filter(|(width, least)| **width > **least);
        match wide.max_by_key(|(width, _)| **width) {
            Some((width, _)) => *width -= 1,
            None => break,
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_and_says_everything() {
        let mut table = Table::new(&["offering", "why"]);
        table.row(vec!["a/b@c".into(), styled(GOOD, "one two three four five six seven")]);
        let text = anstream::adapter::strip_str(&table.render(22)).to_string();
        assert_eq!(text, "offering  why\na/b@c     one two\n          three four\n          five six\n          seven");
        let mut words = Table::new(&["a", "b"]);
        words.row(vec!["confidential".into(), "one two three".into()]);
        assert!(words.render(19).contains("confidential"));
    }

    #[test]
    fn names_break_where_they_have_parts() {
        let mut table = Table::new(&["offering"]);
        table.row(vec!["operator/model-1@place and more".into()]);
        assert_eq!(table.render(12).lines().skip(1).collect::<Vec<_>>(), ["operator/", "model-1", "@place and", "more"]);
    }

    #[test]
    fn hopeless_widths_end() {
        let mut table = Table::new(&["a", "b", "c"]);
        table.row(vec!["x".repeat(50), "y".repeat(50), "z".repeat(50)]);
        assert!(table.render(3).contains("xxxxxx"));
    }

    #[test]
    fn escape_sequences_are_not_shown() {
        assert_eq!(harmless("a\u{1b}[2Jb\tc\r\n"), "a\u{fffd}[2Jb\tc\u{fffd}\n");
    }
}
