//! What a call asks for, read off its body, whatever its API.
//!
//! Unknown fields pass untouched. A field that carries governance meaning and cannot be honoured is an error that names it, never dropped.

use std::ops::Range;

use comity_dialect::Api;
use serde_json::value::RawValue;

use crate::document::{Document, Field, Node};
use crate::edit::{Edit, add_field};
use crate::error::CallError;
use crate::limits::MODEL_BYTES_MAX;

/// What a call asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The name in `model`.
    pub(crate) model: String,
    /// Where it stands in the body, quotes included.
    pub(crate) model_place: Range<usize>,
    /// How the answer comes, if as events.
    pub(crate) stream: Option<StreamAsked>,
    /// What the caller says about keeping the call.
    pub(crate) store: StoreAsked,
    /// The text of the answer is to be JSON.
    pub(crate) text_is_json: bool,
}

/// A streamed answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamAsked {
    /// Whether the caller gets the event that carries usage.
    pub(crate) wants_usage: bool,
    /// What asks the upstream for it, where the caller did not.
    pub(crate) ask_usage: Option<Edit>,
}

/// What the caller says about keeping the call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum StoreAsked {
    /// Nothing: the API's default holds.
    #[default]
    Nothing,
    /// False or null, and where that stands.
    No(Range<usize>),
    /// It must be kept.
    Yes,
}

type Refused = (&'static str, &'static str);

/// Fields with governance meaning that nobody here can honour, and what they would mean.
const CANNOT_HONOUR: [Refused; 15] = [
    ("provider", CHOOSES),
    ("models", CHOOSES),
    ("route", CHOOSES),
    ("fallbacks", CHOOSES),
    ("api_base", CHOOSES),
    ("base_url", CHOOSES),
    ("preset", CHOOSES),
    ("request_id", "would choose the id of the answer, which is the operator's to give"),
    ("plugins", "would make the operator use tools that no term can see"),
    ("prompt_cache_retention", "would make the operator keep the call for longer"),
    ("data_retention", "asks for retention, which terms and catalogue decide"),
    ("retention", "asks for retention, which terms and catalogue decide"),
    ("data_residency", "asks for residency, which terms and catalogue decide"),
    ("residency", "asks for residency, which terms and catalogue decide"),
    ("inference_geo", "asks for residency, which terms and catalogue decide"),
];

const CHOOSES: &str = "would choose where the call goes, which only the terms and routes of this gateway do";

/// Fields that are read here or in the findings: in other letters some servers would read them, and this gateway would not.
const GOVERNED: [&str; 18] = [
    "model",
    "messages",
    "input",
    "system",
    "tools",
    "store",
    "stream",
    "stream_options",
    "previous_response_id",
    "conversation",
    "container",
    "mcp_servers",
    "web_search_options",
    "instructions",
    "data_sources",
    "search_parameters",
    "enable_search",
    "audio",
];

/// The same, for one API each.
const CHAT_CANNOT: [Refused; 2] = [("previous_response_id", NOT_CHAT), ("conversation", NOT_CHAT)];
const RESPONSES_CANNOT: [Refused; 2] = [
    ("prompt", "refers to a text that the operator keeps, which no term can see"),
    ("background", "would let the answer come later, past the ledger"),
];

const NOT_CHAT: &str = "refers to state that the operator keeps, which only `/v1/responses` continues";

// === impl Asked ===

impl Asked {
    /// Reads the fields that the gateway acts on, and checks the types of those that make a call.
    pub(crate) fn read(body: &[u8], document: &Document<'_>, api: Api) -> Result<Self, CallError> {
        refuse(document, &CANNOT_HONOUR)?;
        if let Some(name) = document.disguised(is_governed) {
            return Err(CallError::invalid_field(name, format!("`{name}` is no field: write it in small letters")));
        }
        match api {
            Api::Embeddings if document.get("messages").is_some() => {
                return Err(CallError::invalid_field("messages", "`messages` is no field of embeddings: give `input`"));
            }
            Api::Chat | Api::Embeddings => refuse(document, &CHAT_CANNOT)?,
            Api::Responses => refuse(document, &RESPONSES_CANNOT)?,
            Api::Messages | Api::CountTokens => {}
        }
        let (model, model_place) = model(document)?;
        let stream = match api {
            Api::Chat => {
                messages(document)?;
                streams(document)?.then(|| usage(body, document.get("stream_options"))).transpose()?
            }
            Api::CountTokens => {
                messages(document)?;
                None
            }
            Api::Messages => {
                messages(document)?;
                streams(document)?.then_some(StreamAsked { wants_usage: true, ask_usage: None })
            }
            Api::Responses => {
                if document.get("previous_response_id").is_none_or(|field| field.node.is_null()) {
                    input(document)?;
                }
                streams(document)?.then_some(StreamAsked { wants_usage: true, ask_usage: None })
            }
            Api::Embeddings => {
                input(document)?;
                None
            }
        };
        Ok(Self { model, model_place, stream, store: store(document, api)?, text_is_json: text_is_json(document, api) })
    }
}

/// Whether the answer is structured: values that come back into it are escaped like JSON.
fn text_is_json(document: &Document<'_>, api: Api) -> bool {
    let is_json = |format: &Node<'_>| format.all("type").any(|kind| matches!(kind.text(), Some("json_object" | "json_schema")));
    let field = |name: &str| document.get(name).map(|field| &field.node);
    match api {
        Api::Chat => field("response_format").is_some_and(is_json),
        Api::Responses => field("text").is_some_and(|text| text.all("format").any(is_json)),
        Api::Messages => {
            field("output_config").is_some_and(|config| config.all("format").any(is_json)) || field("output_format").is_some_and(is_json)
        }
        Api::CountTokens | Api::Embeddings => false,
    }
}

fn is_governed(name: &str) -> bool {
    let refused = CANNOT_HONOUR.iter().chain(&CHAT_CANNOT).chain(&RESPONSES_CANNOT);
    GOVERNED.contains(&name) || refused.into_iter().any(|(known, _)| *known == name)
}

fn refuse(document: &Document<'_>, fields: &[Refused]) -> Result<(), CallError> {
    let asks = |field: &Field<'_>| !matches!(field.node, Node::Null | Node::Bool(false));
    match fields.iter().find(|(name, _)| document.get(name).is_some_and(asks)) {
        Some((name, meaning)) => Err(CallError::cannot_honour(*name, format!("`{name}` {meaning}: leave it out"))),
        None => Ok(()),
    }
}

fn model(document: &Document<'_>) -> Result<(String, Range<usize>), CallError> {
    let field = document
        .get("model")
        .ok_or_else(|| CallError::invalid_field("model", "`model` is missing: name a route, a model or an offering"))?;
    let name = field.node.text().ok_or_else(|| CallError::invalid_field("model", "`model` is not text"))?;
    if name.is_empty() || name.len() > MODEL_BYTES_MAX {
        return Err(CallError::invalid_field("model", format!("`model` is empty or longer than {MODEL_BYTES_MAX} bytes")));
    }
    Ok((name.to_owned(), field.place.clone().unwrap_or_default()))
}

fn messages(document: &Document<'_>) -> Result<(), CallError> {
    let invalid = |what: &str| Err(CallError::invalid_field("messages", what));
    match document.get("messages").map(|field| &field.node) {
        None => invalid("`messages` is missing: give a list with at least one message"),
        Some(Node::List(items)) if items.is_empty() => invalid("`messages` is empty: give at least one message"),
        Some(Node::List(items)) if items.iter().all(|item| matches!(item, Node::Object(_))) => Ok(()),
        Some(Node::List(_)) => invalid("`messages` has an item that is not an object"),
        Some(Node::Text(_) | Node::Object(_) | Node::Bool(_) | Node::Number | Node::Null) => invalid("`messages` is not a list"),
    }
}

fn input(document: &Document<'_>) -> Result<(), CallError> {
    let invalid = |what: &str| Err(CallError::invalid_field("input", what));
    match document.get("input").map(|field| &field.node) {
        None => invalid("`input` is missing: give a text or a list"),
        Some(Node::Text(_) | Node::List(_)) => Ok(()),
        Some(Node::Object(_) | Node::Bool(_) | Node::Number | Node::Null) => invalid("`input` is neither a text nor a list"),
    }
}

/// `store: true` asks the operator to keep the call; `false` and null ask for nothing.
fn store(document: &Document<'_>, api: Api) -> Result<StoreAsked, CallError> {
    let Some(field) = document.get("store") else { return Ok(StoreAsked::Nothing) };
    match field.node {
        Node::Bool(false) | Node::Null => Ok(field.place.clone().map_or(StoreAsked::Nothing, StoreAsked::No)),
        Node::Bool(true) if api == Api::Responses => Ok(StoreAsked::Yes),
        Node::Bool(true) => {
            let message =
                "`store` asks the operator to keep the call, and nobody could get it back through this gateway: leave it out or say false";
            Err(CallError::cannot_honour("store", message))
        }
        Node::Text(_) | Node::List(_) | Node::Object(_) | Node::Number => {
            Err(CallError::invalid_field("store", "`store` is not true or false"))
        }
    }
}

fn streams(document: &Document<'_>) -> Result<bool, CallError> {
    match document.get("stream").map(|field| &field.node) {
        None | Some(Node::Null | Node::Bool(false)) => Ok(false),
        Some(Node::Bool(true)) => Ok(true),
        Some(Node::Text(_) | Node::List(_) | Node::Object(_) | Node::Number) => {
            Err(CallError::invalid_field("stream", "`stream` is not true or false"))
        }
    }
}

/// What must change so that the upstream sends usage: the field is added, or its inner value.
fn usage(body: &[u8], field: Option<&Field<'_>>) -> Result<StreamAsked, CallError> {
    const ASK: &str = "{\"include_usage\":true}";
    let asks = |edit| StreamAsked { wants_usage: false, ask_usage: Some(edit) };
    let Some((field, place)) = field.and_then(|field| Some((field, field.place.clone()?))) else {
        return Ok(asks(add_field(body, "stream_options", ASK)));
    };
    if field.node.is_null() {
        return Ok(asks(Edit { place, text: ASK.to_owned() }));
    }
    let options = body.get(place.clone()).unwrap_or_default();
    let inner: Vec<_> = field.node.all("include_usage").collect();
    match (&field.node, inner.as_slice()) {
        (Node::Object(_), []) => {
            let edit = add_field(options, "include_usage", "true");
            Ok(asks(Edit { place: shift(&edit.place, place.start), text: edit.text }))
        }
        (Node::Object(_), [Node::Bool(true)]) => Ok(StreamAsked { wants_usage: true, ask_usage: None }),
        (Node::Object(_), [Node::Bool(false) | Node::Null]) => match inner_place(options) {
            Some(at) => Ok(asks(Edit { place: shift(&at, place.start), text: "true".to_owned() })),
            None => Err(CallError::invalid_field("stream_options", "`stream_options` cannot be read")),
        },
        _ => Err(CallError::invalid_field("stream_options", "`stream_options` is not an object with one `include_usage` of true or false")),
    }
}

/// Where the value of `include_usage` stands within the text of `stream_options`.
fn inner_place(options: &[u8]) -> Option<Range<usize>> {
    #[derive(serde::Deserialize)]
    struct Options<'a> {
        #[serde(borrow)]
        include_usage: &'a RawValue,
    }
    let read: Options<'_> = serde_json::from_slice(options).ok()?;
    let start = read.include_usage.get().as_ptr().addr().checked_sub(options.as_ptr().addr())?;
    Some(start..start.checked_add(read.include_usage.get().len())?)
}

fn shift(place: &Range<usize>, by: usize) -> Range<usize> {
    place.start.saturating_add(by)..place.end.saturating_add(by)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::edit::apply;

    fn read(body: &str, api: Api) -> Result<Asked, CallError> {
        Asked::read(body.as_bytes(), &Document::parse(body.as_bytes()).unwrap(), api)
    }

    /// The body that leaves for a streamed call.
    fn check(body: &str, expected: &str, wants_usage: bool) {
        let stream = read(body, Api::Chat).unwrap().stream.unwrap();
        assert_eq!(stream.wants_usage, wants_usage, "{body}");
        let body = Bytes::from(body.to_owned());
        assert_eq!(apply(&body, stream.ask_usage.into_iter().collect()), expected);
    }

    #[test]
    fn usage_is_asked_for_by_the_least_edit() {
        let (head, tail) = ("{\"model\":\"m\",\"messages\":[{}],\"stream\":true", "}\n");
        for (given, leaves, wants) in [
            ("", ",\"stream_options\":{\"include_usage\":true}", false),
            (",\"stream_options\": null", ",\"stream_options\": {\"include_usage\":true}", false),
            (",\"stream_options\": { }", ",\"stream_options\": { \"include_usage\":true}", false),
            (",\"stream_options\":{\"x\":1}", ",\"stream_options\":{\"x\":1,\"include_usage\":true}", false),
            (",\"stream_options\":{\"include_usage\" : false }", ",\"stream_options\":{\"include_usage\" : true }", false),
            (",\"stream_options\":{\"include_usage\":null,\"x\":{}}", ",\"stream_options\":{\"include_usage\":true,\"x\":{}}", false),
            (",\"stream_options\":{\"include_usage\":true}", ",\"stream_options\":{\"include_usage\":true}", true),
        ] {
            check(&format!("{head}{given}{tail}"), &format!("{head}{leaves}{tail}"), wants);
        }
    }

    #[test]
    fn a_response_may_continue_another_without_input() {
        assert!(read("{\"model\":\"m\",\"previous_response_id\":\"r\"}", Api::Responses).is_ok());
        assert!(read("{\"model\":\"m\"}", Api::Responses).is_err());
        let stream = read("{\"model\":\"m\",\"input\":[],\"stream\":true}", Api::Responses).unwrap().stream.unwrap();
        assert_eq!(stream, StreamAsked { wants_usage: true, ask_usage: None });
    }

    #[test]
    fn what_is_no_call_is_refused_by_name() {
        let chat = |rest: &str| format!("{{\"model\":\"m\"{rest}}}");
        for (body, param) in [
            ("{}".to_owned(), "model"),
            ("{\"model\":3}".to_owned(), "model"),
            ("{\"model\":\"\"}".to_owned(), "model"),
            (chat(""), "messages"),
            (chat(",\"messages\":\"hi\""), "messages"),
            (chat(",\"messages\":[]"), "messages"),
            (chat(",\"messages\":[\"hi\"]"), "messages"),
            (chat(",\"messages\":[{}],\"stream\":\"yes\""), "stream"),
            (chat(",\"messages\":[{}],\"stream\":true,\"stream_options\":[]"), "stream_options"),
            (chat(",\"messages\":[{}],\"store\":1"), "store"),
        ] {
            let error = read(&body, Api::Chat).unwrap_err();
            assert!(matches!(&error, CallError::Invalid { param: Some(given), .. } if given == param), "{body} {error:?}");
        }
        let error = read("{\"model\":\"m\",\"input\":3}", Api::Embeddings).unwrap_err();
        assert!(matches!(&error, CallError::Invalid { param: Some(given), .. } if given == "input"));
    }

    #[test]
    fn governance_that_cannot_be_honoured_is_never_dropped() {
        let body = |field: &str| format!("{{\"model\":\"m\",\"messages\":[{{}}],{field}}}");
        for field in ["\"store\":true", "\"provider\":{\"order\":[\"x\"]}", "\"previous_response_id\":\"r\"", "\"data_residency\":\"eu\""] {
            assert!(matches!(read(&body(field), Api::Chat), Err(CallError::CannotHonour { .. })), "{field}");
        }
        for (api, field) in [
            (Api::Responses, "\"prompt\":{\"id\":\"p\"}"),
            (Api::Responses, "\"background\":true"),
            (Api::Responses, "\"data_residency\":\"eu\""),
            (Api::Messages, "\"inference_geo\":\"us\""),
            (Api::Messages, "\"provider\":{}"),
        ] {
            let body = format!("{{\"model\":\"m\",\"messages\":[{{}}],\"input\":\"x\",{field}}}");
            assert!(matches!(read(&body, api), Err(CallError::CannotHonour { .. })), "{field}");
        }
        let kept = read("{\"model\":\"m\",\"input\":\"x\",\"store\":true,\"background\":false}", Api::Responses).unwrap();
        assert_eq!(kept.store, StoreAsked::Yes);
        for field in ["\"store\":false", "\"store\":null", "\"provider\":null", "\"anything\":{\"new\":1}"] {
            assert!(read(&body(field), Api::Chat).is_ok(), "{field}");
        }
    }
}
