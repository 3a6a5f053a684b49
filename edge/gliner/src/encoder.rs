//! Words to tokens: the prompt once, and the words of each look behind it.
//!
//! INVARIANT: no word loses a token. The file of a tokenizer may ask for truncation, which would cut a text unseen: it is turned off, and
//! so are its padding and its cache, which would keep words of texts in memory.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::error::GlinerError;

/// Begins each label, and ends the list of them.
const ENTITY: &str = "<<ENT>>";
const SEPARATOR: &str = "<<SEP>>";

/// A tokenizer with the prompt that asks for the labels.
pub(crate) struct Encoder {
    tokenizer: Tokenizer,
    /// What stands before the words: the tokenizer's own beginning, then the labels.
    head: Vec<i64>,
    /// What stands behind them.
    tail: Vec<i64>,
}

/// Tokens by word.
pub(crate) struct Encoded(Vec<Vec<i64>>);

/// What one look of the model reads. All of one length but `words`.
pub(crate) struct Look {
    pub(crate) tokens: Vec<i64>,
    /// At the first token of each word its number, counted from 1; else 0.
    pub(crate) numbers: Vec<i64>,
    pub(crate) words: usize,
}

// === impl Encoder ===

impl Encoder {
    pub(crate) fn open<'l>(path: &Path, labels: impl Iterator<Item = &'l str>) -> Result<Self, GlinerError> {
        let problem = |reason: String| GlinerError::Tokenizer { path: path.to_owned(), reason };
        let mut tokenizer = Tokenizer::from_file(path).map_err(|error| problem(error.to_string()))?;
        for token in [ENTITY, SEPARATOR] {
            tokenizer.token_to_id(token).ok_or_else(|| problem(format!("it has no token `{token}`")))?;
        }
        tokenizer.with_truncation(None).map_err(|error| problem(error.to_string()))?;
        tokenizer.with_padding(None);
        let mut model = tokenizer.get_model().clone();
        model.resize_cache(0);
        tokenizer.with_model(model);
        let mut prompt: Vec<&str> = labels.flat_map(|label| [ENTITY, label]).collect();
        prompt.push(SEPARATOR);
        let (head, tail) = frame(&tokenizer, prompt).map_err(problem)?;
        Ok(Self { tokenizer, head, tail })
    }

    /// The tokens of words; nothing where the tokenizer fails.
    pub(crate) fn encode(&self, words: Vec<&str>) -> Option<Encoded> {
        let mut tokens = vec![Vec::new(); words.len()];
        let encoding = self.tokenizer.encode(words, false).ok()?;
        for (token, word) in encoding.get_ids().iter().zip(encoding.get_word_ids()) {
            let word = usize::try_from((*word)?).ok()?;
            tokens.get_mut(word)?.push(i64::from(*token));
        }
        Some(Encoded(tokens))
    }

    /// A look at some words.
    pub(crate) fn look(&self, words: &[Vec<i64>]) -> Look {
        let mut look = Look { tokens: self.head.clone(), numbers: vec![0; self.head.len()], words: words.len() };
        for (number, tokens) in (1_i64..).zip(words) {
            look.tokens.extend(tokens);
            look.numbers.extend(tokens.iter().enumerate().map(|(place, _)| if place == 0 { number } else { 0 }));
        }
        look.tokens.extend(&self.tail);
        look.numbers.resize(look.tokens.len(), 0);
        look
    }
}

/// The tokens of the prompt with what the tokenizer puts at the beginning, and what it puts at the end.
fn frame(tokenizer: &Tokenizer, prompt: Vec<&str>) -> Result<(Vec<i64>, Vec<i64>), String> {
    let encoding = tokenizer.encode(prompt, true).map_err(|error| error.to_string())?;
    let behind = encoding.get_word_ids().iter().rev().take_while(|word| word.is_none()).count();
    let mut head: Vec<i64> = encoding.get_ids().iter().map(|token| i64::from(*token)).collect();
    let tail = head.split_off(head.len().saturating_sub(behind));
    Ok((head, tail))
}

// === impl Encoded ===

impl Encoded {
    /// How many tokens each word has.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.0.iter().map(Vec::len).collect()
    }

    /// Some of the words.
    pub(crate) fn words(&self, range: std::ops::Range<usize>) -> &[Vec<i64>] {
        self.0.get(range).unwrap_or_default()
    }
}
