//! Reads brat standoff annotations: a text and the lines of its `.ann` file (`T1 LABEL 215 225 value`, with tabs around the middle).
//!
//! Offsets count characters, with a byte order mark and carriage returns. Only entities (`T`) are read; relations, events and notes
//! are passed over. Each entity's text is compared with what stands at its offsets, but for white space, which brat writes in its own way:
//! a shifted data set would measure and train nonsense. No error quotes a line, because a malformed one begins with somebody's name.

use super::{Characters, DatasetError, Document, Span};

/// What is wrong with a line, and what to do about it.
type Wrong = (&'static str, &'static str);

const FORM: &str = "an entity is written `T1<tab>LABEL start end<tab>its text`; several parts are `0 3;5 9`";
const SHIFT: &str =
    "offsets count characters from 0, line ends too; a byte order mark that came or went, or line ends that were changed, shift them";
const NO_ANNOTATION: Wrong = ("not an annotation of brat", FORM);
const NO_ENTITY: Wrong = ("not an entity with label, offsets and text", FORM);
const OUTSIDE: Wrong = ("an offset lies beyond the text, or the entity is empty", SHIFT);
const ELSEWHERE: Wrong = ("the entity's text is not what stands at its offsets", SHIFT);

/// Reads one document.
///
/// # Errors
/// If a line is no annotation, an entity cannot be read, or its text is not what stands at its offsets.
pub fn read_brat(name: &str, text: &str, annotations: &str) -> Result<Document, DatasetError> {
    let characters = Characters::of(text);
    let mut spans = Vec::new();
    for (number, line) in (1_usize..).zip(annotations.trim_start_matches('\u{feff}').lines()) {
        let wrong = |(reason, hint)| DatasetError { document: name.to_owned(), place: format!("line {number}"), reason, hint: Some(hint) };
        if let Some(entity) = entity(line).map_err(wrong)? {
            spans.push(read_entity(entity, text, &characters).map_err(wrong)?);
        }
    }
    Document::checked(name, text.to_owned(), spans)
}

/// What stands behind the id of an entity; nothing for other annotations.
fn entity(line: &str) -> Result<Option<&str>, Wrong> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (id, rest) = line.split_once('\t').ok_or(NO_ANNOTATION)?;
    match id.split_at_checked(1) {
        Some(("T", number)) if is_number(number) => Ok(Some(rest)),
        Some(("R" | "E" | "A" | "M" | "N", number)) if is_number(number) => Ok(None),
        Some(("*", "")) => Ok(None),
        Some(_) | None => Err(NO_ANNOTATION),
    }
}

/// Some tools append a letter to the number.
fn is_number(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_digit())
}

/// `LABEL 0 5<tab>its text`
fn read_entity(entity: &str, text: &str, characters: &Characters) -> Result<Span, Wrong> {
    let (column, value) = entity.split_once('\t').ok_or(NO_ENTITY)?;
    let span = read_span(column, characters)?;
    let there = span.parts.iter().filter_map(|part| text.get(part.clone()));
    if visible(there).eq(visible([value])) { Ok(span) } else { Err(ELSEWHERE) }
}

/// `LABEL 0 5` or, in parts, `LABEL 0 5;16 23`.
fn read_span(column: &str, characters: &Characters) -> Result<Span, Wrong> {
    let (label, places) = column.split_once(' ').ok_or(NO_ENTITY)?;
    let part = |place: &str| {
        let (start, end) = place.trim().split_once(' ').ok_or(NO_ENTITY)?;
        let offset = |number: &str| number.parse().map_err(|_| NO_ENTITY);
        characters.bytes(offset(start)?, offset(end)?).ok_or(OUTSIDE)
    };
    let parts = places.split(';').map(part).collect::<Result<Vec<_>, Wrong>>()?;
    Ok(Span { label: label.to_owned(), parts })
}

/// All characters but white space: brat puts a space between parts and in place of a line end.
fn visible<'a>(pieces: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = char> {
    pieces.into_iter().flat_map(str::chars).filter(|character| !character.is_whitespace())
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

    fn refused(text: &str, annotations: &str) -> String {
        let error = read_brat("letter.ann", text, annotations).err().unwrap();
        let shown = format!("{error} / {}", error.hint.unwrap_or_default());
        assert!(!shown.contains("Ada") && !shown.contains("Lovelac"), "{shown}");
        shown
    }

    #[test]
    fn a_line_that_cannot_be_read_is_refused_without_its_text() {
        for line in ["T1\tPER", "T1\tPER 0 3", "T1\tPER a b\tAda", "T1\tAda", "T1\tAda Lovelace\t0 3"] {
            assert!(refused("Ada wrote", line).starts_with("letter.ann: line 1: not an entity with label, offsets and text / an entity"));
        }
        for line in ["TAda Lovelace", "T1 PER 0 3 Ada", " T1\tPER 0 3\tAda", "Table\tAda", "Ada\tLovelace", "é\tAda", "\tAda"] {
            let annotations = format!("\u{feff}T1\tPER 0 3\tAda\n\n{line}\n");
            assert!(refused("Ada wrote", &annotations).starts_with("letter.ann: line 3: not an annotation of brat / "), "{line}");
        }
        for line in ["T1\tPER 0 400\tAda", "T1\tPER 3 3\t", "T1\tPER 3 0\tAda"] {
            assert!(
                refused("Ada wrote", line).starts_with("letter.ann: line 1: an offset lies beyond the text, or the entity is empty / ")
            );
        }
    }

    #[test]
    fn a_text_that_does_not_stand_at_its_offsets_is_refused() {
        let good = "T1\tPER 5 17\tAda Lovelace";
        assert!(read_brat("a", "Dear Ada Lovelace,\r\nhello", good).is_ok());
        for text in ["\u{feff}Dear Ada Lovelace,", "Dear  Ada Lovelace,", "Dear\r\nAda Lovelace", "Dear ada lovelace, you"] {
            let shown = refused(text, good);
            assert!(
                shown.starts_with("letter.ann: line 1: the entity's text is not what stands at its offsets / offsets count"),
                "{shown}"
            );
        }
    }

    #[test]
    fn white_space_and_other_annotations_are_no_matter() {
        let text = "Ada\r\nLovelace wrote";
        for line in [
            "T1\tPER 0 13\tAda  Lovelace",
            "T1\tPER 0 13\tAda\tLovelace\r",
            "T7b\tPER 0 3;5 13\tAda Lovelace",
            "T1\tPER 0 14\tAda Lovelace",
        ] {
            assert_eq!(read_brat("a", text, line).unwrap().spans.len(), 1, "{line:?}");
        }
        let others = "R1\tKnows Arg1:T1 Arg2:T2\nE1\tX:T1\nA1\tX T1\nM1\tX T1\nN1\tX T1 Y:1\tZ\n*\tEquiv T1 T2\n#1\tNote T1\tx\n# note\n\n";
        assert!(read_brat("a", text, others).unwrap().spans.is_empty());
    }
}
