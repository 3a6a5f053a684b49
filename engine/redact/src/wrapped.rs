//! Text wrapped in base64: a value inside is found, and the whole run is what is reported, because it cannot be changed in part.
//!
//! A run is decoded only if its beginning decodes to printable text, so hashes, keys and long words cost a few bytes each.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::haystack::Hit;
use crate::limits::{BASE64_MAX, BASE64_MIN};

/// A run of base64 and the text in it.
pub(crate) struct Wrapped {
    pub(crate) run: Hit,
    pub(crate) text: String,
}

/// The runs of a text that hold text, in order.
pub(crate) struct Runs<'t> {
    text: &'t [u8],
    at: usize,
}

// === impl Runs ===

impl<'t> Runs<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    /// The next run that is long enough.
    fn next_run(&mut self) -> Option<Hit> {
        loop {
            let inside = self.at + full_group(self.text.get(self.at..)?)?;
            let start = inside - self.text.get(..inside)?.iter().rev().take_while(|byte| is_alphabet(**byte)).count();
            let end = inside + self.text.get(inside..)?.iter().take_while(|byte| is_alphabet(**byte)).count();
            let padding = self.text.get(end..)?.iter().take(2).take_while(|byte| **byte == b'=').count();
            self.at = end + padding;
            if end - start >= BASE64_MIN {
                return Some(Hit { start, end: end + padding });
            }
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = Wrapped;

    fn next(&mut self) -> Option<Wrapped> {
        loop {
            let run = self.next_run()?;
            // A path or an address may lead to it: `/confirm/YWRhQGV4YW1wbGUub3Jn`.
            let bytes = self.text.get(run.start..run.end)?;
            let after_slash = bytes.iter().rposition(|byte| *byte == b'/').map_or(run.start, |slash| run.start + slash + 1);
            let decoded = [run.start, after_slash].into_iter().find_map(|start| {
                let text = decode(self.text.get(start..run.end)?)?;
                Some(Wrapped { run: Hit { start, end: run.end }, text })
            });
            if decoded.is_some() {
                return decoded;
            }
        }
    }
}

/// Half of the shortest run: wherever that begins, it covers one group of this size.
const GROUP: usize = BASE64_MIN / 2;

/// Where the first group begins that is of the alphabet alone. Blocks of groups are compared at once.
fn full_group(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 4 * GROUP;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let in_block = |block: &[u8; BLOCK]| block.map(is_alphabet).as_chunks().0.iter().position(|group| *group == [true; GROUP]);
    let found = blocks.iter().enumerate().find_map(|(block, bytes)| Some(block * BLOCK + in_block(bytes)? * GROUP));
    let in_rest = || rest.chunks_exact(GROUP).position(|group| group.iter().all(|byte| is_alphabet(*byte)));
    found.or_else(|| Some(blocks.len() * BLOCK + in_rest()? * GROUP))
}

/// The alphabets of base64 (RFC 4648 sections 4 and 5). Without a branch.
fn is_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/') | (byte == b'-') | (byte == b'_')
}

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// How much is decoded to see whether the rest is worth it: a multiple of four.
const TASTE: usize = 16;

fn decode(run: &[u8]) -> Option<String> {
    if !(BASE64_MIN..=BASE64_MAX).contains(&run.len()) {
        return None;
    }
    let engine = if run.iter().any(|byte| matches!(byte, b'-' | b'_')) { &URL } else { &PLAIN };
    let mut taste = [0; TASTE];
    let length = engine.decode_slice(run.get(..TASTE)?, &mut taste).ok()?;
    let taste = taste.get(..length)?;
    let binary = taste.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    if binary || std::str::from_utf8(taste).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    let text = String::from_utf8(engine.decode(run).ok()?).ok()?;
    let (all, printable) = text.chars().fold((0_usize, 0_usize), |(all, printable), character| {
        (all + 1, printable + usize::from(!character.is_control() || character.is_whitespace()))
    });
    (printable * 20 >= all * 19).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(usize, usize, String)> {
        Runs::of(text).map(|wrapped| (wrapped.run.start, wrapped.run.end, wrapped.text)).collect()
    }

    #[test]
    fn runs_that_hold_text_are_found_wherever_they_stand() {
        for gap in 0..20 {
            let text = format!("{}YWRhQGV4YW1wbGUub3Jn {}", " ".repeat(gap), "-".repeat(gap));
            assert_eq!(texts(&text), [(gap, gap + 20, "ada@example.org".to_owned())]);
        }
        assert_eq!(texts("q=YWRhQGV4YW1wbGUub3JnIQ==;"), [(2, 26, "ada@example.org!".to_owned())]);
        assert_eq!(texts("https://a.example/c/YWRhQGV4YW1wbGUub3Jn"), [(20, 40, "ada@example.org".to_owned())]);
    }

    #[test]
    fn what_holds_no_text_is_left_alone() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        for text in [hash, "internationalisation of incomprehensibilities", "short", "YWRhQGV4YW1w", "0000000000000000000000"] {
            assert_eq!(texts(text), [], "{text}");
        }
    }
}
