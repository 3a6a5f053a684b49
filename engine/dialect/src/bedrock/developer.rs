//! What depends on whose model it is: how hard to think, and `top_k`.
//!
//! Anthropic's models take Anthropic's own words in `additionalModelRequestFields`
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>). Of the others every one takes an effort
//! in a word; what each developer says otherwise is an error by name. A profile that an account made for itself does not tell whose model
//! it leads to, and so counts among the others.

use serde_json::{Map, Value};

use crate::ask::{Ask, Effort, Reasoning, Said};
use crate::error::CannotHonour;
use crate::messages::thinking;

/// What is said to one developer's models.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wishes {
    /// `outputConfig.effort`
    pub(super) effort: Option<Effort>,
    /// `inferenceConfig.maxTokens`
    pub(super) output_tokens_max: Option<u64>,
    /// `additionalModelRequestFields`
    pub(super) fields: Map<String, Value>,
}

/// Effort, limit and what else there is, in the words of the model's developer.
pub(super) fn write(ask: &Ask, model: &str) -> Result<Wishes, CannotHonour> {
    if is_anthropics(model) { to_anthropics(ask, model) } else { to_others(ask) }
}

/// `anthropic.claude-…`, its inference profiles (`eu.anthropic.claude-…`), and the ARNs of both.
fn is_anthropics(model: &str) -> bool {
    model.contains("anthropic.")
}

/// A budget needs a limit above it; otherwise Bedrock's own limit is the most that the model writes.
fn to_anthropics(ask: &Ask, model: &str) -> Result<Wishes, CannotHonour> {
    let written = thinking::write(ask, model)?;
    let asked = ask.sampling.output_tokens_max.as_ref().map(|said| said.value);
    let mut fields = Map::new();
    fields.extend(written.thinking.map(|thinking| ("thinking".to_owned(), thinking)));
    fields.extend(ask.sampling.top_k.as_ref().map(|said| ("top_k".to_owned(), said.value.into())));
    Ok(Wishes { effort: written.effort, output_tokens_max: asked.or(written.has_budget.then_some(written.max_tokens)), fields })
}

fn to_others(ask: &Ask) -> Result<Wishes, CannotHonour> {
    if let Some(top_k) = &ask.sampling.top_k {
        return Err(top_k.cannot("is not among the settings that every model at Bedrock takes: leave it out"));
    }
    Ok(Wishes {
        effort: ask.reasoning.as_ref().map(effort).transpose()?.flatten(),
        output_tokens_max: ask.sampling.output_tokens_max.as_ref().map(|said| said.value),
        fields: Map::new(),
    })
}

fn effort(said: &Said<Reasoning>) -> Result<Option<Effort>, CannotHonour> {
    let Reasoning { off, effort, budget_tokens, adaptive, summary } = &said.value;
    // No thinking is what these models do where nothing is said, and where one thinks all the same nobody could switch it off.
    if *off {
        return Ok(None);
    }
    if *adaptive || budget_tokens.is_some() {
        return Err(said.cannot(
            "switches thinking on or gives it a number of tokens, which Bedrock cannot say to this model: ask for an effort, or leave it out",
        ));
    }
    if *summary == Some(false) {
        return Err(said.cannot("wants no thoughts in the answer, but Bedrock gives those there are: leave it out"));
    }
    match effort {
        Some(Effort::Minimal) => Err(said.cannot("asks for the effort `minimal`, which Bedrock does not know: ask for `low`")),
        Some(Effort::Low | Effort::Medium | Effort::High | Effort::XHigh | Effort::Max) | None => Ok(*effort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Sampling;

    const LATER: &str = "eu.anthropic.claude-opus-4-8-v1";
    const EARLIER: &str = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    const ANOTHERS: &str = "amazon.nova-lite-v1:0";

    fn thinks(reasoning: Reasoning) -> Ask {
        Ask { reasoning: Some(Said::new("r", reasoning)), ..Ask::default() }
    }

    fn effort(effort: Effort) -> Reasoning {
        Reasoning { effort: Some(effort), ..Reasoning::default() }
    }

    #[track_caller]
    fn check(model: &str, ask: &Ask, expected: &str) {
        let text = match write(ask, model) {
            Ok(Wishes { effort, output_tokens_max, fields }) => {
                let limit = output_tokens_max.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
                format!("{} {limit} {}", effort.map_or("-", Effort::name), Value::Object(fields))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn anthropics_models_get_anthropics_words() {
        for model in [LATER, EARLIER] {
            check(model, &Ask::default(), "- - {}");
            check(model, &thinks(Reasoning::default()), "- - {}");
            check(model, &thinks(Reasoning { off: true, ..Reasoning::default() }), r#"- - {"thinking":{"type":"disabled"}}"#);
            check(
                model,
                &thinks(Reasoning { budget_tokens: Some(1024), summary: Some(false), ..Reasoning::default() }),
                r#"- 5120 {"thinking":{"type":"enabled","budget_tokens":1024,"display":"omitted"}}"#,
            );
        }
        check(
            LATER,
            &thinks(Reasoning { adaptive: true, summary: Some(true), ..Reasoning::default() }),
            r#"- - {"thinking":{"type":"adaptive","display":"summarized"}}"#,
        );
        check(LATER, &thinks(effort(Effort::Minimal)), r#"low - {"thinking":{"type":"adaptive"}}"#);
        check(EARLIER, &thinks(effort(Effort::Low)), r#"- 8192 {"thinking":{"type":"enabled","budget_tokens":4096}}"#);
    }

    #[test]
    fn a_limit_of_the_caller_stays() {
        let sampling =
            |max| Sampling { output_tokens_max: Some(Said::new("m", max)), top_k: Some(Said::new("k", 5)), ..Sampling::default() };
        let ask = |max, reasoning| Ask { sampling: sampling(max), ..thinks(reasoning) };
        check(EARLIER, &ask(4000, effort(Effort::High)), r#"- 4000 {"top_k":5}"#);
        check(LATER, &ask(9, Reasoning::default()), r#"- 9 {"top_k":5}"#);
        let only_limit = |max| Sampling { top_k: None, ..sampling(max) };
        let thinks = |max| Ask { sampling: only_limit(max), ..thinks(effort(Effort::High)) };
        check(EARLIER, &thinks(4000), r#"- 4000 {"thinking":{"type":"enabled","budget_tokens":2000}}"#);
        assert_eq!(write(&thinks(2000), EARLIER).unwrap_err().field(), "r");
    }

    #[test]
    fn others_get_an_effort_alone() {
        check(ANOTHERS, &thinks(Reasoning::default()), "- - {}");
        check(ANOTHERS, &thinks(Reasoning { summary: Some(true), ..effort(Effort::XHigh) }), "xhigh - {}");
        check(ANOTHERS, &thinks(Reasoning { off: true, ..Reasoning::default() }), "- - {}");
        for reasoning in [
            Reasoning { adaptive: true, ..Reasoning::default() },
            Reasoning { budget_tokens: Some(1), ..Reasoning::default() },
            Reasoning { summary: Some(false), ..Reasoning::default() },
            effort(Effort::Minimal),
        ] {
            assert_eq!(write(&thinks(reasoning), ANOTHERS).unwrap_err().field(), "r");
        }
        let sampling = Sampling { top_k: Some(Said::new("k", 1)), ..Sampling::default() };
        let unknown = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3";
        for model in [ANOTHERS, unknown] {
            let ask = Ask { sampling: sampling.clone(), ..Ask::default() };
            check(model, &ask, "`k` is not among the settings that every model at Bedrock takes: leave it out");
        }
    }
}
