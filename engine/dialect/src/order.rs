//! The order that upstreams want: the results of functions right after the turn that called them. Callers of responses may say something
//! between a call and its result, which no other dialect takes.

use std::collections::HashMap;

use crate::ask::{Part, Role, Said, Turn};

/// A turn of the conversation in its new order.
pub(crate) struct Ordered<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<&'a Said<Part>>,
}

/// The turns, with results moved right after the last turn in a row that holds their call. A result whose call is not in the turns before
/// stands first in what its side says at once. Everything else keeps its order.
pub(crate) fn results_after_calls(turns: &[Turn]) -> Vec<Ordered<'_>> {
    let mut results = results(turns);
    let mut ordered = Vec::with_capacity(turns.len());
    let user = |parts| Ordered { role: Role::User, parts };
    for (at, turn) in turns.iter().enumerate() {
        ordered.extend(results.remove(&at).map(user));
        let parts: Vec<_> = turn.parts.iter().filter(|said| !is_result(turn.role, said)).collect();
        if !parts.is_empty() || turn.parts.is_empty() {
            ordered.push(Ordered { role: turn.role, parts });
        }
    }
    ordered.extend(results.remove(&turns.len()).map(user));
    ordered
}

/// The results, by how many turns stand before them.
fn results(turns: &[Turn]) -> HashMap<usize, Vec<&Said<Part>>> {
    let mut results: HashMap<usize, Vec<&Said<Part>>> = HashMap::new();
    // Where the results of a call go. Ids may come again later: then they mean the later call.
    let mut called: HashMap<&str, usize> = HashMap::new();
    let mut before = 0_usize;
    for at_once in turns.chunk_by(|one, next| one.role == next.role) {
        let after = before.saturating_add(at_once.len());
        for (role, said) in at_once.iter().flat_map(|turn| turn.parts.iter().map(|said| (turn.role, said))) {
            match &said.value {
                Part::ToolCall { id, .. } => {
                    called.insert(id, after);
                }
                Part::ToolResult { id, .. } if is_result(role, said) => {
                    results.entry(called.get(id.as_str()).copied().unwrap_or(before)).or_default().push(said);
                }
                Part::Text { .. }
                | Part::Image { .. }
                | Part::File { .. }
                | Part::Audio(_)
                | Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::Refusal { .. }
                | Part::ToolResult { .. } => {}
            }
        }
        before = after;
    }
    results
}

/// A result where results may stand; anywhere else it stays, and whoever writes it says what is wrong.
fn is_result(role: Role, said: &Said<Part>) -> bool {
    role == Role::User && matches!(said.value, Part::ToolResult { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of one turn each: `f1` calls, `r1` is the result, a digit the id; `u`, `a`, `s` are texts, `-` says nothing.
    fn turn(words: &str) -> Turn {
        let part = |word: &str| match word.split_at(1) {
            ("f", id) => Part::ToolCall { id: id.into(), name: "f".into(), arguments: String::new(), cache: None },
            ("r", id) => Part::ToolResult { id: id.into(), content: Vec::new(), is_error: false, cache: None },
            (text, _) => Part::text(text),
        };
        let role = match words.as_bytes()[0] {
            b'a' | b'f' => Role::Assistant,
            b's' => Role::System,
            _ => Role::User,
        };
        Turn { role, parts: words.split('+').filter(|word| *word != "-").map(|word| Said::new(word, part(word))).collect() }
    }

    #[track_caller]
    fn check(turns: &str, expected: &str) {
        let turns: Vec<_> = turns.split(' ').map(turn).collect();
        let fields = |turn: &Ordered<'_>| turn.parts.iter().map(|said| said.field.as_str()).collect::<Vec<_>>().join("+");
        let ordered = results_after_calls(&turns);
        assert_eq!(ordered.iter().map(fields).collect::<Vec<_>>().join(" "), expected);
        assert!(ordered.iter().all(|turn| turn.parts.iter().all(|said| !is_result(Role::User, said) || turn.role == Role::User)));
    }

    #[test]
    fn what_is_in_order_stays() {
        check("u a+f1 r1 a", "u a+f1 r1 a");
        check("f1 f2 r1 r2 u", "f1 f2 r1+r2 u");
        check("u u - a", "u u  a");
    }

    #[test]
    fn results_follow_their_calls() {
        check("f1 u r1", "f1 r1 u");
        check("f1 u+r1", "f1 r1 u");
        check("f1 s r1 a", "f1 r1 s a");
        check("f1 f2 u r2 a r1", "f1 f2 r2+r1 u a");
        check("f1 u f2 r2+r1", "f1 r1 u f2 r2");
    }

    #[test]
    fn an_id_that_comes_again_means_the_later_call() {
        check("f1 r1 f1 u r1", "f1 r1 f1 r1 u");
    }

    #[test]
    fn a_result_without_its_call_stands_first() {
        check("a u u+r9", "a r9 u u");
        check("r9 f9", "r9 f9");
    }
}
