//! Functions and the choice among them, both ways. Tools that Anthropic itself defines have a dated type and are errors by name.

use serde_json::{Map, Value, json};

use super::blocks::with_cache;
use crate::ask::{Ask, Said, Tool, ToolChoice};
use crate::cache;
use crate::error::CannotHonour;
use crate::wire::Fields;

/// Reads `tools`.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Said<Tool>>, CannotHonour> {
    fields.list("tools")?.into_iter().map(read_tool).collect()
}

fn read_tool(said: Said<Value>) -> Result<Said<Tool>, CannotHonour> {
    let field = said.field.clone();
    let mut tool = Fields::of(said)?;
    if let Some(kind) = tool.text("type")?.filter(|kind| kind.value != "custom") {
        let why = format!("is `{}`, a tool of Anthropic's own: leave it out, or ask for an offering that speaks this dialect", kind.value);
        return Err(CannotHonour::new(field, why));
    }
    let Some(schema) = tool.take("input_schema") else {
        return Err(CannotHonour::invalid(tool.field("input_schema"), "is missing"));
    };
    if !schema.value.is_object() {
        return Err(CannotHonour::invalid(schema.field, "is not an object"));
    }
    let read = Tool {
        name: tool.needed_text("name")?,
        description: tool.text("description")?.map(|said| said.value),
        parameters: Some(schema.value),
        strict: tool.bool("strict")?.map(|said| said.value),
        cache: cache::control(&mut tool)?,
    };
    same_as_absent(&mut tool)?;
    tool.done()?;
    Ok(Said::new(field, read))
}

/// Values that say the same as leaving the field out.
fn same_as_absent(tool: &mut Fields) -> Result<(), CannotHonour> {
    // How arguments are cut into pieces says nothing about them.
    tool.bool("eager_input_streaming")?;
    for (name, same) in [("defer_loading", json!(false)), ("allowed_callers", json!(["direct"])), ("input_examples", json!([]))] {
        if let Some(said) = tool.take(name)
            && said.value != same
        {
            return Err(said.cannot("cannot be said to an upstream of another dialect: leave it out"));
        }
    }
    Ok(())
}

/// What `tool_choice` says: which function, and whether several at once.
type Choice = (Option<Said<ToolChoice>>, Option<Said<bool>>);

/// Reads `tool_choice`.
pub(super) fn read_choice(fields: &mut Fields) -> Result<Choice, CannotHonour> {
    let Some(mut choice) = fields.object("tool_choice")? else { return Ok((None, None)) };
    let value = match choice.needed_text("type")?.as_str() {
        "auto" => None,
        "any" => Some(ToolChoice::Required),
        "none" => Some(ToolChoice::None),
        "tool" => Some(ToolChoice::Function(choice.needed_text("name")?)),
        _ => return Err(CannotHonour::invalid(choice.field("type"), "is not `auto`, `any`, `tool` or `none`")),
    };
    let one_at_a_time = choice.bool("disable_parallel_tool_use")?.filter(|said| said.value);
    choice.done()?;
    let choice = value.map(|value| Said::new("tool_choice", value));
    Ok((choice, one_at_a_time.map(|said| Said::new(said.field, false))))
}

/// Writes `tools`.
pub(super) fn write(tools: &[Said<Tool>]) -> Result<Vec<Value>, CannotHonour> {
    tools.iter().map(write_tool).collect()
}

fn write_tool(said: &Said<Tool>) -> Result<Value, CannotHonour> {
    let tool = &said.value;
    let mut written = Map::from_iter([("name".to_owned(), tool.name.as_str().into())]);
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), description.as_str().into());
    }
    written.insert("input_schema".to_owned(), schema(said)?);
    if let Some(strict) = tool.strict {
        written.insert("strict".to_owned(), strict.into());
    }
    Ok(with_cache(written.into(), tool.cache))
}

/// Arguments are an object, and Anthropic wants the schema to say so.
fn schema(said: &Said<Tool>) -> Result<Value, CannotHonour> {
    let mut schema = said.value.schema_or_empty();
    let Some(members) = schema.as_object_mut() else {
        return Err(CannotHonour::invalid(&said.field, "has a schema that is not an object"));
    };
    if !members.contains_key("type") {
        members.insert("type".to_owned(), "object".into());
    }
    Ok(schema)
}

/// Writes `tool_choice`. Anthropic takes none where there are no functions, and there most choices are moot.
pub(super) fn write_choice(ask: &Ask) -> Result<Option<Value>, CannotHonour> {
    let one_at_a_time = ask.parallel_tool_calls.as_ref().is_some_and(|said| !said.value);
    let choice = ask.tool_choice.as_ref();
    let mut written = match choice.map_or(&ToolChoice::Auto, |said| &said.value) {
        ToolChoice::Auto if ask.tools.is_empty() || !one_at_a_time => return Ok(None),
        ToolChoice::None if ask.tools.is_empty() => return Ok(None),
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::None => return Ok(Some(json!({ "type": "none" }))),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Function(name) => json!({ "type": "tool", "name": name }),
    };
    if ask.tools.is_empty() {
        ask.check_choice_without_tools()?;
    }
    if let Some(members) = written.as_object_mut().filter(|_| one_at_a_time) {
        members.insert("disable_parallel_tool_use".to_owned(), true.into());
    }
    Ok(Some(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(choice: Option<ToolChoice>, parallel: Option<bool>, expected: &str) {
        let tool = Tool { name: "f".to_owned(), description: None, parameters: None, strict: None, cache: None };
        let ask = Ask {
            tools: vec![Said::new("tools[0]", tool)],
            tool_choice: choice.map(|choice| Said::new("tool_choice", choice)),
            parallel_tool_calls: parallel.map(|parallel| Said::new("parallel_tool_calls", parallel)),
            ..Ask::default()
        };
        let written = write_choice(&ask).unwrap().map_or_else(|| "-".to_owned(), |choice| choice.to_string());
        assert_eq!(written, expected);
    }

    #[test]
    fn choices() {
        check(None, None, "-");
        check(Some(ToolChoice::Auto), Some(true), "-");
        check(None, Some(false), r#"{"type":"auto","disable_parallel_tool_use":true}"#);
        check(Some(ToolChoice::None), Some(false), r#"{"type":"none"}"#);
        check(Some(ToolChoice::Required), None, r#"{"type":"any"}"#);
        let function = Some(ToolChoice::Function("f".to_owned()));
        check(function, Some(false), r#"{"type":"tool","name":"f","disable_parallel_tool_use":true}"#);
    }

    #[test]
    fn a_choice_without_functions_is_moot_or_wrong() {
        let ask = |choice| Ask { tool_choice: Some(Said::new("tool_choice", choice)), ..Ask::default() };
        assert_eq!(write_choice(&ask(ToolChoice::None)).unwrap(), None);
        assert!(write_choice(&ask(ToolChoice::Required)).unwrap_err().is_invalid());
    }

    #[test]
    fn how_arguments_are_streamed_says_nothing() {
        let read = |tool: Value| read_tool(Said::new("tools[0]", tool)).unwrap();
        let plain = read(json!({ "name": "f", "input_schema": {} }));
        for eager in [true, false] {
            assert_eq!(read(json!({ "name": "f", "input_schema": {}, "eager_input_streaming": eager })), plain);
        }
    }

    #[test]
    fn tools_of_anthropic_are_named() {
        let read = |tool: Value| read_tool(Said::new("tools[0]", tool)).unwrap_err().to_string();
        let hosted = read(json!({ "type": "web_search_20250305", "name": "web_search" }));
        assert!(hosted.starts_with("`tools[0]` is `web_search_20250305`"), "{hosted}");
        let deferred = read(json!({ "name": "f", "input_schema": {}, "defer_loading": true }));
        assert!(deferred.starts_with("`tools[0].defer_loading` cannot"), "{deferred}");
    }

    #[test]
    fn a_function_without_a_schema_gets_an_empty_one() {
        let tool =
            |parameters| Said::new("t", Tool { name: "f".to_owned(), description: None, parameters, strict: Some(true), cache: None });
        assert_eq!(
            write_tool(&tool(None)).unwrap().to_string(),
            r#"{"name":"f","input_schema":{"type":"object","properties":{}},"strict":true}"#
        );
        assert_eq!(write_tool(&tool(Some(json!({})))).unwrap()["input_schema"], json!({ "type": "object" }));
    }
}
