//! Step 3: what is in the call. Every string of the body, unescaped and keys included, goes through the detectors.
//!
//! What no detector can read is opaque; what makes the operator reach out is remote. A detector that fails has found everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use comity_vocab::Action;

use crate::asked::Asked;
use crate::detect::{Detect, scan};
use crate::document::{Document, Node, NotADocument};
use crate::error::CallError;
use crate::limits::{BLOB_BYTES_MIN, INLINE_BYTES_MAX};

/// What was found. Kinds and classes only: nothing of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) kinds: BTreeSet<&'static str>,
    pub(crate) personal: bool,
    pub(crate) secrets: bool,
    pub(crate) opaque: bool,
    pub(crate) remote: BTreeSet<&'static str>,
    /// A detector failed: the call is denied whatever the terms say.
    pub(crate) failed: bool,
}

/// Parses the body once, reads what it asks for and finds what is in it. Large bodies are read on a thread of their own.
pub(crate) async fn find(body: &Bytes, action: Action, detector: &Arc<dyn Detect>) -> Result<(Asked, Findings), CallError> {
    if body.len() <= INLINE_BYTES_MAX {
        return read(body, action, detector.as_ref());
    }
    let (body, detector) = (body.clone(), Arc::clone(detector));
    let reading = tokio::task::spawn_blocking(move || read(&body, action, detector.as_ref()));
    reading.await.unwrap_or(Err(CallError::Internal("the body could not be read")))
}

fn read(body: &[u8], action: Action, detector: &dyn Detect) -> Result<(Asked, Findings), CallError> {
    let document = Document::parse(body).map_err(not_a_document)?;
    let asked = Asked::read(body, &document, action)?;
    let mut findings = Findings::default();
    findings.structure(&document, action)?;
    findings.text(&document, detector);
    Ok((asked, findings))
}

fn not_a_document(error: NotADocument) -> CallError {
    CallError::invalid(match error {
        NotADocument::Utf8(at) => format!("the body is not UTF-8 at byte {at}"),
        NotADocument::Json(what) => format!("the body is not a JSON object: {what}"),
        NotADocument::Twice(field) => format!("the field `{field}` stands in the body twice: which one counts?"),
    })
}

// === impl Findings ===

impl Findings {
    /// Everything that detectors see in the text of the call, looked at in one piece. The separator fits no pattern.
    fn text(&mut self, document: &Document<'_>, detector: &dyn Detect) {
        let mut text = String::new();
        let mut opaque = false;
        document.strings(&mut |string| {
            opaque = opaque || has_blob(string);
            text.push_str(string);
            text.push('\0');
        });
        self.opaque |= opaque;
        match scan(detector, &text) {
            Ok(found) => {
                for finding in found {
                    self.kinds.insert(finding.kind.name());
                    self.personal |= finding.kind.is_personal();
                    self.secrets |= finding.kind.is_secret();
                }
            }
            Err(error) => {
                tracing::error!(%error, "a detector failed: the call is denied");
                self.failed = true;
            }
        }
    }

    /// What the shape of the call says: parts that are no text, tools of the operator, addresses to fetch.
    fn structure(&mut self, document: &Document<'_>, action: Action) -> Result<(), CallError> {
        for (name, node) in document.fields() {
            match (name, action) {
                ("messages", Action::Infer) => node.items().iter().for_each(|message| self.message(message)),
                ("input", Action::Embed) => self.opaque |= has_numbers(node),
                ("tools", _) => self.tools(node)?,
                ("web_search_options", _) if !node.is_null() => {
                    self.remote.insert("web_search");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn message(&mut self, message: &Node<'_>) {
        for content in message.all("content") {
            match content {
                Node::Text(_) | Node::Null => {}
                Node::List(parts) => parts.iter().for_each(|part| self.part(part)),
                Node::Object(_) | Node::Bool(_) | Node::Number => self.opaque = true,
            }
        }
        // An answer in sound that the operator keeps, referred to by its id.
        self.opaque |= message.all("audio").any(|audio| !audio.is_null());
    }

    fn part(&mut self, part: &Node<'_>) {
        const READABLE: [&str; 4] = ["text", "input_text", "output_text", "refusal"];
        if part.text().is_some() {
            return;
        }
        let mut kinds = part.all("type").map(Node::text).peekable();
        let readable = kinds.peek().is_some() && kinds.all(|kind| kind.is_some_and(|kind| READABLE.contains(&kind)));
        if !readable {
            self.opaque = true;
            self.addresses(part);
        }
    }

    /// Addresses and files that the operator would fetch for a part.
    fn addresses(&mut self, node: &Node<'_>) {
        match node {
            Node::Text(text) => {
                let head: String = text.chars().take(8).collect::<String>().to_ascii_lowercase();
                if head.starts_with("http://") || head.starts_with("https://") {
                    self.remote.insert("url");
                }
            }
            Node::List(items) => items.iter().for_each(|item| self.addresses(item)),
            Node::Object(members) => {
                for (name, value) in members {
                    if name == "file_id" && !value.is_null() {
                        self.remote.insert("file");
                    }
                    self.addresses(value);
                }
            }
            Node::Bool(_) | Node::Number | Node::Null => {}
        }
    }

    fn tools(&mut self, tools: &Node<'_>) -> Result<(), CallError> {
        for (at, tool) in tools.items().iter().enumerate() {
            let mut kinds = tool.all("type").peekable();
            if kinds.peek().is_none() {
                return Err(unknown_tool(at, "has no `type`"));
            }
            for kind in kinds {
                match kind.text().map(hosted) {
                    Some(Tool::OfCaller) => {}
                    Some(Tool::OfOperator(kind)) => {
                        self.remote.insert(kind);
                    }
                    Some(Tool::Unknown) => return Err(unknown_tool(at, "is of a type that this gateway does not know")),
                    None => return Err(unknown_tool(at, "has a `type` that is not text")),
                }
            }
        }
        Ok(())
    }
}

/// Who runs a tool.
enum Tool {
    OfCaller,
    OfOperator(&'static str),
    Unknown,
}

/// Operators date their tools: `web_search_preview_2025_03_11`.
fn hosted(kind: &str) -> Tool {
    const HOSTED: [(&str, &str); 6] = [
        ("web_search", "web_search"),
        ("file_search", "file_search"),
        ("code_interpreter", "code_interpreter"),
        ("computer", "computer_use"),
        ("mcp", "mcp"),
        ("image_generation", "image_generation"),
    ];
    if matches!(kind, "function" | "custom") {
        return Tool::OfCaller;
    }
    HOSTED.into_iter().find(|(prefix, _)| kind.starts_with(prefix)).map_or(Tool::Unknown, |(_, name)| Tool::OfOperator(name))
}

fn unknown_tool(at: usize, what: &str) -> CallError {
    let param = format!("tools[{at}]");
    CallError::cannot_honour(param.clone(), format!("`{param}` {what}, so nobody can say what it would do with the call"))
}

/// Tokens given as numbers say nothing to a detector.
fn has_numbers(node: &Node<'_>) -> bool {
    match node {
        Node::Number => true,
        Node::List(items) => items.iter().any(has_numbers),
        Node::Text(_) | Node::Object(_) | Node::Bool(_) | Node::Null => false,
    }
}

/// A long unbroken run of base64. Only every so many bytes need a look: a shorter run hides nothing of that length.
fn has_blob(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let mut at = BLOB_BYTES_MIN.saturating_sub(1);
    while let (Some(before), Some(after)) = (bytes.get(..at), bytes.get(at..)) {
        let run_after = after.iter().take_while(|byte| is_base64(byte)).count();
        if run_after == 0 {
            at = at.saturating_add(BLOB_BYTES_MIN);
            continue;
        }
        let run_before = before.iter().rev().take_while(|byte| is_base64(byte)).count();
        if run_before.saturating_add(run_after) >= BLOB_BYTES_MIN {
            return true;
        }
        at = at.saturating_add(run_after).saturating_add(BLOB_BYTES_MIN).saturating_sub(1);
    }
    false
}

#[cfg(test)]
mod tests {
    use comity_redact::{Detector, Finding};

    use super::*;

    fn look(body: &str, action: Action) -> Result<Findings, CallError> {
        read(body.as_bytes(), action, &Detector::new().unwrap()).map(|(_, findings)| findings)
    }

    fn chat(content: &str, rest: &str) -> Findings {
        look(&format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":{content}}}]{rest}}}"), Action::Infer).unwrap()
    }

    #[test]
    fn every_place_is_looked_at() {
        let email = "ada\\u0040example.org";
        for body in [
            format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"system\",\"content\":\"{email}\"}}]}}"),
            format!("{{\"model\":\"m\",\"messages\":[{{\"content\":[{{\"type\":\"text\",\"text\":\"{email}\"}}]}}]}}"),
            format!(
                "{{\"model\":\"m\",\"messages\":[{{\"tool_calls\":[{{\"function\":{{\"arguments\":\"{{\\\"to\\\":\\\"{email}\\\"}}\"}}}}]}}]}}"
            ),
            format!("{{\"model\":\"m\",\"messages\":[{{}}],\"metadata\":{{\"{email}\":1}}}}"),
            format!(
                "{{\"model\":\"m\",\"messages\":[{{}}],\"tools\":[{{\"type\":\"function\",\"function\":{{\"description\":\"{email}\"}}}}]}}"
            ),
            format!("{{\"model\":\"m\",\"messages\":[{{}}],\"new_field\":[[{{\"deep\":\"{email}\"}}]]}}"),
        ] {
            let findings = look(&body, Action::Infer).unwrap();
            assert!(findings.personal && findings.kinds.contains("email") && !findings.opaque, "{body}");
        }
    }

    #[test]
    fn plain_text_is_nothing() {
        assert_eq!(chat("\"What is the capital of France?\"", ",\"temperature\":0.5"), Findings::default());
        assert_eq!(chat("[{\"type\":\"text\",\"text\":\"hi\"}]", ",\"tools\":[{\"type\":\"function\"}]"), Findings::default());
    }

    #[test]
    fn what_no_detector_can_read_is_opaque() {
        let blob = "QUJD".repeat(60);
        for content in [
            "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]".to_owned(),
            "[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\",\"format\":\"wav\"}}]".to_owned(),
            "[{\"type\":\"file\",\"file\":{\"file_data\":\"AA\"}}]".to_owned(),
            "[{\"type\":\"hologram\"}]".to_owned(),
            "[{\"text\":\"no type\"}]".to_owned(),
            "[{\"type\":\"text\",\"type\":\"image_url\",\"text\":\"two types\"}]".to_owned(),
            format!("\"look: {blob} end\""),
            "{\"a\":1}".to_owned(),
        ] {
            let findings = chat(&content, "");
            assert!(findings.opaque && findings.remote.is_empty(), "{content}");
        }
        let tokens = look("{\"model\":\"m\",\"input\":[[1,2,3],[4]]}", Action::Embed).unwrap();
        assert!(tokens.opaque);
        assert!(!look("{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", Action::Embed).unwrap().opaque);
    }

    #[test]
    fn what_makes_the_operator_reach_out_is_remote() {
        let url = chat("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"HTTPS://example.org/a.png\"}}]", "");
        assert_eq!((url.remote, url.opaque), (BTreeSet::from(["url"]), true));
        assert_eq!(chat("[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]", "").remote, BTreeSet::from(["file"]));
        assert_eq!(chat("\"hi\"", ",\"web_search_options\":{}").remote, BTreeSet::from(["web_search"]));
        assert_eq!(chat("\"hi\"", ",\"web_search_options\":null").remote, BTreeSet::new());
        let tools = ",\"tools\":[{\"type\":\"web_search_preview_2025_03_11\"},{\"type\":\"mcp\",\"server_url\":\"https://x\"},{\"type\":\"function\"}]";
        assert_eq!(chat("\"hi\"", tools).remote, BTreeSet::from(["web_search", "mcp"]));
    }

    #[test]
    fn an_unknown_tool_cannot_be_honoured() {
        for tool in ["{\"type\":\"teleport\"}", "{\"google_search\":{}}", "{\"type\":7}"] {
            let body = format!("{{\"model\":\"m\",\"messages\":[{{}}],\"tools\":[{tool}]}}");
            assert!(matches!(look(&body, Action::Infer), Err(CallError::CannotHonour { .. })), "{tool}");
        }
    }

    #[test]
    fn a_detector_that_fails_has_found_everything() {
        struct Panics;
        impl Detect for Panics {
            fn scan(&self, _: &str) -> Result<Vec<Finding>, String> {
                panic!("planted")
            }
        }
        struct Fails;
        impl Detect for Fails {
            fn scan(&self, _: &str) -> Result<Vec<Finding>, String> {
                Err("planted".to_owned())
            }
        }
        let body = b"{\"model\":\"m\",\"messages\":[{}]}";
        assert!(read(body, Action::Infer, &Panics).unwrap().1.failed);
        assert!(read(body, Action::Infer, &Fails).unwrap().1.failed);
    }

    #[test]
    fn blobs_are_found_wherever_they_stand() {
        let blob = "a".repeat(BLOB_BYTES_MIN);
        for at in [0, 1, 150, 199, 200, 399, 1000] {
            assert!(has_blob(&format!("{}{blob}{}", " ".repeat(at), " x".repeat(at))), "{at}");
            assert!(!has_blob(&format!("{}{}{}", " ".repeat(at), "a".repeat(BLOB_BYTES_MIN - 1), " x".repeat(at))), "{at}");
        }
        assert!(!has_blob(&"word ".repeat(1000)));
    }
}
