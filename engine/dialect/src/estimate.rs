//! How many tokens a call had where its upstream does not say: an estimate, to be marked as one wherever it is shown or stored.
//!
//! It must never be 0 for a call that had a text, never fail, and never take long over a text that somebody chose for that. The vocabulary
//! is OpenAI's `o200k_base`: other models cut texts otherwise, and thinking that the answer does not show cannot be counted at all.
//!
//! How wrong it is: texts and tools in and out of OpenAI's own models at 0.5 to 2 times what was reported, usually within a quarter, and
//! off by some ten tokens where they are few (held by a test over recorded calls). Media are guessed from their size and may be wrong by
//! ten times and more either way. Hidden thinking makes the output too small without limit.

use tiktoken_rs::o200k_base_singleton;

/// Bytes of a call's texts that are counted; the rest is taken to be like them. About 60 ms of work, half a second at worst.
pub const INPUT_COUNTED_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of an answer that are kept and counted: more than the longest answer of most models, and little for each open stream.
pub const OUTPUT_COUNTED_BYTES_MAX: usize = 64 * 1024;
/// Texts are counted in pieces of this size: on a long run of one character the library's time grows faster than the text, and on a
/// megabyte of spaces it panics. A cut adds a token at most, one in a thousand.
const PIECE_BYTES_MAX: usize = 4 * 1024;
/// Separators and the start of the answer, which no text of the call holds.
const CALL_TOKENS: u64 = 3;
/// See [`estimate_by_size`].
const BYTES_PER_TOKEN: u64 = 4;
/// Bytes of media to a token. A photo has some 100 to 600, a flat drawing 10, speech 100 to 3,000, a document anything from 1.
const OTHER_BYTES_PER_TOKEN: u64 = 64;

/// Tokens of a call: its texts counted, anything else (`other_bytes`: media as they are in the call) by size. Never 0.
///
/// Texts are what the model reads as text: roles and messages, instructions, tools and schemas as their JSON is written; not media in
/// base64. The first estimate of a process builds the vocabulary: 0.2 s, and 46 MB that stay.
///
/// ```
/// # use comity_dialect::estimate::estimate_input;
/// assert_eq!(estimate_input(["user", "How do I reset my password?"].into_iter(), 0), 11);
/// ```
#[must_use]
pub fn estimate_input<'t>(texts: impl Iterator<Item = &'t str>, other_bytes: u64) -> u64 {
    let mut sample = Sample::default();
    for text in texts {
        sample.add(text, INPUT_COUNTED_BYTES_MAX);
    }
    CALL_TOKENS.saturating_add(sample.tokens()).saturating_add(other_bytes.div_ceil(OTHER_BYTES_PER_TOKEN))
}

/// An answer as it streams by. Nothing is counted before [`OutputEstimate::tokens`], since most upstreams report usage in the end.
#[derive(Default)]
pub struct OutputEstimate {
    kept: String,
    /// Of all texts, kept or not.
    bytes: u64,
}

/// Tokens of bytes that nobody looks at, text and JSON around it: four bytes to a token, a rule of thumb for English.
#[must_use]
pub const fn estimate_by_size(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

// === impl OutputEstimate ===

impl OutputEstimate {
    /// Nothing answered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next piece of the answer: text, thinking that is shown, the name or arguments of a call to a tool.
    pub fn push(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(bytes(text));
        // Once something was left out nothing is kept any more, so that what is kept is the start of the answer.
        if self.bytes == bytes(&self.kept).saturating_add(bytes(text)) {
            self.kept.push_str(start(text, OUTPUT_COUNTED_BYTES_MAX.saturating_sub(self.kept.len())));
        }
    }

    /// Tokens of everything pushed so far: 0 only if that is nothing.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        Sample { tokens: count(&self.kept), counted: bytes(&self.kept), all: self.bytes }.tokens()
    }
}

/// Texts of which a part was counted. All but `tokens` is in bytes.
#[derive(Default)]
struct Sample {
    tokens: u64,
    counted: u64,
    all: u64,
}

// === impl Sample ===

impl Sample {
    fn add(&mut self, text: &str, counted_max: usize) {
        let left = counted_max.saturating_sub(usize::try_from(self.counted).unwrap_or(usize::MAX));
        let part = if self.counted == self.all { start(text, left) } else { "" };
        self.tokens = self.tokens.saturating_add(count(part));
        self.counted = self.counted.saturating_add(bytes(part));
        self.all = self.all.saturating_add(bytes(text));
    }

    /// With as many bytes to a token in the rest as in what was counted, rounded up.
    fn tokens(&self) -> u64 {
        // Nothing was counted only where there was nothing.
        let scaled = (u128::from(self.tokens) * u128::from(self.all)).div_ceil(u128::from(self.counted.max(1)));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// Tokens of a text of bounded length.
fn count(text: &str) -> u64 {
    let (mut tokens, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let piece = start(rest, PIECE_BYTES_MAX);
        tokens = tokens.saturating_add(u64::try_from(o200k_base_singleton().count_ordinary(piece)).unwrap_or(u64::MAX));
        rest = rest.strip_prefix(piece).unwrap_or_default();
    }
    tokens
}

/// As many whole characters from the start of a text as fit.
fn start(text: &str, bytes_max: usize) -> &str {
    text.split_at_checked(text.floor_char_boundary(bytes_max)).map_or(text, |(start, _)| start)
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn output(pieces: &[&str]) -> u64 {
        let mut estimate = OutputEstimate::new();
        pieces.iter().for_each(|piece| estimate.push(piece));
        estimate.tokens()
    }

    #[test]
    fn no_call_has_no_tokens() {
        assert_eq!(estimate_input([].into_iter(), 0), CALL_TOKENS);
        assert_eq!(estimate_input([""].into_iter(), 1), CALL_TOKENS + 1);
        assert_eq!(estimate_input(["a"].into_iter(), 0), CALL_TOKENS + 1);
        assert_eq!(estimate_input([].into_iter(), u64::MAX), CALL_TOKENS + (u64::MAX / 64 + 1));
    }

    #[test]
    fn only_an_answer_of_nothing_has_no_tokens() {
        assert_eq!(output(&[]), 0);
        assert_eq!(output(&["", ""]), 0);
        assert_eq!(output(&["a"]), 1);
    }

    #[test]
    fn pieces_of_an_answer_count_as_the_whole() {
        let text = "It costs 5 cents: the ball's price is x, and the bat's x + 1. Größe, 価格, 🎾. ".repeat(40);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(output(&letters.iter().map(String::as_str).collect::<Vec<_>>()), output(&[&text]));
    }

    #[test]
    fn what_is_over_the_bound_is_like_what_is_under_it() {
        let text = "the quick brown fox jumps over the lazy dog ".repeat(MIB / 11);
        let all = estimate_input([text.as_str()].into_iter(), 0);
        let quarter = estimate_input([start(&text, MIB)].into_iter(), 0);
        assert!(text.len() > 3 * MIB && all.abs_diff(quarter * 4) < all / 50, "{all} {quarter}");
        let apart: Vec<&str> = text.split_inclusive("dog ").collect();
        // Each space at an end is a token of its own here.
        assert!(estimate_input(apart.into_iter(), 0).abs_diff(all) < all / 5);
        assert!(output(&[&text]).abs_diff(all) < all / 50);
    }

    /// A bound that falls into a character must not stop the count.
    #[test]
    fn characters_stay_whole() {
        let rest = "é".repeat(MIB);
        let text = format!("a{rest}");
        assert!(estimate_input([text.as_str()].into_iter(), 0) > 1000);
        assert!(estimate_input(["a", &rest].into_iter(), 0) > 1000);
        assert!(output(&[&text]) > 1000);
        assert!(output(&["a", &rest]) > 1000);
    }

    /// Each of these makes the library slow or panic if it gets the whole at once.
    #[test]
    fn hostile_texts_are_counted() {
        const BYTES_PER_TOKEN_MAX: u64 = 200;
        for unit in [" ", "a", "\n", " \n", "!", "=-", "\0", "\u{301}"] {
            let text = unit.repeat(MIB / 4 / unit.len());
            for end in ["", "x"] {
                let text = format!("{text}{end}");
                let tokens = estimate_input([text.as_str()].into_iter(), 0);
                assert!(tokens * BYTES_PER_TOKEN_MAX > bytes(&text) && tokens <= bytes(&text), "{unit:?}: {tokens}");
            }
        }
    }

    /// A recorded exchange with OpenAI: the texts of the call, and of the answer.
    struct Recorded {
        name: String,
        texts: Vec<String>,
        said: String,
        usage: serde_json::Value,
    }

    fn value(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(text).ok()
    }

    fn texts_of(value: &serde_json::Value, texts: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => texts.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
            serde_json::Value::Object(fields) => fields.iter().for_each(|(_, field)| texts_of(field, texts)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    fn recorded(name: &str, text: &str) -> Option<Recorded> {
        let cassette: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        let exchange = &cassette["interactions"][0];
        let request = exchange["request"]["body"].as_str()?;
        let (call, response) = (value(request)?, exchange["response"]["body"].as_str()?);
        let frames: Vec<_> = response.lines().filter_map(|line| value(line.strip_prefix("data: ")?)).collect();
        let frames = value(response).map_or(frames, |whole| vec![whole]);
        let usage = frames.iter().rev().map(|frame| frame["usage"].clone()).find(|usage| usage.is_object())?;
        let mut said = Vec::new();
        for choice in frames.iter().filter_map(|frame| frame["choices"].get(0)) {
            for key in ["content", "tool_calls"] {
                texts_of(choice["message"].get(key).unwrap_or(&choice["delta"][key]), &mut said);
            }
        }
        let mut texts = Vec::new();
        ["messages", "input"].iter().for_each(|key| texts_of(&call[key], &mut texts));
        texts.extend(["tools", "response_format"].iter().filter_map(|key| Some(call.get(key)?.to_string())));
        Some(Recorded { name: name.to_owned(), texts, said: said.concat(), usage })
    }

    /// Calls with images or sound, which are guessed.
    const MEDIA: [&str; 4] = ["chat-audio-to-text", "chat-image-to-text", "chat-multimodal", "chat-text-to-audio"];

    fn near(estimate: u64, reported: u64) -> bool {
        const FEW: u64 = 10;
        (estimate * 2 >= reported && estimate <= reported * 2) || estimate.abs_diff(reported) <= FEW
    }

    /// How far estimates are from what OpenAI counted, thinking left out, which the answer does not show.
    #[test]
    #[expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixture and says what it measured")]
    fn recorded_calls_are_estimated_within_half_and_double() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/openai-recorded");
        let Ok(files) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: no recorded calls beside the project");
            return;
        };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).filter(|path| path.extension() == Some("yaml".as_ref())).collect();
        files.sort();
        let mut measured = 0;
        for path in files {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let Some(call) = recorded(&name, &std::fs::read_to_string(&path).unwrap()) else { continue };
            let count = |key: &str| call.usage[key].as_u64().unwrap_or_default();
            let thought = call.usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or_default();
            let input = estimate_input(call.texts.iter().map(String::as_str), 0);
            let pairs = [("in", input, count("prompt_tokens")), ("out", output(&[&call.said]), count("completion_tokens") - thought)];
            for (what, estimate, reported) in pairs {
                let line = format!("{:30} {what:3} {estimate:4} for {reported:4} ({}%)", call.name, estimate * 100 / reported.max(1));
                eprintln!("{line}");
                assert!(near(estimate, reported) || MEDIA.contains(&call.name.as_str()), "{line}");
                measured += 1;
            }
        }
        assert!(measured >= 30, "{measured}");
    }
}
