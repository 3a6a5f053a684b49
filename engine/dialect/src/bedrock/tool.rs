//! Writes functions and the choice among them: `toolConfig`.

use serde_json::{Map, Value, json};

use super::ask::cache_point;
use crate::ask::{Ask, Part, Said, Tool, ToolChoice};
use crate::error::CannotHonour;

/// Adds `toolConfig` to a body.
pub(super) fn write(ask: &Ask, body: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    let choice = ask.tool_choice.as_ref();
    if ask.tools.is_empty() {
        return ask.check_choice_without_tools();
    }
    if let Some(parallel) = ask.parallel_tool_calls.as_ref().filter(|parallel| !parallel.value) {
        return Err(parallel.cannot("wants one function called at a time, but models at Bedrock may call several at once: leave it out"));
    }
    let Some(choice) = chosen(ask, choice)? else { return Ok(()) };
    let mut tools = Vec::new();
    for said in &ask.tools {
        tools.push(specification(&said.value));
        tools.extend(cache_point(said.value.cache));
    }
    let mut config = Map::from_iter([("tools".to_owned(), Value::Array(tools))]);
    config.extend(choice.map(|choice| ("toolChoice".to_owned(), choice)));
    body.insert("toolConfig".to_owned(), Value::Object(config));
    Ok(())
}

/// The choice, and within it nothing for the default; nothing at all where no function may be called. Bedrock has no word for that, but
/// takes the functions left out, unless one was called before.
fn chosen(ask: &Ask, choice: Option<&Said<ToolChoice>>) -> Result<Option<Option<Value>>, CannotHonour> {
    let Some(said) = choice else { return Ok(Some(None)) };
    match &said.value {
        ToolChoice::Auto => Ok(Some(None)),
        ToolChoice::Required => Ok(Some(Some(json!({ "any": {} })))),
        ToolChoice::Function(name) => Ok(Some(Some(json!({ "tool": { "name": name } })))),
        ToolChoice::None if called_before(ask) => {
            Err(said.cannot("forbids functions, which Bedrock cannot say once one was called in the conversation: let the model decide"))
        }
        ToolChoice::None => Ok(None),
    }
}

fn called_before(ask: &Ask) -> bool {
    let mut parts = ask.turns.iter().flat_map(|turn| &turn.parts);
    parts.any(|part| matches!(part.value, Part::ToolCall { .. } | Part::ToolResult { .. }))
}

fn specification(tool: &Tool) -> Value {
    let Tool { name, description, parameters: _, strict, cache: _ } = tool;
    let mut written = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
    if let Some(description) = description.as_deref().filter(|description| !description.is_empty()) {
        written.insert("description".to_owned(), description.into());
    }
    written.insert("inputSchema".to_owned(), json!({ "json": tool.schema_or_empty() }));
    if *strict == Some(true) {
        written.insert("strict".to_owned(), true.into());
    }
    json!({ "toolSpec": written })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{CacheMark, Role, Turn};

    fn ask(choice: Option<ToolChoice>) -> Ask {
        let tool = Tool { name: "f".into(), description: Some(String::new()), parameters: Some(json!({})), strict: None, cache: None };
        Ask { tools: vec![Said::new("t", tool)], tool_choice: choice.map(|choice| Said::new("c", choice)), ..Ask::default() }
    }

    #[track_caller]
    fn check(ask: &Ask, expected: &str) {
        let mut body = Map::new();
        let text = match write(ask, &mut body) {
            Ok(()) => body.get("toolConfig").map(Value::to_string).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn every_choice_is_said() {
        let tools = r#""tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]"#;
        check(&ask(None), &format!("{{{tools}}}"));
        check(&ask(Some(ToolChoice::Auto)), &format!("{{{tools}}}"));
        check(&ask(Some(ToolChoice::Required)), &format!(r#"{{{tools},"toolChoice":{{"any":{{}}}}}}"#));
        check(&ask(Some(ToolChoice::Function("f".into()))), &format!(r#"{{{tools},"toolChoice":{{"tool":{{"name":"f"}}}}}}"#));
        check(&ask(Some(ToolChoice::None)), "");
    }

    #[test]
    fn what_bedrock_cannot_say_is_named() {
        let result = Part::ToolResult { id: "1".into(), content: vec![], is_error: false, cache: None };
        let turns = vec![Turn { role: Role::User, parts: vec![Said::new("p", result)] }];
        check(
            &Ask { turns, ..ask(Some(ToolChoice::None)) },
            "`c` forbids functions, which Bedrock cannot say once one was called in the conversation: let the model decide",
        );
        check(
            &Ask { parallel_tool_calls: Some(Said::new("p", false)), ..ask(None) },
            "`p` wants one function called at a time, but models at Bedrock may call several at once: leave it out",
        );
        check(&Ask { tools: vec![], ..ask(Some(ToolChoice::Required)) }, "`c` wants a function to be called, but the call names none");
    }

    #[test]
    fn a_cache_mark_stands_after_its_function() {
        let tool =
            Tool { name: "f".into(), description: Some("d".into()), parameters: None, strict: Some(true), cache: Some(CacheMark::Short) };
        check(
            &Ask { tools: vec![Said::new("t", tool)], ..Ask::default() },
            r#"{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object","properties":{}}},"strict":true}},{"cachePoint":{"type":"default"}}]}"#,
        );
    }
}
