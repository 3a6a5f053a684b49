//! Writes the page: words from `page.md`, tables and examples from what was tested.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Cell;
use super::asks::Surface;
use super::column::{COLUMNS, Column};
use super::feature::Feature;
use super::judge::Verdict;

const WORDS: &str = include_str!("page.md");

type Table<'a> = BTreeMap<(Feature, &'static str), &'a Verdict>;

pub(super) fn page(verdicts: &[(Cell, Verdict)]) -> String {
    let mut page = WORDS.replace("$CELLS", &verdicts.len().to_string()).replace("$EXAMPLES", &examples());
    for surface in Surface::ALL {
        let cells = verdicts.iter().filter(|(cell, _)| cell.surface == surface);
        let table = cells.map(|(cell, verdict)| ((cell.feature, cell.column.name), verdict)).collect();
        page = page.replace(&format!("$TABLE_{surface:?}"), &rendered(surface, &table));
    }
    page
}

/// Columns in which nothing works are one sentence, and so is a table in which everything passes.
fn rendered(surface: Surface, table: &Table<'_>) -> String {
    let rows: Vec<Feature> = surface.rows().iter().map(|(feature, _)| *feature).collect();
    let all_are = |column: &Column, verdict: &Verdict| rows.iter().all(|feature| table[&(*feature, column.name)] == verdict);
    let no_model = Verdict::No("model".to_owned());
    let (without, with): (Vec<&Column>, Vec<&Column>) = COLUMNS.iter().partition(|column| all_are(column, &no_model));
    let mut text = String::new();
    if with.iter().all(|column| all_are(column, &Verdict::Same)) {
        let names: Vec<&str> = rows.iter().map(|feature| feature.name()).collect();
        writeln!(text, "{}: `=` in every row, which are: {}.", heads(&with), names.join("; ")).unwrap();
    } else {
        let heads: Vec<&str> = with.iter().map(|column| column.head).collect();
        writeln!(text, "| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len())).unwrap();
        for feature in rows {
            let cells: Vec<String> = with.iter().map(|column| said(table[&(feature, column.name)])).collect();
            writeln!(text, "| {} | {} |", feature.name(), cells.join(" | ")).unwrap();
        }
    }
    if !without.is_empty() {
        writeln!(text, "\n{}: no: `model` in every row, because they have no such API. Ask for another offering.", heads(&without))
            .unwrap();
    }
    text.trim_end().to_owned()
}

fn heads(columns: &[&Column]) -> String {
    columns.iter().map(|column| format!("*{}*", column.head)).collect::<Vec<_>>().join(", ")
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Same => "=".to_owned(),
        Verdict::Translated => "yes".to_owned(),
        Verdict::Unasked => "unasked".to_owned(),
        Verdict::No(field) => format!("no: `{field}`"),
    }
}

fn examples() -> String {
    let mut text = String::new();
    for column in COLUMNS.iter().filter(|column| !column.about.is_empty()) {
        write!(text, "{}\n\n```toml\n{}```\n\n", column.about, column.config).unwrap();
    }
    text.trim_end().to_owned()
}
