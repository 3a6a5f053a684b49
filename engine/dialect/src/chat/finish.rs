//! Why an answer ended, in the words of OpenAI and of the servers that are almost compatible.

use serde_json::Value;

use crate::error::BadAnswer;
use crate::reply::Stop;

/// What a `finish_reason` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// The answer ended.
    Stopped(Stop),
    /// The upstream gave up in the middle of it.
    Failed,
}

/// Reads a `finish_reason`. A word that nobody here knows must not look like an answer that is complete.
pub(super) fn read(word: &str) -> Finish {
    match word.to_ascii_lowercase().as_str() {
        // `model_length`: Mistral, the context is full.
        "length" | "max_tokens" | "model_length" => Finish::Stopped(Stop::Length),
        // `function_call`: OpenAI until 2023.
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => Finish::Stopped(Stop::ToolCalls),
        // Together; TGI; servers that repeat Anthropic's and Cohere's words; servers that say nothing.
        "stop" | "eos" | "eos_token" | "end_turn" | "complete" | "" => Finish::Stopped(Stop::End),
        "stop_sequence" => Finish::Stopped(Stop::StopSequence(None)),
        // OpenRouter and Mistral; DeepSeek; vLLM and SGLang.
        "error" | "insufficient_system_resource" | "abort" => Finish::Failed,
        // `content_filter`, `safety`, `refusal`, `content_filter: …` (Gemini) and whatever comes.
        _ => Finish::Stopped(Stop::Refused),
    }
}

/// What a choice says of its end: nothing where it does not say it. vLLM writes the text that ended the answer into `stop_reason`; a number
/// there is a token, which callers did not name.
pub(super) fn of_choice(choice: &Value) -> Option<Finish> {
    let finish = read(choice.get("finish_reason").and_then(Value::as_str).filter(|word| !word.is_empty())?);
    match (finish, choice.get("stop_reason").and_then(Value::as_str)) {
        (Finish::Stopped(Stop::End), Some(text)) if !text.is_empty() => Some(Finish::Stopped(Stop::StopSequence(Some(text.to_owned())))),
        (finish, _) => Some(finish),
    }
}

/// The reason of a whole answer, which some servers leave out.
pub(super) fn of_whole(choice: &Value) -> Result<Stop, BadAnswer> {
    match of_choice(choice).unwrap_or(Finish::Stopped(Stop::End)) {
        Finish::Stopped(stop) => Ok(stop),
        Finish::Failed => Err(BadAnswer("the upstream gave up in the middle of its answer")),
    }
}

/// The word for the caller. A paused turn is unfinished, and `length` is the only word of the dialect for an unfinished answer. A model that
/// `refused` in words has said everything: OpenAI ends that with `stop`, and its SDKs raise an error for `content_filter`.
pub(super) const fn write(stop: &Stop, refused: bool) -> &'static str {
    match stop {
        Stop::Refused if refused => "stop",
        Stop::End | Stop::StopSequence(_) => "stop",
        Stop::Length | Stop::Paused => "length",
        Stop::ToolCalls => "tool_calls",
        Stop::Refused => "content_filter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(word: &str, expected: Finish) {
        assert_eq!(read(word), expected, "{word}");
    }

    #[test]
    fn words_of_compatible_servers() {
        check("stop", Finish::Stopped(Stop::End));
        check("eos", Finish::Stopped(Stop::End));
        check("", Finish::Stopped(Stop::End));
        check("model_length", Finish::Stopped(Stop::Length));
        check("function_call", Finish::Stopped(Stop::ToolCalls));
        check("content_filter", Finish::Stopped(Stop::Refused));
        check("content_filter: PROHIBITED_CONTENT", Finish::Stopped(Stop::Refused));
        check("new_word", Finish::Stopped(Stop::Refused));
        check("insufficient_system_resource", Finish::Failed);
    }

    #[test]
    fn a_failure_is_never_an_end() {
        assert!(of_whole(&json!({"finish_reason": "error"})).is_err());
        assert_eq!(of_whole(&json!({})), Ok(Stop::End));
    }

    #[test]
    fn the_text_that_ended_an_answer() {
        let check = |reason: &str, text: Value, expected| {
            assert_eq!(of_whole(&json!({"finish_reason": reason, "stop_reason": text})), Ok(expected));
        };
        check("stop", json!("###"), Stop::StopSequence(Some("###".to_owned())));
        check("stop", json!(128_009), Stop::End);
        check("stop", Value::Null, Stop::End);
        check("length", json!("###"), Stop::Length);
        assert_eq!(of_choice(&json!({"finish_reason": "", "stop_reason": "###"})), None);
    }

    #[test]
    fn only_a_refusal_without_words_is_a_filter() {
        assert_eq!(
            [write(&Stop::Refused, true), write(&Stop::Refused, false), write(&Stop::Length, true)],
            ["stop", "content_filter", "length"]
        );
    }

    #[test]
    fn what_was_said_settles_the_ordinary_reason_only() {
        assert_eq!(Stop::End.settled(true, false), Stop::ToolCalls);
        assert_eq!(Stop::End.settled(false, true), Stop::Refused);
        assert_eq!(Stop::Length.settled(true, true), Stop::Length);
        assert_eq!([Stop::ToolCalls.settled(false, false), Stop::ToolCalls.settled(true, true)], [Stop::End, Stop::ToolCalls]);
        assert_eq!(Stop::ToolCalls.settled(false, true), Stop::Refused);
    }
}
