//! Writes `inferenceConfig`, `outputConfig` and `additionalModelRequestFields`: length, randomness, the form of the answer, effort.
//!
//! `Converse` has few settings that hold for every model. What no model takes is an error that names the field.

use serde_json::{Map, Number, Value, json};

use super::developer;
use crate::ask::{Ask, Effort, OutputFormat, Said, Sampling};
use crate::error::CannotHonour;

/// Adds the settings that are said to a body.
pub(super) fn write(ask: &Ask, model: &str, body: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    let wishes = developer::write(ask, model)?;
    put(body, "inferenceConfig", inference(&ask.sampling, wishes.output_tokens_max)?);
    put(body, "outputConfig", output(ask.output_format.as_ref(), wishes.effort)?);
    put(body, "additionalModelRequestFields", wishes.fields);
    Ok(())
}

fn put(body: &mut Map<String, Value>, name: &str, members: Map<String, Value>) {
    if !members.is_empty() {
        body.insert(name.to_owned(), Value::Object(members));
    }
}

fn output(format: Option<&Said<OutputFormat>>, effort: Option<Effort>) -> Result<Map<String, Value>, CannotHonour> {
    let mut output = Map::new();
    if let Some(format) = format {
        output.insert("textFormat".to_owned(), text_format(format)?);
    }
    output.extend(effort.map(|effort| ("effort".to_owned(), effort.name().into())));
    Ok(output)
}

/// The limit and `top_k` depend on the developer of the model.
fn inference(sampling: &Sampling, output_tokens_max: Option<u64>) -> Result<Map<String, Value>, CannotHonour> {
    let Sampling { output_tokens_max: _, temperature, top_p, top_k: _, stop, seed, frequency_penalty, presence_penalty } = sampling;
    refuse(seed.as_ref())?;
    refuse(frequency_penalty.as_ref())?;
    refuse(presence_penalty.as_ref())?;
    let mut config = Map::new();
    if let Some(max) = output_tokens_max {
        config.insert("maxTokens".to_owned(), max.into());
    }
    if let Some(temperature) = temperature {
        check_temperature(temperature)?;
        config.insert("temperature".to_owned(), temperature.value.clone().into());
    }
    if let Some(top_p) = top_p {
        config.insert("topP".to_owned(), top_p.value.clone().into());
    }
    if let Some(stop) = stop.as_ref().filter(|stop| !stop.value.is_empty()) {
        config.insert("stopSequences".to_owned(), stop.value.clone().into());
    }
    Ok(config)
}

fn refuse<T>(said: Option<&Said<T>>) -> Result<(), CannotHonour> {
    said.map_or(Ok(()), |said| Err(said.cannot("is not among the settings that every model at Bedrock takes: leave it out")))
}

fn check_temperature(said: &Said<Number>) -> Result<(), CannotHonour> {
    if said.value.as_f64().is_some_and(|temperature| temperature > 1.0) {
        return Err(said.cannot("is above 1, which is the most that Bedrock takes: use 1 or less"));
    }
    Ok(())
}

/// Bedrock holds a model to a schema whether or not `strict` is said, and has no word for "any JSON".
fn text_format(said: &Said<OutputFormat>) -> Result<Value, CannotHonour> {
    let OutputFormat::Schema { name, description, schema, strict: _ } = &said.value else {
        return Err(said.cannot("asks for any JSON object, and Bedrock wants a schema: give one"));
    };
    let mut written = Map::from_iter([("schema".to_owned(), Value::from(schema.to_string()))]);
    written.extend(name.as_deref().map(|name| ("name".to_owned(), name.into())));
    written.extend(description.as_deref().map(|description| ("description".to_owned(), description.into())));
    Ok(json!({ "type": "json_schema", "structure": { "jsonSchema": written } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Reasoning;

    #[track_caller]
    fn check(ask: &Ask, expected: &str) {
        let mut body = Map::new();
        let text = match write(ask, "amazon.nova-lite-v1:0", &mut body) {
            Ok(()) => Value::Object(body).to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    fn samples(sampling: Sampling) -> Ask {
        Ask { sampling, ..Ask::default() }
    }

    #[test]
    fn what_every_model_takes() {
        let number = |value: f64| Some(Said::new("n", Number::from_f64(value).unwrap()));
        let sampling = Sampling {
            output_tokens_max: Some(Said::new("m", 9)),
            temperature: number(0.5),
            top_p: number(0.9),
            stop: Some(Said::new("s", vec!["x".into()])),
            ..Sampling::default()
        };
        check(&samples(sampling), r#"{"inferenceConfig":{"maxTokens":9,"temperature":0.5,"topP":0.9,"stopSequences":["x"]}}"#);
        check(
            &samples(Sampling { temperature: number(1.5), ..Sampling::default() }),
            "`n` is above 1, which is the most that Bedrock takes: use 1 or less",
        );
        check(&Ask::default(), "{}");
    }

    #[test]
    fn what_no_model_takes_is_named() {
        let number = || Some(Said::new("f", Number::from(1)));
        for sampling in [
            Sampling { seed: Some(Said::new("f", 1)), ..Sampling::default() },
            Sampling { frequency_penalty: number(), ..Sampling::default() },
            Sampling { presence_penalty: number(), ..Sampling::default() },
        ] {
            check(&samples(sampling), "`f` is not among the settings that every model at Bedrock takes: leave it out");
        }
    }

    #[test]
    fn what_the_developer_takes_is_said_in_its_places() {
        let thinks = |reasoning| Ask { reasoning: Some(Said::new("r", reasoning)), ..Ask::default() };
        check(&thinks(Reasoning { effort: Some(Effort::High), ..Reasoning::default() }), r#"{"outputConfig":{"effort":"high"}}"#);
        let mut body = Map::new();
        write(&thinks(Reasoning { budget_tokens: Some(2000), ..Reasoning::default() }), "anthropic.claude-3-7-sonnet", &mut body).unwrap();
        assert_eq!(
            Value::Object(body).to_string(),
            r#"{"inferenceConfig":{"maxTokens":6096},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}}"#
        );
    }

    #[test]
    fn a_schema_goes_as_text() {
        let format = |format| Ask { output_format: Some(Said::new("f", format)), ..Ask::default() };
        let schema = OutputFormat::Schema { name: Some("n".into()), description: None, schema: json!({ "type": "object" }), strict: None };
        check(
            &format(schema),
            r#"{"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"n"}}}}}"#,
        );
        check(&format(OutputFormat::JsonObject), "`f` asks for any JSON object, and Bedrock wants a schema: give one");
    }
}
