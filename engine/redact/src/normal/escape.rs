//! Single characters written as HTML entities (`&#64;`, `&#x40;`, `&commat;`), percent-encoded (`%40`) or as escapes of JSON (`\u0040`,
//! `\n`), which stand in texts that quote JSON.
//!
//! Every function is bounded by a few bytes, so a text full of `&`, `%` or `\` stays linear.

/// A character and how long its escape is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Escape {
    pub(super) character: char,
    pub(super) length: usize,
    /// Whether it may be part of a value. What only delimits (`&quot;`) is read too, but makes no text worth a second scan.
    pub(super) hides: bool,
}

/// Longest: `&#x10FFFF;`.
const ENTITY_MAX: usize = 10;

/// The named entities that stand for a part of a value, or around one (HTML Living Standard, named character references).
const NAMED: [(&str, char); 30] = [
    ("commat", '@'),
    ("period", '.'),
    ("plus", '+'),
    ("lowbar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("ndash", '-'),
    ("mdash", '-'),
    ("num", '#'),
    ("percnt", '%'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("nbsp", ' '),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("shy", '\u{AD}'),
    ("zwj", '\u{200D}'),
    ("zwnj", '\u{200C}'),
    ("colon", ':'),
    ("semi", ';'),
    ("comma", ','),
    ("equals", '='),
    ("lpar", '('),
    ("rpar", ')'),
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
];

/// The escape that the text begins with.
pub(super) fn read(text: &str) -> Option<Escape> {
    match text.as_bytes() {
        [b'&', b'#', ..] => numeric(text),
        [b'&', ..] => named(text),
        [b'%', ..] => percent(text),
        [b'\\', ..] => backslash(text),
        _ => None,
    }
}

fn numeric(text: &str) -> Option<Escape> {
    let body = entity_body(text)?;
    let number = body.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    let character = char::from_u32(code.ok()?).filter(|character| !character.is_control())?;
    Some(Escape { character, length: body.len() + 2, hides: true })
}

fn named(text: &str) -> Option<Escape> {
    let body = entity_body(text)?;
    let (_, character) = NAMED.iter().find(|(name, _)| *name == body)?;
    let delimits = matches!(character, ':' | ';' | ',' | '=' | '(' | ')' | '&' | '<' | '>' | '"' | '\'' | '\\');
    Some(Escape { character: *character, length: body.len() + 2, hides: !delimits })
}

/// What stands between `&` and `;`.
fn entity_body(text: &str) -> Option<&str> {
    let end = text.bytes().take(ENTITY_MAX).position(|byte| byte == b';')?;
    text.get(1..end)
}

/// One character of UTF-8 in percent-encoding (RFC 3986 section 2.1).
fn percent(text: &str) -> Option<Escape> {
    let byte = |index: usize| {
        let escape = text.get(index * 3..index * 3 + 3)?;
        let hex = escape.strip_prefix('%')?;
        if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) { u8::from_str_radix(hex, 16).ok() } else { None }
    };
    let first = byte(0)?;
    let count = match first {
        0x20..=0x7E => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let bytes = (0..count).map(byte).collect::<Option<Vec<u8>>>()?;
    let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some(Escape { character, length: count * 3, hides: true })
}

/// An escape of JSON (RFC 8259 section 7). A control character becomes a line's end: it parts words, as that does.
fn backslash(text: &str) -> Option<Escape> {
    let letter = text.chars().nth(1)?;
    let (character, length) = match letter {
        'n' | 'r' | 't' | 'b' | 'f' => ('\n', 2),
        '"' | '\\' | '/' => (letter, 2),
        'u' => unicode(text)?,
        _ => return None,
    };
    let character = if character.is_control() { '\n' } else { character };
    // What parts words hides a value only where it seems to belong to one.
    let joined =
        || text.get(length..).is_some_and(|rest| rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '+' | '(')));
    let hides = match character {
        '"' | '\\' => false,
        '\n' | '/' => joined(),
        _ => true,
    };
    Some(Escape { character, length, hides })
}

/// `\u` and four digits, or two such for a character beyond the first plane.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = [unit(0), unit(6)].into_iter().map_while(std::convert::identity);
    let character = char::decode_utf16(units).next()?.ok()?;
    Some((character, 6 * character.len_utf16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(char, usize)>) {
        assert_eq!(read(text).map(|escape| (escape.character, escape.length)), expected, "{text}");
    }

    #[test]
    fn entities_and_percent_encoding_are_read() {
        check("&#64;x", Some(('@', 5)));
        check("&#x40;", Some(('@', 6)));
        check("&commat;x", Some(('@', 8)));
        check("&nbsp;", Some((' ', 6)));
        check("%40x", Some(('@', 3)));
        check("%C3%A9", Some(('é', 6)));
        check(r"\u0040x", Some(('@', 6)));
        check(r"\u00e9\u00e9", Some(('é', 6)));
        check(r"\ud83d\ude00", Some(('😀', 12)));
        check(r"\nada", Some(('\n', 2)));
        check(r"\u000aada", Some(('\n', 6)));
        check(r"\\nada", Some(('\\', 2)));
    }

    #[test]
    fn what_is_no_escape_is_left_alone() {
        for text in [
            r"\ud83d",
            r"\u12",
            r"\x40",
            r"\",
            r"\é",
            "& b",
            "&unknown;",
            "&#;",
            "&#x110000;",
            "&#10;",
            "&#99999999999;",
            "%",
            "%4",
            "%zz",
            "%0A",
            "%FF",
            "%C3",
            "%C3%28",
            "% 4é",
        ] {
            check(text, None);
        }
    }
}
