//! How hard to think, both ways, and the most tokens of an answer, which depend on it.
//!
//! Anthropic's models of two ages want it said differently, and the newer ones refuse the older way (`"thinking.type.enabled" is not
//! supported for this model`). Models up to the 4.5 generation think in budgets: `thinking: {type: enabled, budget_tokens}`. Later ones
//! decide for themselves, as hard as `output_config.effort` says: `thinking: {type: adaptive}`. The first list is closed, so it is here;
//! every other name is taken for a later model. What a caller says literally (a budget, `adaptive`, off) is passed on literally where a
//! model could take it, and a model that cannot answers so by name: some later ones always think. Bedrock's writer says thinking to the
//! same models in the same words, so it asks here.
//!
//! | asked for | later models | up to 4.5 |
//! |---|---|---|
//! | off | `disabled` | `disabled` |
//! | a budget | `enabled`, that budget | the same |
//! | minimal, low | `adaptive`, `low` | `enabled`, 1024 and 4096 |
//! | medium | `adaptive`, `medium` | `enabled`, 8192 |
//! | high | `adaptive`, `high` | `enabled`, 16384 |
//! | xhigh, max | `adaptive`, `xhigh` and `max` | `enabled`, 24576 |
//! | adaptive, no effort | `adaptive` | as medium |
//!
//! A model that is given a budget refuses a call in which the last turn of the assistant calls a function and does not begin with thoughts
//! that it signed, in which a call is forced, or which steers randomness ("Extended thinking: feature compatibility" in Anthropic's
//! documentation). Callers of other dialects cannot know that: where only a word of theirs asks for thinking, it is left off for such a
//! call, because an answer without thoughts is nearer to the wish than a refusal. Whoever names a budget is told what stands in its way.

use serde_json::{Map, Value};

use super::blocks::says_something;
use crate::ask::{Ask, Effort, Part, Reasoning, Role, Said, Sampling, ToolChoice, Turn};
use crate::error::CannotHonour;
use crate::wire::Fields;

/// `max_tokens` of a caller who names no limit: Anthropic insists on one. What may be thought comes on top.
const ANSWER_TOKENS_DEFAULT: u64 = 4096;

/// Anthropic's least budget.
const BUDGET_TOKENS_MIN: u64 = 1024;

/// Models that think in budgets only: nothing will ever join them. Dots in names count as hyphens.
const THINK_IN_BUDGETS: [&str; 11] = [
    "claude-3",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-opus-4-5",
    "claude-opus-4@",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2025",
    "claude-sonnet-4-5",
    "claude-sonnet-4@",
    "claude-haiku-4-5",
];

/// Reads `thinking`, and joins it with the effort that stood in `output_config`.
pub(super) fn read(fields: &mut Fields, effort: Option<Said<Effort>>) -> Result<Option<Said<Reasoning>>, CannotHonour> {
    let (field, effort) = effort.map_or((None, None), |said| (Some(said.field), Some(said.value)));
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(field.map(|field| Said::new(field, Reasoning { effort, ..Reasoning::default() })));
    };
    let kind = thinking.needed_text("type")?;
    let mut reasoning = Reasoning { effort, ..Reasoning::default() };
    match kind.as_str() {
        "enabled" => reasoning.budget_tokens = Some(read_budget(&mut thinking)?),
        "adaptive" => reasoning.adaptive = true,
        "disabled" => reasoning.off = true,
        "between_tools" => {
            return Err(thinking.cannot("type", "is `between_tools`, which no other dialect has: say `disabled` or `adaptive`"));
        }
        _ => return Err(CannotHonour::invalid(thinking.field("type"), "is not `enabled`, `adaptive` or `disabled`")),
    }
    if !reasoning.off {
        reasoning.summary = Some(read_display(&mut thinking)?);
    }
    thinking.done()?;
    Ok(Some(Said::new("thinking", reasoning)))
}

fn read_budget(thinking: &mut Fields) -> Result<u64, CannotHonour> {
    match thinking.count("budget_tokens")? {
        Some(said) => Ok(said.value),
        None => Err(CannotHonour::invalid(thinking.field("budget_tokens"), "is missing")),
    }
}

/// Whoever switches thinking on reads the thoughts, unless told otherwise; other dialects must be asked for them.
fn read_display(thinking: &mut Fields) -> Result<bool, CannotHonour> {
    match thinking.text("display")? {
        None => Ok(true),
        Some(said) if said.value == "summarized" => Ok(true),
        Some(said) if said.value == "omitted" => Ok(false),
        Some(said) => Err(said.cannot("is not `summarized` or `omitted`, and nothing else can be said to an upstream of another dialect")),
    }
}

/// What a call says about thinking in this dialect.
pub(crate) struct Written {
    /// `thinking`
    pub(crate) thinking: Option<Value>,
    /// `output_config.effort`
    pub(crate) effort: Option<Effort>,
    /// `max_tokens`
    pub(crate) max_tokens: u64,
    /// Thinking has a budget, and `max_tokens` must be above it.
    pub(crate) has_budget: bool,
}

/// Writes how hard to think to a model.
pub(crate) fn write(ask: &Ask, model: &str) -> Result<Written, CannotHonour> {
    let asked = ask.sampling.output_tokens_max.as_ref().map(|said| said.value);
    let nothing = Written { thinking: None, effort: None, max_tokens: asked.unwrap_or(ANSWER_TOKENS_DEFAULT), has_budget: false };
    let Some(said) = ask.reasoning.as_ref().filter(|said| said.value != Reasoning::default()) else { return Ok(nothing) };
    let reasoning = &said.value;
    if reasoning.off {
        return Ok(Written { thinking: Some(config("disabled", None, None)), effort: reasoning.effort.map(word), ..nothing });
    }
    let obstacle = obstacle(ask);
    if let Some(budget) = reasoning.budget_tokens {
        if let Some(why) = obstacle {
            return Err(said.cannot(&why));
        }
        return Ok(enabled(reasoning, budget, (model, asked)));
    }
    if !thinks_in_budgets(model) {
        return Ok(adaptive(reasoning, asked));
    }
    let unsaid = reasoning.effort.is_none() && !reasoning.adaptive && reasoning.summary != Some(true);
    if unsaid || obstacle.is_some() {
        // Unsaid is it where the wish is only "do not show me thoughts": such a model has none unless it is told to think.
        return Ok(nothing);
    }
    let budget = budget_within(reasoning.effort.unwrap_or(Effort::Medium), asked).ok_or_else(|| {
        said.cannot(
            "needs a limit of at least 2048 tokens with this model, which thinks with 1024 or more: raise the limit or leave this out",
        )
    })?;
    Ok(enabled(&Reasoning { effort: None, ..reasoning.clone() }, budget, (model, asked)))
}

/// What in a call a model with a budget refuses; completes "`field` …".
fn obstacle(ask: &Ask) -> Option<String> {
    if calls_without_thoughts(&ask.turns) {
        let why = "needs the last turn of the assistant to begin with the thoughts that the model signed, because it calls a function there: \
                   hand them back, or leave this out";
        return Some(why.to_owned());
    }
    if let Some(said) = ask.tool_choice.as_ref().filter(|said| matches!(said.value, ToolChoice::Required | ToolChoice::Function(_))) {
        return Some(format!("cannot be had where a call is forced: leave this out, or let the model decide in `{}`", said.field));
    }
    let Sampling { temperature, top_p, top_k, .. } = &ask.sampling;
    let temperature = temperature.as_ref().filter(|said| said.value.as_f64() != Some(1.0)).map(|said| &said.field);
    // Anthropic takes 0.95 and more.
    let top_p = top_p.as_ref().filter(|said| said.value.as_f64().is_none_or(|top_p| top_p < 0.95)).map(|said| &said.field);
    let field = temperature.or(top_p).or_else(|| top_k.as_ref().map(|said| &said.field))?;
    Some(format!("cannot be had beside `{field}`, because a model that thinks draws as it is used to: leave one of them out"))
}

/// Whether the last turn of the assistant, with its neighbours, calls a function and begins otherwise than with its own thoughts.
fn calls_without_thoughts(turns: &[Turn]) -> bool {
    let speaks = |turn: &&Turn| turn.parts.iter().any(|said| says_something(&said.value));
    let after = turns.iter().rev().filter(speaks).skip_while(|turn| turn.role != Role::Assistant);
    let last: Vec<_> = after.take_while(|turn| turn.role == Role::Assistant).collect();
    let mut parts = last.iter().rev().flat_map(|turn| &turn.parts).filter(|said| says_something(&said.value)).peekable();
    let thinks_first = parts.peek().is_some_and(|said| said.value.seal().is_some());
    !thinks_first && parts.any(|said| matches!(said.value, Part::ToolCall { .. }))
}

/// Models that think in budgets show their thoughts unless told otherwise, and are older than `display`: only "omitted" is worth saying.
fn enabled(reasoning: &Reasoning, budget: u64, (model, asked): (&str, Option<u64>)) -> Written {
    let summary = reasoning.summary.filter(|summary| !(*summary && thinks_in_budgets(model)));
    Written {
        thinking: Some(config("enabled", Some(budget), summary)),
        effort: reasoning.effort.map(word),
        max_tokens: asked.unwrap_or_else(|| budget.saturating_add(ANSWER_TOKENS_DEFAULT)),
        has_budget: true,
    }
}

fn adaptive(reasoning: &Reasoning, asked: Option<u64>) -> Written {
    let thoughts = budget(reasoning.effort.unwrap_or(Effort::High));
    Written {
        thinking: Some(config("adaptive", None, reasoning.summary)),
        effort: reasoning.effort.map(word),
        max_tokens: asked.unwrap_or(thoughts + ANSWER_TOKENS_DEFAULT),
        has_budget: false,
    }
}

fn config(kind: &str, budget: Option<u64>, summary: Option<bool>) -> Value {
    let mut thinking = Map::from_iter([("type".to_owned(), kind.into())]);
    if let Some(budget) = budget {
        thinking.insert("budget_tokens".to_owned(), budget.into());
    }
    if let Some(summary) = summary {
        thinking.insert("display".to_owned(), if summary { "summarized" } else { "omitted" }.into());
    }
    thinking.into()
}

/// Anthropic's least word is `low`.
fn word(effort: Effort) -> Effort {
    effort.max(Effort::Low)
}

/// What an effort allows for thoughts.
const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => BUDGET_TOKENS_MIN,
        Effort::Low => 4096,
        Effort::Medium => 8192,
        Effort::High => 16384,
        // With the answer it stays below 32,000, the most that some of these models write.
        Effort::XHigh | Effort::Max => 24576,
    }
}

/// The budget of an effort, at most half of the limit that the caller set: an answer must fit too.
fn budget_within(effort: Effort, asked: Option<u64>) -> Option<u64> {
    let budget = budget(effort).min(asked.map_or(u64::MAX, |asked| asked / 2));
    (budget >= BUDGET_TOKENS_MIN).then_some(budget)
}

fn thinks_in_budgets(model: &str) -> bool {
    let model = model.replace('.', "-");
    THINK_IN_BUDGETS.iter().any(|name| model.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "claude-opus-4-8";
    const EARLIER: &str = "anthropic/claude-haiku-4.5";

    fn check(model: &str, (reasoning, limit): (Reasoning, Option<u64>), expected: &str) {
        let mut ask = Ask { reasoning: Some(Said::new("effort", reasoning)), ..Ask::default() };
        ask.sampling.output_tokens_max = limit.map(|limit| Said::new("limit", limit));
        let written = write(&ask, model).map_or_else(
            |error| error.to_string(),
            |written| {
                format!("{} {} {}", written.thinking.unwrap_or_default(), written.effort.map_or("-", Effort::name), written.max_tokens)
            },
        );
        assert!(written.starts_with(expected), "{written}");
    }

    fn effort(effort: Effort) -> Reasoning {
        Reasoning { effort: Some(effort), ..Reasoning::default() }
    }

    #[test]
    fn later_models_get_a_word() {
        check(LATER, (effort(Effort::Minimal), None), r#"{"type":"adaptive"} low 5120"#);
        check(LATER, (effort(Effort::Max), Some(100)), r#"{"type":"adaptive"} max 100"#);
        check(
            LATER,
            (Reasoning { adaptive: true, summary: Some(false), ..Reasoning::default() }, None),
            r#"{"type":"adaptive","display":"omitted"} - 20480"#,
        );
    }

    #[test]
    fn earlier_models_get_a_budget_that_leaves_room_for_the_answer() {
        check(EARLIER, (effort(Effort::High), None), r#"{"type":"enabled","budget_tokens":16384} - 20480"#);
        check(EARLIER, (effort(Effort::High), Some(4000)), r#"{"type":"enabled","budget_tokens":2000} - 4000"#);
        check(EARLIER, (effort(Effort::Low), Some(2047)), "`effort` needs a limit");
        check(EARLIER, (Reasoning { summary: Some(false), ..Reasoning::default() }, None), "null - 4096");
    }

    fn turns(parts: &[Part]) -> Ask {
        let turn = |role, parts: &[Part]| Turn { role, parts: parts.iter().map(|part| Said::new("p", part.clone())).collect() };
        let result = Part::ToolResult { id: "1".into(), content: Vec::new(), is_error: false, cache: None };
        Ask {
            turns: vec![turn(Role::User, &[Part::text("q")]), turn(Role::Assistant, parts), turn(Role::User, &[result])],
            ..Ask::default()
        }
    }

    /// What stands in the way of a budget: an effort is left out, a budget is refused; later models get their word all the same.
    #[track_caller]
    fn check_obstacle(ask: Ask, expected: Option<&str>) {
        let thinks = |reasoning| Ask { reasoning: Some(Said::new("r", reasoning)), ..ask.clone() };
        let word = thinks(effort(Effort::Low));
        assert_eq!(write(&word, EARLIER).unwrap().thinking.is_none(), expected.is_some());
        assert_eq!(write(&word, LATER).unwrap().thinking.unwrap()["type"], "adaptive");
        let budget = write(&thinks(Reasoning { budget_tokens: Some(2000), ..Reasoning::default() }), EARLIER);
        assert_eq!(budget.err().map(|error| error.to_string()).as_deref(), expected);
    }

    #[test]
    fn a_budget_is_not_given_where_the_call_would_be_refused() {
        const LOOP: &str = "`r` needs the last turn of the assistant to begin with the thoughts that the model signed, because it calls a \
                            function there: hand them back, or leave this out";
        let call = || Part::ToolCall { id: "1".into(), name: "f".into(), arguments: String::new(), cache: None };
        let thought = |signature: &str| Part::Thinking { text: String::new(), signature: Some(signature.to_owned()) };
        check_obstacle(turns(&[call()]), Some(LOOP));
        check_obstacle(turns(&[Part::text("a"), call()]), Some(LOOP));
        check_obstacle(turns(&[thought(""), call()]), Some(LOOP));
        check_obstacle(turns(&[thought("s"), Part::text("a"), call()]), None);
        check_obstacle(turns(&[Part::text(""), Part::RedactedThinking { data: "x".into() }, call()]), None);
        check_obstacle(turns(&[Part::text("a")]), None);
        let mut two = turns(&[thought("s")]);
        two.turns.insert(2, Turn { role: Role::Assistant, parts: vec![Said::new("p", call())] });
        check_obstacle(two, None);
    }

    #[test]
    fn a_budget_goes_with_free_choice_alone() {
        let forced = "`r` cannot be had where a call is forced: leave this out, or let the model decide in `c`";
        let choice = |choice| Ask { tool_choice: Some(Said::new("c", choice)), ..Ask::default() };
        check_obstacle(choice(ToolChoice::Required), Some(forced));
        check_obstacle(choice(ToolChoice::Function("f".into())), Some(forced));
        check_obstacle(choice(ToolChoice::None), None);
        let beside = "`r` cannot be had beside `s`, because a model that thinks draws as it is used to: leave one of them out";
        let number = |value| Some(Said::new("s", serde_json::Number::from_f64(value).unwrap()));
        let samples = |sampling| Ask { sampling, ..Ask::default() };
        check_obstacle(samples(Sampling { temperature: number(0.5), ..Sampling::default() }), Some(beside));
        check_obstacle(samples(Sampling { temperature: number(1.0), top_p: number(0.95), ..Sampling::default() }), None);
        check_obstacle(samples(Sampling { top_p: number(0.9), ..Sampling::default() }), Some(beside));
        check_obstacle(samples(Sampling { top_k: Some(Said::new("s", 5)), ..Sampling::default() }), Some(beside));
    }

    #[test]
    fn earlier_models_show_thoughts_unasked() {
        let shown = |summary| Reasoning { budget_tokens: Some(2000), summary: Some(summary), ..Reasoning::default() };
        check(EARLIER, (shown(true), None), r#"{"type":"enabled","budget_tokens":2000} - 6096"#);
        check(EARLIER, (shown(false), None), r#"{"type":"enabled","budget_tokens":2000,"display":"omitted"} - 6096"#);
        check(LATER, (shown(true), None), r#"{"type":"enabled","budget_tokens":2000,"display":"summarized"} - 6096"#);
    }

    #[test]
    fn what_is_said_literally_is_passed_on() {
        for model in [EARLIER, LATER] {
            check(
                model,
                (Reasoning { budget_tokens: Some(2000), ..Reasoning::default() }, Some(3000)),
                r#"{"type":"enabled","budget_tokens":2000} - 3000"#,
            );
            check(model, (Reasoning { off: true, summary: Some(true), ..Reasoning::default() }, None), r#"{"type":"disabled"} - 4096"#);
            check(model, (Reasoning::default(), None), "null - 4096");
        }
    }

    #[test]
    fn reading() {
        let read = |body: &str| read(&mut Fields::parse(body.as_bytes()).unwrap(), Some(Said::new("output_config.effort", Effort::Low)));
        let said = read(r#"{"thinking":{"type":"enabled","budget_tokens":1024,"display":"summarized"}}"#).unwrap().unwrap();
        let expected = Reasoning { budget_tokens: Some(1024), summary: Some(true), effort: Some(Effort::Low), ..Reasoning::default() };
        assert_eq!(said, Said::new("thinking", expected));
        assert_eq!(read("{}").unwrap().unwrap(), Said::new("output_config.effort", effort(Effort::Low)));
        for (body, field, invalid) in [
            (r#"{"thinking":{"type":"enabled"}}"#, "thinking.budget_tokens", true),
            (r#"{"thinking":{"type":"between_tools"}}"#, "thinking.type", false),
            (r#"{"thinking":{"type":"adaptive","display":"updates"}}"#, "thinking.display", false),
            (r#"{"thinking":{"type":"adaptive","block_binding":{}}}"#, "thinking.block_binding", false),
            (r#"{"thinking":{"type":"disabled","display":"omitted"}}"#, "thinking.display", false),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!((error.field(), error.is_invalid()), (field, invalid));
        }
    }
}
