//! Reads recorded exchanges in the YAML of go-vcr, version 2: one file, several interactions, each a request and its answer.
//! Only reads; never records, and never follows the address that stands in a file.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::BenchError;

/// One file of recorded exchanges.
#[derive(Debug, Clone)]
pub struct Cassette {
    /// The file's name without folder and ending.
    pub name: String,
    /// In the order of recording.
    pub interactions: Vec<Interaction>,
}

/// One recorded call and its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Interaction {
    /// What was sent.
    pub request: Request,
    /// What came back.
    pub response: Response,
}

/// A recorded request. Headers are left out: they carry nothing that an answer depends on.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The body as text; empty if there was none.
    #[serde(default)]
    pub body: String,
}

/// A recorded answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Response {
    /// HTTP status.
    pub code: u16,
    /// The body as text: JSON, or an event stream.
    #[serde(default)]
    pub body: String,
    /// Name to values.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct File {
    version: u32,
    interactions: Vec<Interaction>,
}

impl Cassette {
    /// Parses a file's text; `name` is kept, and used in messages.
    ///
    /// # Errors
    /// The text is not YAML of this form, or of another version.
    pub fn parse(name: &str, text: &str) -> Result<Cassette, BenchError> {
        let bad = |message: String| BenchError::Cassette { path: name.to_owned(), message };
        let file: File = serde_saphyr::from_str(text).map_err(|error| bad(error.to_string()))?;
        if file.version != 2 {
            return Err(bad(format!("version {} instead of 2", file.version)));
        }
        Ok(Cassette { name: name.to_owned(), interactions: file.interactions })
    }

    /// Reads every `*.yaml` of a folder, sorted by name.
    ///
    /// # Errors
    /// The folder or a file cannot be read or parsed.
    pub fn read_folder(folder: &Path) -> Result<Vec<Cassette>, BenchError> {
        let bad =
            |path: &Path, error: &std::io::Error| BenchError::Cassette { path: path.display().to_string(), message: error.to_string() };
        let mut cassettes = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| bad(folder, &error))? {
            let path = entry.map_err(|error| bad(folder, &error))?.path();
            if path.extension().is_some_and(|ending| ending == "yaml") {
                let text = std::fs::read_to_string(&path).map_err(|error| bad(&path, &error))?;
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                cassettes.push(Cassette::parse(&name, &text)?);
            }
        }
        cassettes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cassettes)
    }
}

impl Interaction {
    /// Is this the recording of such a call? The path's end and the JSON must be equal. `stream_options` is left out of the comparison,
    /// because a gateway may ask for usage, and so is `model`, because a route may name another.
    #[must_use]
    pub fn records(&self, path: &str, body: &Value) -> bool {
        let recorded: Value = serde_json::from_str(&self.request.body).unwrap_or_default();
        same_operation(&self.request.url, path) && comparable(recorded) == comparable(body.clone())
    }
}

fn same_operation(url: &str, path: &str) -> bool {
    let operation = |address: &str| {
        let address = address.split('?').next().unwrap_or_default().to_owned();
        ["/chat/completions", "/embeddings", "/responses", "/messages"].into_iter().find(|end| address.ends_with(end))
    };
    operation(url).is_some() && operation(url) == operation(path)
}

fn comparable(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.remove("stream_options");
        fields.remove("model");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "---\nversion: 2\ninteractions:\n    - id: 0\n      request:\n        body: |-\n            {\"model\": \"a\", \"messages\": []}\n        url: https://api.example/v1/chat/completions\n        method: POST\n      response:\n        body: |+\n            data: 1\n\n            data: [DONE]\n\n        headers:\n            Content-Type:\n                - text/event-stream\n        code: 200\n";

    #[test]
    fn block_text_keeps_its_last_empty_lines() {
        let cassette = Cassette::parse("x", TEXT).unwrap();
        assert_eq!(cassette.interactions[0].response.body, "data: 1\n\ndata: [DONE]\n\n");
    }

    #[test]
    fn model_and_stream_options_do_not_matter_but_messages_do() {
        let cassette = Cassette::parse("x", TEXT).unwrap();
        let recorded = &cassette.interactions[0];
        assert!(recorded.records("/replay/v1/chat/completions", &json!({ "model": "b", "messages": [], "stream_options": {} })));
        assert!(!recorded.records("/v1/embeddings", &json!({ "messages": [] })));
        assert!(!recorded.records("/v1/chat/completions", &json!({ "messages": [1] })));
    }

    #[test]
    fn another_version_is_refused() {
        let error = Cassette::parse("x", &TEXT.replace("version: 2", "version: 1")).unwrap_err();
        assert!(error.to_string().contains("version 1 instead of 2"));
    }
}
