//! Reads a caller's body. Every member of OpenAI's reference is either read, or says the same as leaving it out, or is an error by name;
//! what is not in the reference is an error too, except `top_k`, which compatible servers have in common.

use serde_json::{Value, json};

use super::read_messages::messages;
use crate::ask::{Ask, Effort, OutputFormat, Reasoning, Said, Sampling, Tool, ToolChoice};
use crate::cache;
use crate::error::CannotHonour;
use crate::wire::{Fields, items, text};

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// A member that is wrong in this dialect, or that cannot be said in others.
pub fn read_ask(body: &[u8]) -> Result<Ask, CannotHonour> {
    let mut fields = Fields::parse(body)?;
    // The route was chosen by it; the upstream's own name comes with the target.
    fields.needed_text("model")?;
    let (system, turns) = messages(&mut fields)?;
    let ask = Ask {
        system,
        turns,
        tools: fields.list("tools")?.into_iter().map(tool).collect::<Result<_, _>>()?,
        tool_choice: fields.take("tool_choice").map(tool_choice).transpose()?.flatten(),
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        output_format: output_format(&mut fields)?,
        sampling: sampling(&mut fields)?,
        reasoning: fields.text("reasoning_effort")?.map(reasoning).transpose()?,
        end_user: agreeing(fields.text("user")?, fields.text("safety_identifier")?)?,
        stream: stream(&mut fields)?,
    };
    impossible(&mut fields)?;
    fields.done()?;
    Ok(ask)
}

/// Takes an object that must be there.
pub(super) fn needed_object(fields: &mut Fields, name: &str) -> Result<Fields, CannotHonour> {
    fields.object(name)?.ok_or_else(|| CannotHonour::invalid(fields.field(name), "is missing"))
}

/// Takes the `type` of a tool or a call: custom tools take text that no other dialect knows.
pub(super) fn only_functions(fields: &mut Fields) -> Result<(), CannotHonour> {
    match fields.needed_text("type")?.as_str() {
        "function" => Ok(()),
        _ => {
            Err(fields.cannot("type", "must be `function`: no other kind of tool can be said in the dialect of the offering that answers"))
        }
    }
}

/// Two names of one thing: both may be said if they agree.
pub(super) fn agreeing<T: PartialEq>(one: Option<Said<T>>, other: Option<Said<T>>) -> Result<Option<Said<T>>, CannotHonour> {
    match (one, other) {
        (Some(one), Some(other)) if one.value != other.value => {
            Err(other.cannot(&format!("says something else than `{}`: leave one of them out", one.field)))
        }
        (one, other) => Ok(one.or(other)),
    }
}

fn sampling(fields: &mut Fields) -> Result<Sampling, CannotHonour> {
    Ok(Sampling {
        output_tokens_max: agreeing(fields.count("max_completion_tokens")?, fields.count("max_tokens")?)?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        stop: fields.take("stop").map(stop).transpose()?.flatten(),
        seed: fields.take("seed").map(seed).transpose()?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
    })
}

/// A text, or a list of texts; an empty list says nothing.
fn stop(said: Said<Value>) -> Result<Option<Said<Vec<String>>>, CannotHonour> {
    if let Value::String(text) = said.value {
        return Ok(Some(Said::new(said.field, vec![text])));
    }
    let field = said.field.clone();
    let texts = items(said)?.into_iter().map(|item| text(item).map(|said| said.value)).collect::<Result<Vec<_>, _>>()?;
    Ok(if texts.is_empty() { None } else { Some(Said::new(field, texts)) })
}

fn seed(said: Said<Value>) -> Result<Said<i64>, CannotHonour> {
    let seed = said.value.as_i64().ok_or_else(|| CannotHonour::invalid(&said.field, "is not a whole number"))?;
    Ok(Said::new(said.field, seed))
}

fn tool(said: Said<Value>) -> Result<Said<Tool>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    only_functions(&mut fields)?;
    let cache = cache::control(&mut fields)?;
    let mut function = needed_object(&mut fields, "function")?;
    let tool = Tool {
        name: function.needed_text("name")?,
        description: function.text("description")?.map(|said| said.value),
        parameters: function.take("parameters").map(schema).transpose()?,
        strict: function.bool("strict")?.map(|said| said.value),
        cache,
    };
    function.done()?;
    fields.done()?;
    Ok(Said::new(field, tool))
}

fn schema(said: Said<Value>) -> Result<Value, CannotHonour> {
    if said.value.is_object() { Ok(said.value) } else { Err(CannotHonour::invalid(said.field, "is not a JSON Schema object")) }
}

/// `auto` says the same as leaving it out.
fn tool_choice(said: Said<Value>) -> Result<Option<Said<ToolChoice>>, CannotHonour> {
    let field = said.field.clone();
    let choice = match said.value.as_str() {
        Some("auto") => return Ok(None),
        Some("none") => ToolChoice::None,
        Some("required") => ToolChoice::Required,
        Some(_) => return Err(CannotHonour::invalid(field, "is not `auto`, `none`, `required` or an object that names a function")),
        None => chosen_function(said)?,
    };
    Ok(Some(Said::new(field, choice)))
}

fn chosen_function(said: Said<Value>) -> Result<ToolChoice, CannotHonour> {
    let mut fields = Fields::of(said)?;
    only_functions(&mut fields)?;
    let mut function = needed_object(&mut fields, "function")?;
    let name = function.needed_text("name")?;
    function.done()?;
    fields.done()?;
    Ok(ToolChoice::Function(name))
}

/// `{"type": "text"}` says the same as leaving it out.
fn output_format(fields: &mut Fields) -> Result<Option<Said<OutputFormat>>, CannotHonour> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(None) };
    let read = match format.needed_text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(OutputFormat::JsonObject),
        "json_schema" => Some(output_schema(&mut format)?),
        _ => return Err(format.cannot("type", "must be `text`, `json_object` or `json_schema`")),
    };
    format.done()?;
    Ok(read.map(|format| Said::new(fields.field("response_format"), format)))
}

fn output_schema(format: &mut Fields) -> Result<OutputFormat, CannotHonour> {
    let mut fields = needed_object(format, "json_schema")?;
    let read = OutputFormat::Schema {
        name: Some(fields.needed_text("name")?),
        description: fields.text("description")?.map(|said| said.value),
        schema: match fields.take("schema") {
            Some(said) => schema(said)?,
            None => return Err(CannotHonour::invalid(fields.field("schema"), "is missing")),
        },
        strict: fields.bool("strict")?.map(|said| said.value),
    };
    fields.done()?;
    Ok(read)
}

fn reasoning(said: Said<String>) -> Result<Said<Reasoning>, CannotHonour> {
    let read = match (said.value.as_str(), Effort::from_name(&said.value)) {
        ("none", _) => Reasoning { off: true, ..Reasoning::default() },
        (_, Some(effort)) => Reasoning { effort: Some(effort), ..Reasoning::default() },
        (_, None) => {
            return Err(CannotHonour::invalid(said.field, "is not `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`"));
        }
    };
    Ok(Said::new(said.field, read))
}

/// Whether the answer streams. What `include_usage` asks for reaches the writer of events in [`crate::Stamp::wants_usage`].
fn stream(fields: &mut Fields) -> Result<bool, CannotHonour> {
    let stream = fields.bool("stream")?.is_some_and(|said| said.value);
    let Some(mut options) = fields.object("stream_options")? else { return Ok(stream) };
    if !stream {
        return Err(CannotHonour::invalid("stream_options", "is allowed only with `stream: true`"));
    }
    options.bool("include_usage")?;
    if let Some(said) = options.bool("include_obfuscation")?.filter(|said| said.value) {
        return Err(said.cannot("cannot be true: the gateway writes the stream anew and does not pad it"));
    }
    options.done()?;
    Ok(stream)
}

/// Takes what cannot be said elsewhere: the one value that says the same as leaving the field out passes, any other is an error.
fn impossible(fields: &mut Fields) -> Result<(), CannotHonour> {
    let elsewhere = "cannot be said in the dialect of the offering that answers: leave it out";
    let table = [
        ("n", json!(1), "must be 1: send the call once for each answer"),
        ("logprobs", json!(false), "must be false: no other dialect has the probabilities of tokens"),
        ("store", json!(false), "must be false: the offering that answers cannot store the answer for later retrieval"),
        ("service_tier", json!("auto"), "must be `auto`: tiers are named differently by every operator"),
        ("verbosity", json!("medium"), "must be `medium`: say in the system message how long answers should be"),
        ("modalities", json!(["text"]), "must be [\"text\"]: only text is answered across dialects"),
        ("metadata", json!({}), elsewhere),
        ("logit_bias", json!({}), elsewhere),
        ("functions", json!([]), "is deprecated and cannot be said elsewhere: use `tools`"),
        ("function_call", Value::Null, "is deprecated and cannot be said elsewhere: use `tool_choice`"),
        ("top_logprobs", Value::Null, elsewhere),
        ("prediction", Value::Null, elsewhere),
        ("web_search_options", Value::Null, elsewhere),
        ("audio", Value::Null, elsewhere),
    ];
    // A hint like a wish to cache for some minutes: whoever caches by itself does so without it.
    fields.text("prompt_cache_key")?;
    for (name, same_as_absent, why) in table {
        if let Some(said) = fields.take(name).filter(|said| said.value != same_as_absent) {
            return Err(said.cannot(why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<Ask, CannotHonour> {
        read_ask(format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{members}}}"#).as_bytes())
    }

    #[track_caller]
    fn check(members: &str, field: &str, invalid: bool) {
        let error = read(members).unwrap_err();
        assert_eq!((error.field(), error.is_invalid()), (field, invalid), "{error}");
    }

    #[test]
    fn what_cannot_be_said_elsewhere_is_named() {
        check(r#","n":2"#, "n", false);
        check(r#","logprobs":true"#, "logprobs", false);
        check(r#","top_logprobs":3"#, "top_logprobs", false);
        check(r#","logit_bias":{"50256":-100}"#, "logit_bias", false);
        check(r#","metadata":{"a":"b"}"#, "metadata", false);
        check(r#","modalities":["text","audio"]"#, "modalities", false);
        check(r#","audio":{"voice":"a","format":"mp3"}"#, "audio", false);
        check(r#","verbosity":"low""#, "verbosity", false);
        check(r#","service_tier":"flex""#, "service_tier", false);
        check(r#","store":true"#, "store", false);
        check(r#","prompt_cache_key":1"#, "prompt_cache_key", true);
        check(r#","prompt_cache_retention":"24h""#, "prompt_cache_retention", false);
        check(r#","prediction":{"type":"content","content":"x"}"#, "prediction", false);
        check(r#","web_search_options":{}"#, "web_search_options", false);
        check(r#","functions":[{"name":"f"}]"#, "functions", false);
        check(r#","function_call":"auto""#, "function_call", false);
        check(r#","something_new":0"#, "something_new", false);
        check(r#","tools":[{"type":"custom","custom":{"name":"c"}}]"#, "tools[0].type", false);
        check(r#","tool_choice":{"type":"allowed_tools","allowed_tools":{}}"#, "tool_choice.type", false);
        check(r#","stream":true,"stream_options":{"include_obfuscation":true}"#, "stream_options.include_obfuscation", false);
        check(r#","max_tokens":1,"max_completion_tokens":2"#, "max_tokens", false);
        check(r#","user":"a","safety_identifier":"b""#, "safety_identifier", false);
    }

    #[test]
    fn what_is_wrong_in_this_dialect_is_invalid() {
        check(r#","max_tokens":-1"#, "max_tokens", true);
        check(r#","stop":[1]"#, "stop[0]", true);
        check(r#","seed":1.5"#, "seed", true);
        check(r#","tool_choice":"any""#, "tool_choice", true);
        check(r#","reasoning_effort":"huge""#, "reasoning_effort", true);
        check(r#","stream_options":{"include_usage":true}"#, "stream_options", true);
        check(r#","tools":[{"type":"function"}]"#, "tools[0].function", true);
        check(r#","tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#, "tools[0].function.parameters", true);
        check(r#","response_format":{"type":"json_schema","json_schema":{"name":"n"}}"#, "response_format.json_schema.schema", true);
        assert_eq!(read_ask(b"[").unwrap_err().field(), "body");
        assert_eq!(read_ask(br#"{"model":"m"}"#).unwrap_err().field(), "messages");
    }

    #[test]
    fn what_says_nothing_says_nothing() {
        let nothing = r#","n":1,"logprobs":false,"store":false,"stream":false,"service_tier":"auto","verbosity":"medium","modalities":["text"],
            "metadata":{},"logit_bias":{},"functions":[],"tools":[],"stop":[],"tool_choice":"auto","response_format":{"type":"text"},
            "top_logprobs":null,"seed":null,"user":null,"prompt_cache_key":"k""#;
        assert_eq!(read(nothing), read(""));
    }

    #[test]
    fn two_names_of_one_thing_may_agree() {
        let ask = read(r#","max_tokens":5,"max_completion_tokens":5,"user":"u","safety_identifier":"u""#).unwrap();
        assert_eq!(ask.sampling.output_tokens_max, Some(Said::new("max_completion_tokens", 5)));
        assert_eq!(ask.end_user, Some(Said::new("user", "u".to_owned())));
    }
}
