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

    /// The next run that is long enough. A run covers a whole step, so one look per step finds it.
    fn next_run(&mut self) -> Option<Hit> {
        loop {
            let probe = self.at + BASE64_MIN - 1;
            if !is_alphabet(*self.text.get(probe)?) {
                self.at = probe + 1;
                continue;
            }
            let back = self.text.get(self.at..probe)?.iter().rev().take_while(|byte| is_alphabet(**byte)).count();
            let start = probe - back;
            let end = probe + self.text.get(probe..)?.iter().take_while(|byte| is_alphabet(**byte)).count();
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

fn is_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
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
