//! The mock model: calls the tools that it is given, fills the schema that is asked for, else says back what it heard. A pure function
//! of the call: no clock, no chance, so that tests can compare bytes.

use base64::Engine as _;
use serde_json::{Value, json};

use super::fields::words;
use super::schema::{Hints, fill, quoted};
use super::wish::{Choice, Format, Reply, Role, Stop, Tool, ToolCall, Turn, Usage, Wish};

/// How the model behaves: most modes leave it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Usual,
    /// It refuses, in the dialect's own way.
    Refusing,
    /// Usage is not told.
    Unmetered,
    /// Streams come in pieces of so many characters, and thoughts repeat what was heard.
    InPieces(usize),
}

/// No more calls than this at a time, however many tools there are.
const CALLS_MAX: usize = 4;
const THOUGHT: &str = "The question is short, so a short answer will do.";
const REFUSAL: &str = "I cannot help with that.";

pub(crate) fn reply(wish: &Wish, manner: Manner) -> Reply {
    let thinking = wish.thinking.then(|| THOUGHT.to_owned());
    let mut reply = Reply { thinking, text: None, calls: calls(wish), stop: Stop::Tools, usage: None, cut: None };
    if let Manner::InPieces(characters) = manner {
        reply.thinking = wish.thinking.then(|| format!("They said: {}", heard(wish)));
        reply.cut = Some(characters);
    }
    if manner == Manner::Refusing {
        reply.calls.clear();
        reply.text = Some(REFUSAL.to_owned());
        reply.stop = Stop::Refusal;
    } else if reply.calls.is_empty() {
        (reply.text, reply.stop) = said(wish);
    }
    if manner != Manner::Unmetered {
        reply.usage = Some(usage(wish, &reply));
    }
    reply
}

/// What proves that a thought came from this model: a client must give it back with the thought unchanged.
pub(crate) fn signature(thought: &str) -> String {
    let hash = thought.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // As long as the signatures of real servers.
    base64::engine::general_purpose::STANDARD.encode([b"mock".as_slice(), &hash.to_be_bytes()].concat()).repeat(16)
}

/// `image/png, 68 bytes`: so that a test sees what arrived.
pub(crate) fn described(media_type: &str, base64: &str) -> String {
    match base64::engine::general_purpose::STANDARD.decode(base64) {
        Ok(bytes) => format!("{media_type}, {} bytes", bytes.len()),
        Err(_) => format!("{media_type}, not base64"),
    }
}

// === tools ===

fn calls(wish: &Wish) -> Vec<ToolCall> {
    let heard = heard(wish);
    let wanted = wanted(wish, &heard);
    let first = wish.calls_made();
    let mut hints = Hints::of(&heard);
    let call = |(at, tool): (usize, &Tool)| ToolCall {
        number: first.saturating_add(at),
        name: tool.name.clone(),
        arguments: fill(&tool.schema, &mut hints),
    };
    wanted.into_iter().enumerate().map(call).collect()
}

/// The tool that must be called; else those that the text names; else all of them, once.
fn wanted<'a>(wish: &'a Wish, heard: &str) -> Vec<&'a Tool> {
    let named: Vec<&Tool> = wish.tools.iter().filter(|tool| heard.contains(&tool.name)).collect();
    let any = if named.is_empty() { wish.tools.iter().collect() } else { named };
    let all: Vec<&Tool> = match &wish.choice {
        Choice::None => Vec::new(),
        Choice::Auto if !wish.fresh_results().is_empty() => Vec::new(),
        Choice::Named(name) => wish.tools.iter().filter(|tool| tool.name == *name).collect(),
        Choice::Any | Choice::Auto => any,
    };
    all.into_iter().take(if wish.single { 1 } else { CALLS_MAX }).collect()
}

// === text ===

fn said(wish: &Wish) -> (Option<String>, Stop) {
    let mut text = match &wish.format {
        Some(Format::Schema(schema)) => fill(schema, &mut Hints::of(&heard(wish))).to_string(),
        Some(Format::Json) => named(&heard(wish)).to_string(),
        None => answer(wish),
    };
    let mut stop = Stop::End;
    let cut = |text: &str, at: usize| text.get(..at).unwrap_or_default().to_owned();
    if let Some((at, sequence)) = wish.stops.iter().filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop))).min() {
        text = cut(&text, at);
        stop = Stop::Sequence(sequence.clone());
    }
    if let Some(max) = wish.output_max.filter(|max| *max < words(&text)) {
        let kept: Vec<&str> = text.split_inclusive(' ').take(usize::try_from(max).unwrap_or(usize::MAX)).collect();
        text = kept.concat();
        stop = Stop::Length;
    }
    (Some(text), stop)
}

/// JSON without a schema: the names that the text has between quotation marks, else what was heard.
fn named(heard: &str) -> Value {
    let names = quoted(heard);
    let fields = names.iter().map(|name| (name.clone(), Value::String(format!("mock {name}"))));
    if names.is_empty() { json!({ "said": heard }) } else { Value::Object(fields.collect()) }
}

fn answer(wish: &Wish) -> String {
    let results = wish.fresh_results();
    if results.is_empty() { format!("You said: {}", heard(wish)) } else { format!("The tools said: {}", results.join("; ")) }
}

/// The last user turn: its text, and a note for each picture or file.
fn heard(wish: &Wish) -> String {
    let Some(turn) = wish.last_said() else { return String::new() };
    let notes = turn.media.iter().map(|media| format!("[{media}]"));
    let text = (!turn.text.is_empty() || turn.media.is_empty()).then(|| turn.text.clone());
    text.into_iter().chain(notes).collect::<Vec<_>>().join(" ")
}

// === usage ===

fn usage(wish: &Wish, reply: &Reply) -> Usage {
    let thought = reply.thinking.as_deref().map(words).unwrap_or_default();
    let arguments = |call: &ToolCall| words(&spoken(&call.arguments)).saturating_add(1);
    let text = reply.text.as_deref().map(words).unwrap_or_default();
    let output = reply.calls.iter().map(arguments).sum::<u64>().saturating_add(text).saturating_add(thought);
    // The first turn fills the cache, later ones read it.
    let again = wish.turns.iter().any(|turn: &Turn| turn.role == Role::Assistant);
    let (cache_read, cache_write) = if again { (wish.cached, 0) } else { (0, wish.cached) };
    Usage { input: wish.input_words(), cache_read, cache_write, output, reasoning: thought }
}

/// With spaces, so that words can be counted.
fn spoken(arguments: &Value) -> String {
    arguments.to_string().replace(':', ": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Wish {
        Wish { turns: vec![Turn { text: text.to_owned(), ..Turn::default() }], ..Wish::default() }
    }

    fn tool(name: &str) -> Tool {
        Tool { name: name.to_owned(), schema: json!({ "type": "object", "properties": { "n": { "type": "integer" } } }) }
    }

    #[test]
    fn tools_are_called_in_parallel_unless_one_is_named_or_asked_for() {
        let names = |wish: &Wish| reply(wish, Manner::Usual).calls.into_iter().map(|call| call.name).collect::<Vec<_>>();
        let with = |text: &str| Wish { tools: vec![tool("alpha"), tool("beta")], ..wish(text) };
        assert_eq!(names(&with("hello")), ["alpha", "beta"]);
        assert_eq!(names(&with("ask beta")), ["beta"]);
        assert_eq!(names(&Wish { single: true, ..with("hello") }), ["alpha"]);
        assert_eq!(names(&Wish { choice: Choice::Named("beta".to_owned()), ..with("hello") }), ["beta"]);
        assert!(names(&Wish { choice: Choice::None, ..with("hello") }).is_empty());
    }

    #[test]
    fn results_are_answered_with_text() {
        let mut asked = Wish { tools: vec![tool("alpha")], ..wish("hello") };
        asked.turns.push(Turn { role: Role::Assistant, calls: vec!["c".to_owned()], ..Turn::default() });
        asked.turns.push(Turn { results: vec![("c".to_owned(), "nine".to_owned())], ..Turn::default() });
        let told = reply(&asked, Manner::Usual);
        assert_eq!((told.text.as_deref(), told.stop), (Some("The tools said: nine"), Stop::End));
    }

    #[test]
    fn length_and_stop_sequences_end_the_text() {
        let short = reply(&Wish { output_max: Some(3), ..wish("one two three") }, Manner::Usual);
        assert_eq!((short.text.as_deref(), short.stop), (Some("You said: one "), Stop::Length));
        let stopped = reply(&Wish { stops: vec!["two".to_owned()], ..wish("one two three") }, Manner::Usual);
        assert_eq!((stopped.text.as_deref(), stopped.stop), (Some("You said: one "), Stop::Sequence("two".to_owned())));
    }
}
