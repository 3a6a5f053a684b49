//! Writes functions and the choice among them: `tools` and `toolConfig`.
//!
//! Parameters go as `parametersJsonSchema`, which takes JSON Schema as it is; `parameters` would take a subset of OpenAPI's.

use serde_json::{Map, Value, json};

use crate::ask::{Ask, Said, Tool, ToolChoice};
use crate::cache::refuse_hour;
use crate::error::CannotHonour;

/// Adds `tools` and `toolConfig` to a body.
pub(super) fn write(ask: &Ask, body: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    if ask.tools.is_empty() {
        return ask.check_choice_without_tools();
    }
    if let Some(parallel) = ask.parallel_tool_calls.as_ref().filter(|parallel| !parallel.value) {
        return Err(parallel.cannot("wants one function called at a time, but Gemini may always call several at once: leave it out"));
    }
    let declarations = ask.tools.iter().map(declaration).collect::<Result<Vec<_>, _>>()?;
    body.insert("tools".to_owned(), json!([{ "functionDeclarations": declarations }]));
    if let Some(calling) = calling(ask) {
        body.insert("toolConfig".to_owned(), json!({ "functionCallingConfig": calling }));
    }
    Ok(())
}

fn declaration(said: &Said<Tool>) -> Result<Value, CannotHonour> {
    let Tool { name, description, parameters, strict: _, cache } = &said.value;
    refuse_hour(&said.field, *cache)?;
    let mut written = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
    if let Some(description) = description {
        written.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(parameters) = parameters {
        written.insert("parametersJsonSchema".to_owned(), parameters.clone());
    }
    Ok(Value::Object(written))
}

/// How functions are chosen; nothing for the default. `strict` is Gemini's mode `VALIDATED`, for all functions at once; where a function
/// must be called, arguments always fit the schema.
fn calling(ask: &Ask) -> Option<Value> {
    let strict = ask.tools.iter().any(|tool| tool.value.strict == Some(true));
    match ask.tool_choice.as_ref().map(|choice| &choice.value) {
        None | Some(ToolChoice::Auto) => strict.then(|| json!({ "mode": "VALIDATED" })),
        Some(ToolChoice::None) => Some(json!({ "mode": "NONE" })),
        Some(ToolChoice::Required) => Some(json!({ "mode": "ANY" })),
        Some(ToolChoice::Function(name)) => Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(strict: Option<bool>, choice: Option<ToolChoice>, expected: &str) {
        let tool = Tool { name: "f".into(), description: None, parameters: None, strict, cache: None };
        let ask = Ask { tools: vec![Said::new("t", tool)], tool_choice: choice.map(|choice| Said::new("c", choice)), ..Ask::default() };
        let mut body = Map::new();
        write(&ask, &mut body).unwrap();
        assert_eq!(body.get("tools").unwrap().to_string(), r#"[{"functionDeclarations":[{"name":"f"}]}]"#);
        assert_eq!(body.get("toolConfig").map(Value::to_string).unwrap_or_default(), expected);
    }

    #[test]
    fn every_choice_has_a_mode() {
        check(None, None, "");
        check(None, Some(ToolChoice::Auto), "");
        check(Some(true), Some(ToolChoice::Auto), r#"{"functionCallingConfig":{"mode":"VALIDATED"}}"#);
        check(Some(true), Some(ToolChoice::None), r#"{"functionCallingConfig":{"mode":"NONE"}}"#);
        check(None, Some(ToolChoice::Required), r#"{"functionCallingConfig":{"mode":"ANY"}}"#);
        check(None, Some(ToolChoice::Function("f".into())), r#"{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}"#);
    }

    #[test]
    fn one_call_at_a_time_cannot_be_said() {
        let tool = Tool { name: "f".into(), description: None, parameters: None, strict: None, cache: None };
        let ask = Ask { tools: vec![Said::new("t", tool)], parallel_tool_calls: Some(Said::new("p", false)), ..Ask::default() };
        assert_eq!(write(&ask, &mut Map::new()).unwrap_err().field(), "p");
        let ask = Ask { tool_choice: Some(Said::new("c", ToolChoice::Required)), ..Ask::default() };
        assert!(write(&ask, &mut Map::new()).unwrap_err().is_invalid());
    }
}
