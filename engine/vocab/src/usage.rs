//! What an upstream counted, in no dialect.
//!
//! Counts only; what they cost is `money.rs`, and how each dialect writes them is the room `dialect`.

/// Tokens of one call. Every count is of tokens; a sum never counts a token twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the call, those read from a cache and written to one included (as OpenAI counts; Anthropic counts them apart).
    pub input_tokens: u64,
    /// Of these, read from a cache.
    pub cache_read_tokens: u64,
    /// Of these, written to a cache for minutes.
    pub cache_write_tokens: u64,
    /// Of these, written to a cache for an hour.
    pub cache_write_hour_tokens: u64,
    /// Of the answer, thinking included; 0 for embeddings.
    pub output_tokens: u64,
    /// Of these, thinking; 0 where the upstream does not say.
    pub reasoning_tokens: u64,
}

// === impl Usage ===

impl Usage {
    /// Later counts of one answer over earlier ones. Upstreams correct a first guess, and leave out what stays: a side of which nothing was
    /// counted later keeps its earlier counts.
    #[must_use]
    pub const fn updated_by(self, later: Self) -> Self {
        let input = if later.input_tokens > 0 { later } else { self };
        let output = if later.output_tokens > 0 { later } else { self };
        Self {
            input_tokens: input.input_tokens,
            cache_read_tokens: input.cache_read_tokens,
            cache_write_tokens: input.cache_write_tokens,
            cache_write_hour_tokens: input.cache_write_hour_tokens,
            output_tokens: output.output_tokens,
            reasoning_tokens: output.reasoning_tokens,
        }
    }

    /// Input that no cache had to do with; 0 where an upstream counts more in caches than in all.
    #[must_use]
    pub const fn uncached_input_tokens(&self) -> u64 {
        let cached = self.cache_read_tokens.saturating_add(self.cache_write_tokens).saturating_add(self.cache_write_hour_tokens);
        self.input_tokens.saturating_sub(cached)
    }

    /// Output without thinking; 0 where an upstream counts more thinking than output.
    #[must_use]
    pub const fn said_output_tokens(&self) -> u64 {
        self.output_tokens.saturating_sub(self.reasoning_tokens)
    }
}
