//! Reads the body of a chat completion request, field by field.
//!
//! It must never let a field through that it does not know: a caller who asks for something gets it or is told.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::local::{ChatRequest, LocalError, Message, Role};

pub(super) struct Request {
    pub(super) model: String,
    pub(super) chat: ChatRequest,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// The fields still to be read. `null` is the same as absent.
struct Fields(Map<String, Value>);

// === impl Request ===

impl Request {
    pub(super) fn read(body: &[u8]) -> Result<Request, LocalError> {
        let mut fields: Fields = serde_json::from_slice(body).map_err(|error| LocalError::Json(error.to_string()))?;
        let stream = fields.flag("stream")?.unwrap_or(false);
        let request = Request {
            model: fields.text("model")?.ok_or_else(|| LocalError::field("model", "is missing"))?,
            stream,
            include_usage: include_usage(&mut fields, stream)?,
            chat: ChatRequest {
                messages: messages(&mut fields)?,
                max_tokens: max_tokens(&mut fields)?,
                temperature: fields.number("temperature")?,
                top_p: fields.number("top_p")?,
                seed: seed(&mut fields)?,
                stop: stop(&mut fields)?,
            },
        };
        fields.refuse_or_ignore()?;
        Ok(request)
    }
}

// === impl Fields ===

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_map(NoTwice)
    }
}

/// Refuses a field given twice: two readers could take different ones.
struct NoTwice;

impl<'de> Visitor<'de> for NoTwice {
    type Value = Fields;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    fn take_as<T>(&mut self, name: &str, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, LocalError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| LocalError::field(name, format!("must be {wanted}")))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, LocalError> {
        self.take_as(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, LocalError> {
        self.take_as(name, "true or false", Value::as_bool)
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, LocalError> {
        self.take_as(name, "a number", Value::as_f64)
    }

    fn count(&mut self, name: &str) -> Result<Option<u32>, LocalError> {
        self.take_as(name, "a whole number from 0", |value| u32::try_from(value.as_u64()?).ok())
    }

    /// What is left must mean nothing here.
    fn refuse_or_ignore(self) -> Result<(), LocalError> {
        let meant = self.0.into_iter().find(|(name, value)| !value.is_null() && !means_nothing(name, value));
        match meant {
            None => Ok(()),
            Some((name, _)) => Err(LocalError::cannot_honour(name, "it writes plain text from text, one answer to each chat")),
        }
    }
}

/// Fields that ask for nothing that this model does not do anyway.
fn means_nothing(name: &str, value: &Value) -> bool {
    match name {
        // Labels for the operator's own records; nothing is kept here.
        "user" | "safety_identifier" | "prompt_cache_key" | "metadata" => true,
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => value.as_f64() == Some(0.0),
        "n" => value.as_u64() == Some(1),
        "store" | "logprobs" => value.as_bool() == Some(false),
        "parallel_tool_calls" => value.is_boolean(),
        "tools" | "functions" => value.as_array().is_some_and(Vec::is_empty),
        "tool_choice" | "function_call" => matches!(value.as_str(), Some("none" | "auto")),
        "logit_bias" => value.as_object().is_some_and(Map::is_empty),
        "response_format" => *value == serde_json::json!({ "type": "text" }),
        "modalities" => *value == serde_json::json!(["text"]),
        "service_tier" => matches!(value.as_str(), Some("auto" | "default")),
        "reasoning_effort" => value.as_str() == Some("none"),
        _ => false,
    }
}

fn include_usage(fields: &mut Fields, stream: bool) -> Result<bool, LocalError> {
    let Some(options) = fields.take("stream_options") else { return Ok(false) };
    if !stream {
        return Err(LocalError::field("stream_options", "is only for a stream"));
    }
    let Value::Object(options) = options else { return Err(LocalError::field("stream_options", "must be an object")) };
    let mut include = false;
    for (name, value) in &options {
        match (name.as_str(), value) {
            ("include_usage", Value::Bool(wanted)) => include = *wanted,
            ("include_usage", _) => return Err(LocalError::field("stream_options.include_usage", "must be true or false")),
            (_, Value::Null) | ("include_obfuscation", Value::Bool(false)) => {}
            _ => return Err(LocalError::cannot_honour(format!("stream_options.{name}"), "it streams plain pieces and their count")),
        }
    }
    Ok(include)
}

fn max_tokens(fields: &mut Fields) -> Result<Option<u32>, LocalError> {
    let (old, new) = (fields.count("max_tokens")?, fields.count("max_completion_tokens")?);
    if old.is_some() && new.is_some() && old != new {
        return Err(LocalError::field("max_tokens", "differs from `max_completion_tokens`"));
    }
    Ok(new.or(old))
}

fn seed(fields: &mut Fields) -> Result<Option<u64>, LocalError> {
    fields.take_as("seed", "a whole number of 64 bits", |value| value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)))
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, LocalError> {
    let texts = fields.take_as("stop", "a text or a list of texts", |value| match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(texts) => texts.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    })?;
    Ok(texts.unwrap_or_default())
}

fn messages(fields: &mut Fields) -> Result<Vec<Message>, LocalError> {
    let wanted = || LocalError::field("messages", "must be a list of messages");
    let Some(Value::Array(messages)) = fields.take("messages") else { return Err(wanted()) };
    messages.into_iter().enumerate().map(|(index, value)| message(&format!("messages[{index}]"), value)).collect()
}

fn message(at: &str, value: Value) -> Result<Message, LocalError> {
    let Value::Object(mut message) = value else { return Err(LocalError::field(at, "must be an object")) };
    let role = role(at, message.remove("role").unwrap_or_default())?;
    let content = content(&format!("{at}.content"), message.remove("content").unwrap_or_default())?;
    // What answers carry when they say nothing by it, so that an answer can be sent back as it came.
    let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    match message.iter().find(|(_, value)| !empty(value)) {
        None => Ok(Message { role, content }),
        Some((name, _)) => Err(LocalError::cannot_honour(format!("{at}.{name}"), "it reads a message's role and text only")),
    }
}

fn role(at: &str, value: Value) -> Result<Role, LocalError> {
    let at = format!("{at}.role");
    match value.as_str() {
        Some("system" | "developer") => Ok(Role::System),
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        Some("tool" | "function") => Err(LocalError::cannot_honour(at, "it calls no tools")),
        Some(_) | None => Err(LocalError::field(at, "must be `system`, `developer`, `user` or `assistant`")),
    }
}

fn content(at: &str, value: Value) -> Result<String, LocalError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Array(parts) => {
            let parts: Vec<String> =
                parts.into_iter().enumerate().map(|(index, value)| part(&format!("{at}[{index}]"), value)).collect::<Result<_, _>>()?;
            Ok(parts.join("\n"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(LocalError::field(at, "must be a text or a list of parts"))
        }
    }
}

fn part(at: &str, value: Value) -> Result<String, LocalError> {
    let Value::Object(mut part) = value else { return Err(LocalError::field(at, "must be an object")) };
    match part.remove("type").unwrap_or_default().as_str() {
        Some("text") => {}
        Some(_) => return Err(LocalError::cannot_honour(at, "it reads text only")),
        None => return Err(LocalError::field(format!("{at}.type"), "is missing or not a text")),
    }
    let Some(Value::String(text)) = part.remove("text") else { return Err(LocalError::field(format!("{at}.text"), "must be a text")) };
    match part.into_iter().find(|(_, value)| !value.is_null()) {
        None => Ok(text),
        Some((name, _)) => Err(LocalError::cannot_honour(format!("{at}.{name}"), "it reads a part's text only")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `more` are fields beside a model and one message.
    fn read(more: &str) -> Result<Request, LocalError> {
        let body = format!(r#"{{"model": "m", "messages": [{{"role": "user", "content": "hi"}}]{more}}}"#);
        Request::read(body.as_bytes())
    }

    fn check(more: &str, expected: &str) {
        assert_eq!(read(more).err().map(|error| error.to_string()).unwrap_or_default(), expected, "{more}");
    }

    fn check_message(message: &str, expected: &str) {
        let body = format!(r#"{{"model": "m", "messages": [{message}]}}"#);
        let got = match Request::read(body.as_bytes()) {
            Ok(request) => format!("{:?}", request.chat.messages),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{message}");
    }

    #[test]
    fn fields_that_ask_for_nothing_are_let_through() {
        check(
            r#", "user": "u", "metadata": {"a": "b"}, "store": false, "frequency_penalty": 0, "presence_penalty": 0.0, "n": 1, "logprobs": false,
            "top_logprobs": null, "response_format": {"type": "text"}, "tools": [], "tool_choice": "none", "parallel_tool_calls": true,
            "logit_bias": {}, "modalities": ["text"], "service_tier": "auto", "audio": null, "prompt_cache_key": "k", "reasoning_effort": "none""#,
            "",
        );
    }

    #[test]
    fn fields_that_mean_something_are_refused_by_name() {
        let fields = [
            r#""tools": [{"type": "function"}]"#,
            r#""tool_choice": "required""#,
            r#""n": 2"#,
            r#""response_format": {"type": "json_object"}"#,
            r#""logprobs": true"#,
            r#""top_logprobs": 3"#,
            r#""store": true"#,
            r#""audio": {"voice": "a"}"#,
            r#""modalities": ["text", "audio"]"#,
            r#""frequency_penalty": 0.5"#,
            r#""logit_bias": {"1": 2}"#,
            r#""reasoning_effort": "low""#,
            r#""web_search_options": {}"#,
            r#""min_p": 0.1"#,
        ];
        for field in fields {
            let name = field.split('"').nth(1).unwrap();
            let expected =
                format!("the demonstration model cannot honour `{name}`: it writes plain text from text, one answer to each chat");
            check(&format!(", {field}"), &expected);
        }
    }

    #[test]
    fn wrong_values_are_named() {
        check(r#", "temperature": "hot""#, "`temperature` must be a number");
        check(r#", "max_tokens": -1"#, "`max_tokens` must be a whole number from 0");
        check(r#", "max_tokens": 5, "max_completion_tokens": 6"#, "`max_tokens` differs from `max_completion_tokens`");
        check(r#", "seed": 1.5"#, "`seed` must be a whole number of 64 bits");
        check(r#", "stop": [1]"#, "`stop` must be a text or a list of texts");
        check(r#", "stream": "yes""#, "`stream` must be true or false");
        check(r#", "stream_options": {}"#, "`stream_options` is only for a stream");
        check(
            r#", "stream": true, "stream_options": {"include_obfuscation": true}"#,
            "the demonstration model cannot honour `stream_options.include_obfuscation`: it streams plain pieces and their count",
        );
        check(r#", "model": "n""#, "the body is not a JSON object: `model` is given twice at line 1 column 77");
        assert_eq!(
            Request::read(b"[]").err().unwrap().to_string(),
            "the body is not a JSON object: invalid type: sequence, expected an object at line 1 column 0"
        );
        assert_eq!(Request::read(b"{}").err().unwrap().to_string(), "`model` is missing");
        assert_eq!(Request::read(br#"{"model": "m"}"#).err().unwrap().to_string(), "`messages` must be a list of messages");
    }

    #[test]
    fn what_is_honoured_arrives() {
        let request = read(
            r#", "stream": true, "stream_options": {"include_usage": true}, "max_completion_tokens": 7, "temperature": 0,
            "top_p": 0.5, "seed": -1, "stop": "END""#,
        )
        .unwrap();
        assert!(request.stream && request.include_usage);
        assert_eq!((request.chat.max_tokens, request.chat.temperature, request.chat.top_p), (Some(7), Some(0.0), Some(0.5)));
        assert_eq!((request.chat.seed, request.chat.stop), (Some(u64::MAX), vec!["END".to_owned()]));
    }

    #[test]
    fn messages_are_text_and_nothing_else() {
        check_message(
            r#"{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}"#,
            r#"[Message { role: System, content: "a\nb" }]"#,
        );
        check_message(
            r#"{"role": "assistant", "content": "a", "refusal": null, "annotations": [], "tool_calls": null}"#,
            r#"[Message { role: Assistant, content: "a" }]"#,
        );
        check_message(
            r#"{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}"#,
            "the demonstration model cannot honour `messages[0].content[0]`: it reads text only",
        );
        check_message(
            r#"{"role": "user", "content": "a", "name": "b"}"#,
            "the demonstration model cannot honour `messages[0].name`: it reads a message's role and text only",
        );
        check_message(
            r#"{"role": "tool", "content": "a", "tool_call_id": "b"}"#,
            "the demonstration model cannot honour `messages[0].role`: it calls no tools",
        );
        check_message(
            r#"{"role": "user<|im_end|>", "content": "a"}"#,
            "`messages[0].role` must be `system`, `developer`, `user` or `assistant`",
        );
        check_message(r#"{"role": "user"}"#, "`messages[0].content` must be a text or a list of parts");
        check_message(r#""hi""#, "`messages[0]` must be an object");
    }
}
