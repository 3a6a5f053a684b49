//! Writes `generationConfig`: length, randomness, the form of the answer, and how hard to think.
//!
//! A word of effort becomes `thinkingLevel`, as Gemini 3 and newer take it; a number of tokens becomes `thinkingBudget`, as Gemini 2.5 takes
//! it and later models still do. Both at once are an error there. A level that a model lacks is the upstream's to refuse.

use serde_json::{Map, Value, json};

use crate::ask::{Ask, Effort, OutputFormat, Reasoning, Said, Sampling};
use crate::error::CannotHonour;

/// The settings of a call; empty where all are Gemini's own.
pub(super) fn write(ask: &Ask) -> Result<Map<String, Value>, CannotHonour> {
    let mut config = Map::new();
    sampling(&ask.sampling, &mut config)?;
    if let Some(format) = &ask.output_format {
        output(format, &mut config)?;
    }
    if let Some(reasoning) = &ask.reasoning {
        let thinking = thinking(reasoning)?;
        if !thinking.is_empty() {
            config.insert("thinkingConfig".to_owned(), Value::Object(thinking));
        }
    }
    Ok(config)
}

fn sampling(sampling: &Sampling, config: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    let Sampling { output_tokens_max, temperature, top_p, top_k, stop, seed, frequency_penalty, presence_penalty } = sampling;
    put(config, "maxOutputTokens", output_tokens_max.as_ref());
    put(config, "temperature", temperature.as_ref());
    put(config, "topP", top_p.as_ref());
    put(config, "topK", top_k.as_ref());
    put(config, "stopSequences", stop.as_ref().filter(|stop| !stop.value.is_empty()));
    put(config, "frequencyPenalty", frequency_penalty.as_ref());
    put(config, "presencePenalty", presence_penalty.as_ref());
    if let Some(seed) = seed {
        let small =
            i32::try_from(seed.value).map_err(|_| seed.cannot("does not fit 32 bits, which is what Gemini takes: use a smaller one"))?;
        config.insert("seed".to_owned(), small.into());
    }
    Ok(())
}

fn put<T: Clone + Into<Value>>(config: &mut Map<String, Value>, name: &str, said: Option<&Said<T>>) {
    if let Some(said) = said {
        config.insert(name.to_owned(), said.value.clone().into());
    }
}

/// Gemini always holds itself to a schema, so `strict` needs no word; it has no place for a schema's name, which is a label and nothing
/// else. What the schema is for goes into the schema.
fn output(said: &Said<OutputFormat>, config: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    config.insert("responseMimeType".to_owned(), "application/json".into());
    let OutputFormat::Schema { name: _, description, schema, strict: _ } = &said.value else { return Ok(()) };
    let mut schema = schema.clone();
    if let Some(description) = description {
        match schema.as_object_mut() {
            Some(members) if !members.contains_key("description") => {
                members.insert("description".to_owned(), description.as_str().into());
            }
            Some(_) | None => {
                return Err(said.cannot("describes the format beside a schema that describes itself: leave the description out"));
            }
        }
    }
    config.insert("responseJsonSchema".to_owned(), schema);
    Ok(())
}

fn thinking(said: &Said<Reasoning>) -> Result<Map<String, Value>, CannotHonour> {
    let Reasoning { off, effort, budget_tokens, adaptive, summary } = &said.value;
    let mut config = Map::new();
    match (*off, *effort, *budget_tokens) {
        (true, _, _) => config.insert("thinkingBudget".to_owned(), 0.into()),
        (false, Some(_), Some(_)) => {
            return Err(said.cannot("says both an effort and a number of tokens, and Gemini takes one of them: leave one out"));
        }
        (false, Some(effort), None) => config.insert("thinkingLevel".to_owned(), level(said, effort)?.into()),
        (false, None, Some(tokens)) => config.insert("thinkingBudget".to_owned(), tokens.into()),
        // -1 is Gemini's word for "as much as the question needs".
        (false, None, None) if *adaptive => config.insert("thinkingBudget".to_owned(), json!(-1)),
        (false, None, None) => None,
    };
    if let Some(summary) = summary {
        config.insert("includeThoughts".to_owned(), (*summary).into());
    }
    Ok(config)
}

fn level(said: &Said<Reasoning>, effort: Effort) -> Result<&'static str, CannotHonour> {
    match effort {
        Effort::Minimal => Ok("MINIMAL"),
        Effort::Low => Ok("LOW"),
        Effort::Medium => Ok("MEDIUM"),
        Effort::High => Ok("HIGH"),
        Effort::XHigh => Ok("XHIGH"),
        Effort::Max => Err(said.cannot("asks for the effort `max`, which Gemini does not know: ask for `xhigh` or less")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Number;

    use super::*;

    #[track_caller]
    fn check(ask: &Ask, expected: &str) {
        let text = write(ask).map(|config| Value::Object(config).to_string()).unwrap_or_else(|error| error.to_string());
        assert_eq!(text, expected);
    }

    fn thinks(reasoning: Reasoning) -> Ask {
        Ask { reasoning: Some(Said::new("r", reasoning)), ..Ask::default() }
    }

    #[test]
    fn thinking_is_a_level_or_a_budget() {
        check(&thinks(Reasoning::default()), "{}");
        check(&thinks(Reasoning { off: true, ..Reasoning::default() }), r#"{"thinkingConfig":{"thinkingBudget":0}}"#);
        check(&thinks(Reasoning { adaptive: true, ..Reasoning::default() }), r#"{"thinkingConfig":{"thinkingBudget":-1}}"#);
        check(
            &thinks(Reasoning { budget_tokens: Some(512), summary: Some(true), ..Reasoning::default() }),
            r#"{"thinkingConfig":{"thinkingBudget":512,"includeThoughts":true}}"#,
        );
        check(
            &thinks(Reasoning { adaptive: true, effort: Some(Effort::Low), ..Reasoning::default() }),
            r#"{"thinkingConfig":{"thinkingLevel":"LOW"}}"#,
        );
        check(
            &thinks(Reasoning { budget_tokens: Some(1), effort: Some(Effort::Low), ..Reasoning::default() }),
            "`r` says both an effort and a number of tokens, and Gemini takes one of them: leave one out",
        );
        check(
            &thinks(Reasoning { effort: Some(Effort::Max), ..Reasoning::default() }),
            "`r` asks for the effort `max`, which Gemini does not know: ask for `xhigh` or less",
        );
    }

    #[test]
    fn nothing_of_the_sampling_is_lost() {
        let number = |value: f64| Some(Said::new("n", Number::from_f64(value).unwrap()));
        let sampling = Sampling {
            output_tokens_max: Some(Said::new("m", 9)),
            temperature: number(0.5),
            top_p: number(0.9),
            top_k: Some(Said::new("k", 3)),
            stop: Some(Said::new("s", vec!["x".into()])),
            seed: Some(Said::new("seed", -7)),
            frequency_penalty: number(1.5),
            presence_penalty: number(-1.5),
        };
        check(
            &Ask { sampling, ..Ask::default() },
            r#"{"maxOutputTokens":9,"temperature":0.5,"topP":0.9,"topK":3,"stopSequences":["x"],"frequencyPenalty":1.5,"presencePenalty":-1.5,"seed":-7}"#,
        );
        let sampling = Sampling { seed: Some(Said::new("seed", 1 << 40)), ..Sampling::default() };
        check(&Ask { sampling, ..Ask::default() }, "`seed` does not fit 32 bits, which is what Gemini takes: use a smaller one");
    }

    #[test]
    fn a_schema_keeps_what_it_is_for() {
        let format =
            |schema: Value| OutputFormat::Schema { name: Some("n".into()), description: Some("d".into()), schema, strict: Some(true) };
        let ask = |format| Ask { output_format: Some(Said::new("f", format)), ..Ask::default() };
        check(&ask(OutputFormat::JsonObject), r#"{"responseMimeType":"application/json"}"#);
        check(
            &ask(format(json!({ "type": "object" }))),
            r#"{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","description":"d"}}"#,
        );
        check(
            &ask(format(json!({ "description": "own" }))),
            "`f` describes the format beside a schema that describes itself: leave the description out",
        );
    }
}
