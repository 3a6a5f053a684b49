//! Reads brat standoff annotations: a text and the lines of its `.ann` file (`T1 LABEL 215 225 value`, with tabs around the middle).
//!
//! Offsets count characters, with a byte order mark and carriage returns. Only entities (`T`) are read; relations, events and notes
//! are passed over. The quoted value is not compared: brat writes line breaks in it as spaces.

use super::{Characters, DatasetError, Document, Span};

/// Reads one document.
///
/// # Errors
/// If a line for an entity cannot be read, or an offset lies beyond the text.
pub fn read_brat(name: &str, text: &str, annotations: &str) -> Result<Document, DatasetError> {
    let characters = Characters::of(text);
    let mut spans = Vec::new();
    for line in annotations.trim_start_matches('\u{feff}').lines().filter(|line| line.starts_with('T')) {
        let mut columns = line.split('\t');
        let id = columns.next().unwrap_or_default();
        let span = columns.next().and_then(|column| read_span(column, &characters));
        let wrong = || DatasetError {
            document: name.to_owned(),
            place: format!("annotation {}", id.chars().take(12).collect::<String>()),
            reason: "not `T1<tab>LABEL start end<tab>value`, or an offset lies beyond the text",
        };
        spans.push(span.ok_or_else(wrong)?);
    }
    Document::checked(name, text.to_owned(), spans)
}

/// `LABEL 0 5` or, in parts, `LABEL 0 5;16 23`.
fn read_span(column: &str, characters: &Characters) -> Option<Span> {
    let (label, places) = column.split_once(' ')?;
    let part = |place: &str| {
        let (start, end) = place.trim().split_once(' ')?;
        characters.bytes(start.parse().ok()?, end.parse().ok()?)
    };
    let parts = places.split(';').map(part).collect::<Option<Vec<_>>>()?;
    Some(Span { label: label.to_owned(), parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_characters_and_spans_may_have_parts() {
        let text = "\u{feff}Señora Núñez, y Gómez.";
        let document = read_brat("a", text, "T2\tPER 8 13;17 22\tNúñez Gómez\nR1\tx Arg1:T1\nT1\tTITLE 1 7\tSeñora\n").unwrap();
        let values: Vec<(&str, Vec<&str>)> = document
            .spans
            .iter()
            .map(|span| (span.label.as_str(), span.parts.iter().map(|part| text.get(part.clone()).unwrap()).collect()))
            .collect();
        assert_eq!(values, [("TITLE", vec!["Señora"]), ("PER", vec!["Núñez", "Gómez"])]);
    }

    #[test]
    fn wrong_annotations_are_refused_without_their_text() {
        for line in ["T1\tPER 0 400\tAda", "T1\tPER 3 3\t", "T1\tPER", "T1 PER 0 3 Ada", "T1\tPER a b\tAda"] {
            let error = read_brat("letter.txt", "Ada wrote", line).err().unwrap().to_string();
            assert!(error.starts_with("letter.txt: annotation T1") && !error.contains("Ada"), "{error}");
        }
    }
}
