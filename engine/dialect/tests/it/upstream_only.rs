//! What the dialects of upstreams only (gemini, bedrock) share in tests: an answer put together from its events, and calls of others.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixtures and says where they are absent")]

use std::path::Path;

use comity_dialect::{Ask, CannotHonour, Delta, Event, PartStart, Reply, ReplyPart, Stamp, Stop, chat, messages};

pub(crate) fn stamp() -> Stamp {
    Stamp { created: 1_700_000_000, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: false }
}

/// The answer that events say, after a look at their order.
pub(crate) fn folded(events: &[Event]) -> Reply {
    let mut reply = Reply { id: String::new(), model: String::new(), parts: Vec::new(), stop: Stop::Paused, usage: None };
    let (mut open, mut ended) = (None, false);
    for (at, event) in events.iter().enumerate() {
        assert!(!ended && (at == 0) == matches!(event, Event::Start { .. }), "{event:?}");
        match event.clone() {
            Event::Start { id, model } => (reply.id, reply.model) = (id, model),
            Event::PartStart { index, part } => {
                assert_eq!((open, index), (None, reply.parts.len()));
                open = Some(index);
                reply.parts.push(begun(part));
            }
            Event::Delta { index, delta } => {
                assert_eq!(open, Some(index));
                add(reply.parts.last_mut().unwrap(), delta);
            }
            Event::PartStop { index } => assert_eq!(open.take(), Some(index)),
            Event::Usage(usage) => reply.usage = Some(reply.usage.unwrap_or_default().updated_by(usage)),
            Event::End { stop } => {
                assert_eq!(open, None);
                (reply.stop, ended) = (stop, true);
            }
            Event::Error { kind, message } => panic!("{kind}: {message}"),
        }
    }
    assert!(ended);
    reply
}

fn begun(part: PartStart) -> ReplyPart {
    match part {
        PartStart::Text => ReplyPart::Text(String::new()),
        PartStart::Thinking => ReplyPart::Thinking { text: String::new(), signature: None },
        PartStart::RedactedThinking(data) => ReplyPart::RedactedThinking(data),
        PartStart::Refusal => ReplyPart::Refusal(String::new()),
        PartStart::ToolCall { id, name } => ReplyPart::ToolCall { id, name, arguments: String::new(), signature: None },
    }
}

fn add(part: &mut ReplyPart, delta: Delta) {
    match (part, delta) {
        (ReplyPart::Text(text) | ReplyPart::Refusal(text) | ReplyPart::Thinking { text, .. }, Delta::Text(more)) => text.push_str(&more),
        (ReplyPart::ToolCall { arguments, .. }, Delta::Arguments(more)) => arguments.push_str(&more),
        (ReplyPart::ToolCall { signature, .. } | ReplyPart::Thinking { signature, .. }, Delta::Signature(whole)) => {
            assert_eq!(signature.replace(whole), None);
        }
        (part, delta) => panic!("{delta:?} does not fit {part:?}"),
    }
}

/// Every recorded call of a caller is either said to the upstream as JSON, or refused by a field's name.
pub(crate) fn every_recorded_call(write_ask: impl Fn(&Ask) -> Result<Vec<u8>, CannotHonour>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/translation/requests");
    for (dialect, read_ask) in [("completions", chat::read_ask as fn(&[u8]) -> _), ("messages", messages::read_ask)] {
        let Ok(files) = std::fs::read_dir(folder.join(dialect)) else {
            println!("skipped: {} is absent", folder.display());
            return;
        };
        for path in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
            let outcome = read_ask(&std::fs::read(&path).unwrap()).and_then(|ask| write_ask(&ask));
            println!("{}: {}", path.display(), outcome.as_ref().err().map(ToString::to_string).unwrap_or_default());
            match outcome {
                Ok(body) => assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap().is_object()),
                Err(error) => assert!(!error.field().is_empty()),
            }
        }
    }
}
