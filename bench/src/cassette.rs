//! Reads recorded exchanges in the YAML of go-vcr, version 2, and of VCR.py, version 1 (also with `parsed_body`, as pydantic-ai writes
//! it): one file, several interactions, each a request and its answer. Only reads; never records, and never follows the address that
//! stands in a file.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use crate::BenchError;

/// The content type of AWS's binary streams; the body of such an answer is base64 in a file.
pub(crate) const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// One file of recorded exchanges.
#[derive(Debug, Clone)]
pub struct Cassette {
    /// The file's name without folder and ending.
    pub name: String,
    /// In the order of recording.
    pub interactions: Vec<Interaction>,
}

/// One recorded call and its answer.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// What was sent.
    pub request: Request,
    /// What came back.
    pub response: Response,
}

/// A recorded request. Headers are left out: they carry nothing that an answer depends on.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The body as text; empty if there was none.
    pub body: String,
}

/// A recorded answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub code: u16,
    /// The body: JSON, an event stream, or the messages of a binary one. JSON that was recorded parsed is written anew.
    pub body: Vec<u8>,
    /// Name to values.
    pub headers: BTreeMap<String, Vec<String>>,
}

// === the files ===

#[derive(Deserialize)]
struct File {
    version: u32,
    interactions: Vec<Raw>,
}

/// Both forms at once: they differ in where address, status and body stand.
#[derive(Deserialize)]
struct Raw {
    request: RawRequest,
    response: RawResponse,
}

#[derive(Deserialize)]
struct RawRequest {
    method: String,
    #[serde(alias = "uri")]
    url: String,
    #[serde(default)]
    body: Option<Body>,
    parsed_body: Option<Value>,
}

#[derive(Deserialize)]
struct RawResponse {
    code: Option<u16>,
    /// go-vcr writes the status line beside the code, VCR.py both in one.
    status: Option<Value>,
    #[serde(default)]
    body: Option<Body>,
    parsed_body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
}

/// go-vcr writes the text, VCR.py a field `string`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Field { string: String },
}

impl Body {
    fn text(self) -> String {
        match self {
            Body::Text(text) | Body::Field { string: text } => text,
        }
    }
}

impl Raw {
    fn read(self) -> Option<Interaction> {
        let (request, response) = (self.request, self.response);
        let text = |body: Option<Body>, parsed: Option<&Value>| parsed.map(Value::to_string).or(body.map(Body::text)).unwrap_or_default();
        let in_status = response.status.as_ref().and_then(|status| status.get("code")).and_then(Value::as_u64);
        let code = response.code.or_else(|| in_status.and_then(|code| u16::try_from(code).ok()))?;
        let answered = text(response.body, response.parsed_body.as_ref());
        let is_binary = response.headers.values().flatten().any(|value| value == EVENT_STREAM);
        let body = if is_binary { decoded(&answered)? } else { answered.into_bytes() };
        let sent = text(request.body, request.parsed_body.as_ref());
        Some(Interaction {
            request: Request { method: request.method, url: request.url, body: sent },
            response: Response { code, body, headers: response.headers },
        })
    }
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    let dense: String = base64.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(dense).ok()
}

impl Cassette {
    /// Parses a file's text; `name` is kept, and used in messages.
    ///
    /// # Errors
    /// The text is not YAML of this form, or of another version.
    pub fn parse(name: &str, text: &str) -> Result<Cassette, BenchError> {
        let bad = |message: String| BenchError::Cassette { path: name.to_owned(), message };
        // A `!!binary` stays base64 here: whether it is bytes is seen from the content type.
        let options = serde_saphyr::options! { ignore_binary_tag_for_string: true };
        let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| bad(error.to_string()))?;
        if !matches!(file.version, 1 | 2) {
            return Err(bad(format!("version {} instead of 1 or 2", file.version)));
        }
        let interactions: Option<Vec<Interaction>> = file.interactions.into_iter().map(Raw::read).collect();
        Ok(Cassette {
            name: name.to_owned(),
            interactions: interactions.ok_or_else(|| bad("an answer has no status, or is no base64".to_owned()))?,
        })
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

const OPERATIONS: [&str; 9] = [
    "/chat/completions",
    "/embeddings",
    "/responses",
    "/messages",
    "/messages/count_tokens",
    ":generateContent",
    ":streamGenerateContent",
    "/converse",
    "/converse-stream",
];

fn same_operation(url: &str, path: &str) -> bool {
    let operation = |address: &str| {
        let address = address.split('?').next().unwrap_or_default().to_owned();
        OPERATIONS.into_iter().find(|end| address.ends_with(end))
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
        assert_eq!(cassette.interactions[0].response.body, b"data: 1\n\ndata: [DONE]\n\n");
    }

    #[test]
    fn the_other_form_is_read_too() {
        let text = "interactions:\n- request:\n    method: POST\n    parsed_body:\n      n: 1\n    uri: https://api.example/v1/messages\n  response:\n    body:\n      string: !!binary |\n        AAEC\n    headers:\n      content-type:\n      - application/vnd.amazon.eventstream\n    status:\n      code: 201\n      message: OK\nversion: 1\n";
        let recorded = &Cassette::parse("x", text).unwrap().interactions[0];
        assert_eq!((recorded.response.code, recorded.response.body.as_slice()), (201, [0, 1, 2].as_slice()));
        assert_eq!((recorded.request.url.as_str(), recorded.request.body.as_str()), ("https://api.example/v1/messages", "{\"n\":1}"));
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
        let error = Cassette::parse("x", &TEXT.replace("version: 2", "version: 3")).unwrap_err();
        assert!(error.to_string().contains("version 3 instead of 1 or 2"));
    }
}
