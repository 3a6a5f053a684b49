//! Reads the JSON of presidio-research: a list of sentences with spans, whose offsets count characters.

use serde::Deserialize;

use super::{Characters, DatasetError, Document, Span};

/// Reads all sentences.
///
/// # Errors
/// If it is not such JSON, or an offset lies beyond its sentence.
pub fn read_presidio(name: &str, source: &str) -> Result<Vec<Document>, DatasetError> {
    let wrong = |place: String, reason| DatasetError { document: name.to_owned(), place, reason, hint: None };
    let sentences: Vec<Sentence> = serde_json::from_str(source).map_err(|error| {
        wrong(format!("line {} column {}", error.line(), error.column()), "not a list of `full_text` with `spans` in JSON")
    })?;
    let documents = sentences.into_iter().enumerate().map(|(index, sentence)| {
        let place = || format!("sentence {}", index.saturating_add(1));
        let spans = sentence.spans().ok_or_else(|| wrong(place(), "an offset lies beyond the text"))?;
        Document::checked(&format!("{name}:{}", index.saturating_add(1)), sentence.full_text, spans)
    });
    documents.collect()
}

#[derive(Deserialize)]
struct Sentence {
    full_text: String,
    spans: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Annotation {
    entity_type: String,
    start_position: usize,
    end_position: usize,
}

// === impl Sentence ===

impl Sentence {
    fn spans(&self) -> Option<Vec<Span>> {
        let characters = Characters::of(&self.full_text);
        let span = |annotation: &Annotation| {
            let part = characters.bytes(annotation.start_position, annotation.end_position)?;
            Some(Span { label: annotation.entity_type.clone(), parts: vec![part] })
        };
        self.spans.iter().map(span).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_characters() {
        let source =
            r#"[{"full_text": "Né à Rouen", "masked": "", "spans": [{"entity_type": "GPE", "start_position": 5, "end_position": 10}]}]"#;
        let documents = read_presidio("a", source).unwrap();
        assert_eq!(documents[0].text.get(documents[0].spans[0].parts[0].clone()), Some("Rouen"));
    }

    #[test]
    fn wrong_json_is_refused_without_its_text() {
        for source in [
            "[{\"full_text\": \"Ada\"}]",
            "Ada",
            r#"[{"full_text": "Ada", "spans": [{"entity_type": "PERSON", "start_position": 1, "end_position": 9}]}]"#,
        ] {
            let error = read_presidio("set.json", source).err().unwrap().to_string();
            assert!(error.starts_with("set.json: ") && !error.contains("Ada"), "{error}");
        }
    }
}
