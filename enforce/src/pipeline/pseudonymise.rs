//! Step 8, the means `pseudonymised`: every value that was found leaves as its pseudonym, wherever it stands in the call.
//!
//! Nothing else of the body changes. What must not change (the model's name, sealed thoughts) and holds a value all the same fails the means:
//! such a call never leaves. The values live in memory as long as the call; they are never written anywhere.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use comity_dialect::Api;
use comity_redact::{CallValues, Form, Kind, Label, OutputMode, OutputRules, PseudonymError, PseudonymKey, Pseudonyms, Shape};
use comity_vocab::{Means, MeansSet};
use tokio::sync::OnceCell;

use super::find::{JSON_IN_JSON_MAX, has_blob};
use crate::apart::apart;
use crate::config::AnswerFindings;
use crate::detect::{Depth, scan};
use crate::document::is_seed;
use crate::edit::{Edit, apply_text};
use crate::error::CallError;
use crate::generation::Generation;
use crate::limits::INLINE_BYTES_MAX;
use crate::restore::{Restoring, Watch};
use crate::shared::Shared;
use crate::strings::{Malformed, Place, Step, quoted, strings};

/// What was found in a call, as it is spelled there, with its kind and the label of its pseudonym.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Values(BTreeMap<String, (Kind, Label)>);

/// A call that may have to leave under pseudonyms. It is worked on when the first permit asks for that, and once.
pub(crate) struct Hiding<'a> {
    whose: Whose<'a>,
    body: &'a Bytes,
    values: &'a Values,
    reading: Reading,
    hidden: OnceCell<Arc<Hidden>>,
}

/// A call's body with pseudonyms in place of values.
pub(crate) struct Hidden {
    /// What changes in the body.
    pub(crate) edits: Vec<Edit>,
    pseudonyms: Arc<Pseudonyms>,
}

/// Why a call cannot be pseudonymised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotHidden {
    /// A value stands where nothing may change.
    Fixed,
    /// The body cannot be taken apart.
    Malformed,
    /// It has more values than a call may have.
    TooMany,
    /// A field that names the end user is no text.
    EndUser(&'static str),
    /// It already holds a pseudonym that would stand for one of its values.
    Collision,
}

/// Whose pseudonyms.
pub(crate) struct Whose<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) epoch: u32,
}

/// How a call and its answer are to be read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) api: Api,
    /// The caller wants JSON for an answer.
    pub(crate) text_is_json: bool,
    /// Kinds whose pseudonyms keep their shape.
    pub(crate) shaped: Arc<[Kind]>,
    /// What the call hands back sealed was made under the same pseudonyms.
    pub(crate) seals_are_ours: bool,
}

// === impl Hiding ===

impl<'a> Hiding<'a> {
    pub(crate) fn new(whose: Whose<'a>, (body, values): (&'a Bytes, &'a Values), reading: Reading) -> Self {
        Self { whose, body, values, reading, hidden: OnceCell::new() }
    }

    /// The epoch of its pseudonyms.
    pub(crate) const fn epoch(&self) -> u32 {
        self.whose.epoch
    }

    /// The body under pseudonyms, where `means` ask for that.
    pub(crate) async fn if_asked(&self, means: MeansSet, shared: &Shared) -> Result<Option<Arc<Hidden>>, CallError> {
        if !means.contains(Means::Pseudonymised) {
            return Ok(None);
        }
        self.hidden.get_or_try_init(|| self.hide(shared)).await.map(|hidden| Some(Arc::clone(hidden)))
    }

    /// The way back for the answer; nothing where it is given out as it comes.
    pub(crate) fn restoring(&self, hidden: Option<&Hidden>, (generation, shared): (&Generation, &Arc<Shared>)) -> Option<Restoring> {
        let pseudonyms = hidden.and_then(Hidden::pseudonyms);
        let form = if self.reading.text_is_json { Form::Json } else { Form::Text };
        let restoring = |pseudonyms| Restoring::new(pseudonyms, (self.reading.api, form));
        let mode = match generation.config.answers.personal {
            AnswerFindings::Pass => return pseudonyms.map(|pseudonyms| restoring(Some(pseudonyms))),
            AnswerFindings::Report => OutputMode::Report,
            AnswerFindings::Mask => OutputMode::Mask,
            AnswerFindings::Refuse => OutputMode::Refuse,
        };
        let (detector, shared) = (Arc::clone(&generation.detector), Arc::clone(shared));
        let rules = OutputRules {
            kinds: detector.kinds().clone(),
            look: Box::new(move |text| scan(detector.as_ref(), text, Depth::Quick)),
            pseudonyms: pseudonyms.clone(),
            values: CallValues::new(self.values.0.keys().map(String::as_str)),
            mode,
        };
        let tell = Arc::new(move |kind: &str, count| shared.metrics.found_in_answer(kind, count));
        Some(restoring(pseudonyms).watched(Watch::new(rules, tell)))
    }

    /// Large bodies are worked on by a thread of their own.
    async fn hide(&self, shared: &Shared) -> Result<Arc<Hidden>, CallError> {
        let key = shared.pseudonym_keys.get(&shared.store, (self.whose.tenant, self.whose.epoch)).await.map_err(|error| {
            tracing::error!(%error, "there is no key for pseudonyms: the call is refused");
            CallError::LedgerUnavailable("the key of the pseudonyms cannot be had")
        })?;
        let reading = self.reading.clone();
        let hidden = if self.body.len() <= INLINE_BYTES_MAX {
            Hidden::new(&key, (self.body, self.values), reading)
        } else {
            let (body, values) = (self.body.clone(), self.values.clone());
            let work =
                apart("pseudonyms could not be put into a call: it is refused", move || Hidden::new(&key, (&body, &values), reading));
            work.await.unwrap_or(Err(NotHidden::Malformed))
        };
        hidden.map(Arc::new).map_err(NotHidden::into_error)
    }
}

// === impl Values ===

impl Values {
    /// Notes a value. The first kind stays: one value has one pseudonym.
    pub(crate) fn insert(&mut self, value: &str, (kind, label): (Kind, Label)) {
        if !self.0.contains_key(value) {
            self.0.insert(value.to_owned(), (kind, label));
        }
    }
}

impl fmt::Debug for Values {
    /// How many, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

// === impl Hidden ===

impl Hidden {
    fn new(key: &PseudonymKey, (body, values): (&[u8], &Values), reading: Reading) -> Result<Self, NotHidden> {
        let body = std::str::from_utf8(body).map_err(|_| NotHidden::Malformed)?;
        let users = end_users(body, reading.api)?;
        let shape = |kind| if reading.shaped.contains(kind) { Shape::Digits } else { Shape::Opaque };
        let found = values.0.iter().map(|(value, (kind, label))| (*label, value.as_str(), shape(kind)));
        let whole = users.iter().map(|user| (Label::END_USER, user.as_str(), Shape::Field));
        let pseudonyms = Pseudonyms::for_call(key, found.chain(whole), &[body]).map_err(NotHidden::from)?;
        let edits = edits(body, &pseudonyms, &reading)?;
        Ok(Self { edits, pseudonyms: Arc::new(pseudonyms) })
    }

    /// What the answer may name; nothing where nothing was replaced.
    fn pseudonyms(&self) -> Option<Arc<Pseudonyms>> {
        (!self.edits.is_empty()).then(|| Arc::clone(&self.pseudonyms))
    }

    /// The last look before a body leaves: no value stands in it any more, whatever dialect it is in by now. At a large one another thread
    /// looks.
    pub(crate) async fn check(self: &Arc<Self>, body: &Bytes) -> Result<(), NotHidden> {
        if body.len() <= INLINE_BYTES_MAX {
            return self.check_now(body);
        }
        let (hidden, body) = (Arc::clone(self), body.clone());
        let work = apart("a call under pseudonyms could not be looked at before it left: it is refused", move || hidden.check_now(&body));
        work.await.unwrap_or(Err(NotHidden::Malformed))
    }

    fn check_now(&self, body: &[u8]) -> Result<(), NotHidden> {
        let body = std::str::from_utf8(body).map_err(|_| NotHidden::Malformed)?;
        let mut clear = true;
        self.look(body, JSON_IN_JSON_MAX, &mut clear).map_err(|_| NotHidden::Malformed)?;
        if clear { Ok(()) } else { Err(NotHidden::Fixed) }
    }

    fn look(&self, json: &str, depth: u8, clear: &mut bool) -> Result<(), Malformed> {
        strings(json, &mut |place: &Place<'_, '_>| {
            if is_word_of_api(place) {
                return;
            }
            let text = place.read();
            *clear &= self.pseudonyms.is_clear(&text);
            if *clear && depth > 0 && is_json(&text) {
                // A text that only looks like JSON was looked at as text.
                let _not_json = self.look(&text, depth.saturating_sub(1), clear);
            }
        })
    }
}

// === impl NotHidden ===

impl From<PseudonymError> for NotHidden {
    fn from(error: PseudonymError) -> Self {
        match error {
            PseudonymError::Collision => Self::Collision,
            PseudonymError::TooMany(_) => Self::TooMany,
        }
    }
}

impl NotHidden {
    /// What the caller is told; nothing of the call is repeated.
    pub(crate) fn into_error(self) -> CallError {
        match self {
            Self::Fixed => CallError::cannot_honour(
                "messages",
                "the terms ask for pseudonyms, and personal data stands where nothing may change (a name of a model, a sealed thought): leave it out",
            ),
            Self::Malformed => CallError::Internal("the call could not be taken apart for pseudonyms"),
            Self::TooMany => {
                CallError::cannot_honour("messages", "the terms ask for pseudonyms, and the call has too many values to replace: send less")
            }
            Self::EndUser(field) => CallError::cannot_honour(
                field,
                format!("the terms ask for pseudonyms, and `{field}` is no text: send one, or leave it out"),
            ),
            Self::Collision => CallError::cannot_honour(
                "messages",
                "the terms ask for pseudonyms, and the call already holds a pseudonym that would stand for one of its values: leave it out",
            ),
        }
    }
}

/// What changes in `body`.
fn edits(body: &str, pseudonyms: &Pseudonyms, reading: &Reading) -> Result<Vec<Edit>, NotHidden> {
    let (mut edits, mut fixed) = (Vec::new(), false);
    let each = &mut |place: &Place<'_, '_>| {
        if is_setting(place) {
            return;
        }
        let text = place.read();
        let new = if !place.is_key() && is_end_user(place.path, reading.api) {
            pseudonyms.of(&text).map(str::to_owned)
        } else if is_sealed(&text) {
            None
        } else {
            hidden(&text, pseudonyms, JSON_IN_JSON_MAX)
        };
        if let Some(new) = new {
            fixed |= is_signed(place.path, reading);
            edits.push(Edit { place: place.range.clone(), text: quoted(&new) });
        }
    };
    strings(body, each).map_err(|Malformed| NotHidden::Malformed)?;
    if fixed { Err(NotHidden::Fixed) } else { Ok(edits) }
}

/// The text with pseudonyms in place of values, in the strings of the JSON that it may be first; nothing if it has none.
fn hidden(text: &str, pseudonyms: &Pseudonyms, depth: u8) -> Option<String> {
    let inner = if depth > 0 && is_json(text) { inner_edits(text, pseudonyms, depth.saturating_sub(1)) } else { Vec::new() };
    let unfolded = (!inner.is_empty()).then(|| apply_text(text, inner));
    match pseudonyms.pseudonymise(unfolded.as_deref().unwrap_or(text)) {
        Cow::Owned(new) => Some(new),
        Cow::Borrowed(_) => unfolded,
    }
}

/// Edits of a text that is JSON: arguments of a tool, or an answer in JSON. None for one that only looks like it.
fn inner_edits(json: &str, pseudonyms: &Pseudonyms, depth: u8) -> Vec<Edit> {
    let mut edits = Vec::new();
    let each = &mut |place: &Place<'_, '_>| {
        let text = place.read();
        if let Some(new) = hidden(&text, pseudonyms, depth) {
            edits.push(Edit { place: place.range.clone(), text: quoted(&new) });
        }
    };
    match strings(json, each) {
        Ok(()) => edits,
        Err(Malformed) => Vec::new(),
    }
}

/// The model's name and the seed at the top, and the words of the APIs: settings, in which no detector is right.
fn is_setting(place: &Place<'_, '_>) -> bool {
    let is_model = place.name() == Some("model") && !place.is_key();
    let is_seed = place.name().is_some_and(is_seed) && place.is_number();
    (place.path.len() == 1 && (is_model || is_seed)) || is_word_of_api(place)
}

/// A word of an API in a member that takes such words, whatever list of names has it too.
fn is_word_of_api(place: &Place<'_, '_>) -> bool {
    let words = place.name().and_then(|name| WORDS_OF_APIS.iter().find(|(member, _)| *member == name));
    !place.is_key() && !place.is_number() && words.is_some_and(|(_, words)| words.contains(&place.raw))
}

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Members and the words that they take in the APIs, as far as these are words that a name may be, too.
const WORDS_OF_APIS: [(&str, &[&str]); 10] = [
    ("role", &["user", "assistant", "system", "developer", "tool", "function"]),
    (
        "type",
        &[
            "text",
            "message",
            "function",
            "custom",
            "reasoning",
            "thinking",
            "image",
            "document",
            "auto",
            "any",
            "tool",
            "none",
            "string",
            "object",
            "array",
            "number",
            "integer",
            "boolean",
            "null",
            "enabled",
            "disabled",
            "adaptive",
            "ephemeral",
        ],
    ),
    ("tool_choice", &["auto", "none", "required", "any"]),
    ("reasoning_effort", EFFORTS),
    ("effort", EFFORTS),
    ("verbosity", EFFORTS),
    ("detail", &["auto", "low", "high"]),
    ("summary", &["auto", "concise", "detailed"]),
    ("truncation", &["auto", "disabled"]),
    ("service_tier", &["auto", "default", "flex", "priority"]),
];

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// One long run of base64, with the mark or id that this gateway puts before it: a seal that only its operator can read.
fn is_sealed(text: &str) -> bool {
    let of_seal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=:.~".contains(&byte);
    text.bytes().all(of_seal) && has_blob(text)
}

/// Thoughts that their operator signed word for word. They may change only where the same pseudonyms made them. In what a tool is given, and
/// in a schema, these names mean nothing.
fn is_signed(path: &[Step<'_>], reading: &Reading) -> bool {
    let thoughts = match reading.api {
        Api::Messages | Api::CountTokens => {
            matches!(path, [Step::Name(messages), Step::Index(_), Step::Name(content), Step::Index(_), Step::Name(thinking)]
                if messages == "messages" && content == "content" && thinking == "thinking")
        }
        Api::Responses => {
            matches!(path, [Step::Name(input), Step::Index(_), Step::Name(summary), ..] if input == "input" && summary == "summary")
        }
        Api::Chat | Api::Embeddings => false,
    };
    thoughts && !reading.seals_are_ours
}

/// Whether this is the text of a field that names the end user.
fn is_end_user(path: &[Step<'_>], api: Api) -> bool {
    end_user_field(path, api).is_some_and(|(_, steps)| path.len() == steps)
}

/// The field that names the end user in which a place stands, and of how many steps it is.
fn end_user_field(path: &[Step<'_>], api: Api) -> Option<(&'static str, usize)> {
    const OPENAI: [&str; 3] = ["user", "safety_identifier", "prompt_cache_key"];
    match (path, api) {
        ([Step::Name(name), ..], Api::Chat | Api::Responses | Api::Embeddings) => {
            OPENAI.into_iter().find(|field| field == name).map(|field| (field, 1))
        }
        ([Step::Name(outer), Step::Name(inner), ..], Api::Messages | Api::CountTokens) => {
            (outer == "metadata" && inner == "user_id").then_some(("metadata.user_id", 2))
        }
        _ => None,
    }
}

/// The ids of end users in the body.
fn end_users(body: &str, api: Api) -> Result<Vec<String>, NotHidden> {
    let (mut users, mut other) = (Vec::new(), None);
    let each = &mut |place: &Place<'_, '_>| {
        let Some((field, steps)) = end_user_field(place.path, api) else { return };
        match (place.path.len() == steps, place.is_key(), place.is_number()) {
            (true, true, _) => {}
            (true, false, false) if place.text().is_empty() => {}
            (true, false, false) => users.push(place.text().into_owned()),
            (true, false, true) | (false, ..) => other = Some(field),
        }
    };
    strings(body, each).map_err(|Malformed| NotHidden::Malformed)?;
    other.map_or(Ok(users), |field| Err(NotHidden::EndUser(field)))
}

#[cfg(test)]
mod tests {
    use comity_redact::PseudonymKey;
    use futures_util::FutureExt as _;

    use super::*;

    const EMAIL: &str = "ada@example.org";
    const CARD: &str = "4111111111111111";

    fn hide(body: &str, api: Api) -> Result<Hidden, NotHidden> {
        let mut values = Values::default();
        for (value, kind, label) in [(EMAIL, Kind::EMAIL, "EML"), (CARD, Kind::PAYMENT_CARD, "CRD")] {
            values.insert(value, (kind, Label::parse(label).unwrap()));
        }
        let reading = Reading { api, text_is_json: false, shaped: Arc::new([]), seals_are_ours: false };
        Hidden::new(&PseudonymKey::new([7; 32]), (body.as_bytes(), &values), reading)
    }

    fn left(body: &str, api: Api) -> Result<String, NotHidden> {
        let hidden = hide(body, api)?;
        let left = apply_text(body, hidden.edits.clone());
        hidden.check_now(left.as_bytes()).map(|()| left)
    }

    #[test]
    fn an_end_user_is_a_text() {
        let user = |field: &str| left(&format!("{{{field},\"messages\":[]}}"), Api::Chat);
        assert!(user("\"user\":\"ward 7\"").unwrap().contains("\"user\":\"PII_"));
        assert!(user("\"user\":null").is_ok() && user("\"user\":\"\"").is_ok());
        for other in ["7", "{\"id\":\"ward-7\"}", "[\"ward-7\"]", "{\"7\":null}"] {
            assert_eq!(user(&format!("\"user\":{other}")), Err(NotHidden::EndUser("user")), "{other}");
            let metadata = format!("{{\"metadata\":{{\"user_id\":{other}}}}}");
            assert_eq!(left(&metadata, Api::Messages), Err(NotHidden::EndUser("metadata.user_id")), "{other}");
        }
    }

    #[test]
    fn words_of_the_apis_stay_whatever_the_lists_of_names_say() {
        let mut values = Values::default();
        for word in ["user", "auto", "low"] {
            values.insert(word, (Kind::PERSON, Label::parse("PER").unwrap()));
        }
        let body = r#"{"reasoning_effort":"low","tool_choice":"auto","messages":[{"role":"user","content":"user","name":"user"}]}"#;
        let reading = Reading { api: Api::Chat, text_is_json: false, shaped: Arc::new([]), seals_are_ours: false };
        let hidden = Hidden::new(&PseudonymKey::new([7; 32]), (body.as_bytes(), &values), reading).unwrap();
        let left = apply_text(body, hidden.edits.clone());
        let (before, after) = left.split_once(r#""content":"#).unwrap();
        assert_eq!(before, body.split_once(r#""content":"#).unwrap().0);
        assert!(!after.contains(r#""user""#), "{after}");
        assert_eq!(hidden.check_now(left.as_bytes()), Ok(()));
    }

    #[test]
    fn only_thoughts_where_an_operator_signs_them_are_signed() {
        let thought = format!("{{\"type\":\"thinking\",\"thinking\":\"{EMAIL}\",\"signature\":\"c2hvcnQ=\"}}");
        let tool = format!("{{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{{\"thinking\":\"{EMAIL}\"}}}}");
        let schema = format!("[{{\"name\":\"f\",\"input_schema\":{{\"properties\":{{\"thinking\":{{\"default\":\"{EMAIL}\"}}}}}}}}]");
        let setting = format!("{{\"thinking\":\"{EMAIL}\"}}");
        for api in [Api::Messages, Api::CountTokens] {
            let with = |block: &str| left(&format!("{{\"messages\":[{{\"role\":\"assistant\",\"content\":[{block}]}}]}}"), api);
            assert_eq!(with(&thought), Err(NotHidden::Fixed), "{api:?}");
            assert!(with(&tool).unwrap().contains("\"thinking\":\"PII_EML_"), "{api:?}");
            assert!(left(&format!("{{\"messages\":[],\"tools\":{schema}}}"), api).unwrap().contains("\"default\":\"PII_EML_"), "{api:?}");
            assert!(left(&setting, api).unwrap().contains("\"thinking\":\"PII_EML_"), "{api:?}");
        }
        let with = |input: &str| left(&format!("{{\"input\":[{input}]}}"), Api::Responses);
        let reasoning = format!("{{\"type\":\"reasoning\",\"summary\":[{{\"type\":\"summary_text\",\"text\":\"{EMAIL}\"}}]}}");
        assert_eq!(with(&reasoning), Err(NotHidden::Fixed));
        let call = format!("{{\"type\":\"function_call\",\"arguments\":\"{{\\\"summary\\\":\\\"{EMAIL}\\\"}}\"}}");
        assert!(with(&call).unwrap().contains("PII_EML_"));
        let schema = format!(
            "{{\"tools\":[{{\"type\":\"function\",\"parameters\":{{\"properties\":{{\"summary\":{{\"description\":\"{EMAIL}\"}}}}}}}}]}}"
        );
        assert!(left(&schema, Api::Responses).unwrap().contains("PII_EML_"));
    }

    #[test]
    fn a_number_in_another_form_is_replaced() {
        for number in [CARD, "-4111111111111111", "-4.111111111111111e15", "4111111111111111.0"] {
            for body in [format!("{{\"n\":[{number}]}}"), format!("{{\"n\":\"{{\\\"n\\\":{number}}}\"}}")] {
                let left = left(&body, Api::Chat).unwrap();
                assert!(left.contains("PII_CRD_") && !left.contains("4111111") && !left.contains("4.1"), "{left}");
            }
            assert!(
                matches!(hide("{}", Api::Chat).unwrap().check_now(format!("[{number}]").as_bytes()), Err(NotHidden::Fixed)),
                "{number}"
            );
        }
    }

    #[tokio::test]
    async fn a_large_body_is_looked_at_by_another_thread() {
        let hidden = Arc::new(hide("{}", Api::Chat).unwrap());
        let body = |bytes: usize, text: &str| Bytes::from(format!("{{\"a\":\"{}{text}\"}}", " x".repeat(bytes / 2)));
        assert_eq!(hidden.check(&body(1000, "")).now_or_never(), Some(Ok(())));
        assert_eq!(hidden.check(&body(1000, EMAIL)).now_or_never(), Some(Err(NotHidden::Fixed)));
        let large = 40 * INLINE_BYTES_MAX;
        assert_eq!(hidden.check(&body(large, "")).now_or_never(), None, "nobody waits on this thread");
        assert_eq!(hidden.check(&body(large, "")).await, Ok(()));
        assert_eq!(hidden.check(&body(large, EMAIL)).await, Err(NotHidden::Fixed));
    }
}
