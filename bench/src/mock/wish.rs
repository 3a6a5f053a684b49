//! What a call asks of the mock model, in one form for all dialects, and what the model says to it. Readers and writers of the
//! dialects stand beside; nothing here knows a wire format.

use serde_json::Value;

use super::fields::words;

/// A call, as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// System prompts too, in order.
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// At most one tool call is allowed.
    pub(crate) single: bool,
    pub(crate) format: Option<Format>,
    pub(crate) thinking: bool,
    pub(crate) output_max: Option<u64>,
    pub(crate) stops: Vec<String>,
    /// Words in front of the last mark of what may be cached.
    pub(crate) cached: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) text: String,
    /// Ids of the tool calls that the model made in this turn.
    pub(crate) calls: Vec<String>,
    /// Id and text of each tool result.
    pub(crate) results: Vec<(String, String)>,
    /// One description each, for example `image/png, 68 bytes`.
    pub(crate) media: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    #[default]
    User,
    Assistant,
}

#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    None,
    Any,
    Named(String),
}

#[derive(Debug)]
pub(crate) enum Format {
    Json,
    Schema(Value),
}

/// What the mock model says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) thinking: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) stop: Stop,
    /// None: the upstream does not say.
    pub(crate) usage: Option<Usage>,
    /// Characters of each piece of a stream; none for words and halves.
    pub(crate) cut: Option<usize>,
}

// === impl Reply ===

impl Reply {
    /// The pieces in which a stream says `text`.
    pub(crate) fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.cut.map_or_else(|| text.split_inclusive(' ').collect(), |cut| every(text, cut))
    }

    /// The pieces in which a stream says thoughts and arguments.
    pub(crate) fn halves<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.cut.map_or_else(|| halves(text).into(), |cut| every(text, cut))
    }
}

/// Two pieces of a text, neither within a character; the second is the longer one.
fn halves(text: &str) -> [&str; 2] {
    let middle = text.len() / 2;
    let at = (0..=middle).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.split_at(at).into()
}

/// Pieces of so many characters.
fn every(text: &str, characters: usize) -> Vec<&str> {
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(characters.max(1)).collect();
    starts.push(text.len());
    starts.windows(2).filter_map(|pair| text.get(*pair.first()?..*pair.last()?)).collect()
}

#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    /// Counts over the whole conversation; each dialect makes its own id of it.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    Length,
    Sequence(String),
    Tools,
    Refusal,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Everything that went in, cached or not.
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    /// Everything that came out, reasoning included.
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

/// Tool calls and results that do not belong together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// A result for a call that nobody made.
    NoSuchCall(String),
    /// A call without its result, though the conversation goes on.
    NotAnswered(String),
}

/// Operators that cache by themselves do so from this many tokens on (OpenAI, Gemini).
const CACHED_UNASKED_MIN: u64 = 1024;

/// Words that such an operator caches: those of long instructions.
pub(crate) fn cached_unasked(turns: &[Turn]) -> u64 {
    let system = turns.iter().filter(|turn| turn.role == Role::System).map(|turn| words(&turn.text)).sum();
    if system < CACHED_UNASKED_MIN { 0 } else { system }
}

// === impl Wish ===

impl Wish {
    /// The last thing that a person said.
    pub(crate) fn last_said(&self) -> Option<&Turn> {
        self.turns.iter().rev().find(|turn| turn.role == Role::User && turn.results.is_empty())
    }

    /// Results of tools that nothing has been said to yet, in order.
    pub(crate) fn fresh_results(&self) -> Vec<&str> {
        let fresh = self.turns.iter().rev().take_while(|turn| !turn.results.is_empty());
        let mut texts: Vec<&str> = fresh.flat_map(|turn| turn.results.iter().rev().map(|(_, text)| text.as_str())).collect();
        texts.reverse();
        texts
    }

    pub(crate) fn calls_made(&self) -> usize {
        self.turns.iter().map(|turn| turn.calls.len()).sum()
    }

    pub(crate) fn input_words(&self) -> u64 {
        let results = |turn: &Turn| turn.results.iter().map(|(_, text)| words(text)).sum::<u64>();
        self.turns.iter().map(|turn| words(&turn.text).saturating_add(results(turn))).sum()
    }

    /// The first tool call or result that stands alone, as real servers complain of it.
    pub(crate) fn gap(&self) -> Option<Gap> {
        let mut open: Vec<&str> = Vec::new();
        for turn in &self.turns {
            for (id, _) in &turn.results {
                match open.iter().position(|waiting| waiting == id) {
                    Some(at) => drop(open.remove(at)),
                    None => return Some(Gap::NoSuchCall(id.clone())),
                }
            }
            if let Some(waiting) = open.first()
                && turn.results.is_empty()
                && turn.calls.is_empty()
            {
                return Some(Gap::NotAnswered((*waiting).to_owned()));
            }
            open.extend(turn.calls.iter().map(String::as_str));
        }
        open.first().map(|waiting| Gap::NotAnswered((*waiting).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(calls: &[&str], results: &[&str]) -> Turn {
        let results = results.iter().map(|id| ((*id).to_owned(), String::new())).collect();
        Turn { calls: calls.iter().map(|id| (*id).to_owned()).collect(), results, ..Turn::default() }
    }

    #[test]
    fn calls_and_results_must_belong_together() {
        let gap = |turns: Vec<Turn>| Wish { turns, ..Wish::default() }.gap();
        assert_eq!(gap(vec![turn(&[], &[]), turn(&["a", "b"], &[]), turn(&[], &["b"]), turn(&[], &["a"]), turn(&[], &[])]), None);
        assert_eq!(gap(vec![turn(&["a"], &[]), turn(&["b"], &[]), turn(&[], &["a"]), turn(&[], &["b"])]), None);
        assert_eq!(gap(vec![turn(&[], &["a"])]), Some(Gap::NoSuchCall("a".to_owned())));
        assert_eq!(gap(vec![turn(&["a"], &[]), turn(&[], &[])]), Some(Gap::NotAnswered("a".to_owned())));
        assert_eq!(gap(vec![turn(&["a"], &[])]), Some(Gap::NotAnswered("a".to_owned())));
    }
}
