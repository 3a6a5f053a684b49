//! Text to tokens and back, built from the GGUF file's own fields: byte-level BPE without a prefix space.
//!
//! candle's builder ignores `add_space_prefix = false` and finds control tokens anywhere. Here a control token is read only where the
//! chat template wrote it: a message that spells `<|im_end|>` is ordinary text, always.

use std::collections::HashMap;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{Tokenizer, normalizers::NormalizerWrapper, normalizers::unicode::NFC};

use super::LocalError;
use super::gguf::Gguf;

/// `llama_token_type` of llama.cpp: control and user-defined tokens.
const CONTROL: u32 = 3;
const USER_DEFINED: u32 = 4;

/// How Llama 3 and its kin cut text before BPE; between the two comes how many digits stay together.
const LLAMA3_PATTERN: [&str; 2] = [
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];

pub(super) struct Tokens {
    /// Knows no control token.
    tokenizer: Tokenizer,
    /// Bytes of each token; empty for control tokens.
    bytes: Vec<Box<[u8]>>,
    bytes_max: usize,
    control: Control,
    begin: Option<u32>,
    end: Option<u32>,
    add_begin: bool,
}

/// The control tokens by their first character, longest first.
pub(super) struct Control(HashMap<char, Vec<(String, u32)>>);

/// What the chat template made of a chat, with the guard character behind whatever in a message could begin a control token.
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) guard: char,
}

// === impl Tokens ===

impl Tokens {
    pub(super) fn read(gguf: &Gguf) -> Result<Tokens, LocalError> {
        match gguf.text("tokenizer.ggml.model") {
            Some("gpt2") => {}
            other => return Err(gguf.unsupported(format!("its tokenizer is `{}`, not byte-level BPE", other.unwrap_or("missing")))),
        }
        let texts = gguf.texts("tokenizer.ggml.tokens")?;
        let types = gguf.integers("tokenizer.ggml.token_type").unwrap_or_default();
        let kinds = types.iter().copied().chain(std::iter::repeat(1));
        let mut bytes = Vec::with_capacity(texts.len());
        let mut control = HashMap::new();
        for (token, (text, kind)) in (0u32..).zip(texts.iter().zip(kinds)) {
            let special = kind == CONTROL || kind == USER_DEFINED;
            bytes.push(if kind == CONTROL { Box::default() } else { bytes_of(text, special) });
            if let (true, Some(first)) = (special, text.chars().next()) {
                control.entry(first).or_insert_with(Vec::new).push(((*text).to_owned(), token));
            }
        }
        control.values_mut().for_each(|tokens| tokens.sort_by_key(|(text, _)| std::cmp::Reverse(text.len())));
        let within = |key| gguf.integer(key).filter(|token| usize::try_from(*token).is_ok_and(|token| token < texts.len()));
        let begin = within("tokenizer.ggml.bos_token_id");
        Ok(Tokens {
            tokenizer: tokenizer(gguf, &texts)?,
            bytes_max: bytes.iter().map(|bytes| bytes.len()).max().unwrap_or(1).max(1),
            bytes,
            control: Control(control),
            begin,
            end: within("tokenizer.ggml.eos_token_id"),
            add_begin: gguf.flag("tokenizer.ggml.add_bos_token").unwrap_or(false),
        })
    }

    /// Tokens of a rendered chat.
    pub(super) fn encode(&self, rendered: &Rendered) -> Result<Vec<u32>, LocalError> {
        let mut tokens = Vec::new();
        let mut plain = String::new();
        let mut rest = rendered.text.as_str();
        while let Some(first) = rest.chars().next() {
            if let Some((text, token)) = self.control.at(rest) {
                self.encode_plain(&std::mem::take(&mut plain), &mut tokens)?;
                tokens.push(token);
                rest = rest.get(text.len()..).unwrap_or_default();
                continue;
            }
            if first != rendered.guard {
                plain.push(first);
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        self.encode_plain(&plain, &mut tokens)?;
        if let Some(begin) = self.begin.filter(|begin| self.add_begin && tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
        }
        Ok(tokens)
    }

    fn encode_plain(&self, text: &str, tokens: &mut Vec<u32>) -> Result<(), LocalError> {
        if text.is_empty() {
            return Ok(());
        }
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|error| LocalError::Failed(error.to_string()))?;
        tokens.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    /// The bytes of a token, possibly half a character; empty for a control token.
    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        usize::try_from(token).ok().and_then(|token| self.bytes.get(token)).map_or(&[], AsRef::as_ref)
    }

    /// Bytes of the longest token: no text has fewer tokens than its bytes divided by this.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn begin(&self) -> Option<u32> {
        self.begin
    }

    pub(super) fn end(&self) -> Option<u32> {
        self.end
    }
}

// === impl Control ===

impl Control {
    /// Whether a control token could begin with this character.
    pub(super) fn begins_with(&self, first: char) -> bool {
        self.0.contains_key(&first)
    }

    /// The longest control token at the beginning of `text`.
    pub(super) fn at(&self, text: &str) -> Option<(&str, u32)> {
        let tokens = self.0.get(&text.chars().next()?)?;
        tokens.iter().find(|(token, _)| text.starts_with(token.as_str())).map(|(text, token)| (text.as_str(), *token))
    }

    /// The first control token in `text`.
    pub(super) fn first_in(&self, text: &str) -> Option<u32> {
        text.char_indices().find_map(|(at, _)| self.at(text.get(at..)?)).map(|(_, token)| token)
    }

    /// What a control token spells.
    pub(super) fn text(&self, token: u32) -> Option<&str> {
        self.0.values().flatten().find(|(_, id)| *id == token).map(|(text, _)| text.as_str())
    }
}

fn tokenizer(gguf: &Gguf, texts: &[&str]) -> Result<Tokenizer, LocalError> {
    let vocabulary: Vocab = texts.iter().zip(0u32..).map(|(text, token)| ((*text).to_owned(), token)).collect();
    let merges: Option<Vec<(String, String)>> = gguf.texts("tokenizer.ggml.merges")?.into_iter().map(halves).collect();
    let merges = merges.ok_or_else(|| gguf.damaged("`tokenizer.ggml.merges` holds more than pairs"))?;
    // No cache: it would keep words of one chat while another is answered.
    let bpe = BPE::builder().vocab_and_merges(vocabulary, merges).cache_capacity(0).build();
    let mut tokenizer = Tokenizer::new(bpe.map_err(|error| gguf.damaged(format!("its tokenizer: {error}")))?);
    let kind = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    tokenizer
        .with_pre_tokenizer(Some(pre_tokenizer(kind).ok_or_else(|| gguf.unsupported(format!("its tokenizer cuts text like `{kind}`")))?));
    if kind == "qwen2" {
        tokenizer.with_normalizer(Some(NormalizerWrapper::NFC(NFC))).map_err(|error| gguf.damaged(error.to_string()))?;
    }
    Ok(tokenizer)
}

/// How text is cut before BPE, by llama.cpp's name for it (`llama_vocab_pre_type`).
fn pre_tokenizer(kind: &str) -> Option<PreTokenizerWrapper> {
    let cut = |digits: &str| {
        let [words, others] = LLAMA3_PATTERN;
        let pattern = SplitPattern::Regex(format!("{words}{digits}{others}"));
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).ok()?;
        Some(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]).into())
    };
    match kind {
        "smollm" => Some(Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()]).into()),
        "default" | "gpt-2" => Some(ByteLevel::new(false, true, true).into()),
        "llama-bpe" | "llama3" | "smaug-bpe" => cut("{1,3}"),
        "qwen2" => cut(""),
        _ => None,
    }
}

fn halves(merge: &str) -> Option<(String, String)> {
    merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
}

/// The bytes that a vocabulary entry stands for: GPT-2 writes each byte as one printable character.
fn bytes_of(text: &str, literal: bool) -> Box<[u8]> {
    if literal { text.as_bytes().into() } else { text.chars().filter_map(byte_of).collect() }
}

/// The inverse of GPT-2's `bytes_to_unicode`: printable Latin-1 stands for itself, the other bytes follow from U+0100.
fn byte_of(character: char) -> Option<u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    match u8::try_from(character) {
        Ok(byte) => Some(byte).filter(printable),
        Err(_) => (0..=u8::MAX).filter(|byte| !printable(byte)).nth(usize::try_from(u32::from(character).checked_sub(256)?).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let mut bytes: Vec<u8> = (0..=0x143).filter_map(char::from_u32).filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=u8::MAX).collect::<Vec<u8>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
        assert_eq!(byte_of('字'), None);
    }
}
