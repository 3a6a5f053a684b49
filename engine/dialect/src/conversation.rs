//! What operators want of a conversation, and callers of other dialects do not know: that somebody speaks, and that whoever speaks says
//! something. Each step is for the writers that need it, before they write; none of them takes away anything that a model could read.

use std::borrow::Cow;

use crate::ask::{Ask, CacheMark, Part, Role, Said, Turn};
use crate::error::CannotHonour;

/// Instructions alone are what the user says: Anthropic, Bedrock, Gemini and OpenAI's responses refuse a conversation without a turn.
pub(crate) fn with_a_turn(ask: &Ask) -> Cow<'_, Ask> {
    if !ask.turns.is_empty() || ask.system.is_empty() {
        return Cow::Borrowed(ask);
    }
    let mut ask = ask.clone();
    let parts = std::mem::take(&mut ask.system);
    ask.turns.push(Turn { role: Role::User, parts });
    Cow::Owned(ask)
}

/// Without texts that are only white space, which Anthropic and Bedrock refuse beside anything else. A wish to cache that stood there moves
/// to the part before. A side that says nothing else keeps them: that they are refused is then the upstream's to say.
pub(crate) fn without_blank(ask: &Ask) -> Cow<'_, Ask> {
    let parts = ask.system.iter().chain(ask.turns.iter().flat_map(|turn| &turn.parts));
    if !parts.into_iter().any(|said| is_blank(&said.value) || said.value.result().iter().any(|said| is_blank(&said.value))) {
        return Cow::Borrowed(ask);
    }
    let mut ask = ask.clone();
    for turn in &mut ask.turns {
        turn.parts.retain(|said| !says_nothing(&said.value));
    }
    ask.turns.retain(|turn| !turn.parts.is_empty());
    let speaks = speaks(&ask.turns);
    let mut mark = None;
    for (turn, _) in ask.turns.iter_mut().zip(speaks).rev().filter(|(_, speaks)| *speaks) {
        drop_blank(&mut turn.parts, &mut mark);
    }
    drop_blank(&mut ask.system, &mut mark);
    ask.turns.retain(|turn| !turn.parts.is_empty());
    Cow::Owned(ask)
}

/// Of each turn, whether its side says more there than white space.
fn speaks(turns: &[Turn]) -> Vec<bool> {
    let sides = turns.chunk_by(|one, next| one.role == next.role);
    let speaks = |side: &[Turn]| side.iter().flat_map(|turn| &turn.parts).any(|said| !is_blank(&said.value));
    sides.flat_map(|side| std::iter::repeat_n(speaks(side), side.len())).collect()
}

/// From the last part to the first: `mark` is a wish to cache on its way to a part that can bear one. Where none comes any more, there is
/// nothing to cache either.
fn drop_blank(parts: &mut Vec<Said<Part>>, mark: &mut Option<CacheMark>) {
    let mut kept = Vec::with_capacity(parts.len());
    for mut said in std::mem::take(parts).into_iter().rev() {
        if is_blank(&said.value) {
            *mark = longer(*mark, said.value.cache());
            continue;
        }
        if let Part::ToolResult { content, cache, .. } = &mut said.value {
            let mut within = None;
            drop_blank(content, &mut within);
            *cache = longer(*cache, within);
        }
        if let Some(slot) = said.value.cache_mut() {
            *slot = longer(*slot, mark.take());
        }
        kept.push(said);
    }
    kept.reverse();
    *parts = kept;
}

fn longer(one: Option<CacheMark>, other: Option<CacheMark>) -> Option<CacheMark> {
    if other == Some(CacheMark::Hour) { other } else { one.or(other) }
}

fn is_blank(part: &Part) -> bool {
    matches!(part, Part::Text { text, .. } | Part::Refusal { text } if text.trim().is_empty())
}

fn says_nothing(part: &Part) -> bool {
    matches!(part, Part::Text { text, cache: None } | Part::Refusal { text } if text.is_empty())
}

/// The seal of thoughts that go back to an operator which wants one. Thoughts without it cannot be told from words that somebody put into
/// the model's head, and are refused by name; without a text they say nothing, and there is nothing to send.
pub(crate) fn needed_seal<'a>(said: &'a Said<Part>, whose: &str) -> Result<Option<&'a str>, CannotHonour> {
    if said.value.is_nothing() {
        return Ok(None);
    }
    said.value
        .seal()
        .map(Some)
        .ok_or_else(|| said.cannot(&format!("is thinking without a signature, which {whose} refuses: leave it out of what you hand back")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(role: Role, texts: &[&str]) -> Turn {
        // `!` marks a text to be cached.
        let part = |text: &&str| match text.strip_suffix('!') {
            Some(text) => Part::Text { text: text.to_owned(), cache: Some(CacheMark::Hour) },
            None => Part::text(*text),
        };
        Turn { role, parts: texts.iter().map(|text| Said::new("p", part(text))).collect() }
    }

    fn check(turns: &[(Role, &[&str])], expected: &[(Role, &[&str])]) {
        let all = |turns: &[(Role, &[&str])]| turns.iter().map(|(role, texts)| side(*role, texts)).collect::<Vec<_>>();
        let ask = Ask { turns: all(turns), ..Ask::default() };
        assert_eq!(without_blank(&ask).turns, all(expected));
    }

    #[test]
    fn blank_texts_go_where_something_else_is_said() {
        use Role::{Assistant, User};
        check(&[(User, &["a", " \n", "b"])], &[(User, &["a", "b"])]);
        check(&[(User, &["a"]), (User, &[" "])], &[(User, &["a"])]);
        check(&[(User, &["a"]), (Assistant, &[""]), (User, &[" "])], &[(User, &["a"])]);
        check(&[(User, &[" "])], &[(User, &[" "])]);
        check(&[(User, &["a"]), (Assistant, &["\n"]), (User, &["b"])], &[(User, &["a"]), (Assistant, &["\n"]), (User, &["b"])]);
    }

    #[test]
    fn a_wish_to_cache_moves_to_the_part_before() {
        use Role::{Assistant, User};
        check(&[(User, &["a", " !"])], &[(User, &["a!"])]);
        check(&[(User, &["a"]), (Assistant, &["!", "b"])], &[(User, &["a!"]), (Assistant, &["b"])]);
        check(&[(User, &["!", "b"])], &[(User, &["b"])]);
        let ask = Ask { system: side(User, &["s", "\n!"]).parts, ..Ask::default() };
        assert_eq!(without_blank(&ask).system, side(User, &["s!"]).parts);
    }

    #[test]
    fn a_result_may_be_empty() {
        let result = |content: &[&str], cache| {
            let content = side(Role::User, content).parts;
            let part = Part::ToolResult { id: "i".into(), content, is_error: false, cache };
            Ask { turns: vec![Turn { role: Role::User, parts: vec![Said::new("r", part)] }], ..Ask::default() }
        };
        assert_eq!(*without_blank(&result(&["a", "\n!"], None)), result(&["a!"], None));
        assert_eq!(*without_blank(&result(&["\n!"], None)), result(&[], Some(CacheMark::Hour)));
    }

    #[test]
    fn what_has_nothing_blank_is_not_touched() {
        let ask = Ask { turns: vec![side(Role::User, &["a"])], ..Ask::default() };
        assert!(matches!((without_blank(&ask), with_a_turn(&ask)), (Cow::Borrowed(_), Cow::Borrowed(_))));
    }

    #[test]
    fn instructions_alone_are_what_the_user_says() {
        let ask = Ask { system: side(Role::User, &["s"]).parts, ..Ask::default() };
        assert_eq!(*with_a_turn(&ask), Ask { turns: vec![side(Role::User, &["s"])], ..Ask::default() });
    }

    #[test]
    fn thoughts_need_their_seal() {
        let thought = |text: &str, signature: Option<&str>| {
            Said::new("p", Part::Thinking { text: text.into(), signature: signature.map(str::to_owned) })
        };
        assert_eq!(needed_seal(&thought("hm", Some("s")), "it"), Ok(Some("s")));
        assert_eq!(needed_seal(&thought("", Some("s")), "it"), Ok(Some("s")));
        for none in [None, Some("")] {
            assert_eq!(needed_seal(&thought("", none), "it"), Ok(None));
            assert_eq!(needed_seal(&thought("hm", none), "it").unwrap_err().field(), "p");
        }
    }
}
