//! Reads a caller's call. Every member is taken by name; what is left over is an error, so no new field of Anthropic's is ever lost unseen.

use serde_json::{Number, Value};

use super::{blocks, output, thinking, tools, turns};
use crate::ask::{Ask, CacheMark, Part, Said, Sampling, Turn};
use crate::cache;
use crate::error::CannotHonour;
use crate::wire::{self, Fields};

/// Reads a call in Anthropic's messages dialect.
///
/// # Errors
/// The field that is wrong in this dialect, or that no other dialect can say.
pub fn read_ask(body: &[u8]) -> Result<Ask, CannotHonour> {
    let mut fields = Fields::parse(body)?;
    // The gateway decides about the model.
    fields.needed_text("model")?;
    let output = output::read(&mut fields)?;
    let (tool_choice, parallel_tool_calls) = tools::read_choice(&mut fields)?;
    let mut ask = Ask {
        system: system(&mut fields)?,
        turns: turns::read(&mut fields)?,
        tools: tools::read(&mut fields)?,
        tool_choice,
        parallel_tool_calls,
        output_format: output.format,
        sampling: sampling(&mut fields)?,
        reasoning: thinking::read(&mut fields, output.effort)?,
        end_user: end_user(&mut fields)?,
        stream: fields.bool("stream")?.is_some_and(|stream| stream.value),
    };
    if let Some(mark) = cache::control(&mut fields)? {
        mark_last(&mut ask, mark);
    }
    same_as_absent(&mut fields)?;
    fields.done()?;
    Ok(ask)
}

fn system(fields: &mut Fields) -> Result<Vec<Said<Part>>, CannotHonour> {
    let Some(said) = fields.take("system") else { return Ok(Vec::new()) };
    if said.value.as_str() == Some("") {
        return Ok(Vec::new());
    }
    let parts = blocks::read_content(said)?;
    match parts.iter().find(|part| !matches!(part.value, Part::Text { .. })) {
        Some(part) => Err(CannotHonour::invalid(&part.field, "is not text: system instructions are text only")),
        None => Ok(parts),
    }
}

fn sampling(fields: &mut Fields) -> Result<Sampling, CannotHonour> {
    let Some(max_tokens) = fields.count("max_tokens")? else {
        return Err(CannotHonour::invalid("max_tokens", "is missing"));
    };
    if max_tokens.value == 0 {
        return Err(
            max_tokens.cannot("is 0, which only fills the cache of an Anthropic upstream: ask for an offering that speaks this dialect")
        );
    }
    Ok(Sampling {
        output_tokens_max: Some(max_tokens),
        temperature: temperature(fields)?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        stop: stop_sequences(fields)?,
        seed: None,
        frequency_penalty: None,
        presence_penalty: None,
    })
}

fn temperature(fields: &mut Fields) -> Result<Option<Said<Number>>, CannotHonour> {
    let temperature = fields.number("temperature")?;
    match &temperature {
        Some(said) if !said.value.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)) => {
            Err(CannotHonour::invalid(&said.field, "is not between 0 and 1"))
        }
        Some(_) | None => Ok(temperature),
    }
}

fn stop_sequences(fields: &mut Fields) -> Result<Option<Said<Vec<String>>>, CannotHonour> {
    let texts = fields.list("stop_sequences")?.into_iter().map(|item| wire::text(item).map(|text| text.value));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok((!texts.is_empty()).then(|| Said::new("stop_sequences", texts)))
}

fn end_user(fields: &mut Fields) -> Result<Option<Said<String>>, CannotHonour> {
    let Some(mut metadata) = fields.object("metadata")? else { return Ok(None) };
    let user = metadata.text("user_id")?;
    metadata.done()?;
    Ok(user)
}

/// Anthropic puts a mark at the top of a call on the last block that can be cached: in the conversation, else the instructions, else the
/// functions. A mark that stands there already stays.
fn mark_last(ask: &mut Ask, mark: CacheMark) {
    let in_turns = ask.turns.iter_mut().rev().flat_map(|turn: &mut Turn| turn.parts.iter_mut().rev());
    let mut parts = in_turns.chain(ask.system.iter_mut().rev());
    if let Some(slot) = parts.find_map(|part| part.value.cache_mut()) {
        slot.get_or_insert(mark);
    } else if let Some(tool) = ask.tools.last_mut() {
        tool.value.cache.get_or_insert(mark);
    }
}

/// Values that say the same as leaving the field out.
fn same_as_absent(fields: &mut Fields) -> Result<(), CannotHonour> {
    for (name, same) in
        [("service_tier", Value::from("auto")), ("speed", Value::from("standard")), ("mcp_servers", Value::Array(Vec::new()))]
    {
        // `standard_only` asks Anthropic not to use capacity that nobody else has.
        let here = |value: &Value| *value == same || (name == "service_tier" && value == "standard_only");
        if let Some(said) = fields.take(name).filter(|said| !here(&said.value)) {
            return Err(said.cannot("is a service of Anthropic's own: leave it out, or ask for an offering that speaks this dialect"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `members` join a call that is otherwise right.
    fn read(members: &str) -> Result<Ask, CannotHonour> {
        read_ask(format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]{members}}}"#).as_bytes())
    }

    fn check(members: &str, expected: &str) {
        let said =
            read(members).map_or_else(|error| format!("{} {error}", if error.is_invalid() { 400 } else { 422 }), |_| "ok".to_owned());
        assert!(said.starts_with(expected), "{members}: {said}");
    }

    #[test]
    fn every_field_is_honoured_or_named() {
        for same in [
            "service_tier\":\"auto\"",
            "service_tier\":\"standard_only\"",
            "speed\":\"standard\"",
            "mcp_servers\":[]",
            "container\":null",
            "stop_sequences\":[]",
        ] {
            check(&format!(",\"{same}"), "ok");
        }
        check(r#","service_tier":"priority""#, "422 `service_tier`");
        check(r#","speed":"fast""#, "422 `speed`");
        check(r#","mcp_servers":[{}]"#, "422 `mcp_servers`");
        check(r#","container":"c""#, "422 `container`");
        check(r#","context_management":{}"#, "422 `context_management`");
        check(r#","inference_geo":"us""#, "422 `inference_geo`");
        check(r#","metadata":{"user_id":"u","trace_id":"t"}"#, "422 `metadata.trace_id`");
        check(r#","temperature":1.5"#, "400 `temperature`");
        check(r#","system":[{"type":"image","source":{"type":"url","url":"u"}}]"#, "400 `system[0]`");
        check(r#","stop_sequences":["a",1]"#, "400 `stop_sequences[1]`");
    }

    #[test]
    fn what_must_be_there_is_missed() {
        for (body, expected) in [
            (r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#, "`max_tokens` is missing"),
            (r#"{"model":"m","max_tokens":1}"#, "`messages` is missing"),
            (r#"{"model":"m","max_tokens":1,"messages":[]}"#, "`messages` is empty"),
            (r#"{"max_tokens":1,"messages":[{"role":"user","content":"hi"}]}"#, "`model` is missing"),
        ] {
            let error = read_ask(body.as_bytes()).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.is_invalid()), (expected, true));
        }
    }

    #[test]
    fn a_call_that_only_fills_the_cache_is_named() {
        let error = read_ask(br#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]}"#).unwrap_err();
        assert_eq!((error.field(), error.is_invalid()), ("max_tokens", false));
    }

    #[test]
    fn a_mark_at_the_top_moves_to_the_last_block() {
        let ask = read(r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#).unwrap();
        assert_eq!(ask.turns[0].parts[0].value.cache(), Some(CacheMark::Hour));
        check(r#","cache_control":{"type":"ephemeral","ttl":"1d"}"#, "400 `cache_control.ttl`");
        check(r#","cache_control":{"type":"forever"}"#, "400 `cache_control.type`");
    }
}
