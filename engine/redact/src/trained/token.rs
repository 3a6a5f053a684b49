//! Cuts text into tokens with their places: words, runs of digits, single marks, line breaks.
//!
//! It must never lose a character other than space: what is in no token could never be found.

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A run of letters; one letter in scripts that are written without spaces.
    Word,
    /// A run of digits of any script.
    Digits,
    /// One character that is neither.
    Mark,
    /// White space with a line break in it.
    Break,
}

/// A token: `start..end` are byte offsets on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) sort: Sort,
}

/// All tokens of `text` in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (start, character) in text.char_indices() {
        let end = start.saturating_add(character.len_utf8());
        let Some(sort) = sort(character) else { continue };
        match tokens.last_mut() {
            Some(last) if grows(*last, sort, start) && !stands_alone(character) => last.end = end,
            Some(last) if sort == Sort::Break && last.sort == Sort::Break => last.end = end,
            _ => tokens.push(Token { start, end, sort }),
        }
    }
    tokens
}

/// Nothing for a space.
fn sort(character: char) -> Option<Sort> {
    match character {
        '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Sort::Break),
        _ if character.is_whitespace() => None,
        _ if character.is_alphabetic() || is_joined_to_letters(character) => Some(Sort::Word),
        _ if character.is_numeric() => Some(Sort::Digits),
        _ => Some(Sort::Mark),
    }
}

/// Whether a character of `sort` at `start` belongs to the token before it.
fn grows(last: Token, sort: Sort, start: usize) -> bool {
    last.end == start && last.sort == sort && matches!(sort, Sort::Word | Sort::Digits)
}

/// Accents that follow their letter, and the marks that change how letters join.
fn is_joined_to_letters(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// Letters of scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese): each is a token.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_into_words_digits_marks_and_breaks() {
        let check = |text: &str, expected: &[&str]| {
            let cut: Vec<&str> = tokens(text).iter().map(|token| text.get(token.start..token.end).unwrap()).collect();
            assert_eq!(cut, expected);
        };
        check("Dr. O'Neil, 28029 Madrid", &["Dr", ".", "O", "'", "Neil", ",", "28029", "Madrid"]);
        check("a1b \n\n c", &["a", "1", "b", "\n\n", "c"]);
        check("Cue\u{301}llar 東京 ٣٤", &["Cue\u{301}llar", "東", "京", "٣٤"]);
        check("", &[]);
    }

    proptest::proptest! {
        #[test]
        fn no_character_but_space_is_lost(text in "\\PC{0,60}[\\n a1東\u{301}.]{0,20}") {
            let cut = tokens(&text);
            assert!(cut.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for (at, character) in text.char_indices() {
                let inside = cut.iter().any(|token| token.start <= at && at < token.end);
                assert!(inside || character.is_whitespace(), "{at}");
            }
        }
    }
}
