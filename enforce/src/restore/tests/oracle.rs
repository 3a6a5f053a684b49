//! The oracle: for any split of any answer, what a client reads is what restoring the whole text gives, errors included. A watch that finds
//! nothing changes nothing of that, though it holds text back.

use bytes::Bytes;
use comity_dialect::Api;
use comity_redact::{Form, OutputMode, UnknownPseudonym};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::client;
use super::frames::{self, Frames};
use super::script::{Kind, Part, part};
use super::{Restoring, Unrestorable, drive, pseudonyms, restoring, watch};

/// Each text restored in one piece; an error if one of them has an unknown pseudonym.
fn expected(parts: &[Part], text: Form) -> Result<Vec<String>, UnknownPseudonym> {
    let pseudonyms = pseudonyms();
    let form = |kind: Kind| match kind {
        Kind::Text => text,
        Kind::Function => Form::Json,
        Kind::Thought | Kind::Refusal | Kind::Custom => Form::Text,
    };
    parts.iter().map(|part| Ok(pseudonyms.restore(&part.text, form(part.kind))?.into_owned())).collect()
}

/// The stream that comes out where one is expected. Every frame of a push must come out of it.
fn streamed<E>(restoring: &Restoring, frames: Frames, expected: &Result<Vec<String>, E>) -> Result<Option<String>, TestCaseError> {
    let pushes = frames.pushes();
    let (out, failed) = drive(restoring, &pushes);
    if expected.is_err() {
        prop_assert_eq!(failed, Some(Unrestorable::UnknownPseudonym));
        return Ok(None);
    }
    prop_assert_eq!(failed, None);
    let frames = |stream: &str| client::events(stream).len();
    for (push, out) in pushes.iter().zip(&out) {
        prop_assert!(frames(out) >= frames(push));
    }
    Ok(Some(out.concat()))
}

/// A whole answer that comes out where one is expected.
fn whole<E>(restoring: &Restoring, body: &Value, expected: &Result<Vec<String>, E>) -> Result<Option<Value>, TestCaseError> {
    let out = restoring.whole(Bytes::from(body.to_string()));
    if expected.is_err() {
        prop_assert_eq!(out, Err(Unrestorable::UnknownPseudonym));
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&out.unwrap()).unwrap()))
}

fn set_up(api: Api, text: Form, watched: bool) -> Restoring {
    let restoring = restoring(api, text);
    if watched { restoring.watched(watch(OutputMode::Mask)) } else { restoring }
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Text), Just(Form::Json)]
}

/// The parts of a choice: each text once, and any number of tool calls.
fn choice() -> impl Strategy<Value = Vec<Part>> {
    let kinds = &[Kind::Text, Kind::Thought, Kind::Refusal, Kind::Function, Kind::Custom];
    prop::collection::vec(part(kinds), 1..4).prop_map(|parts| {
        let mut once: Vec<Part> = Vec::new();
        for part in parts {
            if matches!(part.kind, Kind::Function | Kind::Custom) || once.iter().all(|other| other.kind != part.kind) {
                once.push(part);
            }
        }
        once
    })
}

fn chat_view(choices: &[Vec<Part>], texts: &[String]) -> client::View {
    let mut view = client::View::new();
    let mut texts = texts.iter();
    for (choice, parts) in choices.iter().enumerate() {
        view.insert(format!("{choice}.role"), "assistant".to_owned());
        view.insert(format!("{choice}.content"), String::new());
        for (at, part) in parts.iter().enumerate() {
            let (kind, member) = frames::tool(part.kind);
            let place = match part.kind {
                Kind::Text => "content".to_owned(),
                Kind::Thought => "reasoning_content".to_owned(),
                Kind::Refusal => "refusal".to_owned(),
                Kind::Function | Kind::Custom => {
                    view.insert(format!("{choice}.tool_calls.{at}.id"), format!("call_{at}"));
                    view.insert(format!("{choice}.tool_calls.{at}.{kind}.name"), format!("f_{at}"));
                    format!("tool_calls.{at}.{kind}.{member}")
                }
            };
            view.insert(format!("{choice}.{place}"), texts.next().unwrap().clone());
        }
    }
    view
}

fn chat_message(parts: &[Part]) -> Value {
    let mut message = json!({"role": "assistant", "content": null, "tool_calls": []});
    for part in parts {
        let (kind, member) = frames::tool(part.kind);
        match part.kind {
            Kind::Text => message["content"] = json!(part.text),
            Kind::Thought => message["reasoning_content"] = json!(part.text),
            Kind::Refusal => message["refusal"] = json!(part.text),
            Kind::Function | Kind::Custom => message["tool_calls"].as_array_mut().unwrap().push(json!({kind: {member: part.text}})),
        }
    }
    message
}

fn block(part: &Part) -> Value {
    match part.kind {
        Kind::Thought => json!({"type": "thinking", "thinking": part.text, "signature": "PII_"}),
        Kind::Function => json!({"type": "tool_use", "id": "t", "input": serde_json::from_str::<Value>(&part.text).unwrap_or_default()}),
        Kind::Text | Kind::Refusal | Kind::Custom => json!({"type": "text", "text": part.text}),
    }
}

fn restored(parts: &[Part], texts: &[String]) -> Vec<Part> {
    parts.iter().zip(texts).map(|(part, text)| Part { text: text.clone(), ..part.clone() }).collect()
}

/// Two members of that name cannot stand in one object of a test's parser.
fn is_ambiguous(parts: &[Part]) -> bool {
    let members = |part: &Part| serde_json::from_str::<serde_json::Map<String, Value>>(&part.text).map(|object| object.len());
    let pseudonyms = pseudonyms();
    parts.iter().filter(|part| part.kind == Kind::Function).any(|part| {
        let restored = pseudonyms.restore(&part.text, Form::Json).map(|text| Part { text: text.into_owned(), ..part.clone() });
        restored.is_ok_and(|restored| members(part).unwrap() != members(&restored).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12_500))]

    #[test]
    fn chat(choices in prop::collection::vec(choice(), 1..3), text in form(), watched in prop::bool::weighted(0.2), seed: u64) {
        let restoring = set_up(Api::Chat, text, watched);
        let expected = expected(&choices.concat(), text);
        let mut frames = Frames::new(seed);
        frames.chat(&choices);
        if let Some(out) = streamed(&restoring, frames, &expected)? {
            prop_assert_eq!(client::chat(&out), chat_view(&choices, expected.as_ref().unwrap()));
        }
        let answer = |choices: Vec<&[Part]>| {
            let choices: Vec<Value> = choices.into_iter().map(|parts| json!({"index": 0, "message": chat_message(parts)})).collect();
            json!({"id": "c", "choices": choices})
        };
        if let Some(out) = whole(&restoring, &answer(choices.iter().map(Vec::as_slice).collect()), &expected)? {
            let mut restored = restored(&choices.concat(), expected.as_ref().unwrap());
            let parts: Vec<Vec<Part>> = choices.iter().map(|parts| restored.drain(..parts.len()).collect()).collect();
            prop_assert_eq!(out, answer(parts.iter().map(Vec::as_slice).collect()));
        }
    }

    #[test]
    fn messages(parts in prop::collection::vec(part(&[Kind::Text, Kind::Thought, Kind::Function]), 1..4), text in form(), watched in prop::bool::weighted(0.2), seed: u64) {
        let restoring = set_up(Api::Messages, text, watched);
        let expected = expected(&parts, text);
        let mut frames = Frames::new(seed);
        frames.messages(&parts);
        if let Some(out) = streamed(&restoring, frames, &expected)? {
            let texts: Vec<String> = client::messages(&out).into_values().collect();
            prop_assert_eq!(&texts, expected.as_ref().unwrap());
        }
        let answer = |parts: &[Part]| json!({"id": "m", "content": parts.iter().map(block).collect::<Vec<_>>()});
        let body = answer(&parts);
        let ambiguous = is_ambiguous(&parts);
        if let (Ok(texts), false) = (&expected, ambiguous) {
            let out = whole(&restoring, &body, &expected)?;
            prop_assert_eq!(out, Some(answer(&restored(&parts, texts))));
        }
    }

    #[test]
    fn responses(parts in prop::collection::vec(part(&[Kind::Text, Kind::Thought, Kind::Refusal, Kind::Function, Kind::Custom]), 1..4), text in form(), watched in prop::bool::weighted(0.2), seed: u64) {
        let restoring = set_up(Api::Responses, text, watched);
        let expected = expected(&parts, text);
        let mut frames = Frames::new(seed);
        frames.responses(&parts);
        let answer = |parts: &[Part]| json!({"id": "r", "output": parts.iter().enumerate().map(|(at, part)| frames::item(at, part)).collect::<Vec<_>>()});
        if let Some(out) = streamed(&restoring, frames, &expected)? {
            let (view, last) = client::responses(&out);
            let texts: Vec<String> = view.into_values().collect();
            prop_assert_eq!(&texts, expected.as_ref().unwrap());
            prop_assert_eq!(last, answer(&restored(&parts, &texts)));
        }
        if let Some(out) = whole(&restoring, &answer(&parts), &expected)? {
            prop_assert_eq!(out, answer(&restored(&parts, expected.as_ref().unwrap())));
        }
    }
}
