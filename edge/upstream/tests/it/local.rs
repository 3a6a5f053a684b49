//! The demonstration model as its users see it: real weights, real answers.

use std::sync::LazyLock;

use comity_upstream::local::openai::LocalAnswer;
use comity_upstream::local::{ChatRequest, Event, Finish, LocalError, LocalModel, LocalOptions, Message, Role, inspect};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::model_path::model_path;

static MODEL: LazyLock<LocalModel> = LazyLock::new(|| open(LocalOptions { queue: 64, ..LocalOptions::default() }));

fn open(options: LocalOptions) -> LocalModel {
    LocalModel::open(&model_path(), options).unwrap()
}

fn user(content: &str) -> ChatRequest {
    let messages = vec![Message { role: Role::User, content: content.to_owned() }];
    ChatRequest { messages, temperature: Some(0.0), max_tokens: Some(24), ..ChatRequest::default() }
}

/// All of an answer: its text, why it ended, prompt and completion tokens.
fn read(mut events: Receiver<Event>) -> (String, Finish, u32, u32) {
    let mut text = String::new();
    loop {
        match events.blocking_recv() {
            Some(Event::Text(piece)) => {
                assert!(!piece.is_empty());
                text.push_str(&piece);
            }
            Some(Event::Done { finish, prompt_tokens, completion_tokens }) => {
                assert_eq!(events.blocking_recv(), None);
                return (text, finish, prompt_tokens, completion_tokens);
            }
            other => panic!("{other:?} after {text:?}"),
        }
    }
}

fn ask(model: &LocalModel, request: ChatRequest) -> (String, Finish, u32, u32) {
    read(model.submit(request).unwrap())
}

#[test]
fn it_answers_and_counts() {
    let (text, finish, prompt_tokens, completion_tokens) = ask(&MODEL, user("What is the capital of France?"));
    assert!(text.contains("Paris"), "{text}");
    assert_eq!(finish, Finish::Stop);
    // Counted with the reference tokenizer: 30 of the template with its system message, 7 of the question.
    assert_eq!(prompt_tokens, 37);
    assert!((5..24).contains(&completion_tokens), "{completion_tokens}");
}

#[test]
fn control_tokens_in_a_message_are_ordinary_text() {
    let tokens = |content: &str| {
        let (_, _, prompt_tokens, _) = ask(&MODEL, ChatRequest { max_tokens: Some(1), ..user(content) });
        prompt_tokens
    };
    // `<`, `|`, `im`, `_`, `end`, `|`, `>` where the control token would be one.
    assert_eq!(tokens("a<|im_end|>") - tokens("a"), 7);
}

#[test]
fn max_tokens_ends_an_answer_with_length() {
    let (_, finish, _, completion_tokens) = ask(&MODEL, ChatRequest { max_tokens: Some(5), ..user("Write a long story about a ship.") });
    assert_eq!((finish, completion_tokens), (Finish::Length, 5));
}

#[test]
fn a_stop_text_ends_an_answer_and_is_not_in_it() {
    let (whole, ..) = ask(&MODEL, user("What is the capital of France?"));
    let at = whole.find("is Paris").unwrap();
    // Begins inside one token and ends inside another.
    let stop = vec!["s Par".to_owned(), "never written".to_owned()];
    let (text, finish, ..) = ask(&MODEL, ChatRequest { stop, ..user("What is the capital of France?") });
    assert_eq!((text.as_str(), finish), (whole.get(..=at).unwrap(), Finish::Stop));
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let story = |seed| {
        let request = ChatRequest { temperature: Some(1.0), top_p: Some(0.95), seed: Some(seed), ..user("Invent a name for a ship.") };
        ask(&MODEL, request).0
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}

#[test]
fn two_threads_give_the_answer_of_one() {
    let two = open(LocalOptions { threads: 2, ..LocalOptions::default() });
    assert_eq!(ask(&two, user("Name three colours.")), ask(&MODEL, user("Name three colours.")));
}

#[test]
fn a_full_queue_is_busy_and_recovers() {
    let model = open(LocalOptions { queue: 1, ..LocalOptions::default() });
    let long = || ChatRequest { max_tokens: Some(600), ..user("Write a very long story about a ship and its crew.") };
    let mut answering = model.submit(long()).unwrap();
    assert!(matches!(answering.blocking_recv(), Some(Event::Text(_))));
    let waiting = model.submit(user("What is the capital of France?")).unwrap();
    assert!(matches!(model.submit(long()), Err(LocalError::Busy)));
    drop(answering);
    // The dropped answer ends at its next token, so the waiting one comes.
    assert!(read(waiting).0.contains("Paris"));
}

#[test]
fn a_chat_beyond_the_context_is_refused_with_the_numbers() {
    let model = open(LocalOptions { context_max: 64, ..LocalOptions::default() });
    let refused = |request| model.submit(request).err().unwrap().to_string();
    assert_eq!(
        refused(ChatRequest { max_tokens: Some(40), ..user("What is the capital of France?") }),
        "the chat has 37 tokens and asks for 40 more, but the context of the demonstration model is 64 tokens"
    );
    let long = refused(user(&"a ".repeat(1_000_000)));
    assert!(long.ends_with("more, but the context of the demonstration model is 64 tokens"), "{long}");
    // Without a number the answer gets what is left.
    let (_, finish, prompt_tokens, completion_tokens) =
        ask(&model, ChatRequest { max_tokens: None, ..user("Write a long story about a ship.") });
    assert_eq!((finish, prompt_tokens + completion_tokens), (Finish::Length, 64));
}

#[test]
fn what_is_no_model_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gguf");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let message = LocalModel::open(&path, LocalOptions::default()).err().unwrap().to_string();
        assert_eq!(inspect(&path).err().unwrap().to_string(), message);
        message.replace(&path.display().to_string(), "x.gguf")
    };
    assert_eq!(refused(b"PK\x03\x04"), "`x.gguf` is not a whole GGUF file: it does not begin with `GGUF`");
    let whole = std::fs::read(model_path()).unwrap();
    assert_eq!(
        refused(&whole[..100_000]),
        "`x.gguf` is not a whole GGUF file: gguf: array of 49152 elements needs at least 393216 bytes, only 98893 remaining"
    );
    let error = LocalModel::open(&folder.path().join("none.gguf"), LocalOptions::default()).err().unwrap();
    assert_eq!(error.hint().unwrap(), "get the demonstration model with `comity model install smollm2`");
}

#[test]
fn a_file_whose_weights_are_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gguf");
    let whole = std::fs::read(model_path()).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let message = LocalModel::open(&path, LocalOptions::default()).err().unwrap().to_string();
    assert!(message.contains("is not a whole GGUF file: tensor"), "{message}");
}

fn body(more: Value) -> Vec<u8> {
    let mut body = json!({
        "model": "local/smollm2@here",
        "messages": [{ "role": "user", "content": "What is the capital of France?" }],
        "max_tokens": 24,
        "temperature": 0,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

async fn whole(more: Value) -> Value {
    match MODEL.chat(&body(more)).await.unwrap() {
        LocalAnswer::Whole(bytes) => serde_json::from_slice(&bytes).unwrap(),
        LocalAnswer::Stream(_) => panic!("a stream"),
    }
}

/// The `data:` payloads of a stream.
async fn streamed(more: Value) -> Vec<String> {
    match MODEL.chat(&body(more)).await.unwrap() {
        LocalAnswer::Whole(_) => panic!("no stream"),
        LocalAnswer::Stream(stream) => {
            let bytes: Vec<u8> = stream.collect::<Vec<_>>().await.concat();
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.ends_with("\n\n"));
            text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
        }
    }
}

#[tokio::test]
async fn a_whole_answer_has_the_openai_shape() {
    let mut answer = whole(json!({ "user": "u" })).await;
    let content = answer["choices"][0]["message"]["content"].take();
    assert!(content.as_str().unwrap().contains("Paris"));
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
    let completion_tokens = answer["usage"]["completion_tokens"].as_u64().unwrap();
    let (id, created) = (answer["id"].take(), answer["created"].take());
    assert!(id.is_string() && created.is_u64());
    assert_eq!(
        answer,
        json!({
            "id": null, "created": null, "object": "chat.completion", "model": "local/smollm2@here",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": null, "refusal": null }, "logprobs": null, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 37, "completion_tokens": completion_tokens, "total_tokens": 37 + completion_tokens },
        })
    );
}

#[tokio::test]
async fn a_stream_begins_with_the_role_and_ends_with_done_and_says_the_same() {
    let events = streamed(json!({ "stream": true, "stream_options": { "include_usage": true } })).await;
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    let content: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    let answer = whole(json!({})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], content);
    let [.., last, usage] = chunks.as_slice() else { panic!("{chunks:?}") };
    assert_eq!(last["choices"], json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop" }]));
    assert_eq!((&usage["choices"], &usage["usage"]), (&json!([]), &answer["usage"]));
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
}

#[tokio::test]
async fn a_stream_without_stream_options_has_no_usage() {
    let events = streamed(json!({ "stream": true, "max_tokens": 2 })).await;
    assert!(events.iter().all(|event| !event.contains("usage")));
    assert!(events[events.len() - 2].contains(r#""finish_reason":"length""#));
}

#[tokio::test]
async fn a_field_that_cannot_be_honoured_is_an_error_that_names_it() {
    let refused = MODEL.chat(&body(json!({ "tools": [{ "type": "function" }] }))).await.err().unwrap();
    assert!(matches!(&refused, LocalError::CannotHonour { field, .. } if field == "tools"));
    assert!(refused.hint().unwrap().contains("OpenAI-compatible server"));
}
