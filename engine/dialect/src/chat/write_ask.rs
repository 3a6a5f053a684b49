//! Writes a call for an upstream. What an [`Ask`] says and this dialect cannot is an error that names the caller's field.
//!
//! Left unsaid on purpose: [`crate::CacheMark::Short`], because these operators cache by themselves; the wish for a summary of the thoughts,
//! because the dialect has no word for it and an upstream that shows thoughts shows them unasked.

use serde_json::{Map, Value, json};

use super::write_messages::messages;
use crate::ask::{Ask, Effort, OutputFormat, Part, Reasoning, Said, Tool, ToolChoice};
use crate::cache::refuse_hour;
use crate::end_user::within_64_bytes;
use crate::error::CannotHonour;

/// Whom a call is written for.
#[derive(Debug, Clone, Copy)]
pub struct ChatTarget<'a> {
    /// The model's name at the upstream.
    pub model: &'a str,
    /// The member that the upstream knows.
    pub limit: LimitField,
    /// What it does with thoughts that are handed back.
    pub thoughts: Thoughts,
}

/// The member that says how long an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitField {
    /// OpenAI: its newer models refuse the other.
    MaxCompletionTokens,
    /// Most compatible servers: they know no other.
    MaxTokens,
}

/// What becomes of thoughts that a caller hands back: OpenAI's dialect has no place for them, and compatible servers differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thoughts {
    /// They go along in `reasoning_content`, as DeepSeek, vLLM and OpenRouter take them.
    #[default]
    Send,
    /// They are left out, for a server that refuses the member (Groq, Mistral) and whose models do without: the operator's own choice.
    LeaveOut,
    /// A call that has some is refused, by the name of the field.
    Refuse,
}

/// Writes the body of `POST /v1/chat/completions`. A streamed call asks for usage, which the ledger wants whether the caller does or not.
///
/// # Errors
/// A field that this dialect cannot say.
pub fn write_ask(ask: &Ask, target: &ChatTarget<'_>) -> Result<Vec<u8>, CannotHonour> {
    refuse_long_cache(ask)?;
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", Some(target.model.into()));
    put("messages", Some(messages(ask, target.thoughts)?.into()));
    for (name, value) in sampling(ask, target)? {
        put(name, value);
    }
    let tools: Vec<Value> = ask.tools.iter().map(|said| tool(&said.value)).collect();
    // Without tools, OpenAI refuses what is said about their use; what these say is then so anyway.
    put("tool_choice", ask.tool_choice.as_ref().and_then(|said| tool_choice(&said.value, tools.is_empty())));
    put("parallel_tool_calls", ask.parallel_tool_calls.as_ref().filter(|_| !tools.is_empty()).map(|said| said.value.into()));
    put("tools", Some(tools).filter(|tools| !tools.is_empty()).map(Value::from));
    put("response_format", ask.output_format.as_ref().map(|said| output_format(&said.value)));
    put("reasoning_effort", ask.reasoning.as_ref().and_then(|said| reasoning_effort(&said.value)).map(Value::from));
    put("user", ask.end_user.as_ref().map(|said| within_64_bytes(&said.value).into_owned().into()));
    put("stream", ask.stream.then(|| true.into()));
    put("stream_options", ask.stream.then(|| json!({"include_usage": true})));
    Ok(Value::Object(body).to_string().into_bytes())
}

type Member = (&'static str, Option<Value>);

fn sampling(ask: &Ask, target: &ChatTarget<'_>) -> Result<[Member; 7], CannotHonour> {
    let sampling = &ask.sampling;
    if let Some(said) = &sampling.top_k {
        return Err(said.cannot("cannot be said to a chat completions upstream: leave it out and use `top_p`"));
    }
    let limit = match target.limit {
        LimitField::MaxCompletionTokens => "max_completion_tokens",
        LimitField::MaxTokens => "max_tokens",
    };
    Ok([
        (limit, sampling.output_tokens_max.as_ref().map(|said| said.value.into())),
        ("temperature", sampling.temperature.as_ref().map(|said| said.value.clone().into())),
        ("top_p", sampling.top_p.as_ref().map(|said| said.value.clone().into())),
        ("stop", sampling.stop.as_ref().map(|said| said.value.clone().into())),
        ("seed", sampling.seed.as_ref().map(|said| said.value.into())),
        ("frequency_penalty", sampling.frequency_penalty.as_ref().map(|said| said.value.clone().into())),
        ("presence_penalty", sampling.presence_penalty.as_ref().map(|said| said.value.clone().into())),
    ])
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::from_iter([("name".to_owned(), Value::from(tool.name.clone()))]);
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    if let Some(parameters) = &tool.parameters {
        function.insert("parameters".to_owned(), parameters.clone());
    }
    if let Some(strict) = tool.strict {
        function.insert("strict".to_owned(), strict.into());
    }
    json!({"type": "function", "function": function})
}

fn tool_choice(choice: &ToolChoice, no_tools: bool) -> Option<Value> {
    match choice {
        ToolChoice::Auto | ToolChoice::None if no_tools => None,
        ToolChoice::Auto => Some("auto".into()),
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Function(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

/// The dialect wants a name for every schema.
fn output_format(format: &OutputFormat) -> Value {
    match format {
        OutputFormat::JsonObject => json!({"type": "json_object"}),
        OutputFormat::Schema { name, description, schema, strict } => {
            let name = name.as_deref().unwrap_or(OutputFormat::NAME);
            let mut body = Map::from_iter([("name".to_owned(), Value::from(name)), ("schema".to_owned(), schema.clone())]);
            if let Some(description) = description {
                body.insert("description".to_owned(), description.clone().into());
            }
            if let Some(strict) = strict {
                body.insert("strict".to_owned(), (*strict).into());
            }
            json!({"type": "json_schema", "json_schema": body})
        }
    }
}

/// A word says more here than a number, so it wins where both are said. The wish that the model decide for itself is what leaving the
/// member out means.
fn reasoning_effort(reasoning: &Reasoning) -> Option<&'static str> {
    if reasoning.off {
        return Some("none");
    }
    reasoning.effort.or_else(|| reasoning.budget_tokens.map(effort_of_budget)).map(Effort::name)
}

/// The nearest effort of Google's table for its OpenAI-compatible API, the only published one: low 1,024, medium 8,192, high 24,576.
pub(crate) const fn effort_of_budget(budget_tokens: u64) -> Effort {
    match budget_tokens {
        0..4_608 => Effort::Low,
        4_608..16_384 => Effort::Medium,
        16_384.. => Effort::High,
    }
}

fn refuse_long_cache(ask: &Ask) -> Result<(), CannotHonour> {
    ask.tools.iter().try_for_each(|said| refuse_hour(&said.field, said.value.cache))?;
    ask.system.iter().chain(ask.turns.iter().flat_map(|turn| &turn.parts)).try_for_each(refuse_long_cache_of)
}

fn refuse_long_cache_of(said: &Said<Part>) -> Result<(), CannotHonour> {
    refuse_hour(&said.field, said.value.cache())?;
    said.value.result().iter().try_for_each(refuse_long_cache_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{CacheMark, Role, Sampling, Turn};

    const TARGET: ChatTarget<'_> = ChatTarget { model: "m", limit: LimitField::MaxTokens, thoughts: Thoughts::Send };

    fn hello() -> Ask {
        let parts = vec![Said::new("messages[0].content", Part::text("hi"))];
        Ask { turns: vec![Turn { role: Role::User, parts }], ..Ask::default() }
    }

    #[track_caller]
    fn check(ask: &Ask, expected: Value) {
        let body: Value = serde_json::from_slice(&write_ask(ask, &TARGET).unwrap()).unwrap();
        let mut whole = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        assert_eq!(body, whole);
    }

    #[track_caller]
    fn check_reasoning(reasoning: Reasoning, expected: Option<&str>) {
        assert_eq!(reasoning_effort(&reasoning), expected);
    }

    #[test]
    fn the_limit_goes_where_the_upstream_knows_it() {
        let sampling = Sampling { output_tokens_max: Some(Said::new("max_tokens", 7)), ..Sampling::default() };
        let ask = Ask { sampling, ..hello() };
        check(&ask, json!({"max_tokens": 7}));
        let openai = write_ask(&ask, &ChatTarget { limit: LimitField::MaxCompletionTokens, ..TARGET }).unwrap();
        assert!(String::from_utf8(openai).unwrap().contains(r#""max_completion_tokens":7"#));
    }

    #[test]
    fn an_end_user_fits() {
        let ask = |id: &str| Ask { end_user: Some(Said::new("metadata.user_id", id.to_owned())), ..hello() };
        check(&ask("u"), json!({"user": "u"}));
        check(&ask(&"u".repeat(65)), json!({"user": within_64_bytes(&"u".repeat(65))}));
    }

    #[test]
    fn a_streamed_call_asks_for_usage() {
        check(&Ask { stream: true, ..hello() }, json!({"stream": true, "stream_options": {"include_usage": true}}));
    }

    #[test]
    fn without_tools_nothing_is_said_about_their_use() {
        let ask = Ask {
            tool_choice: Some(Said::new("tool_choice", ToolChoice::None)),
            parallel_tool_calls: Some(Said::new("tool_choice", false)),
            ..hello()
        };
        check(&ask, json!({}));
        let forced = Some(Said::new("tool_choice", ToolChoice::Required));
        check(&Ask { tool_choice: forced, ..hello() }, json!({"tool_choice": "required"}));
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        let sampling = Sampling { top_k: Some(Said::new("top_k", 5)), ..Sampling::default() };
        assert_eq!(write_ask(&Ask { sampling, ..hello() }, &TARGET).unwrap_err().field(), "top_k");
        let cached = Said::new("system[0]", Part::Text { text: "s".into(), cache: Some(CacheMark::Hour) });
        assert_eq!(write_ask(&Ask { system: vec![cached.clone()], ..hello() }, &TARGET).unwrap_err().field(), "system[0]");
        let result = Part::ToolResult { id: "i".into(), content: vec![cached], is_error: false, cache: None };
        let turns = vec![Turn { role: Role::User, parts: vec![Said::new("r", result)] }];
        assert_eq!(write_ask(&Ask { turns, ..Ask::default() }, &TARGET).unwrap_err().field(), "system[0]");
    }

    #[test]
    fn effort_of_every_wish() {
        check_reasoning(Reasoning::default(), None);
        check_reasoning(Reasoning { adaptive: true, summary: Some(true), ..Reasoning::default() }, None);
        check_reasoning(Reasoning { off: true, ..Reasoning::default() }, Some("none"));
        check_reasoning(Reasoning { adaptive: true, effort: Some(Effort::Max), ..Reasoning::default() }, Some("max"));
        check_reasoning(Reasoning { effort: Some(Effort::Low), budget_tokens: Some(99_999), ..Reasoning::default() }, Some("low"));
        for (budget, effort) in [(1_024, "low"), (4_607, "low"), (4_608, "medium"), (16_383, "medium"), (16_384, "high")] {
            check_reasoning(Reasoning { budget_tokens: Some(budget), ..Reasoning::default() }, Some(effort));
        }
    }
}
