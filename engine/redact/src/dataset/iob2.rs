//! Reads token-per-line annotations with `B-`/`I-`/`O` labels: IOB2, CoNLL-2003, and Universal NER with its `# text =` comments.
//!
//! A sentence becomes a document. Where its text is given, tokens are found again in it; else they are joined by single spaces.

use std::ops::Range;

use super::{DatasetError, Document, Span};

/// Reads all sentences.
///
/// # Errors
/// If a line has no label, or a token is not in the text that its sentence gives.
pub fn read_iob2(name: &str, source: &str) -> Result<Vec<Document>, DatasetError> {
    let mut documents = Vec::new();
    let mut sentence = Sentence::default();
    for (number, line) in (1_usize..).zip(source.lines().chain([""])) {
        let wrong = |reason| DatasetError { document: name.to_owned(), place: format!("line {number}"), reason, hint: None };
        if line.trim().is_empty() {
            let done = std::mem::take(&mut sentence);
            if !done.tokens.is_empty() {
                documents.push(done.document(&format!("{name}:{number}")).map_err(wrong)?);
            }
        } else if let Some(comment) = line.strip_prefix("# ") {
            sentence.text = comment.strip_prefix("text = ").map(str::to_owned).or(sentence.text);
        } else {
            sentence.tokens.extend(read_token(line).map_err(wrong)?);
        }
    }
    Ok(documents)
}

#[derive(Default)]
struct Sentence {
    text: Option<String>,
    /// Words with their labels.
    tokens: Vec<(String, String)>,
}

// === impl Sentence ===

impl Sentence {
    fn document(self, name: &str) -> Result<Document, &'static str> {
        let mut text = self.text.clone().unwrap_or_default();
        let mut at = 0;
        let mut spans: Vec<Span> = Vec::new();
        let mut before = "O";
        for (index, (word, tag)) in self.tokens.iter().enumerate() {
            if self.text.is_none() {
                text.push_str(if index == 0 { "" } else { " " });
                text.push_str(word);
            }
            let found = text.get(at..).and_then(|rest| rest.find(word.as_str())).ok_or("a token is not in the text of its sentence")?;
            let start = at.saturating_add(found);
            at = start.saturating_add(word.len());
            mark(&mut spans, (before, tag), start, at);
            before = tag;
        }
        Document::checked(name, text, spans).map_err(|error| error.reason)
    }
}

/// Begins a span, makes the last one longer, or does nothing. `tags` are those of the token before and of this one.
fn mark(spans: &mut Vec<Span>, tags: (&str, &str), start: usize, end: usize) {
    let Some((begin, label)) = tags.1.split_once('-') else { return };
    let goes_on = begin == "I" && tags.0.split_once('-').is_some_and(|(_, before)| before == label);
    match spans.last_mut().filter(|_| goes_on).and_then(|last| last.parts.last_mut()) {
        Some(part) => part.end = end,
        None => spans.push(Span { label: label.to_owned(), parts: Vec::from([Range { start, end }]) }),
    }
}

/// The word and its label. Universal NER: `1 Tampa B-LOC - name`, with tabs; CoNLL: `Tampa NNP B-NP B-LOC`; IOB2: `Tampa B-LOC`.
fn read_token(line: &str) -> Result<Option<(String, String)>, &'static str> {
    let columns: Vec<&str> = if line.contains('\t') { line.split('\t').collect() } else { line.split_whitespace().collect() };
    if columns.first() == Some(&"-DOCSTART-") {
        return Ok(None);
    }
    let universal = columns.len() >= 3 && columns.first().is_some_and(|first| first.bytes().all(|byte| byte.is_ascii_digit()));
    let (word, tag) = if universal { (columns.get(1), columns.get(2)) } else { (columns.first(), columns.last()) };
    match (word, tag) {
        (Some(word), Some(tag)) if columns.len() >= 2 && (*tag == "O" || tag.starts_with("B-") || tag.starts_with("I-")) => {
            Ok(Some(((*word).to_owned(), (*tag).to_owned())))
        }
        _ => Err("not a word and its label: `O`, `B-…` or `I-…`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(&str, &[(&str, &str)])]) {
        let documents = read_iob2("a", source).unwrap();
        assert_eq!(documents.len(), expected.len());
        for (document, (text, spans)) in documents.iter().zip(expected) {
            let found: Vec<(&str, &str)> =
                document.spans.iter().map(|span| (span.label.as_str(), document.text.get(span.parts[0].clone()).unwrap())).collect();
            assert_eq!((document.text.as_str(), found.as_slice()), (*text, *spans));
        }
    }

    #[test]
    fn universal_ner_conll_and_plain_columns_are_read() {
        check(
            "# sent_id = 1\n# text = In Tampa Bay, Ada.\n1\tIn\tO\t-\t-\n2\tTampa\tB-LOC\t-\tx\n3\tBay\tI-LOC\t-\tx\n4\t,\tO\t-\t-\n5\tAda\tB-PER\t-\tx\n",
            &[("In Tampa Bay, Ada.", &[("LOC", "Tampa Bay"), ("PER", "Ada")])],
        );
        check(
            "-DOCSTART- -X- -X- O\n\nAda NNP B-NP B-PER\nBob NNP B-NP B-PER\n\nParis NNP B-NP I-LOC\n. . O O\n",
            &[("Ada Bob", &[("PER", "Ada"), ("PER", "Bob")]), ("Paris .", &[("LOC", "Paris")])],
        );
        check("# tag\tO\n", &[]);
        check("#\tO\nAda\tB-PER\nand\tO\nBob\tI-PER", &[("# Ada and Bob", &[("PER", "Ada"), ("PER", "Bob")])]);
    }

    #[test]
    fn a_line_without_a_label_is_refused_with_its_number() {
        for source in ["Ada\tB-PER\nBob\n", "Ada\tB-PER\nBob\tPER\n", "# text = Ada\nBob\tO\n\n"] {
            let error = read_iob2("set", source).err().unwrap().to_string();
            assert!(error.starts_with("set: line ") && !error.contains("Bob"), "{error}");
        }
    }
}
