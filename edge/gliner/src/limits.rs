//! Every bound of this crate, each with its reason.

/// Words in one look of the model: what GLiNER models of the first generation are trained with (`max_len`).
pub(crate) const WINDOW_WORDS_MAX: usize = 384;

/// Words that two looks share: more than a span has, so that each is in one look as a whole, and with something around it.
pub(crate) const WINDOW_OVERLAP_WORDS: usize = 64;

/// Tokens of text in one look. Memory grows with their square; words of natural language have one to three.
pub(crate) const WINDOW_TOKENS_MAX: usize = 1_024;

/// Looks at one text. Each runs the whole model, and calls wait for each other.
pub(crate) const WINDOWS_MAX: usize = 256;

/// Words of a text that could still be looked at; more are refused before they cost anything.
pub(crate) const TEXT_WORDS_MAX: usize = WINDOWS_MAX * WINDOW_WORDS_MAX;

/// Characters of one word; a longer run counts as several words, so that no word alone fills a look with tokens.
pub(crate) const WORD_CHARS_MAX: usize = 64;

/// Words in a span: part of the shape of the model (`max_width`).
pub(crate) const SPAN_WORDS_MAX: usize = 12;

/// Labels that a model is asked for: all of them stand before each look.
pub(crate) const LABELS_MAX: usize = 64;
