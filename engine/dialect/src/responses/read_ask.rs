//! Reads a caller's body. Every member is taken by name; whatever needs an operator that keeps state, or has no word in other dialects, is an
//! error that says what to do instead.

use serde_json::Value;

use super::{read_input, read_tools};
use crate::ask::{Ask, Effort, OutputFormat, Part, Reasoning, Said};
use crate::error::CannotHonour;
use crate::wire::{Fields, text};

/// A member that cannot be honoured, unless its value says the same as leaving it out.
struct Refused {
    name: &'static str,
    unless: fn(&Value) -> bool,
    why: &'static str,
}

const REFUSED: [Refused; 11] = [
    Refused {
        name: "store",
        unless: is_false,
        why: "asks to keep the answer, and nothing is kept under an id here: leave it out or say false",
    },
    Refused {
        name: "previous_response_id",
        unless: never,
        why: "refers to an answer that another operator keeps: send the whole conversation in `input`",
    },
    Refused {
        name: "conversation",
        unless: never,
        why: "refers to a conversation that another operator keeps: send the whole conversation in `input`",
    },
    Refused { name: "background", unless: is_false, why: "asks to keep the answer until it is fetched: leave it out and wait, or stream" },
    Refused {
        name: "prompt",
        unless: never,
        why: "refers to a prompt that another operator keeps: send its text in `instructions` and `input`",
    },
    Refused {
        name: "max_tool_calls",
        unless: never,
        why: "limits tools that OpenAI runs, which this offering does not have: leave it out",
    },
    Refused { name: "metadata", unless: is_empty, why: "is kept by OpenAI with the answer, and nothing is kept here: leave it out" },
    Refused { name: "truncation", unless: is_disabled, why: "lets OpenAI shorten the conversation: shorten it before you send it" },
    Refused { name: "top_logprobs", unless: is_zero, why: "asks for probabilities, which cannot be told in other dialects: leave it out" },
    Refused { name: "service_tier", unless: is_auto, why: "names a service of OpenAI that this offering does not have: leave it out" },
    Refused { name: "context_management", unless: is_empty, why: "lets OpenAI shorten the conversation: shorten it before you send it" },
];

/// What a caller asks for.
///
/// # Errors
/// When a field is wrong in this dialect, or can be said in no other.
pub fn read_ask(body: &[u8]) -> Result<Ask, CannotHonour> {
    let mut fields = Fields::parse(body)?;
    refuse(&mut fields)?;
    // A hint like a wish to cache for some minutes: whoever caches by itself does so without it.
    fields.text("prompt_cache_key")?;
    fields.text("model")?;
    let mut ask = Ask { system: instructions(&mut fields)?, ..Ask::default() };
    let input = fields.take("input").ok_or_else(|| CannotHonour::invalid("input", "is missing"))?;
    read_input::read(input, &mut ask)?;
    read_tools::read(&mut fields, &mut ask)?;
    ask.output_format = output_format(&mut fields)?;
    ask.sampling.output_tokens_max = fields.count("max_output_tokens")?;
    ask.sampling.temperature = fields.number("temperature")?;
    ask.sampling.top_p = fields.number("top_p")?;
    ask.reasoning = reasoning(&mut fields)?;
    ask.end_user = end_user(&mut fields)?;
    ask.stream = fields.bool("stream")?.is_some_and(|said| said.value);
    stream_options(&mut fields)?;
    include(&mut fields)?;
    fields.done()?;
    Ok(ask)
}

fn refuse(fields: &mut Fields) -> Result<(), CannotHonour> {
    for refused in &REFUSED {
        if let Some(said) = fields.take(refused.name).filter(|said| !(refused.unless)(&said.value)) {
            return Err(said.cannot(refused.why));
        }
    }
    Ok(())
}

fn never(_: &Value) -> bool {
    false
}

fn is_false(value: &Value) -> bool {
    value == &Value::Bool(false)
}

fn is_zero(value: &Value) -> bool {
    value.as_u64() == Some(0)
}

fn is_auto(value: &Value) -> bool {
    value == "auto"
}

fn is_disabled(value: &Value) -> bool {
    value == "disabled"
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn instructions(fields: &mut Fields) -> Result<Vec<Said<Part>>, CannotHonour> {
    let said = fields.text("instructions")?;
    Ok(said.map(|said| Said::new(said.field, Part::text(said.value))).into_iter().collect())
}

/// `text`: the format of the answer, and how wordy it is.
fn output_format(fields: &mut Fields) -> Result<Option<Said<OutputFormat>>, CannotHonour> {
    let Some(mut text) = fields.object("text")? else { return Ok(None) };
    if let Some(said) = text.text("verbosity")?.filter(|said| said.value != "medium") {
        return Err(said.cannot("cannot be said to other offerings: leave it out, or ask for short or long answers in `instructions`"));
    }
    let format = text.object("format")?;
    let field = text.field("format");
    text.done()?;
    let Some(mut format) = format else { return Ok(None) };
    let read = match format.needed_text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(OutputFormat::JsonObject),
        "json_schema" => Some(schema(&mut format)?),
        _ => return Err(CannotHonour::invalid(format.field("type"), "is not `text`, `json_object` or `json_schema`")),
    };
    format.done()?;
    Ok(read.map(|format| Said::new(field, format)))
}

fn schema(format: &mut Fields) -> Result<OutputFormat, CannotHonour> {
    let schema = format.take("schema").ok_or_else(|| CannotHonour::invalid(format.field("schema"), "is missing"))?;
    if !schema.value.is_object() {
        return Err(CannotHonour::invalid(schema.field, "is not an object"));
    }
    Ok(OutputFormat::Schema {
        name: Some(format.needed_text("name")?),
        description: format.text("description")?.map(|said| said.value),
        schema: schema.value,
        strict: format.bool("strict")?.map(|said| said.value),
    })
}

fn reasoning(fields: &mut Fields) -> Result<Option<Said<Reasoning>>, CannotHonour> {
    let Some(mut asked) = fields.object("reasoning")? else { return Ok(None) };
    let mut read = Reasoning::default();
    if let Some(said) = asked.text("effort")? {
        read.off = said.value == "none";
        read.effort = Effort::from_name(&said.value);
        if !read.off && read.effort.is_none() {
            return Err(CannotHonour::invalid(
                said.field,
                "is no effort: say `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`",
            ));
        }
    }
    // `generate_summary` is the older name of `summary`.
    for name in ["summary", "generate_summary"] {
        if let Some(said) = asked.text(name)? {
            if !["auto", "concise", "detailed"].contains(&said.value.as_str()) {
                return Err(CannotHonour::invalid(said.field, "is not `auto`, `concise` or `detailed`"));
            }
            read.summary = Some(true);
        }
    }
    for (name, default) in [("context", "auto"), ("mode", "standard")] {
        if let Some(said) = asked.text(name)?.filter(|said| said.value != default) {
            return Err(said.cannot("cannot be said to other offerings: leave it out"));
        }
    }
    asked.done()?;
    Ok((read != Reasoning::default()).then(|| Said::new("reasoning", read)))
}

/// `safety_identifier`, or `user`, its older name.
fn end_user(fields: &mut Fields) -> Result<Option<Said<String>>, CannotHonour> {
    let user = fields.text("user")?;
    let Some(said) = fields.text("safety_identifier")? else { return Ok(user) };
    match user {
        Some(user) if user.value != said.value => Err(user.cannot("says another id than `safety_identifier`: leave one of them out")),
        Some(_) | None => Ok(Some(said)),
    }
}

fn stream_options(fields: &mut Fields) -> Result<(), CannotHonour> {
    let Some(mut options) = fields.object("stream_options")? else { return Ok(()) };
    if let Some(said) = options.bool("include_obfuscation")?.filter(|said| said.value) {
        return Err(said.cannot("asks for padding, which streams here do not have: leave it out or say false"));
    }
    options.done()
}

/// Thoughts that their operator signed are always handed through, so asking for them changes nothing.
fn include(fields: &mut Fields) -> Result<(), CannotHonour> {
    for said in fields.list("include")? {
        let said = text(said)?;
        if said.value != "reasoning.encrypted_content" {
            return Err(said.cannot("asks for something that only OpenAI answers with: leave it out"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Reads `{"input": "hello"}` with these members too.
    fn read(members: Value) -> Result<Ask, CannotHonour> {
        let mut body = json!({"model": "m", "input": "hello"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        read_ask(body.to_string().as_bytes())
    }

    /// These members are an error that names `field`.
    fn check(members: Value, field: &str) {
        let error = read(members.clone()).expect_err(&members.to_string());
        assert_eq!(error.field(), field, "{error}");
    }

    #[test]
    fn what_says_the_same_as_leaving_it_out_is_accepted() {
        let same = json!({
            "store": false, "background": false, "metadata": {}, "truncation": "disabled", "top_logprobs": 0, "service_tier": "auto",
            "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tools": [], "tool_choice": "auto", "parallel_tool_calls": true,
            "include": ["reasoning.encrypted_content"], "stream": false, "stream_options": {"include_obfuscation": false},
            "reasoning": {"effort": null, "context": "auto", "mode": "standard"}, "previous_response_id": null, "context_management": [],
        });
        assert_eq!(read(same).unwrap(), read(json!({})).unwrap());
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        for (name, value) in [
            ("store", json!(true)),
            ("previous_response_id", json!("resp_1")),
            ("conversation", json!("conv_1")),
            ("background", json!(true)),
            ("prompt", json!({"id": "p"})),
            ("max_tool_calls", json!(3)),
            ("metadata", json!({"a": "b"})),
            ("truncation", json!("auto")),
            ("top_logprobs", json!(2)),
            ("service_tier", json!("flex")),
            ("moderation", json!({"model": "omni"})),
            ("new_member", json!(1)),
        ] {
            check(json!({name: value}), name);
        }
        check(json!({"include": ["reasoning.encrypted_content", "message.output_text.logprobs"]}), "include[1]");
        check(json!({"text": {"verbosity": "low"}}), "text.verbosity");
        check(json!({"text": {"format": {"type": "grammar"}}}), "text.format.type");
        check(json!({"text": {"format": {"type": "json_schema", "name": "n"}}}), "text.format.schema");
        check(json!({"text": {"format": {"type": "json_object", "name": "n"}}}), "text.format.name");
        check(json!({"reasoning": {"effort": "huge"}}), "reasoning.effort");
        check(json!({"reasoning": {"summary": "long"}}), "reasoning.summary");
        check(json!({"reasoning": {"mode": "pro"}}), "reasoning.mode");
        check(json!({"stream_options": {"include_obfuscation": true}}), "stream_options.include_obfuscation");
        check(json!({"user": "a", "safety_identifier": "b"}), "user");
        check(json!({"input": null}), "input");
    }

    #[test]
    fn a_hint_to_a_cache_is_honoured_without_a_word() {
        assert_eq!(read(json!({"prompt_cache_key": "k"})), read(json!({})));
    }

    #[test]
    fn reasoning_has_words() {
        let said = |members| read(json!({"reasoning": members})).unwrap().reasoning.unwrap().value;
        assert!(said(json!({"effort": "none"})).off);
        assert_eq!(said(json!({"effort": "xhigh"})).effort, Some(Effort::XHigh));
        assert_eq!(said(json!({"summary": "concise"})).summary, Some(true));
        assert_eq!(said(json!({"generate_summary": "auto"})).summary, Some(true));
    }
}
