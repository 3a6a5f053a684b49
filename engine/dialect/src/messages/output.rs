//! `output_config`: effort and the schema of the answer, both ways.
//!
//! Anthropic always fits the schema exactly, so `strict: false` is honoured more strictly than asked. The schema's name is for programs
//! only and has no place there; its description is for the model and goes into the schema.

use serde_json::{Map, Value, json};

use crate::ask::{Effort, OutputFormat, Said};
use crate::error::CannotHonour;
use crate::wire::Fields;

/// What a caller says in `output_config`, or in the older `output_format`.
pub(super) struct OutputConfig {
    pub(super) effort: Option<Said<Effort>>,
    pub(super) format: Option<Said<OutputFormat>>,
}

/// Reads `output_config` and `output_format`.
pub(super) fn read(fields: &mut Fields) -> Result<OutputConfig, CannotHonour> {
    let older = fields.object("output_format")?.map(|format| read_format("output_format", format)).transpose()?;
    let Some(mut config) = fields.object("output_config")? else {
        return Ok(OutputConfig { effort: None, format: older });
    };
    let effort = config.text("effort")?.map(read_effort).transpose()?;
    let format = config.object("format")?.map(|format| read_format("output_config.format", format)).transpose()?;
    config.done()?;
    if format.is_some() && older.is_some() {
        return Err(CannotHonour::invalid("output_format", "is said twice: keep `output_config.format`"));
    }
    Ok(OutputConfig { effort, format: format.or(older) })
}

fn read_effort(said: Said<String>) -> Result<Said<Effort>, CannotHonour> {
    match Effort::from_name(&said.value) {
        None | Some(Effort::Minimal) => Err(CannotHonour::invalid(said.field, "is not `low`, `medium`, `high`, `xhigh` or `max`")),
        Some(effort) => Ok(Said::new(said.field, effort)),
    }
}

fn read_format(field: &str, mut format: Fields) -> Result<Said<OutputFormat>, CannotHonour> {
    if format.needed_text("type")? != "json_schema" {
        return Err(CannotHonour::invalid(format.field("type"), "is not `json_schema`"));
    }
    let Some(schema) = format.take("schema") else {
        return Err(CannotHonour::invalid(format.field("schema"), "is missing"));
    };
    format.done()?;
    Ok(Said::new(field, OutputFormat::Schema { name: None, description: None, schema: schema.value, strict: Some(true) }))
}

/// Writes `output_config`; nothing where there is nothing to say.
pub(super) fn write(effort: Option<Effort>, format: Option<&Said<OutputFormat>>) -> Result<Option<Value>, CannotHonour> {
    let mut config = Map::new();
    if let Some(effort) = effort {
        config.insert("effort".to_owned(), effort.name().into());
    }
    if let Some(said) = format {
        config.insert("format".to_owned(), write_format(said)?);
    }
    Ok((!config.is_empty()).then_some(Value::Object(config)))
}

fn write_format(said: &Said<OutputFormat>) -> Result<Value, CannotHonour> {
    match &said.value {
        OutputFormat::JsonObject => {
            Err(said.cannot("asks for JSON without a schema, which Anthropic upstreams do not know: give a schema"))
        }
        OutputFormat::Schema { description, schema, .. } => {
            Ok(json!({ "type": "json_schema", "schema": described(schema, description.as_deref()) }))
        }
    }
}

/// The schema with the description that stood beside it; one that it has itself stays, below.
fn described(schema: &Value, description: Option<&str>) -> Value {
    let mut schema = schema.clone();
    if let (Some(members), Some(description)) = (schema.as_object_mut(), description) {
        let text = match members.get("description").and_then(Value::as_str) {
            Some(own) if own != description => format!("{description}\n{own}"),
            Some(_) | None => description.to_owned(),
        };
        members.insert("description".to_owned(), text.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let config = read(&mut Fields::parse(body.as_bytes()).unwrap());
        let written = config.and_then(|config| write(config.effort.map(|said| said.value), config.format.as_ref()));
        let said = written.map_or_else(|error| error.to_string(), |config| config.unwrap_or_default().to_string());
        assert!(said.starts_with(expected), "{body}: {said}");
    }

    #[test]
    fn effort_and_schema() {
        let both = r#"{"effort":"max","format":{"type":"json_schema","schema":{"type":"object"}}}"#;
        check(&format!(r#"{{"output_config":{both}}}"#), both);
        check(r#"{"output_format":{"type":"json_schema","schema":{}}}"#, r#"{"format":{"type":"json_schema","schema":{}}}"#);
        check("{}", "null");
        check(r#"{"output_config":{"effort":"minimal"}}"#, "`output_config.effort` is not");
        check(r#"{"output_config":{"task_budget":{}}}"#, "`output_config.task_budget` cannot");
        check(r#"{"output_config":{"format":{"type":"json_object"}}}"#, "`output_config.format.type` is not");
    }

    #[test]
    fn the_description_goes_into_the_schema() {
        let said = |schema: Value| {
            let format =
                OutputFormat::Schema { name: Some("n".to_owned()), description: Some("d".to_owned()), schema, strict: Some(false) };
            write_format(&Said::new("f", format)).unwrap()["schema"]["description"].clone()
        };
        assert_eq!((said(json!({})), said(json!({ "description": "own" }))), ("d".into(), "d\nown".into()));
        let error = write_format(&Said::new("response_format", OutputFormat::JsonObject)).unwrap_err();
        assert_eq!((error.field(), error.is_invalid()), ("response_format", false));
    }
}
