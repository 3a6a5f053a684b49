//! Every string and number of a JSON text, with its bytes and its path: an edit replaces one of them and leaves the rest as it came.
//!
//! Reads the text once from front to back, never recurses and never builds a tree. A text that is not JSON is refused as a whole, but
//! what stands before the fault has been seen by then.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Number;

/// Calls `each` for every string, key and number, in the order of the text.
///
/// # Errors
/// If the text is not one JSON value, or one that is nested too deeply.
pub(crate) fn strings<'a>(json: &'a str, each: &mut impl FnMut(&Place<'_, 'a>)) -> Result<(), Malformed> {
    let mut walk = Walk { json, at: 0, path: Vec::new(), opens: Vec::new() };
    walk.space();
    loop {
        let whole = walk.value(each)?;
        if whole && !walk.after_value(each)? {
            return Ok(());
        }
    }
}

/// One string, key or number.
pub(crate) struct Place<'p, 'a> {
    /// From the outermost value to this one. The path of a key ends in the key itself, as that of its value does.
    pub(crate) path: &'p [Step<'a>],
    /// For each step, the byte at which the list or object opens that it leads into: siblings share the last one.
    pub(crate) opens: &'p [usize],
    pub(crate) what: What,
    /// As it stands in the text, without quotes.
    pub(crate) raw: &'a str,
    /// Where it stands in the text, with quotes.
    pub(crate) range: Range<usize>,
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Into the member of that name, unescaped.
    Name(Cow<'a, str>),
    /// To an item of a list.
    Index(usize),
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Key,
    Text,
    Number,
}

/// A part of a string.
pub(crate) enum Piece<'a> {
    /// Text, unescaped.
    Text(Cow<'a, str>),
    /// The escape of half a character, as it stands: some servers cut a string within a surrogate pair.
    Half(&'a str),
}

/// The text is not JSON. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not JSON")]
pub(crate) struct Malformed;

/// The digits of a number as detectors read them: without its sign and its fraction.
pub(crate) fn digits(number: &Number) -> String {
    let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    whole.map_or_else(|| format!("{:.0}", number.as_f64().unwrap_or_default().abs()), |whole| whole.to_string())
}

/// The string as JSON, with quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    escape(text, &mut out);
    out.push('"');
    out
}

/// Adds the text as it stands between the quotes of a JSON string.
pub(crate) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut letters = special.chars();
        match letters.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            Some(letter) => out.extend(['\\', letter]),
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
}

/// Whole numbers of so many digits may be rounded when they are parsed: those below `i64::MIN`.
const DIGITS_ROUNDED: usize = 19;

/// A text may nest this deep: more than any JSON that people mean, and short enough to look through a path.
const DEPTH_MAX: usize = 512;

struct Walk<'a> {
    json: &'a str,
    at: usize,
    path: Vec<Step<'a>>,
    opens: Vec<usize>,
}

// === impl Place ===

impl<'a> Place<'_, 'a> {
    pub(crate) fn is_key(&self) -> bool {
        self.what == What::Key
    }

    pub(crate) fn is_number(&self) -> bool {
        self.what == What::Number
    }

    /// The name of the member that this is the key or value of; nothing for items of lists.
    pub(crate) fn name(&self) -> Option<&str> {
        self.path.last().and_then(Step::name)
    }

    /// The text, unescaped. Half a character stands there as U+FFFD; [`pieces`](Self::pieces) keeps it.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        text(self.raw)
    }

    /// The text, unescaped, or the digits of a number: what detectors read here.
    ///
    /// INVARIANT: a number that `Document` gives to detectors has the same digits here, or what they find in it is not replaced.
    pub(crate) fn read(&self) -> Cow<'a, str> {
        match self.what {
            What::Key | What::Text => self.text(),
            What::Number => {
                let plain = self.raw.trim_start_matches('-');
                let is_whole = plain.bytes().all(|byte| byte.is_ascii_digit());
                // Exact in `Document`, or no text there: it counts as it is written, to the last digit.
                if is_whole && plain.len() != DIGITS_ROUNDED {
                    return Cow::Borrowed(plain);
                }
                serde_json::from_str(self.raw).map_or(Cow::Borrowed(plain), |number| Cow::Owned(digits(&number)))
            }
        }
    }

    /// The text, unescaped, between halves of characters. Most strings are one piece; the empty one is none.
    pub(crate) fn pieces(&self) -> Pieces<'a> {
        Pieces { rest: self.raw }
    }
}

fn text(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let add = |text: String, piece: Piece<'_>| match piece {
        Piece::Text(piece) => text + &piece,
        Piece::Half(_) => text + "\u{fffd}",
    };
    Cow::Owned(Pieces { rest: raw }.fold(String::with_capacity(raw.len()), add))
}

// === impl Step ===

impl Step<'_> {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    /// Reads a value, or only the beginning of a list or object that has something in it; whether it was whole.
    fn value(&mut self, each: &mut impl FnMut(&Place<'_, 'a>)) -> Result<bool, Malformed> {
        let start = self.at;
        match self.peek().ok_or(Malformed)? {
            b'"' => {
                let raw = self.string()?;
                self.report((What::Text, raw, start), each);
            }
            b'{' => return self.open(b'}', each),
            b'[' => return self.open(b']', each),
            b'-' | b'0'..=b'9' => {
                let raw = self.number()?;
                self.report((What::Number, raw, start), each);
            }
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            _ => return Err(Malformed),
        }
        Ok(true)
    }

    /// Goes on to the next value, out of all that ends here; false at the end of the text.
    fn after_value(&mut self, each: &mut impl FnMut(&Place<'_, 'a>)) -> Result<bool, Malformed> {
        loop {
            self.space();
            let Some(byte) = self.peek() else {
                return if self.path.is_empty() { Ok(false) } else { Err(Malformed) };
            };
            self.at += 1;
            match (self.path.last_mut(), byte) {
                (Some(Step::Index(index)), b',') => {
                    *index += 1;
                    self.space();
                    return Ok(true);
                }
                (Some(Step::Name(_)), b',') => {
                    self.space();
                    self.key(each)?;
                    return Ok(true);
                }
                (Some(Step::Index(_)), b']') | (Some(Step::Name(_)), b'}') => {
                    self.path.pop();
                    self.opens.pop();
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// Into a list or object, which is whole if nothing is in it.
    fn open(&mut self, close: u8, each: &mut impl FnMut(&Place<'_, 'a>)) -> Result<bool, Malformed> {
        let start = self.at;
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(true);
        }
        if self.path.len() >= DEPTH_MAX {
            return Err(Malformed);
        }
        self.path.push(Step::Index(0));
        self.opens.push(start);
        if close == b'}' {
            self.key(each)?;
        }
        Ok(false)
    }

    /// Reads a key up to its value.
    fn key(&mut self, each: &mut impl FnMut(&Place<'_, 'a>)) -> Result<(), Malformed> {
        let start = self.at;
        let raw = self.string()?;
        if let Some(last) = self.path.last_mut() {
            *last = Step::Name(text(raw));
        }
        self.report((What::Key, raw, start), each);
        self.space();
        if self.peek() != Some(b':') {
            return Err(Malformed);
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn report(&self, (what, raw, start): (What, &'a str, usize), each: &mut impl FnMut(&Place<'_, 'a>)) {
        each(&Place { path: &self.path, opens: &self.opens, what, raw, range: start..self.at });
    }

    /// Reads a string; what stands between its quotes.
    fn string(&mut self) -> Result<&'a str, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(Malformed);
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.json.as_bytes().get(at..).unwrap_or_default();
            at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).ok_or(Malformed)?;
            match self.json.as_bytes().get(at..).unwrap_or_default() {
                [b'"', ..] => break,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => at += 6,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => at += 2,
                _ => return Err(Malformed),
            }
        }
        self.at = at + 1;
        self.json.get(start..at).ok_or(Malformed)
    }

    fn number(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        self.skip(b"-");
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        self.json.get(start..self.at).ok_or(Malformed)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits == 0 { Err(Malformed) } else { Ok(()) }
    }

    fn literal(&mut self, word: &str) -> Result<(), Malformed> {
        let found = self.json.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += word.len();
        if found { Ok(()) } else { Err(Malformed) }
    }

    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

// === impl Pieces ===

/// The pieces of a string.
pub(crate) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let mut text = String::new();
        let mut rest = self.rest;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            match unescaped(escaped) {
                (Some(letter), after) => {
                    text.push_str(plain);
                    text.push(letter);
                    rest = after;
                }
                (None, after) if text.is_empty() && plain.is_empty() => {
                    let half = rest.len().saturating_sub(after.len());
                    self.rest = after;
                    return rest.get(..half).map(Piece::Half);
                }
                (None, _) => {
                    self.rest = rest.get(plain.len()..)?;
                    text.push_str(plain);
                    return Some(Piece::Text(Cow::Owned(text)));
                }
            }
        }
        self.rest = "";
        match (text.is_empty(), rest.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Piece::Text(Cow::Borrowed(rest))),
            (false, _) => Some(Piece::Text(Cow::Owned(text + rest))),
        }
    }
}

/// What an escape stands for, and what follows it; nothing if it is half a character. `escaped` begins after the backslash.
fn unescaped(escaped: &str) -> (Option<char>, &str) {
    let mut letters = escaped.chars();
    let letter = match letters.next() {
        Some('u') => return unescaped_unit(letters.as_str()),
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(other) => other,
        None => '\\',
    };
    (Some(letter), letters.as_str())
}

fn unescaped_unit(digits: &str) -> (Option<char>, &str) {
    let (unit, after) = unit(digits);
    if let Some(letter) = unit.and_then(char::from_u32) {
        return (Some(letter), after);
    }
    let second = after.strip_prefix("\\u").map(self::unit);
    match (unit, second) {
        (Some(high @ 0xd800..=0xdbff), Some((Some(low @ 0xdc00..=0xdfff), rest))) => {
            (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), rest)
        }
        _ => (None, after),
    }
}

fn unit(digits: &str) -> (Option<u32>, &str) {
    digits.split_at_checked(4).map_or((None, ""), |(digits, after)| (u32::from_str_radix(digits, 16).ok(), after))
}

#[cfg(test)]
mod tests;
