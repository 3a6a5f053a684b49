//! Whatever comes in pieces is restored as if it had come in one: what clients of the three APIs put together must be the same.

mod client;
mod frames;
mod oracle;
mod recorded;
mod script;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use comity_dialect::Api;
use comity_redact::{CallValues, Form, Kinds, Label, OutputMode, OutputRules, PseudonymKey, Pseudonyms};
use serde_json::Value;

use super::{Restoring, Stopped, Unrestorable, Watch};

const VALUES: [&str; 3] = ["ada@example.org", "O\"Hara \\ n\n\u{1}é😀", "Bern"];

/// Made once: tests ask for it thousands of times.
static PSEUDONYMS: LazyLock<Arc<Pseudonyms>> = LazyLock::new(|| {
    let label = Label::parse("EML").unwrap();
    Arc::new(Pseudonyms::new(&PseudonymKey::new([7; 32]), VALUES.map(|value| (label, value))).unwrap())
});

fn pseudonyms() -> Arc<Pseudonyms> {
    Arc::clone(&PSEUDONYMS)
}

fn restoring(api: Api, text: Form) -> Restoring {
    Restoring::new(Some(pseudonyms()), (api, text))
}

/// A watch that looks at everything and finds nothing.
fn watch(mode: OutputMode) -> Watch {
    let rules = OutputRules {
        look: Box::new(|_| Ok(Vec::new())),
        kinds: Kinds::built_in(),
        pseudonyms: Some(pseudonyms()),
        values: CallValues::default(),
        mode,
    };
    Watch::new(rules, Arc::new(|_, _| {}))
}

fn name(value: usize) -> String {
    pseudonyms().of(VALUES[value]).unwrap().to_owned()
}

/// What comes out of each push and of the end, with the error that ended it.
fn drive(restoring: &Restoring, pushes: &[String]) -> (Vec<String>, Option<Unrestorable>) {
    let mut events = restoring.events();
    let mut out = Vec::new();
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    for push in pushes {
        match events.push(Bytes::from(push.clone())) {
            Ok(bytes) => out.push(text(bytes)),
            Err(Stopped { before, why }) => {
                out.push(text(before));
                return (out, Some(why));
            }
        }
    }
    match events.finish() {
        Ok(bytes) => out.push(text(bytes)),
        Err(why) => return (out, Some(why)),
    }
    (out, None)
}

/// What comes out of frames with the marks `<0>`, `<1>`, `<2>` for pseudonyms: their lines, data as values.
fn check(api: Api, frames: &[&str]) -> Vec<Line> {
    let frames: Vec<String> = frames.iter().map(|frame| planted(frame)).collect();
    let (out, failed) = drive(&restoring(api, Form::Text), &frames);
    assert_eq!(failed, None);
    lines(&out.concat())
}

#[derive(Debug, PartialEq)]
enum Line {
    Data(Value),
    Other(String),
}

/// The order of members is nobody's business.
fn lines(stream: &str) -> Vec<Line> {
    let data = |line: &str| serde_json::from_str(line.strip_prefix("data: ")?).ok();
    stream.lines().map(|line| data(line).map_or_else(|| Line::Other(line.to_owned()), Line::Data)).collect()
}

fn planted(text: &str) -> String {
    (0..VALUES.len()).fold(text.to_owned(), |text, value| text.replace(&format!("<{value}>"), &name(value)))
}

fn chat(delta: &str) -> String {
    format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
}

#[test]
fn ordinary_text_is_never_held_nor_copied() {
    let mut events = restoring(Api::Chat, Form::Text).events();
    for word in ["Hello", " there", ", Ada.", "", "\\n", " price", " PIN", "!"] {
        let frame = Bytes::from(chat(&format!("{{\"content\":\"{word}\"}}")));
        let out = events.push(frame.clone()).ok().unwrap();
        assert_eq!((out.as_ptr(), out.len()), (frame.as_ptr(), frame.len()), "{word}");
    }
    assert!(events.finish().unwrap().is_empty());
    for same in [": comment\n\n", "event: ping\r\ndata: {\"type\": \"ping\"}\r\n\r\n", "data:\n\n", "id: 7\n\n", "data: [DONE]\n\n"] {
        let frame = Bytes::from_static(same.as_bytes());
        assert_eq!(events.push(frame.clone()).ok().unwrap().as_ptr(), frame.as_ptr());
    }
}

#[test]
fn what_an_upstream_says_of_a_call_is_restored_whatever_the_api() {
    for api in [Api::Chat, Api::Embeddings, Api::CountTokens] {
        let restoring = restoring(api, Form::Text);
        let said = |text: &str| Bytes::from(serde_json::json!({ "error": { "message": text, "param": "input", "n": 7 } }).to_string());
        assert_eq!(restoring.refusal(&said(&format!("no {}!", name(0)))), Ok(said(&format!("no {}!", VALUES[0]))));
        assert_eq!(restoring.sentence(&format!("no {}", name(2))), Ok(format!("no {}", VALUES[2])));
        let unknown = "no PII_EML_0000000000000000";
        assert_eq!(restoring.refusal(&said(unknown)), Err(Unrestorable::UnknownPseudonym));
        assert_eq!(restoring.sentence(unknown), Err(Unrestorable::UnknownPseudonym));
        assert_eq!(restoring.refusal(&Bytes::from_static(b"<html>")), Err(Unrestorable::Malformed));
    }
}

#[test]
fn a_report_holds_no_frame_back() {
    let restoring = Restoring::new(None, (Api::Chat, Form::Text)).watched(watch(OutputMode::Report));
    let mut events = restoring.events();
    // Nobody restores here, so what looks like a pseudonym is a word.
    for word in ["Hello", " there", " PII_EML_0000000000000000", " P"] {
        let frame = chat(&format!("{{\"content\":\"{word}\"}}"));
        assert_eq!(events.push(Bytes::from(frame.clone())).ok().unwrap(), frame);
    }
    assert!(events.finish().unwrap().is_empty());
}

#[test]
fn a_frame_goes_on_at_once_and_only_its_string_changes() {
    let first = "data: { \"choices\" : [{\"delta\":{\"role\":\"assistant\",\"content\":\"to PII\" },\"index\":0}], \"x\": 1.50 }\r\n\r\n";
    let ada = name(0);
    let (_, rest) = ada.split_at(3);
    let second = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{rest}, bye\"}}}}]}}\n\n");
    let mut events = restoring(Api::Chat, Form::Text).events();
    assert_eq!(events.push(Bytes::from(first)).ok().unwrap(), first.replace("to PII", "to "));
    assert_eq!(events.push(Bytes::from(second.clone())).ok().unwrap(), second.replace(rest, "ada@example.org"));
}

#[test]
fn what_was_held_comes_before_the_end() {
    let tool =
        "{\"tool_calls\":[{\"index\":1,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{P\"}}]}";
    let stop = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"x\":2}}\n\n";
    let out = check(Api::Chat, &[&chat("{\"role\":\"assistant\",\"content\":\"a PI\"}"), &chat(tool), stop, "data: [DONE]\n\n"]);
    let expected = [
        &chat("{\"role\":\"assistant\",\"content\":\"a \"}"),
        &chat(&tool.replace("{P", "{")),
        "data: {\"choices\":[{\"delta\":{\"content\":\"PI\"},\"finish_reason\":null,\"index\":0}],\"id\":\"c\"}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"P\"},\"index\":1,\"type\":\"function\"}]},\"finish_reason\":null,\"index\":0}],\"id\":\"c\"}\n\n",
        stop,
        "data: [DONE]\n\n",
    ];
    assert_eq!(out, lines(&expected.concat()));
    let last = stop.replace("{}", "{\"content\":\"PII\"}");
    assert_eq!(
        check(Api::Chat, &[&chat("{\"content\":\"P\"}"), &last]),
        lines(&[chat("{\"content\":\"\"}"), last.replace("PII", "PPII")].concat())
    );
}

/// The frames that are made for the end of a channel are the last ones here.
#[test]
fn a_made_frame_repeats_nothing_of_another() {
    let more = "\"citations\":[\"<0>\"],\"search_results\":[{\"title\":\"<2>\"}],\"usage\":{\"total_tokens\":7},\"obfuscation\":\"x\"";
    let chunk = format!(
        "data: {{\"id\":\"c\",\"object\":\"chunk of <2>\",\"created\":1,\"model\":\"m\",\"service_tier\":\"t\",\"system_fingerprint\":\"f\",\
         \"choices\":[{{\"index\":2,\"delta\":{{\"<0>\":\"a PI\",\"type\":\"<2>\"}},\"logprobs\":{{}}}}],{more}}}\n\n"
    );
    let out = check(Api::Chat, &[&chunk]);
    let made = r#"data: {"id":"c","object":"chunk of Bern","created":1,"model":"m","service_tier":"t","system_fingerprint":"f","choices":[{"index":2,"delta":{"ada@example.org":"PI"},"finish_reason":null}]}"#;
    assert_eq!(out[2..], lines(&format!("{made}\n\n")));

    let delta = format!(
        "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":1,\"content_index\":0,\
         \"sequence_number\":9,\"summary_index\":3,\"delta\":\"a PI\",\"logprobs\":[{{\"token\":\"<0>\"}}],{more}}}\n\n"
    );
    let out = check(Api::Responses, &[&delta]);
    let made = r#"data: {"type":"response.output_text.delta","item_id":"i","output_index":1,"content_index":0,"sequence_number":9,"summary_index":3,"delta":"PI","logprobs":[]}"#;
    assert_eq!(out[3..], lines(&format!("event: response.output_text.delta\n{made}\n\n")));

    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"new\",\"<0>\":\"a PI\"}}\n\n";
    let out = check(Api::Messages, &[delta]);
    let made = r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"new","ada@example.org":"PI"}}"#;
    assert_eq!(out[3..], lines(&format!("event: content_block_delta\n{made}\n\n")));
}

#[test]
fn a_name_of_an_event_is_one_line() {
    let delta = "data: {\"type\":\"response\\ndata: ada.delta\",\"delta\":\"a PI\"}\n\n";
    assert_eq!(drive(&restoring(Api::Responses, Form::Text), &[delta.to_owned()]).1, Some(Unrestorable::Malformed));
}

#[test]
fn a_stream_that_breaks_gives_what_it_held() {
    let out = check(
        Api::Messages,
        &[
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"text\",\"text\":\"PII_\"}}\n\n",
        ],
    );
    let expected = [
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"delta\":{\"text\":\"PII_\",\"type\":\"text_delta\"},\"index\":3,\"type\":\"content_block_delta\"}\n\n",
    ];
    assert_eq!(out, lines(&expected.concat()));
}

#[test]
fn nothing_goes_on_from_an_unknown_pseudonym() {
    let unknown = "PII_EML_0000000000000000";
    let (good, bad) = (chat("{\"content\":\"hi\"}"), chat(&format!("{{\"content\":\"{unknown} \"}}")));
    let mut events = restoring(Api::Chat, Form::Text).events();
    let stopped = events.push(Bytes::from(format!("{good}{bad}{good}"))).err().unwrap();
    assert_eq!((stopped.before, stopped.why), (Bytes::from(good.clone()), Unrestorable::UnknownPseudonym));
    let again = events.push(Bytes::from(good)).err().unwrap();
    assert!(again.before.is_empty() && again.why == Unrestorable::UnknownPseudonym);
    assert_eq!(events.finish(), Err(Unrestorable::UnknownPseudonym));
    let whole = Bytes::from(format!("{{\"choices\":[{{\"message\":{{\"content\":\"{unknown}\"}}}}]}}"));
    assert_eq!(restoring(Api::Chat, Form::Text).whole(whole), Err(Unrestorable::UnknownPseudonym));
}

#[test]
fn what_is_not_json_stops_the_answer() {
    for bad in ["data: {\"a\":\n\n", "data: hello\n\n"] {
        assert_eq!(drive(&restoring(Api::Responses, Form::Text), &[bad.to_owned()]), (vec![String::new()], Some(Unrestorable::Malformed)));
    }
    assert_eq!(restoring(Api::Chat, Form::Text).whole(Bytes::from_static(b"{")), Err(Unrestorable::Malformed));
    assert_eq!(restoring(Api::Chat, Form::Text).whole(Bytes::from_static(b"\xff")), Err(Unrestorable::Malformed));
}

#[test]
fn halves_of_characters_stay_in_order() {
    let out = check(Api::Chat, &[&chat("{\"content\":\"P\\ud83d\"}"), &chat("{\"content\":\"\\ude00<0>\\ud83d\"}")]);
    assert_eq!(out, lines(&[chat("{\"content\":\"P\\ud83d\"}"), chat("{\"content\":\"\\ude00ada@example.org\\ud83d\"}")].concat()));
}

fn whole(api: Api, text: Form, body: &str) -> Value {
    serde_json::from_slice(&restoring(api, text).whole(Bytes::from(planted(body))).unwrap()).unwrap()
}

#[test]
fn whole_answers() {
    let chat = whole(
        Api::Chat,
        Form::Text,
        r#"{"id":"<0>","model":"<0>","choices":[{"index":0,"message":{"content":"<0> and <1>","annotations":[{"title":"<2>"}],
        "tool_calls":[{"id":"<0>","function":{"name":"f","arguments":"{\"<0>\":\"<1>\"}"}},{"custom":{"input":"<1>"}}]},
        "logprobs":{"content":[{"token":"<0>"}]}}]}"#,
    );
    let choice = &chat["choices"][0];
    assert_eq!(chat["id"], name(0));
    assert_eq!(chat["model"], name(0));
    assert_eq!(choice["message"]["content"], format!("{} and {}", VALUES[0], VALUES[1]));
    assert_eq!(choice["message"]["annotations"][0]["title"], VALUES[2]);
    let arguments: Value = serde_json::from_str(choice["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments[VALUES[0]], VALUES[1]);
    assert_eq!(choice["message"]["tool_calls"][0]["id"], name(0));
    assert_eq!(choice["message"]["tool_calls"][1]["custom"]["input"], VALUES[1]);
    assert_eq!(choice["logprobs"]["content"][0]["token"], name(0));

    let message = whole(
        Api::Messages,
        Form::Text,
        r#"{"content":[{"type":"thinking","thinking":"<0>","signature":"<0>"},{"type":"redacted_thinking","data":"<0>"},
        {"type":"tool_use","id":"<0>","input":{"<0>":["<1>",7],"id":"<0>","data":"<0>","signature":"<2>"}}],"stop_sequence":"<2>"}"#,
    );
    let content = &message["content"];
    assert_eq!((&content[0]["thinking"], &content[0]["signature"]), (&VALUES[0].into(), &name(0).into()));
    assert_eq!((&content[1]["data"], &content[2]["id"]), (&name(0).into(), &name(0).into()));
    let input = serde_json::json!({VALUES[0]: [VALUES[1], 7], "id": VALUES[0], "data": VALUES[0], "signature": VALUES[2]});
    assert_eq!((&content[2]["input"], &message["stop_sequence"]), (&input, &VALUES[2].into()));

    let response = whole(
        Api::Responses,
        Form::Json,
        r#"{"metadata":{"user_id":"<0>"},"output":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"<1>"}],"encrypted_content":"<1>"},
        {"type":"message","content":[{"text":"{\"a\":\"<1>\"}","type":"output_text"}]}]}"#,
    );
    let said = serde_json::json!({"a": VALUES[1]});
    assert_eq!(response["metadata"]["user_id"], VALUES[0]);
    assert_eq!(
        (&response["output"][0]["content"][0]["text"], &response["output"][0]["encrypted_content"]),
        (&VALUES[1].into(), &name(1).into())
    );
    assert_eq!(serde_json::from_str::<Value>(response["output"][1]["content"][0]["text"].as_str().unwrap()).unwrap(), said);

    let vectors = Bytes::from_static(b"not looked at");
    assert_eq!(restoring(Api::Embeddings, Form::Text).whole(vectors.clone()).unwrap().as_ptr(), vectors.as_ptr());
}

#[test]
fn numbers_that_kept_their_shape_come_back() {
    use comity_redact::Shape;
    let (key, label) = (PseudonymKey::new([7; 32]), Label::parse("ACC").unwrap());
    let values = [(label, "7912345678", Shape::Digits), (label, "0791234567", Shape::Digits)];
    let pseudonyms = Arc::new(Pseudonyms::for_call(&key, values, &[]).unwrap());
    let names = values.map(|(_, value, _)| pseudonyms.of(value).unwrap().to_owned());
    let body =
        format!("{{\"content\":[{{\"type\":\"tool_use\",\"input\":{{\"a\":{},\"b\":\"{}\"}}}}],\"n\":{}}}", names[0], names[1], names[0]);
    let out = Restoring::new(Some(pseudonyms), (Api::Messages, Form::Text)).whole(Bytes::from(body)).unwrap();
    let expected =
        format!("{{\"content\":[{{\"type\":\"tool_use\",\"input\":{{\"a\":7912345678,\"b\":\"0791234567\"}}}}],\"n\":{}}}", names[0]);
    assert_eq!(out, expected);
}
