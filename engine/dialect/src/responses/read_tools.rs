//! Reads the functions of a caller and which of them may be called. Tools that OpenAI runs itself are errors by name: nobody else has them.

use serde_json::Value;

use crate::ask::{Ask, Said, Tool, ToolChoice};
use crate::error::CannotHonour;
use crate::wire::{Fields, text};

/// Takes `tools`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn read(fields: &mut Fields, ask: &mut Ask) -> Result<(), CannotHonour> {
    ask.tools = fields.list("tools")?.into_iter().map(tool).collect::<Result<_, _>>()?;
    let choice = fields.take("tool_choice").map(choice).transpose()?;
    let parallel = fields.bool("parallel_tool_calls")?;
    if ask.tools.is_empty() {
        // Without functions these say nothing, and some dialects refuse them then.
        ask.tool_choice = choice.filter(|said| !matches!(said.value, ToolChoice::Auto | ToolChoice::None));
        return Ok(());
    }
    ask.tool_choice = choice;
    ask.parallel_tool_calls = parallel;
    Ok(())
}

fn tool(said: Said<Value>) -> Result<Said<Tool>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    let kind = fields.needed_text("type")?;
    if kind != "function" {
        return Err(CannotHonour::new(
            field,
            format!("is a `{kind}` tool, and this offering only has functions that you run yourself: leave it out"),
        ));
    }
    refuse_extras(&mut fields)?;
    let parameters = fields.take("parameters");
    if let Some(said) = parameters.as_ref().filter(|said| !said.value.is_object()) {
        return Err(CannotHonour::invalid(&said.field, "is not an object"));
    }
    let tool = Tool {
        name: fields.needed_text("name")?,
        description: fields.text("description")?.map(|said| said.value),
        parameters: parameters.map(|said| said.value),
        // This dialect alone tries to be strict where nothing is said, and lets a schema that does not allow it be; others would refuse it.
        strict: fields.bool("strict")?.map(|said| said.value),
        cache: None,
    };
    fields.done()?;
    Ok(Said::new(field, tool))
}

/// Members whose default other dialects mean too; anything else is left for `done` to name.
fn refuse_extras(fields: &mut Fields) -> Result<(), CannotHonour> {
    for name in ["defer_loading", "async"] {
        if let Some(said) = fields.bool(name)?.filter(|said| said.value) {
            return Err(said.cannot("can only be said to OpenAI: leave it out or say false"));
        }
    }
    for said in fields.list("allowed_callers")? {
        if said.value != "direct" {
            return Err(said.cannot("names a caller that only OpenAI has: leave it out"));
        }
    }
    Ok(())
}

fn choice(said: Said<Value>) -> Result<Said<ToolChoice>, CannotHonour> {
    if said.value.is_object() {
        return function_choice(said);
    }
    let said = text(said)?;
    let choice = match said.value.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "required" => ToolChoice::Required,
        _ => return Err(CannotHonour::invalid(said.field, "is not `auto`, `none`, `required` or a function")),
    };
    Ok(Said::new(said.field, choice))
}

fn function_choice(said: Said<Value>) -> Result<Said<ToolChoice>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    let kind = fields.needed_text("type")?;
    if kind != "function" {
        return Err(CannotHonour::new(
            field,
            format!("chooses by `{kind}`, which can only be said to OpenAI: name one function, or list fewer `tools`"),
        ));
    }
    let choice = ToolChoice::Function(fields.needed_text("name")?);
    fields.done()?;
    Ok(Said::new(field, choice))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What these members say, or the field of the error.
    fn read_members(members: Value) -> Result<Ask, String> {
        let mut fields = Fields::parse(members.to_string().as_bytes()).unwrap();
        let mut ask = Ask::default();
        read(&mut fields, &mut ask).map_err(|error| error.field().to_owned())?;
        Ok(ask)
    }

    fn check(members: Value, field: &str) {
        assert_eq!(read_members(members).unwrap_err(), field);
    }

    #[test]
    fn functions_are_read_and_others_named() {
        let f = json!({"type": "function", "name": "f", "parameters": null, "strict": true, "allowed_callers": ["direct"], "defer_loading": false});
        let ask =
            read_members(json!({"tools": [f], "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false})).unwrap();
        assert_eq!(ask.tools[0].value, Tool { name: "f".into(), description: None, parameters: None, strict: Some(true), cache: None });
        assert_eq!(ask.tool_choice.unwrap().value, ToolChoice::Function("f".into()));
        assert_eq!(ask.parallel_tool_calls, Some(Said::new("parallel_tool_calls", false)));
        let unsaid = read_members(json!({"tools": [{"type": "function", "name": "f"}]})).unwrap();
        assert_eq!(unsaid.tools[0].value.strict, None, "what nobody said is not insisted on");
        check(json!({"tools": [f, {"type": "web_search"}]}), "tools[1]");
        check(json!({"tools": [{"type": "function", "name": "f", "output_schema": {}}]}), "tools[0].output_schema");
        check(json!({"tools": [{"type": "function", "name": "f", "defer_loading": true}]}), "tools[0].defer_loading");
        check(json!({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}), "tool_choice");
        check(json!({"tool_choice": "some"}), "tool_choice");
    }

    #[test]
    fn a_choice_without_functions_says_nothing() {
        assert_eq!(read_members(json!({"tool_choice": "none", "parallel_tool_calls": false})).unwrap(), Ask::default());
        assert!(read_members(json!({"tool_choice": "required"})).unwrap().tool_choice.is_some());
    }
}
