//! Writes a call to an Anthropic upstream. What the dialect cannot say is an error by the caller's own field, never left out.

use serde_json::{Map, Number, Value, json};

use super::{blocks, output, thinking, tools, turns};
use crate::ask::{Ask, Part, Said, Sampling};
use crate::conversation;
use crate::error::CannotHonour;

/// Writes a call in Anthropic's messages dialect, for `model` as the upstream knows it.
///
/// # Errors
/// The field that cannot be said in this dialect, in the caller's words.
pub fn write_ask(ask: &Ask, model: &str) -> Result<Vec<u8>, CannotHonour> {
    let ask = &*conversation::without_blank(ask);
    let ask = &*conversation::with_a_turn(ask);
    check_unsayable(&ask.sampling)?;
    let thinking = thinking::write(ask, model)?;
    let mut body = Body(Map::new());
    body.put("model", model);
    body.put("max_tokens", thinking.max_tokens);
    body.put_some("system", system(&ask.system)?);
    body.put("messages", turns::write(&ask.turns)?);
    body.put_some("tools", some(tools::write(&ask.tools)?));
    body.put_some("tool_choice", tools::write_choice(ask)?);
    body.put_some("thinking", thinking.thinking);
    body.put_some("output_config", output::write(thinking.effort, ask.output_format.as_ref())?);
    put_sampling(&mut body, &ask.sampling)?;
    body.put_some("metadata", ask.end_user.as_ref().map(|user| json!({ "user_id": user.value })));
    body.put_some("stream", ask.stream.then_some(true));
    Ok(Value::Object(body.0).to_string().into_bytes())
}

struct Body(Map<String, Value>);

impl Body {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

fn some(items: Vec<Value>) -> Option<Vec<Value>> {
    (!items.is_empty()).then_some(items)
}

fn system(parts: &[Said<Part>]) -> Result<Option<Vec<Value>>, CannotHonour> {
    if let Some(part) = parts.iter().find(|part| !matches!(part.value, Part::Text { .. })) {
        return Err(part.cannot("is not text, and instructions to an Anthropic upstream are text only: put it into a user message"));
    }
    let blocks = parts.iter().filter(|part| blocks::says_something(&part.value)).map(blocks::write);
    Ok(some(blocks.collect::<Result<_, _>>()?))
}

fn put_sampling(body: &mut Body, sampling: &Sampling) -> Result<(), CannotHonour> {
    body.put_some("temperature", temperature(sampling.temperature.as_ref())?);
    body.put_some("top_p", sampling.top_p.as_ref().map(|said| said.value.clone()));
    body.put_some("top_k", sampling.top_k.as_ref().map(|said| said.value));
    body.put_some("stop_sequences", sampling.stop.as_ref().filter(|said| !said.value.is_empty()).map(|said| said.value.clone()));
    Ok(())
}

/// Other operators go up to 2. A higher number is not halved: it would mean something else.
fn temperature(said: Option<&Said<Number>>) -> Result<Option<Number>, CannotHonour> {
    match said {
        Some(said) if said.value.as_f64().is_some_and(|value| value > 1.0) => {
            Err(said.cannot("is above 1, the most that Anthropic upstreams take: lower it"))
        }
        Some(said) => Ok(Some(said.value.clone())),
        None => Ok(None),
    }
}

fn check_unsayable(sampling: &Sampling) -> Result<(), CannotHonour> {
    if let Some(seed) = &sampling.seed {
        return Err(seed.cannot("is nothing that Anthropic upstreams know: leave it out"));
    }
    for penalty in [&sampling.frequency_penalty, &sampling.presence_penalty].into_iter().flatten() {
        // A penalty of 0 is none.
        if penalty.value.as_f64() != Some(0.0) {
            return Err(penalty.cannot("is nothing that Anthropic upstreams know: leave it out"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Role, Turn};

    fn check(change: impl FnOnce(&mut Ask), expected: &str) {
        let turn = Turn { role: Role::User, parts: vec![Said::new("messages[0]", Part::text("hi"))] };
        let mut ask = Ask { turns: vec![turn], ..Ask::default() };
        change(&mut ask);
        let said = write_ask(&ask, "claude-opus-4-8").map_or_else(|error| error.to_string(), |body| String::from_utf8(body).unwrap());
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn the_least_call() {
        let least = r#"{"model":"claude-opus-4-8","max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#;
        check(|_| {}, least);
        check(|ask| ask.sampling.presence_penalty = Some(Said::new("presence_penalty", 0.into())), least);
        check(|ask| ask.system = vec![Said::new("system", Part::text(""))], least);
    }

    #[test]
    fn nobody_speaks_alone_or_says_nothing() {
        let user = |text: &str| Said::new("p", Part::text(text));
        check(|ask| ask.turns[0].parts = vec![user("hi"), user("\n")], r#"[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#);
        let instructed = r#""max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"s"}]}]}"#;
        check(|ask| (ask.system, ask.turns) = (vec![user("s")], Vec::new()), instructed);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        check(|ask| ask.sampling.seed = Some(Said::new("seed", 7)), "`seed` is nothing");
        check(|ask| ask.sampling.frequency_penalty = Some(Said::new("frequency_penalty", 1.into())), "`frequency_penalty` is nothing");
        check(|ask| ask.sampling.temperature = Number::from_f64(1.1).map(|t| Said::new("temperature", t)), "`temperature` is above 1");
        let refusal = Part::Refusal { text: "no".to_owned() };
        check(|ask| ask.system = vec![Said::new("messages[0].content[0]", refusal)], "`messages[0].content[0]` is not text");
    }
}
