//! Tokens: Anthropic counts those of the cache apart from `input_tokens`, the neutral form counts them in.

use serde_json::{Map, Value, json};

use crate::usage::Usage;
use crate::wire;

/// What an upstream counted so far, in Anthropic's counting. Counts of an answer come twice, at its start and at its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Neither read from the cache nor written to it.
    input: u64,
    cache_read: u64,
    /// For minutes and for an hour.
    cache_write: u64,
    cache_write_hour: u64,
    output: u64,
    thinking: u64,
}

// === impl Counts ===

impl Counts {
    /// Takes a `usage` object. Later counts replace earlier ones, also by less: some upstreams guess at the start that nothing was cached.
    /// A later 0 replaces nothing, because others leave out by writing 0.
    pub(super) fn read(&mut self, usage: &Value) {
        let within = |group: &str, name: &str| wire::count(usage.get(group).and_then(|group| group.get(name)));
        for (count, said) in [
            (&mut self.input, wire::count(usage.get("input_tokens"))),
            (&mut self.cache_read, wire::count(usage.get("cache_read_input_tokens"))),
            (&mut self.cache_write, wire::count(usage.get("cache_creation_input_tokens"))),
            (&mut self.cache_write_hour, within("cache_creation", "ephemeral_1h_input_tokens")),
            (&mut self.output, wire::count(usage.get("output_tokens"))),
            (&mut self.thinking, within("output_tokens_details", "thinking_tokens")),
        ] {
            *count = said.filter(|said| *said > 0).unwrap_or(*count);
        }
    }

    /// The same in the neutral counting.
    pub(super) const fn usage(&self) -> Usage {
        Usage {
            input_tokens: self.input.saturating_add(self.cache_read).saturating_add(self.cache_write),
            cache_read_tokens: self.cache_read,
            cache_write_tokens: self.cache_write.saturating_sub(self.cache_write_hour),
            cache_write_hour_tokens: self.cache_write_hour,
            output_tokens: self.output,
            reasoning_tokens: self.thinking,
        }
    }
}

/// Reads the `usage` of a whole answer.
pub(crate) fn read(usage: &Value) -> Usage {
    let mut counts = Counts::default();
    counts.read(usage);
    counts.usage()
}

/// Writes the `usage` of a whole answer; all 0 where nobody counted, because Anthropic's clients insist on it.
pub(super) fn write(usage: Option<Usage>) -> Value {
    let usage = usage.unwrap_or_default();
    let mut written = cumulative(usage);
    let by_time = json!({
        "ephemeral_5m_input_tokens": usage.cache_write_tokens,
        "ephemeral_1h_input_tokens": usage.cache_write_hour_tokens,
    });
    written.insert("cache_creation".to_owned(), by_time);
    written.into()
}

/// Writes the `usage` of a stream: a later one replaces it.
pub(super) fn write_so_far(usage: Usage) -> Value {
    cumulative(usage).into()
}

fn cumulative(usage: Usage) -> Map<String, Value> {
    let cache_write = usage.cache_write_tokens.saturating_add(usage.cache_write_hour_tokens);
    let input = usage.input_tokens.saturating_sub(usage.cache_read_tokens).saturating_sub(cache_write);
    let mut written = Map::from_iter([
        ("input_tokens".to_owned(), input.into()),
        ("cache_creation_input_tokens".to_owned(), cache_write.into()),
        ("cache_read_input_tokens".to_owned(), usage.cache_read_tokens.into()),
        ("output_tokens".to_owned(), usage.output_tokens.into()),
    ]);
    if usage.reasoning_tokens > 0 {
        written.insert("output_tokens_details".to_owned(), json!({ "thinking_tokens": usage.reasoning_tokens }));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frames: &[Value], expected: Usage) {
        let mut counts = Counts::default();
        frames.iter().for_each(|usage| counts.read(usage));
        assert_eq!(counts.usage(), expected);
    }

    #[test]
    fn the_cache_counts_in_and_never_twice() {
        let start = json!({
            "input_tokens": 5, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100, "output_tokens": 1,
            "cache_creation": { "ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 70 },
        });
        let end = json!({
            "input_tokens": 5, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100, "output_tokens": 9,
            "output_tokens_details": { "thinking_tokens": 4 },
        });
        let expected = Usage {
            input_tokens: 125,
            cache_read_tokens: 20,
            cache_write_tokens: 30,
            cache_write_hour_tokens: 70,
            output_tokens: 9,
            reasoning_tokens: 4,
        };
        check(&[start, end], expected);
        assert_eq!(read(&write(Some(expected))), expected);
    }

    #[test]
    fn a_guess_at_the_start_is_replaced() {
        let end = json!({ "input_tokens": 3883, "cache_read_input_tokens": 30464, "output_tokens": 49 });
        let expected = Usage { input_tokens: 34347, cache_read_tokens: 30464, output_tokens: 49, ..Usage::default() };
        check(&[json!({ "input_tokens": 34824, "output_tokens": 0 }), end], expected);
        check(
            &[json!({ "input_tokens": 3 }), json!({ "input_tokens": 0, "output_tokens": "x" })],
            Usage { input_tokens: 3, ..Usage::default() },
        );
    }
}
