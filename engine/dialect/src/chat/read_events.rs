//! Reads an upstream's stream, one chunk at a time. It is complete only with `[DONE]`: a `finish_reason` alone may still be followed by
//! usage, and a source that ends before it was cut off.

use serde_json::Value;

use super::finish::{self, Finish};
use super::order::{CallDelta, Order, Words};
use super::problem;
use super::read_reply::{arguments, each_piece, redacted, refuse_foreign_content, thoughts, word};
use super::tokens;
use crate::error::{BadAnswer, UpstreamProblem};
use crate::event::{Delta, Event};
use crate::limits;
use crate::reply::{Stamp, Stop};
use crate::wire::Frame;

/// Reads the frames of a streamed answer.
#[derive(Debug)]
pub struct EventReader {
    order: Order,
    started: bool,
    stop: Option<Stop>,
    done: bool,
}

// === impl EventReader ===

impl EventReader {
    /// A reader for one answer.
    #[must_use]
    pub fn new(stamp: &Stamp) -> Self {
        Self { order: Order::new(&stamp.seed), started: false, stop: None, done: false }
    }

    /// Reads one frame. What comes after the end is ignored.
    ///
    /// # Errors
    /// The frame is no chunk of this dialect, or carries something that cannot be given to the caller.
    pub fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let data = frame.data.trim_ascii();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            return self.end(out);
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|_| BadAnswer("the upstream's chunk is not JSON"))?;
        let named_error = frame.event == Some("error");
        match problem::in_chunk(&chunk).or_else(|| problem::flat(&chunk).filter(|_| named_error)) {
            Some(problem) => {
                self.fail(problem, out);
                Ok(())
            }
            None => self.chunk(&chunk, out),
        }
    }

    /// Whether the answer is complete, or failed.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The source ended. The dialect has a last frame, so there is nothing to add.
    pub fn finish(&mut self, _out: &mut Vec<Event>) {}

    fn chunk(&mut self, chunk: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let choices = chunk.get("choices").and_then(Value::as_array);
        let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
        let choice = choices.and_then(|choices| choices.iter().find(is_first));
        // Azure begins with a chunk about its filters, which has no id and no choices.
        if let Some(choice) = choice {
            self.start(chunk, out);
            self.choice(choice, out)?;
            limits::parts(self.order.begun())?;
        } else if choices.is_none() && !chunk.is_object() {
            return Err(BadAnswer("the upstream's chunk is no object"));
        }
        let usage = tokens::read(chunk.get("usage")).or_else(|| tokens::read(choice?.get("usage")));
        if let Some(usage) = usage.filter(|_| !self.done) {
            self.start(chunk, out);
            out.push(Event::Usage(usage));
        }
        Ok(())
    }

    fn start(&mut self, chunk: &Value, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: word(chunk, "id").to_owned(), model: word(chunk, "model").to_owned() });
        }
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        if let Some(delta) = choice.get("delta").filter(|delta| delta.is_object()) {
            self.delta(delta, out)?;
        }
        match finish::of_choice(choice) {
            Some(Finish::Stopped(stop)) => self.stop = Some(stop),
            Some(Finish::Failed) => {
                let message = "the upstream gave up in the middle of its answer".to_owned();
                self.fail(UpstreamProblem { kind: word(choice, "finish_reason").to_owned(), message }, out);
            }
            None => {}
        }
        Ok(())
    }

    /// The thoughts, their signature, the words, the calls: the order in which a model makes them, where one chunk has several.
    fn delta(&mut self, delta: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        refuse_foreign_content(delta)?;
        self.say(Words::Thinking, thoughts(delta), out);
        let signature = word(delta, "reasoning_signature");
        if !signature.is_empty() {
            self.order.say(Words::Thinking, Delta::Signature(signature.to_owned()), out);
        }
        redacted(delta).for_each(|data| self.order.redacted(data, out));
        each_piece(delta.get("content"), &mut |is_thought, text| {
            self.say(if is_thought { Words::Thinking } else { Words::Text }, text, out);
        })?;
        self.say(Words::Refusal, word(delta, "refusal"), out);
        self.calls(delta, out)
    }

    fn say(&mut self, words: Words, text: &str, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.order.say(words, Delta::Text(text.to_owned()), out);
        }
    }

    fn calls(&mut self, delta: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            if call.get("custom").is_some_and(|custom| !custom.is_null()) {
                return Err(BadAnswer("the upstream called a tool that is no function"));
            }
            let function = call.get("function").unwrap_or(&Value::Null);
            let delta = CallDelta {
                index: call.get("index").and_then(Value::as_u64),
                id: word(call, "id"),
                name: word(function, "name"),
                arguments: arguments(function).unwrap_or_default(),
            };
            self.order.call(delta, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        if !self.started {
            return Err(BadAnswer("the upstream's stream ended before it began"));
        }
        self.order.close(out)?;
        let stop = self.stop.take().unwrap_or(Stop::End);
        out.push(Event::End { stop: stop.settled(self.order.called(), self.order.refused()) });
        self.done = true;
        Ok(())
    }

    fn fail(&mut self, problem: UpstreamProblem, out: &mut Vec<Event>) {
        self.done = true;
        out.push(Event::Error { kind: problem.kind, message: problem.message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PartStart;
    use crate::usage::Usage;

    fn reader() -> EventReader {
        EventReader::new(&Stamp { created: 1, seed: "s".into(), model: "asked".into(), wants_usage: false })
    }

    fn read(frames: &[&str]) -> (Result<(), BadAnswer>, Vec<Event>, bool) {
        let (mut reader, mut out) = (reader(), Vec::new());
        let result = frames.iter().try_for_each(|data| reader.read(Frame { event: None, data: data.as_bytes() }, &mut out));
        reader.finish(&mut out);
        (result, out, reader.is_done())
    }

    /// Events between the start and the end.
    #[track_caller]
    fn check(frames: &[&str], expected: &[Event], stop: Stop) {
        let (result, out, done) = read(frames);
        assert_eq!((result, done), (Ok(()), true));
        let mut whole = vec![Event::Start { id: "i".into(), model: "m".into() }];
        whole.extend_from_slice(expected);
        whole.push(Event::End { stop });
        assert_eq!(out, whole);
    }

    fn text(index: usize, text: &str) -> Event {
        Event::Delta { index, delta: Delta::Text(text.to_owned()) }
    }

    fn start(index: usize, part: PartStart) -> Event {
        Event::PartStart { index, part }
    }

    const FIRST: &str = r#"{"id":"i","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}"#;

    #[test]
    fn usage_in_a_last_chunk_with_or_without_choices() {
        let usage = Event::Usage(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() });
        let counts = r#""usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#;
        let hi = r#"{"choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
        let expected = |usage: Event| [start(0, PartStart::Text), text(0, "hi"), usage, Event::PartStop { index: 0 }];
        let apart = format!(r#"{{"choices":[],{counts}}}"#);
        check(
            &[FIRST, hi, r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#, &apart, " [DONE]"],
            &expected(usage.clone()),
            Stop::Length,
        );
        let beside = format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}],{counts}}}"#);
        check(&[FIRST, hi, &beside, "[DONE]"], &expected(usage.clone()), Stop::End);
        let within = format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop",{counts}}}]}}"#);
        check(&[FIRST, hi, &within, "[DONE]"], &expected(usage), Stop::End);
    }

    #[test]
    fn thoughts_and_their_signature_come_before_words() {
        check(
            &[
                FIRST,
                r#"{"choices":[{"index":0,"delta":{"reasoning":"t"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"reasoning_signature":"sig","content":"a"}}]}"#,
                "[DONE]",
            ],
            &[
                start(0, PartStart::Thinking),
                text(0, "t"),
                Event::Delta { index: 0, delta: Delta::Signature("sig".into()) },
                Event::PartStop { index: 0 },
                start(1, PartStart::Text),
                text(1, "a"),
                Event::PartStop { index: 1 },
            ],
            Stop::End,
        );
    }

    #[test]
    fn a_server_that_says_stop_after_a_call() {
        check(
            &[
                FIRST,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ],
            &[
                start(0, PartStart::ToolCall { id: "c".into(), name: "f".into() }),
                Event::Delta { index: 0, delta: Delta::Arguments("{}".into()) },
                Event::PartStop { index: 0 },
            ],
            Stop::ToolCalls,
        );
    }

    #[test]
    fn failures_in_mid_stream() {
        let check = |frame: &str, kind: &str, message: &str| {
            let (result, out, done) = read(&[FIRST, frame, "[DONE]"]);
            assert_eq!((result, done), (Ok(()), true));
            assert_eq!(out.last(), Some(&Event::Error { kind: kind.into(), message: message.into() }), "{frame}");
        };
        check(r#"{"error":{"message":"busy","type":"server_error"}}"#, "server_error", "busy");
        check(
            r#"{"error":{"message":"busy","code":502},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            "502",
            "busy",
        );
        check(r#"{"object":"error","message":"busy","type":"x"}"#, "x", "busy");
        check(
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"insufficient_system_resource"}],"usage":{"prompt_tokens":1}}"#,
            "insufficient_system_resource",
            "the upstream gave up in the middle of its answer",
        );
        let mut out = Vec::new();
        reader().read(Frame { event: Some("error"), data: br#"{"message":"busy"}"# }, &mut out).unwrap();
        assert_eq!(out, [Event::Error { kind: String::new(), message: "busy".into() }]);
    }

    #[test]
    fn redacted_thoughts_are_kept() {
        check(
            &[
                FIRST,
                r#"{"choices":[{"index":0,"delta":{"reasoning":"t","reasoning_details":[{"type":"reasoning.text","text":"t"}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"AA=="}]}}]}"#,
                r####"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"###"}]}"####,
                "[DONE]",
            ],
            &[
                start(0, PartStart::Thinking),
                text(0, "t"),
                Event::PartStop { index: 0 },
                start(1, PartStart::RedactedThinking("AA==".into())),
                Event::PartStop { index: 1 },
                start(2, PartStart::Text),
                text(2, "a"),
                Event::PartStop { index: 2 },
            ],
            Stop::StopSequence(Some("###".into())),
        );
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let call = |index| format!(r#"{{"index":{index},"id":"c{index}","function":{{"name":"f","arguments":""}}}}"#);
        let frame = |calls: usize| {
            let calls: Vec<_> = (0..calls).map(call).collect();
            format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{}]}}}}]}}"#, calls.join(","))
        };
        assert!(read(&[&frame(limits::PARTS_MAX)]).0.is_ok());
        assert!(read(&[&frame(limits::PARTS_MAX + 1)]).0.is_err());
    }

    #[test]
    fn without_done_it_is_not_done() {
        let (result, out, done) = read(&[FIRST, r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#]);
        assert_eq!((result, done), (Ok(()), false));
        assert!(!out.iter().any(|event| matches!(event, Event::End { .. })));
    }

    #[test]
    fn other_choices_and_filters_are_not_mixed_in() {
        check(
            &[
                r#"{"id":"","model":"","choices":[],"prompt_filter_results":[]}"#,
                FIRST,
                r#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#,
                "",
                "[DONE]",
                "after the end",
            ],
            &[],
            Stop::End,
        );
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for frame in ["{", "1", "[DONE]", r#"{"choices":[{"delta":{"content":7}}]}"#, r#"{"choices":[{"delta":{"audio":{"data":"AA"}}}]}"#]
        {
            assert!(read(&[frame]).0.is_err(), "{frame}");
        }
    }
}
