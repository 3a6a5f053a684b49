//! Reads an upstream's stream. Items come one after the other as a rule, but every event says which it belongs to: whatever belongs to a later
//! part waits until the earlier one is closed, so that parts never interleave.

use std::collections::HashMap;

use serde_json::Value;

use super::problem::problem;
use super::read_reply::{call_names, content_part, list, stop, text, thoughts, usage};
use crate::error::{BadAnswer, UpstreamProblem};
use crate::event::{Delta, Event, PartStart};
use crate::limits;
use crate::reply::{ReplyPart, Stamp, Stop};
use crate::wire::Frame;

/// Makes events from the upstream's frames.
#[derive(Debug)]
pub struct EventReader {
    stamp: Stamp,
    started: bool,
    done: bool,
    called: bool,
    refused: bool,
    pieces: Vec<Piece>,
    /// The last of `pieces` at every place, closed ones too: what repeats a part that is closed must find it. Servers that do not number
    /// their items have them all at 0. INVARIANT: no other piece of words or thoughts at a place is open.
    last: HashMap<Place, usize>,
    /// Those of an item that an end of the item would close.
    of_item: HashMap<u64, Vec<usize>>,
    /// The first of `pieces` that is not closed: the only one that has been told of.
    front: usize,
}

/// A part of the answer.
#[derive(Debug)]
struct Piece {
    place: Place,
    start: PartStart,
    /// What was not told yet.
    waiting: Vec<Delta>,
    /// How many bytes of text or arguments came, so that what a closing event repeats is not told twice.
    came: usize,
    /// Of which text of thoughts the last delta was.
    section: Option<(bool, u64)>,
    told: bool,
    closed: bool,
}

/// Where a part stands in `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Content(u64, u64),
    Thoughts(u64),
    Call(u64),
}

// === impl EventReader ===

impl EventReader {
    /// Before the first frame.
    #[must_use]
    pub fn new(stamp: &Stamp) -> Self {
        Self {
            stamp: stamp.clone(),
            started: false,
            done: false,
            called: false,
            refused: false,
            pieces: Vec::new(),
            last: HashMap::new(),
            of_item: HashMap::new(),
            front: 0,
        }
    }

    /// Whether the answer is complete or failed.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The source ended. This dialect has terminal events: without one the answer is cut off, and nothing is added.
    pub fn finish(&mut self, _out: &mut Vec<Event>) {}

    /// Reads one frame.
    ///
    /// # Errors
    /// When it is not in this dialect, or holds something that the caller would miss.
    pub fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        // Some servers of this dialect end their streams as chat does.
        if self.done || frame.data.is_empty() || frame.data == b"[DONE]" {
            return Ok(());
        }
        let event: Value = serde_json::from_slice(frame.data).map_err(|_| BadAnswer("an event of the answer is not JSON"))?;
        let name = Some(text(&event, "type")).filter(|name| !name.is_empty()).or(frame.event).unwrap_or_default();
        if name == "error" || name == "response.failed" || event.get("error").is_some_and(|error| !error.is_null()) {
            self.fail(&event, out);
            return Ok(());
        }
        self.start(&event, out);
        match name {
            "response.completed" => self.end(&event, Stop::End, out),
            "response.incomplete" => self.end(&event, Stop::Length, out),
            _ => {
                self.progress(name, &event)?;
                limits::parts(self.pieces.len())?;
                self.tell(out);
                Ok(())
            }
        }
    }

    fn start(&mut self, event: &Value, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let response = event.get("response").unwrap_or(&Value::Null);
            out.push(Event::Start { id: text(response, "id").to_owned(), model: text(response, "model").to_owned() });
        }
    }

    fn fail(&mut self, event: &Value, out: &mut Vec<Event>) {
        self.done = true;
        let unsaid = || UpstreamProblem { kind: String::new(), message: "the upstream failed and did not say why".to_owned() };
        let UpstreamProblem { kind, message } = problem(event).unwrap_or_else(unsaid);
        out.push(Event::Error { kind, message });
    }

    fn end(&mut self, event: &Value, unsaid: Stop, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let response = event.get("response").unwrap_or(&Value::Null);
        // Where the response does not say how it ended, the name of the event does.
        let stop = Some(stop(response)?).filter(|stop| *stop != Stop::End).unwrap_or(unsaid);
        if self.pieces.is_empty() {
            // A server that does not stream says everything here.
            for (at, item) in (0..).zip(list(response, "output")) {
                self.item_done(at, item)?;
            }
        }
        limits::parts(self.pieces.len())?;
        self.pieces.iter_mut().for_each(|piece| piece.closed = true);
        self.tell(out);
        out.extend(usage(response).map(Event::Usage));
        out.push(Event::End { stop: stop.settled(self.called, self.refused) });
        self.done = true;
        Ok(())
    }

    /// Takes in what an event adds; events that add nothing, and unknown ones, are passed over.
    fn progress(&mut self, name: &str, event: &Value) -> Result<(), BadAnswer> {
        let item = number(event, "output_index");
        let content = Place::Content(item, number(event, "content_index"));
        match name {
            "response.output_item.added" => return self.item_added(item, event.get("item").unwrap_or(&Value::Null)),
            "response.output_item.done" => return self.item_done(item, event.get("item").unwrap_or(&Value::Null)),
            "response.content_part.added" | "response.content_part.done" => return self.part(item, event, name.ends_with("done")),
            "response.output_text.delta" => self.piece(content, PartStart::Text, |piece| piece.add(text(event, "delta"))),
            "response.refusal.delta" => self.piece(content, PartStart::Refusal, |piece| piece.add(text(event, "delta"))),
            "response.output_text.done" => self.whole(content, PartStart::Text, text(event, "text")),
            "response.refusal.done" => self.whole(content, PartStart::Refusal, text(event, "refusal")),
            "response.reasoning_summary_text.delta" => self.thought(item, (false, number(event, "summary_index")), text(event, "delta")),
            "response.reasoning_text.delta" => self.thought(item, (true, number(event, "content_index")), text(event, "delta")),
            "response.function_call_arguments.delta" => self.call(item)?.add(text(event, "delta")),
            "response.function_call_arguments.done" => self.call(item)?.complete(text(event, "arguments")),
            _ => {}
        }
        Ok(())
    }

    fn item_added(&mut self, at: u64, item: &Value) -> Result<(), BadAnswer> {
        match text(item, "type") {
            "message" | "reasoning" => Ok(()),
            "function_call" => {
                let (id, name) = call_names(item, self.pieces.len(), &self.stamp)?;
                self.begin(Place::Call(at), PartStart::ToolCall { id, name });
                Ok(())
            }
            _ => Err(BadAnswer("the answer has an item of a tool that was not asked for")),
        }
    }

    /// The whole item: what did not come as deltas comes now.
    fn item_done(&mut self, at: u64, item: &Value) -> Result<(), BadAnswer> {
        match text(item, "type") {
            "message" => {
                for (number, part) in (0..).zip(list(item, "content")) {
                    self.content(Place::Content(at, number), content_part(part)?);
                }
                self.close(at, |place| matches!(place, Place::Content(..)));
            }
            "reasoning" => {
                if let Some((text, signature)) = thoughts(item) {
                    self.piece(Place::Thoughts(at), PartStart::Thinking, |piece| {
                        piece.rest(&text);
                        piece.waiting.extend(signature.map(Delta::Signature));
                    });
                }
                self.close(at, |place| matches!(place, Place::Thoughts(_)));
            }
            "function_call" => {
                if self.last(Place::Call(at)).is_none() {
                    self.item_added(at, item)?;
                }
                if let Some(piece) = self.last(Place::Call(at)) {
                    piece.complete(text(item, "arguments"));
                }
            }
            _ => return Err(BadAnswer("the answer has an item of a tool that was not asked for")),
        }
        Ok(())
    }

    /// A part of a message; those of thoughts come as their own events.
    fn part(&mut self, item: u64, event: &Value, done: bool) -> Result<(), BadAnswer> {
        let part = event.get("part").unwrap_or(&Value::Null);
        if text(part, "type") == "reasoning_text" {
            return Ok(());
        }
        let place = Place::Content(item, number(event, "content_index"));
        let read = content_part(part)?;
        if done {
            self.content(place, read);
        } else if self.last(place).is_none_or(|piece| piece.closed) {
            let start = if matches!(read, ReplyPart::Refusal(_)) { PartStart::Refusal } else { PartStart::Text };
            self.begin(place, start);
        }
        Ok(())
    }

    fn content(&mut self, place: Place, part: ReplyPart) {
        match part {
            ReplyPart::Text(text) => self.whole(place, PartStart::Text, &text),
            ReplyPart::Refusal(text) => self.whole(place, PartStart::Refusal, &text),
            ReplyPart::Thinking { .. } | ReplyPart::RedactedThinking(_) | ReplyPart::ToolCall { .. } => {}
        }
    }

    /// The whole text of a part, after which it is closed.
    fn whole(&mut self, place: Place, start: PartStart, text: &str) {
        if self.last(place).is_none() {
            self.begin(place, start);
        }
        if let Some(piece) = self.last(place) {
            piece.complete(text);
        }
    }

    fn thought(&mut self, item: u64, section: (bool, u64), more: &str) {
        if more.is_empty() {
            return;
        }
        self.piece(Place::Thoughts(item), PartStart::Thinking, |piece| {
            if piece.section.replace(section).is_some_and(|before| before != section) {
                piece.add("\n\n");
            }
            piece.add(more);
        });
    }

    fn call(&mut self, item: u64) -> Result<&mut Piece, BadAnswer> {
        self.last(Place::Call(item)).ok_or(BadAnswer("the answer has arguments of a call that never began"))
    }

    fn close(&mut self, item: u64, belongs: impl Fn(Place) -> bool) {
        let Some(of_item) = self.of_item.get_mut(&item) else { return };
        of_item.retain(|at| match self.pieces.get_mut(*at) {
            Some(piece) if belongs(piece.place) => {
                piece.closed = true;
                false
            }
            Some(_) | None => true,
        });
    }

    /// A new part, the last at its place.
    fn begin(&mut self, place: Place, start: PartStart) {
        let at = self.pieces.len();
        self.pieces.push(Piece::new(place, start));
        self.last.insert(place, at);
        match place {
            Place::Content(item, _) | Place::Thoughts(item) => self.of_item.entry(item).or_default().push(at),
            Place::Call(_) => {}
        }
    }

    /// The last part that stood at this place.
    fn last(&mut self, place: Place) -> Option<&mut Piece> {
        self.pieces.get_mut(*self.last.get(&place)?)
    }

    /// Does something with the open part at this place, a new one if there is none.
    fn piece(&mut self, place: Place, start: PartStart, change: impl FnOnce(&mut Piece)) {
        if self.last(place).is_none_or(|piece| piece.closed) {
            self.begin(place, start);
        }
        self.last(place).map(change);
    }

    /// Tells of everything that does not have to wait.
    fn tell(&mut self, out: &mut Vec<Event>) {
        while let Some(piece) = self.pieces.get_mut(self.front) {
            let index = self.front;
            if !piece.told {
                piece.told = true;
                self.called |= matches!(piece.start, PartStart::ToolCall { .. });
                self.refused |= piece.start == PartStart::Refusal;
                out.push(Event::PartStart { index, part: piece.start.clone() });
            }
            out.extend(std::mem::take(&mut piece.waiting).into_iter().map(|delta| Event::Delta { index, delta }));
            if !piece.closed {
                return;
            }
            out.push(Event::PartStop { index });
            self.front = self.front.saturating_add(1);
        }
    }
}

// === impl Piece ===

impl Piece {
    const fn new(place: Place, start: PartStart) -> Self {
        Self { place, start, waiting: Vec::new(), came: 0, section: None, told: false, closed: false }
    }

    fn add(&mut self, more: &str) {
        if more.is_empty() || self.closed {
            return;
        }
        self.came = self.came.saturating_add(more.len());
        let more = more.to_owned();
        self.waiting.push(if matches!(self.start, PartStart::ToolCall { .. }) { Delta::Arguments(more) } else { Delta::Text(more) });
    }

    /// What of the whole text did not come yet.
    fn rest(&mut self, whole: &str) {
        self.add(whole.get(self.came..).unwrap_or_default());
    }

    fn complete(&mut self, whole: &str) {
        self.rest(whole);
        self.closed = true;
    }
}

fn number(event: &Value, name: &str) -> u64 {
    event.get(name).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these frames of one call's arguments, without and with what comes at the end, say together.
    fn check(frames: &[&str], expected: &str) {
        let mut reader = EventReader::new(&Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false });
        let mut events = Vec::new();
        for frame in frames {
            reader.read(Frame { event: None, data: frame.as_bytes() }, &mut events).unwrap();
        }
        let mut arguments = String::new();
        for event in &events {
            if let Event::Delta { delta: Delta::Arguments(more), .. } = event {
                arguments.push_str(more);
            }
        }
        assert_eq!(arguments, expected);
        assert!(!reader.is_done(), "no terminal event came");
        reader.finish(&mut events);
        assert!(!events.iter().any(|event| matches!(event, Event::End { .. })), "an answer cut off does not look complete");
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let mut reader = EventReader::new(&Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false });
        let mut read = |at: usize| {
            let frame = format!(r#"{{"type":"response.output_text.delta","content_index":{at},"delta":"a"}}"#);
            reader.read(Frame { event: None, data: frame.as_bytes() }, &mut Vec::new())
        };
        assert!((0..limits::PARTS_MAX).all(|at| read(at).is_ok()));
        assert!(read(limits::PARTS_MAX).is_err());
    }

    /// Everything stands at 0, as where a server numbers nothing.
    #[test]
    fn messages_at_one_place_are_parts_each() {
        let mut reader = EventReader::new(&Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false });
        let mut events = Vec::new();
        for text in ["a", "b"] {
            let said = format!(r#"{{"type":"response.output_text.delta","delta":"{text}"}}"#);
            let done = format!(r#"{{"type":"response.output_text.done","text":"{text}"}}"#);
            let part = format!(r#"{{"type":"response.content_part.done","part":{{"type":"output_text","text":"{text}"}}}}"#);
            let item = format!(
                r#"{{"type":"response.output_item.done","item":{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}}}"#
            );
            for frame in [said, done, part, item] {
                reader.read(Frame { event: None, data: frame.as_bytes() }, &mut events).unwrap();
            }
        }
        let texts: Vec<_> = events.iter().filter(|event| matches!(event, Event::Delta { .. })).collect();
        let delta = |index, text: &str| Event::Delta { index, delta: Delta::Text(text.into()) };
        assert_eq!(texts, [&delta(0, "a"), &delta(1, "b")]);
    }

    #[test]
    fn nothing_is_told_twice() {
        let added = r#"{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c","name":"f"}}"#;
        let delta = r#"{"type":"response.function_call_arguments.delta","delta":"{\"é"}"#;
        let done = r#"{"type":"response.function_call_arguments.done","arguments":"{\"é\":1}"}"#;
        let item =
            r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"f","arguments":"{\"é\":1}"}}"#;
        check(&[added, delta], "{\"é");
        check(&[added, delta, done, item], "{\"é\":1}");
        check(&[added, item], "{\"é\":1}");
        check(&[item], "{\"é\":1}");
    }
}
