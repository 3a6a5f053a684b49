//! Puts what a stream brings in order: one part after the other, however the upstream mixes them.
//!
//! INVARIANT: only the first piece is open, and words and thoughts that are open stand alone. A call stays open until the stream ends,
//! because more of it may come at any time; what comes after it waits. So the place of a call among the pieces never changes, and calls are
//! found by it: a search through all of them at every delta would let an upstream with many calls keep the gateway busy.

use std::collections::{HashMap, VecDeque};

use super::whole::Arguments;
use crate::error::BadAnswer;
use crate::event::{Delta, Event, PartStart};
use crate::reply::call_id;

/// The parts of an answer that are not complete.
#[derive(Debug)]
pub(super) struct Order {
    seed: String,
    pieces: VecDeque<Piece>,
    /// The last call of every index.
    by_index: HashMap<u64, usize>,
    /// The last call of every id.
    by_id: HashMap<String, usize>,
    last_call: Option<usize>,
    begun: usize,
    parts: usize,
    calls: usize,
    refused: bool,
}

/// What is said in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Text,
    Thinking,
    Refusal,
}

/// One entry of `tool_calls` in a chunk; empty texts where it says nothing.
#[derive(Debug)]
pub(super) struct CallDelta<'a> {
    pub(super) index: Option<u64>,
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: String,
}

#[derive(Debug)]
struct Piece {
    what: What,
    /// The number of the part, once it was announced.
    open: Option<usize>,
    waiting: Vec<Delta>,
}

#[derive(Debug)]
enum What {
    Words(Words),
    /// Complete at once, as base64.
    Redacted(String),
    Call(Call),
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: Arguments,
}

// === impl Order ===

impl Order {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            pieces: VecDeque::new(),
            by_index: HashMap::new(),
            by_id: HashMap::new(),
            last_call: None,
            begun: 0,
            parts: 0,
            calls: 0,
            refused: false,
        }
    }

    /// How many parts have begun, those that wait included.
    pub(super) const fn begun(&self) -> usize {
        self.begun
    }

    /// Whether a function was called.
    pub(super) const fn called(&self) -> bool {
        self.calls > 0
    }

    /// Whether the model refused in words.
    pub(super) const fn refused(&self) -> bool {
        self.refused
    }

    /// More words.
    pub(super) fn say(&mut self, words: Words, delta: Delta, out: &mut Vec<Event>) {
        self.refused |= words == Words::Refusal;
        let goes_on = self.pieces.back().is_some_and(|piece| matches!(piece.what, What::Words(last) if last == words));
        if !goes_on {
            self.push(What::Words(words), out);
        }
        self.give(self.pieces.len().saturating_sub(1), delta, out);
    }

    /// Thoughts that only their operator can read.
    pub(super) fn redacted(&mut self, data: &str, out: &mut Vec<Event>) {
        self.push(What::Redacted(data.to_owned()), out);
    }

    /// More of a call.
    pub(super) fn call(&mut self, delta: CallDelta<'_>, out: &mut Vec<Event>) {
        let at = self.find(&delta).unwrap_or_else(|| self.begin_call(delta.index, out));
        let Some(Piece { what: What::Call(call), .. }) = self.pieces.get_mut(at) else { return };
        if call.id.is_empty() && !delta.id.is_empty() {
            self.by_id.insert(delta.id.to_owned(), at);
        }
        learn(&mut call.id, delta.id);
        learn(&mut call.name, delta.name);
        let says_nothing = delta.arguments.is_empty() || call.arguments.none_in(&delta.arguments);
        call.arguments.add(if says_nothing { "" } else { &delta.arguments });
        self.open_first(out);
        if !says_nothing {
            self.give(at, Delta::Arguments(delta.arguments), out);
        }
    }

    fn begin_call(&mut self, index: Option<u64>, out: &mut Vec<Event>) -> usize {
        self.push(What::Call(Call { index, id: String::new(), name: String::new(), arguments: Arguments::default() }), out);
        let at = self.pieces.len().saturating_sub(1);
        self.by_index.extend(index.map(|index| (index, at)));
        self.last_call = Some(at);
        at
    }

    /// Nothing more comes: everything that waits is said and closed.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        while !self.pieces.is_empty() {
            self.open_first(out);
            let open = self.pieces.pop_front().and_then(|piece| piece.open);
            let index = open.ok_or(BadAnswer("the upstream called a function without a name"))?;
            out.push(Event::PartStop { index });
        }
        Ok(())
    }

    /// The call that a delta goes on with. Servers differ: most count calls by `index`; some leave it out, some give every call the index 0
    /// but an id of its own, and Gemini's gives every call the index 0 and no id.
    fn find(&self, delta: &CallDelta<'_>) -> Option<usize> {
        let same_index = delta.index.and_then(|index| self.by_index.get(&index).copied());
        if let Some(at) = same_index.filter(|at| self.call_at(*at).is_some_and(|call| !call.ends_before(delta))) {
            return Some(at);
        }
        let by_another_mark = match (delta.id, delta.name) {
            ("", "") => self.last_call,
            ("", _) => None,
            (id, _) => self.by_id.get(id).copied(),
        };
        // Two indexes are two calls, whatever else is the same.
        let may_be = |call: &Call| delta.index.is_none() || call.index.is_none() || delta.index == call.index;
        by_another_mark.filter(|at| self.call_at(*at).is_some_and(may_be))
    }

    fn call_at(&self, at: usize) -> Option<&Call> {
        match &self.pieces.get(at)?.what {
            What::Call(call) => Some(call),
            What::Words(_) | What::Redacted(_) => None,
        }
    }

    fn push(&mut self, what: What, out: &mut Vec<Event>) {
        if matches!(self.pieces.front(), Some(Piece { what: What::Words(_) | What::Redacted(_), .. })) {
            let closed = self.pieces.pop_front().and_then(|piece| piece.open);
            out.extend(closed.map(|index| Event::PartStop { index }));
        }
        self.begun = self.begun.saturating_add(1);
        self.pieces.push_back(Piece { what, open: None, waiting: Vec::new() });
        self.open_first(out);
    }

    /// Announces the first piece, as soon as its name is known.
    fn open_first(&mut self, out: &mut Vec<Event>) {
        let Some(piece) = self.pieces.front_mut().filter(|piece| piece.open.is_none()) else { return };
        let part = match &piece.what {
            What::Words(Words::Text) => PartStart::Text,
            What::Words(Words::Thinking) => PartStart::Thinking,
            What::Words(Words::Refusal) => PartStart::Refusal,
            What::Redacted(data) => PartStart::RedactedThinking(data.clone()),
            What::Call(Call { name, .. }) if name.is_empty() => return,
            What::Call(Call { id, name, .. }) => {
                let id = if id.is_empty() { call_id(&self.seed, self.calls) } else { id.clone() };
                self.calls = self.calls.saturating_add(1);
                PartStart::ToolCall { id, name: name.clone() }
            }
        };
        let index = self.parts;
        self.parts = self.parts.saturating_add(1);
        piece.open = Some(index);
        out.push(Event::PartStart { index, part });
        out.extend(piece.waiting.drain(..).map(|delta| Event::Delta { index, delta }));
    }

    fn give(&mut self, at: usize, delta: Delta, out: &mut Vec<Event>) {
        match self.pieces.get_mut(at) {
            Some(Piece { open: Some(index), .. }) => out.push(Event::Delta { index: *index, delta }),
            Some(piece) => piece.waiting.push(delta),
            None => {}
        }
    }
}

// === impl Call ===

impl Call {
    /// Whether a delta of the same index begins another call all the same. Without ids, a name says so: another one, or the same again
    /// where nothing more can follow in this call. Servers that give ids give one to every call, so the same name alone says nothing there.
    fn ends_before(&self, delta: &CallDelta<'_>) -> bool {
        if delta.name.is_empty() || self.name.is_empty() {
            return !delta.name.is_empty() && !delta.id.is_empty() && !self.id.is_empty() && self.id != delta.id;
        }
        match (self.id.as_str(), delta.id) {
            ("", _) => self.name != delta.name || self.arguments.are_whole(),
            (_, "") => self.name != delta.name,
            (known, said) => known != said,
        }
    }
}

/// Ids and names come whole; some servers repeat them in every delta.
fn learn(known: &mut String, said: &str) {
    if known.is_empty() {
        said.clone_into(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Say(Words, &'static str),
        Redacted(&'static str),
        Call(Option<u64>, &'static str, &'static str, &'static str),
    }
    use Step::{Call, Redacted, Say};
    use Words::{Text, Thinking};

    #[track_caller]
    fn check(steps: Vec<Step>, expected: &[&str]) {
        let mut order = Order::new("s");
        let mut out = Vec::new();
        for step in steps {
            match step {
                Say(words, text) => order.say(words, Delta::Text(text.to_owned()), &mut out),
                Redacted(data) => order.redacted(data, &mut out),
                Call(index, id, name, arguments) => {
                    order.call(CallDelta { index, id, name, arguments: arguments.to_owned() }, &mut out);
                }
            }
        }
        order.close(&mut out).unwrap();
        assert_eq!(out.iter().map(told).collect::<Vec<_>>(), expected);
    }

    fn told(event: &Event) -> String {
        match event {
            Event::PartStart { index, part: PartStart::ToolCall { id, name } } => format!("{index} starts {name} {id}"),
            Event::PartStart { index, part } => format!("{index} starts {part:?}"),
            Event::Delta { index, delta: Delta::Text(text) | Delta::Arguments(text) | Delta::Signature(text) } => format!("{index} {text}"),
            Event::PartStop { index } => format!("{index} stops"),
            Event::Start { .. } | Event::Usage(_) | Event::End { .. } | Event::Error { .. } => format!("{event:?}"),
        }
    }

    #[test]
    fn words_after_words() {
        check(
            vec![Say(Thinking, "t"), Say(Thinking, "u"), Say(Text, "a")],
            &["0 starts Thinking", "0 t", "0 u", "0 stops", "1 starts Text", "1 a", "1 stops"],
        );
    }

    #[test]
    fn interleaved_calls_do_not_interleave() {
        check(
            vec![
                Say(Text, "a"),
                Call(Some(0), "x", "f", ""),
                Call(Some(1), "y", "g", ""),
                Call(Some(0), "", "", "1"),
                Call(Some(1), "", "", "2"),
                Say(Text, "b"),
                Call(Some(0), "", "", "3"),
                Say(Text, "c"),
            ],
            &[
                "0 starts Text",
                "0 a",
                "0 stops",
                "1 starts f x",
                "1 1",
                "1 3",
                "1 stops",
                "2 starts g y",
                "2 2",
                "2 stops",
                "3 starts Text",
                "3 b",
                "3 c",
                "3 stops",
            ],
        );
    }

    #[test]
    fn a_name_may_come_late() {
        check(
            vec![Call(Some(0), "x", "", "1"), Say(Text, "a"), Call(Some(0), "", "f", "2")],
            &["0 starts f x", "0 1", "0 2", "0 stops", "1 starts Text", "1 a", "1 stops"],
        );
    }

    #[test]
    fn servers_that_count_badly() {
        let two = &["0 starts f x", "0 1", "0 stops", "1 starts f y", "1 2", "1 stops"];
        check(vec![Call(Some(0), "x", "f", "1"), Call(Some(0), "y", "f", "2")], two);
        check(vec![Call(None, "x", "f", "1"), Call(None, "y", "f", "2")], two);
        check(
            vec![Call(None, "", "f", "1"), Call(None, "", "f", "2"), Call(None, "", "", "3")],
            &["0 starts f call_s_0", "0 1", "0 stops", "1 starts f call_s_1", "1 2", "1 3", "1 stops"],
        );
        check(vec![Call(Some(0), "x", "f", "1"), Call(Some(0), "x", "f", "2")], &["0 starts f x", "0 1", "0 2", "0 stops"]);
    }

    /// As Gemini's server of this dialect: every call comes whole, with the index 0 and no id.
    #[test]
    fn servers_that_count_nothing() {
        let call = |name, arguments| Call(Some(0), "", name, arguments);
        check(
            vec![call("f", r#"{"a":1}"#), call("g", r#"{"b":2}"#)],
            &["0 starts f call_s_0", r#"0 {"a":1}"#, "0 stops", "1 starts g call_s_1", r#"1 {"b":2}"#, "1 stops"],
        );
        check(
            vec![call("f", r#"{"a""#), call("f", ":1}"), call("f", r#"{"b""#), call("", ":2}")],
            &["0 starts f call_s_0", r#"0 {"a""#, "0 :1}", "0 stops", "1 starts f call_s_1", r#"1 {"b""#, "1 :2}", "1 stops"],
        );
        check(
            vec![Call(Some(0), "x", "f", "{}"), Call(Some(0), "", "f", ""), Call(Some(0), "y", "f", "{}"), Call(Some(0), "x", "f", " ")],
            &["0 starts f x", "0 {}", "0  ", "0 stops", "1 starts f y", "1 {}", "1 stops"],
        );
    }

    #[test]
    fn null_is_no_arguments() {
        check(vec![Call(Some(0), "x", "f", "null")], &["0 starts f x", "0 stops"]);
        check(
            vec![Call(Some(0), "x", "f", r#"{"a":"#), Call(Some(0), "", "", "null"), Call(Some(0), "", "", "}")],
            &["0 starts f x", r#"0 {"a":"#, "0 null", "0 }", "0 stops"],
        );
    }

    #[test]
    fn redacted_thoughts_are_parts_of_their_own() {
        check(
            vec![Say(Text, "a"), Redacted("AA=="), Redacted("AQ=="), Call(Some(0), "x", "f", "1"), Redacted("Ag=="), Say(Text, "b")],
            &[
                "0 starts Text",
                "0 a",
                "0 stops",
                r#"1 starts RedactedThinking("AA==")"#,
                "1 stops",
                r#"2 starts RedactedThinking("AQ==")"#,
                "2 stops",
                "3 starts f x",
                "3 1",
                "3 stops",
                r#"4 starts RedactedThinking("Ag==")"#,
                "4 stops",
                "5 starts Text",
                "5 b",
                "5 stops",
            ],
        );
    }

    #[test]
    fn a_call_without_a_name_is_an_error() {
        let mut order = Order::new("s");
        order.call(CallDelta { index: Some(0), id: "x", name: "", arguments: "{}".to_owned() }, &mut Vec::new());
        assert!(order.close(&mut Vec::new()).is_err());
    }
}
