//! Step 3: what is in the call. Every string of the body, unescaped and keys included, goes through the detectors.
//!
//! What no detector can read is opaque; what makes the operator reach out is remote; what the operator keeps is a reference. A detector that
//! fails has found everything.

mod chat;
mod messages;
mod responses;
mod tools;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use comity_dialect::{Api, sealed};
use comity_redact::{Finding, Kinds};
use comity_upstream::Kept;

use super::pseudonymise::Values;
use crate::apart::apart;
use crate::asked::Asked;
use crate::detect::{Depth, Detect, scan};
use crate::document::{Document, Node, NotADocument};
use crate::error::CallError;
use crate::limits::{BLOB_BYTES_MIN, INLINE_BYTES_MAX, REFERENCES_MAX};

/// What was found. Kinds and classes only: nothing of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) kinds: BTreeSet<String>,
    pub(crate) personal: bool,
    /// Data of a special category, of a kind that detectors know.
    pub(crate) special_category: bool,
    pub(crate) secrets: bool,
    pub(crate) opaque: bool,
    pub(crate) remote: BTreeSet<&'static str>,
    /// What the call refers to at its operator, with the field that does.
    pub(crate) refers: Vec<Reference>,
    /// Long base64: opaque, unless it is a seal that came through this gateway.
    pub(crate) blobs: Vec<Kept>,
    /// Every value that was found. It stays in memory, for the means `pseudonymised`.
    pub(crate) values: Values,
    /// How thorough the detectors are, as terms count it.
    pub(crate) level: u8,
    /// A detector failed: the call is denied whatever the terms say.
    pub(crate) failed: bool,
}

/// Something that the operator keeps, and the field that names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) field: &'static str,
    pub(crate) kept: Kept,
}

/// Parses the body once, reads what it asks for and finds what is in it. What takes long is done on a thread of its own.
pub(crate) async fn find(body: &Bytes, api: Api, detector: &Arc<dyn Detect>) -> Result<(Asked, Findings), CallError> {
    if body.len() <= INLINE_BYTES_MAX && !detector.is_slow() {
        return read(body, api, detector.as_ref());
    }
    let (body, detector) = (body.clone(), Arc::clone(detector));
    let reading = apart("a body could not be read: the call is refused", move || read(&body, api, detector.as_ref()));
    reading.await.unwrap_or(Err(CallError::Internal("the body could not be read")))
}

fn read(body: &[u8], api: Api, detector: &dyn Detect) -> Result<(Asked, Findings), CallError> {
    let document = Document::parse(body).map_err(not_a_document)?;
    let asked = Asked::read(body, &document, api)?;
    let mut findings = Findings::default();
    match api {
        Api::Chat => chat::structure(&mut findings, &document)?,
        Api::Responses => responses::structure(&mut findings, &document)?,
        Api::Messages | Api::CountTokens => messages::structure(&mut findings, &document)?,
        Api::Embeddings => document.get("input").into_iter().for_each(|input| findings.embedded(&input.node)),
    }
    if findings.refers.len() > REFERENCES_MAX {
        return Err(CallError::invalid(format!("the call refers to more than {REFERENCES_MAX} things that an operator keeps: send less")));
    }
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
    /// What is known of a call for something that the operator keeps: that it refers to it.
    pub(crate) fn of_kept(id: &str) -> Self {
        let mut findings = Self::default();
        findings.refer("response_id", Kept::Response(id.to_owned()));
        findings
    }

    /// Everything that detectors see in the text of the call, looked at in one piece.
    fn text(&mut self, document: &Document<'_>, detector: &dyn Detect) {
        let mut text = String::new();
        document.strings(&mut |string| {
            if !self.opaque && has_blob(string) {
                self.blobs.push(Kept::Sealed(sealed(string).to_owned()));
                self.opaque = self.blobs.len() > REFERENCES_MAX;
            }
            unfold(string, &mut text, JSON_IN_JSON_MAX);
        });
        self.level = detector.level();
        let looked = scan(detector, &text, Depth::Full)
            .and_then(|found| found.iter().try_for_each(|finding| self.note(*finding, (&text, detector.kinds()))));
        if let Err(error) = looked {
            tracing::error!(%error, "a detector failed: the call is denied");
            self.failed = true;
        }
    }

    /// Notes what was found. One that stands in no text of the call could not be replaced, and would leave in clear.
    fn note(&mut self, finding: Finding, (text, kinds): (&str, &Kinds)) -> Result<(), String> {
        let kind = kinds.get(finding.kind).ok_or("it found something that it cannot name")?;
        let value = text.get(finding.start..finding.end).filter(|value| !value.is_empty()).ok_or("it found something outside the text")?;
        if value.contains(BETWEEN) {
            return Err("it found something that goes from one text of the call into the next".to_owned());
        }
        self.values.insert(value, (finding.kind, kind.label));
        self.kinds.insert(kind.name.clone());
        self.personal |= kind.class.is_personal();
        self.special_category |= kind.class.is_special_category();
        self.secrets |= kind.class.is_secret();
        Ok(())
    }

    /// The call names something that the operator keeps.
    fn refer(&mut self, field: &'static str, kept: Kept) {
        // One more than may be is enough to refuse the call.
        if self.refers.len() <= REFERENCES_MAX {
            self.refers.push(Reference { field, kept });
        }
    }

    /// The text in `id` names something that the operator keeps; anything else than text is opaque.
    fn refer_by(&mut self, field: &'static str, id: &Node<'_>, kept: AsKept) {
        match id {
            Node::Null => {}
            Node::Text(id) => self.refer(field, kept(id.clone().into_owned())),
            Node::List(_) | Node::Object(_) | Node::Bool(_) | Node::Number => self.opaque = true,
        }
    }

    /// Everything below a node that names what the operator keeps.
    fn kept(&mut self, node: &Node<'_>) {
        for (field, kept) in KEPT {
            for id in node.all(field) {
                match id {
                    Node::List(ids) => ids.iter().for_each(|id| self.refer_by(field, id, kept)),
                    // `{"type": "auto", …}` makes a new one; what it names stands below.
                    Node::Object(_) => {}
                    Node::Text(_) | Node::Bool(_) | Node::Number | Node::Null => self.refer_by(field, id, kept),
                }
                if field.starts_with("file_id") && !id.is_null() {
                    self.remote.insert("file");
                }
            }
        }
        node.items().iter().for_each(|item| self.kept(item));
        node.members().iter().for_each(|(_, member)| self.kept(member));
    }

    /// Addresses that the operator would fetch, anywhere below a node.
    fn addresses(&mut self, node: &Node<'_>) {
        match node {
            Node::Text(text) if is_address(text) => {
                self.remote.insert("url");
            }
            Node::List(items) => items.iter().for_each(|item| self.addresses(item)),
            Node::Object(members) => members.iter().for_each(|(_, member)| self.addresses(member)),
            Node::Text(_) | Node::Bool(_) | Node::Number | Node::Null => {}
        }
    }

    /// A part of a kind that no detector can read, with what the operator would fetch for it, or has of it.
    fn unreadable(&mut self, part: &Node<'_>) {
        self.opaque = true;
        self.addresses(part);
        self.kept(part);
    }

    /// A part of text, or one that cannot be read. A part that has more than text is more, whatever it says it is.
    fn part(&mut self, part: &Node<'_>, readable: &[&str]) {
        const OF_TEXT: [&str; 9] =
            ["type", "text", "refusal", "cache_control", "annotations", "logprobs", "citations", "prompt_cache_breakpoint", "index"];
        let is_text = kind(part).is_some_and(|kind| readable.contains(&kind));
        let only_text = part.members().iter().all(|(name, value)| OF_TEXT.contains(&name.as_ref()) || value.is_plain());
        let texts = ["text", "refusal"].into_iter().flat_map(|name| part.all(name));
        let plain = texts.into_iter().all(|text| text.text().is_some() || text.is_null());
        if part.text().is_none() && !(is_text && only_text && plain) {
            self.unreadable(part);
        }
    }

    /// What is to be embedded: a text, texts, or something that no detector can read.
    fn embedded(&mut self, input: &Node<'_>) {
        match input {
            Node::Text(_) => {}
            Node::List(items) => items.iter().for_each(|item| self.embedded(item)),
            Node::Object(_) | Node::Bool(_) | Node::Number | Node::Null => self.unreadable(input),
        }
    }
}

/// What an id of that name is.
type AsKept = fn(String) -> Kept;

/// Members that name what an operator keeps.
const KEPT: [(&str, AsKept); 6] = [
    ("file_id", Kept::File),
    ("file_ids", Kept::File),
    ("vector_store_ids", Kept::File),
    ("container_id", Kept::Container),
    ("container", Kept::Container),
    ("skill_id", Kept::File),
];

/// Stands between the texts of a call where they are looked at together.
const BETWEEN: char = '\0';

/// How deep JSON within the texts of JSON is looked into: arguments of functions are one level.
pub(crate) const JSON_IN_JSON_MAX: u8 = 3;

/// Adds a text, and what its own escapes hide: another dialect may send it unescaped.
fn unfold(string: &str, text: &mut String, depth: u8) {
    text.push_str(string);
    text.push(BETWEEN);
    let hides = string.contains('\\') || has_other_digits(string);
    let inner = hides.then(|| Node::within(string)).flatten();
    if let Some(inner) = inner.filter(|_| depth > 0) {
        inner.strings(&mut |string| unfold(string, text, depth.saturating_sub(1)));
    }
}

/// Whether a number may stand in it in other digits than its own: `4.1e15`, `41.0`.
fn has_other_digits(text: &str) -> bool {
    let is_other = |[first, second, third]: &[u8; 3]| {
        let exponent = matches!(second, b'e' | b'E') && (third.is_ascii_digit() || matches!(third, b'+' | b'-'));
        first.is_ascii_digit() && (exponent || (*second == b'.' && *third == b'0'))
    };
    text.trim_start().starts_with(['{', '[']) && text.as_bytes().array_windows().any(is_other)
}

/// Whether a text is an address of whatever scheme; `data:` holds its bytes itself.
fn is_address(text: &str) -> bool {
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter.is_control());
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme =
        !scheme.is_empty() && scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    is_scheme && !scheme.eq_ignore_ascii_case("data") && (rest.starts_with("//") || scheme.eq_ignore_ascii_case("file"))
}

/// The one type of a part; none where it has none, or two that differ.
fn kind<'n>(part: &'n Node<'_>) -> Option<&'n str> {
    let mut kinds = part.all("type").map(Node::text);
    let first = kinds.next()??;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

/// A long unbroken run of base64. Only every so many bytes need a look: a shorter run hides nothing of that length.
pub(crate) fn has_blob(text: &str) -> bool {
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
    use comity_redact::{Detector, Kind, Tier};

    use super::*;
    use crate::detect::Tiers;
    use crate::logged::logged;

    fn look(body: &str, api: Api) -> Result<Findings, CallError> {
        read(body.as_bytes(), api, &Tiers::new(Detector::new().unwrap())).map(|(_, findings)| findings)
    }

    fn chat(content: &str, rest: &str) -> Findings {
        look(&format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":{content}}}]{rest}}}"), Api::Chat).unwrap()
    }

    #[test]
    fn every_place_is_looked_at() {
        let email = "ada\\u0040example.org";
        let hidden = "{\\\"to\\\":\\\"ada\\\\u0040example.org\\\"}";
        for body in [
            format!("{{\"model\":\"m\",\"messages\":[{{\"tool_calls\":[{{\"function\":{{\"arguments\":\"{hidden}\"}}}}]}}]}}"),
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
            let findings = look(&body, Api::Chat).unwrap();
            assert!(findings.personal && findings.kinds.contains("email") && !findings.opaque, "{body}");
        }
    }

    #[test]
    fn numbers_are_read_in_whatever_digits() {
        let arguments = |json: &str| {
            let json = json.replace('"', "\\\"");
            chat("\"hi\"", &format!(",\"x\":[{{\"arguments\":\"{json}\"}}]")).kinds.into_iter().collect::<Vec<_>>()
        };
        for card in ["4111111111111111", "4.111111111111111e15", "41111111111111110E-1", "4111111111111111.0", "-4111111111111111"] {
            assert_eq!(arguments(&format!("{{\"card\": {card}}}")), ["payment_card"], "{card}");
        }
        assert!(arguments("{\"share\": 1.0, \"small\": 1e3}").is_empty());
        let phone = look("{\"model\":\"m\",\"messages\":[{\"content\":[{\"input\":{\"phone\":2233445}}]}]}", Api::Messages).unwrap();
        assert!(phone.kinds.contains("phone"), "{:?}", phone.kinds);
    }

    #[test]
    fn plain_text_is_nothing() {
        let nothing = || Findings { level: 1, ..Findings::default() };
        assert_eq!(chat("\"What is the capital of France?\"", ",\"temperature\":0.5"), nothing());
        assert_eq!(chat("[{\"type\":\"text\",\"text\":\"hi\"}]", ",\"tools\":[{\"type\":\"function\"}]"), nothing());
    }

    #[test]
    fn what_no_detector_can_read_is_opaque() {
        let blob = "QUJD".repeat(60);
        for content in [
            "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]".to_owned(),
            "[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\",\"format\":\"wav\"}}]".to_owned(),
            "[{\"type\":\"file\",\"file\":{\"file_data\":\"AA\"}}]".to_owned(),
            "[{\"type\":\"hologram\"}]".to_owned(),
            "[{\"type\":\"text\",\"text\":\"\",\"image_url\":\"data:,x\"}]".to_owned(),
            "[{\"type\":\"text\",\"text\":{\"a\":1}}]".to_owned(),
            "[{\"text\":\"no type\"}]".to_owned(),
            "[{\"type\":\"text\",\"type\":\"image_url\",\"text\":\"two types\"}]".to_owned(),
            format!("\"look: {blob} end\""),
            "{\"a\":1}".to_owned(),
        ] {
            let findings = chat(&content, "");
            assert!((findings.opaque || !findings.blobs.is_empty()) && findings.remote.is_empty(), "{content}");
        }
        let tokens = look("{\"model\":\"m\",\"input\":[[1,2,3],[4]]}", Api::Embeddings).unwrap();
        assert!(tokens.opaque);
        assert!(!look("{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", Api::Embeddings).unwrap().opaque);
        let image = look("{\"model\":\"m\",\"input\":[{\"image\":\"s3://bucket/a.png\"}]}", Api::Embeddings).unwrap();
        assert_eq!((image.opaque, image.remote), (true, BTreeSet::from(["url"])));
    }

    #[test]
    fn what_makes_the_operator_reach_out_is_remote() {
        let url = chat("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"HTTPS://example.org/a.png\"}}]", "");
        assert_eq!((url.remote, url.opaque), (BTreeSet::from(["url"]), true));
        let file = chat("[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]", "");
        assert_eq!(file.remote, BTreeSet::from(["file"]));
        assert_eq!(file.refers, [Reference { field: "file_id", kept: Kept::File("f".to_owned()) }]);
        assert_eq!(chat("\"hi\"", ",\"web_search_options\":{}").remote, BTreeSet::from(["web_search"]));
        assert_eq!(chat("\"hi\"", ",\"web_search_options\":null").remote, BTreeSet::new());
        let tools = ",\"tools\":[{\"type\":\"web_search_preview_2025_03_11\"},{\"type\":\"mcp\",\"server_url\":\"https://x\"},{\"type\":\"function\"}]";
        assert_eq!(chat("\"hi\"", tools).remote, BTreeSet::from(["web_search", "mcp"]));
    }

    #[test]
    fn an_unknown_tool_cannot_be_honoured() {
        for tool in ["{\"type\":\"teleport\"}", "{\"google_search\":{}}", "{\"type\":7}"] {
            let body = format!("{{\"model\":\"m\",\"messages\":[{{}}],\"tools\":[{tool}]}}");
            assert!(matches!(look(&body, Api::Chat), Err(CallError::CannotHonour { .. })), "{tool}");
        }
    }

    /// A detector that does what it is told to.
    struct Told(Kinds, Way);

    type Way = fn(&str) -> Result<Vec<Finding>, String>;

    impl Detect for Told {
        fn kinds(&self) -> &Kinds {
            &self.0
        }

        fn level(&self) -> u8 {
            1
        }

        fn scan(&self, text: &str, _: Depth) -> Result<Vec<Finding>, String> {
            (self.1)(text)
        }
    }

    fn person(start: usize, end: usize) -> Result<Vec<Finding>, String> {
        Ok(vec![Finding { kind: Kind::PERSON, start, end, tier: Tier::Trained }])
    }

    #[tokio::test]
    async fn a_detector_that_fails_has_found_everything() {
        const TEXTS: &str = "{\"model\":\"m\",\"messages\":[{\"content\":\"Ada Lovelace\"},{\"content\":\"Charles Babbage\"}]}";
        let ways: [(Way, &str); 7] = [
            (|_| panic!("planted"), "the detector panicked"),
            (|_| Err("planted".to_owned()), "planted"),
            (|_| person(4, 4), "outside the text"),
            (|_| person(6, 4), "outside the text"),
            (|text| person(4, text.len() + 1), "outside the text"),
            (|text| person(text.find("Ada").unwrap(), text.find(" Babbage").unwrap()), "from one text of the call into the next"),
            (
                |_| Ok(vec![Finding { kind: Kinds::shipped().find("gb_nhs").unwrap(), start: 0, end: 5, tier: Tier::Patterns }]),
                "cannot name",
            ),
        ];
        for (way, why) in ways {
            let detector = Told(Kinds::built_in(), way);
            let (read, log) = logged(async { read(TEXTS.as_bytes(), Api::Chat, &detector) }).await;
            assert!(read.unwrap().1.failed, "{why}");
            assert!(log.contains("a detector failed: the call is denied") && log.contains(why), "{log}");
            assert!(!log.contains("Ada") && !log.contains("Babbage"), "{log}");
        }
        let one = Told(Kinds::built_in(), |text| person(text.find("Ada").unwrap(), text.find("Ada").unwrap() + 12));
        let (read, log) = logged(async { read(TEXTS.as_bytes(), Api::Chat, &one) }).await;
        assert!(read.is_ok_and(|(_, findings)| findings.personal && !findings.failed) && log.is_empty(), "{log}");
    }

    #[tokio::test]
    async fn a_body_that_breaks_its_reader_is_an_error_that_is_logged() {
        struct Slow;
        impl Detect for Slow {
            fn kinds(&self) -> &Kinds {
                panic!("planted")
            }
            fn level(&self) -> u8 {
                panic!("planted")
            }
            fn is_slow(&self) -> bool {
                true
            }
            fn scan(&self, _: &str, _: Depth) -> Result<Vec<Finding>, String> {
                panic!("planted")
            }
        }
        let body = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[{}]}");
        let detector: Arc<dyn Detect> = Arc::new(Slow);
        let (found, log) = logged(find(&body, Api::Chat, &detector)).await;
        assert!(matches!(found, Err(CallError::Internal("the body could not be read"))));
        assert!(log.contains("a body could not be read") && log.contains("panicked=true") && !log.contains("planted"), "{log}");
    }

    #[test]
    fn findings_print_nothing_of_the_call() {
        let file = "[{\"type\":\"file\",\"file\":{\"file_id\":\"lovelace\"}}]";
        let blob = "QUJD".repeat(60);
        let (refers, sealed) = (chat(file, ""), chat("\"ada@example.org\"", &format!(",\"b\":\"{blob}\"")));
        assert!(!refers.refers.is_empty() && !sealed.blobs.is_empty() && sealed.personal);
        let printed = format!("{refers:?} {sealed:?}");
        assert!(["lovelace", "ada@", "QUJD"].iter().all(|text| !printed.contains(text)), "{printed}");
    }

    #[test]
    fn addresses_of_every_scheme_are_seen() {
        for address in ["https://x.org/a", " \u{1}HTTP://x", "gs://b/o", "file:/etc/passwd", "ftp://x"] {
            assert!(is_address(address), "{address}");
        }
        for text in ["data:image/png;base64,AA", "note: this", "x", "a sentence with https://x.org inside"] {
            assert!(!is_address(text), "{text}");
        }
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
