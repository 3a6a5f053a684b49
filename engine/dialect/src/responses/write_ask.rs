//! Writes a body for an upstream that speaks this dialect. It always says `store: false`: the caller asked in a dialect that keeps nothing.

use serde_json::{Map, Value, json};

use super::write_input;
use crate::ask::{Ask, OutputFormat, Part, Reasoning, Said, Sampling, Tool, ToolChoice};
use crate::cache::refuse_hour;
use crate::chat::effort_of_budget;
use crate::conversation;
use crate::end_user::within_64_bytes;
use crate::error::CannotHonour;

/// The body that asks `model`.
///
/// # Errors
/// When the caller said something that has no word in this dialect.
pub fn write_ask(ask: &Ask, model: &str) -> Result<Vec<u8>, CannotHonour> {
    let ask = &*conversation::with_a_turn(ask);
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    write_input::write(ask, &mut body)?;
    if !ask.tools.is_empty() {
        body.insert("tools".to_owned(), ask.tools.iter().map(tool).collect::<Result<Value, _>>()?);
    }
    if let Some(choice) = &ask.tool_choice {
        body.insert("tool_choice".to_owned(), tool_choice(&choice.value));
    }
    if let Some(parallel) = &ask.parallel_tool_calls {
        body.insert("parallel_tool_calls".to_owned(), parallel.value.into());
    }
    if let Some(format) = &ask.output_format {
        body.insert("text".to_owned(), json!({"format": output_format(&format.value)}));
    }
    sampling(&ask.sampling, &mut body)?;
    if let Some(said) = &ask.reasoning {
        body.insert("reasoning".to_owned(), reasoning(&said.value));
    }
    if thinks(ask) {
        body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    }
    if let Some(user) = &ask.end_user {
        body.insert("safety_identifier".to_owned(), within_64_bytes(&user.value).into_owned().into());
    }
    body.insert("store".to_owned(), false.into());
    if ask.stream {
        body.insert("stream".to_owned(), true.into());
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn tool(said: &Said<Tool>) -> Result<Value, CannotHonour> {
    refuse_hour(&said.field, said.value.cache)?;
    let mut tool = Map::from_iter([("type".to_owned(), "function".into()), ("name".to_owned(), said.value.name.as_str().into())]);
    if let Some(description) = &said.value.description {
        tool.insert("description".to_owned(), description.as_str().into());
    }
    tool.insert("parameters".to_owned(), said.value.schema_or_empty());
    // This dialect alone is strict where nothing is said, and then refuses most schemas that others accept.
    tool.insert("strict".to_owned(), said.value.strict.unwrap_or(false).into());
    Ok(Value::Object(tool))
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
    }
}

fn output_format(format: &OutputFormat) -> Value {
    match format {
        OutputFormat::JsonObject => json!({"type": "json_object"}),
        OutputFormat::Schema { name, description, schema, strict } => {
            // The name must be there, and not every dialect has one.
            let mut written = json!({"type": "json_schema", "name": name.as_deref().unwrap_or(OutputFormat::NAME), "schema": schema});
            if let Some(members) = written.as_object_mut() {
                members.extend(description.iter().map(|text| ("description".to_owned(), text.as_str().into())));
                members.extend(strict.iter().map(|strict| ("strict".to_owned(), (*strict).into())));
            }
            written
        }
    }
}

fn sampling(sampling: &Sampling, body: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    const WHY: &str = "cannot be said in OpenAI's Responses dialect: leave it out, or ask for an offering that knows it";
    cannot(sampling.top_k.as_ref(), WHY)?;
    cannot(sampling.seed.as_ref(), WHY)?;
    cannot(sampling.frequency_penalty.as_ref(), WHY)?;
    cannot(sampling.presence_penalty.as_ref(), WHY)?;
    cannot(sampling.stop.as_ref().filter(|said| !said.value.is_empty()), WHY)?;
    if let Some(said) = &sampling.output_tokens_max {
        body.insert("max_output_tokens".to_owned(), said.value.into());
    }
    if let Some(said) = &sampling.temperature {
        body.insert("temperature".to_owned(), said.value.clone().into());
    }
    if let Some(said) = &sampling.top_p {
        body.insert("top_p".to_owned(), said.value.clone().into());
    }
    Ok(())
}

fn cannot<T>(said: Option<&Said<T>>, why: &str) -> Result<(), CannotHonour> {
    said.map_or(Ok(()), |said| Err(said.cannot(why)))
}

/// A word says more here than a number, so it wins where both are said.
fn reasoning(reasoning: &Reasoning) -> Value {
    let Reasoning { off, effort, budget_tokens, adaptive: _, summary } = reasoning;
    // `adaptive` needs no word: these models decide for themselves when and how much to think.
    let mut written = Map::new();
    if *off {
        written.insert("effort".to_owned(), "none".into());
    } else if let Some(effort) = effort.or_else(|| budget_tokens.map(effort_of_budget)) {
        written.insert("effort".to_owned(), effort.name().into());
    }
    if *summary == Some(true) {
        written.insert("summary".to_owned(), "auto".into());
    }
    Value::Object(written)
}

/// Whether signed thoughts are wanted: the caller asks for thinking, or hands thoughts back and will want to hand back the next ones.
fn thinks(ask: &Ask) -> bool {
    let signed = |said: &Said<Part>| matches!(said.value, Part::Thinking { signature: Some(_), .. });
    ask.reasoning.as_ref().is_some_and(|said| !said.value.off) || ask.turns.iter().any(|turn| turn.parts.iter().any(signed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::CacheMark;

    fn write(ask: &Ask) -> Result<Value, CannotHonour> {
        Ok(serde_json::from_slice(&write_ask(ask, "m")?).unwrap())
    }

    /// This ask is an error that names `field`.
    fn check(ask: Ask, field: &str) {
        assert_eq!(write(&ask).unwrap_err().field(), field);
    }

    #[test]
    fn what_this_dialect_cannot_say_is_named() {
        let half = || Some(Said::new("x", serde_json::Number::from_f64(0.5).unwrap()));
        let sampling = |sampling| Ask { sampling, ..Ask::default() };
        check(sampling(Sampling { top_k: Some(Said::new("top_k", 3)), ..Sampling::default() }), "top_k");
        check(sampling(Sampling { seed: Some(Said::new("seed", 3)), ..Sampling::default() }), "seed");
        check(sampling(Sampling { stop: Some(Said::new("stop_sequences", vec!["a".into()])), ..Sampling::default() }), "stop_sequences");
        check(sampling(Sampling { frequency_penalty: half(), ..Sampling::default() }), "x");
        check(sampling(Sampling { presence_penalty: half(), ..Sampling::default() }), "x");
        let tool = Tool { name: "f".into(), description: None, parameters: None, strict: None, cache: Some(CacheMark::Hour) };
        check(Ask { tools: vec![Said::new("tools[0]", tool)], ..Ask::default() }, "tools[0]");
        let empty = Sampling { stop: Some(Said::new("stop", vec![])), ..Sampling::default() };
        assert!(write(&sampling(empty)).is_ok());
    }

    #[test]
    fn instructions_alone_are_what_the_user_says() {
        let body = write(&Ask { system: vec![Said::new("s", Part::text("s"))], ..Ask::default() }).unwrap();
        assert_eq!((&body["input"], body.get("instructions")), (&json!([{"type": "message", "role": "user", "content": "s"}]), None));
    }

    #[test]
    fn a_budget_is_an_effort() {
        for (budget_tokens, effort) in [(1_024, "low"), (8_192, "medium"), (20_000, "high")] {
            let budget = Reasoning { budget_tokens: Some(budget_tokens), ..Reasoning::default() };
            let body = write(&Ask { reasoning: Some(Said::new("thinking", budget)), ..Ask::default() }).unwrap();
            assert_eq!(body["reasoning"], json!({"effort": effort}));
        }
    }

    #[test]
    fn an_end_user_fits() {
        let ask = |id: &str| Ask { end_user: Some(Said::new("metadata.user_id", id.to_owned())), ..Ask::default() };
        assert_eq!(write(&ask("u")).unwrap()["safety_identifier"], "u");
        assert_eq!(write(&ask(&"u".repeat(65))).unwrap()["safety_identifier"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn nothing_is_stored_and_thoughts_come_signed() {
        let quiet = write(&Ask::default()).unwrap();
        assert_eq!(quiet["store"], false);
        assert!(quiet.get("include").is_none());
        let adaptive = Reasoning { adaptive: true, summary: Some(true), ..Reasoning::default() };
        let body = write(&Ask { reasoning: Some(Said::new("thinking", adaptive)), ..Ask::default() }).unwrap();
        assert_eq!(body["reasoning"], json!({"summary": "auto"}));
        assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
        let off = Reasoning { off: true, ..Reasoning::default() };
        let body = write(&Ask { reasoning: Some(Said::new("thinking", off)), ..Ask::default() }).unwrap();
        assert_eq!((&body["reasoning"], body.get("include")), (&json!({"effort": "none"}), None));
    }
}
