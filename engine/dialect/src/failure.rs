//! A failed function in words, for dialects that have no member for it: the model must learn that what it reads is an error.

use std::borrow::Cow;

use crate::ask::{Part, Said};

/// What a function gave; where it failed, the first text begins with `Error: `, unless it begins with that word already.
pub(crate) fn in_words<'c>(content: &'c [Said<Part>], (field, is_error): (&str, bool)) -> Cow<'c, [Said<Part>]> {
    if !is_error {
        return Cow::Borrowed(content);
    }
    match content.split_first() {
        Some((Said { value: Part::Text { text, .. }, .. }, _)) if names_an_error(text) => Cow::Borrowed(content),
        Some((Said { value: Part::Text { text, cache }, field }, rest)) => {
            let first = Said::new(field, Part::Text { text: format!("Error: {text}"), cache: *cache });
            Cow::Owned(std::iter::once(first).chain(rest.iter().cloned()).collect())
        }
        Some(_) | None => Cow::Owned(std::iter::once(Said::new(field, Part::text("Error"))).chain(content.iter().cloned()).collect()),
    }
}

fn names_an_error(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[Part], expected: &[Part]) {
        let said: Vec<_> = content.iter().cloned().map(|part| Said::new("c", part)).collect();
        let words: Vec<_> = in_words(&said, ("r", true)).iter().map(|said| said.value.clone()).collect();
        assert_eq!(words, expected);
        assert_eq!(*in_words(&said, ("r", false)), said);
    }

    #[test]
    fn a_failed_function_says_so() {
        check(&[Part::text("no such city"), Part::text("x")], &[Part::text("Error: no such city"), Part::text("x")]);
        check(&[Part::text("ERROR 404")], &[Part::text("ERROR 404")]);
        check(&[], &[Part::text("Error")]);
        let picture = Part::Refusal { text: "anything but text".into() };
        check(std::slice::from_ref(&picture), &[Part::text("Error"), picture.clone()]);
    }
}
