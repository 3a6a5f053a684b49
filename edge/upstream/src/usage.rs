//! Reads how many tokens an upstream counted. Only numbers are taken: no text of an answer is kept.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Tokens that the upstream counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the call.
    pub input_tokens: u64,
    /// Tokens of the answer; 0 for embeddings.
    pub output_tokens: u64,
}

/// What is read of a JSON answer or of one event of a stream.
pub(crate) struct Read {
    pub(crate) usage: Option<Usage>,
    /// The event carries usage and nothing else.
    pub(crate) usage_only: bool,
    /// The event is an error.
    pub(crate) error: bool,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    choices: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// Reads `json`; nothing when it is not a JSON object.
pub(crate) fn read(json: &[u8]) -> Option<Read> {
    let wire: Wire = serde_json::from_slice(json).ok()?;
    let usage = wire.usage.map(|usage| Usage {
        input_tokens: usage.prompt_tokens.unwrap_or_default(),
        output_tokens: usage.completion_tokens.unwrap_or_default(),
    });
    let no_choices = wire.choices.is_some_and(|choices| choices.is_empty());
    Some(Read { usage, usage_only: usage.is_some() && no_choices, error: wire.error.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_wherever_it_stands() {
        let both = read(br#"{"choices":[{"index":0}],"usage":{"prompt_tokens":7,"completion_tokens":2,"new":{}}}"#).unwrap();
        assert_eq!(both.usage, Some(Usage { input_tokens: 7, output_tokens: 2 }));
        assert!(!both.usage_only && !both.error);
        let alone = read(br#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#).unwrap();
        assert!(alone.usage_only);
        let embeddings = read(br#"{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}"#).unwrap();
        assert_eq!(embeddings.usage, Some(Usage { input_tokens: 7, output_tokens: 0 }));
        let none = read(br#"{"choices":[],"usage":null}"#).unwrap();
        assert!(none.usage.is_none() && !none.usage_only);
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for bad in ["", "[]x", "<html>", "{\"usage\":3}", "{"] {
            assert!(read(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(read(br#"{"error":{"message":"overloaded"}}"#).unwrap().error);
        assert!(!read(br#"{"error":null}"#).unwrap().error);
    }
}
