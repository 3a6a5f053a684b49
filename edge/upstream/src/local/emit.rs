//! Bytes of tokens to pieces of text: whole characters only, and nothing of a stop text, however tokens cut either.

/// What can be sent of an answer so far.
pub(super) struct Emitter {
    held: Vec<u8>,
    stops: Vec<String>,
    stopped: bool,
}

// === impl Emitter ===

impl Emitter {
    pub(super) fn new(stops: Vec<String>) -> Emitter {
        Emitter { held: Vec::new(), stops, stopped: false }
    }

    /// Takes the bytes of one token; gives the text that is certain now, possibly none.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        if let Some(at) = self.stop_at() {
            self.stopped = true;
            self.held.truncate(at);
            return self.rest();
        }
        let certain = self.held.len().saturating_sub(self.stop_begun());
        self.take(certain)
    }

    /// A stop text was written: nothing follows.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// The answer is over: what was held back. Half a character becomes U+FFFD.
    pub(super) fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }

    /// Where the first stop text begins.
    fn stop_at(&self) -> Option<usize> {
        let find = |stop: &String| self.held.windows(stop.len()).position(|window| window == stop.as_bytes());
        self.stops.iter().filter_map(find).min()
    }

    /// Bytes at the end that may be the beginning of a stop text.
    fn stop_begun(&self) -> usize {
        let begun =
            |stop: &String| (1..stop.len()).rev().find(|count| self.held.ends_with(stop.as_bytes().get(..*count).unwrap_or(&[0xFF])));
        self.stops.iter().filter_map(begun).max().unwrap_or(0)
    }

    /// Up to `end`, less half a character there.
    fn take(&mut self, end: usize) -> String {
        let mut text = String::new();
        let mut taken = 0;
        for chunk in self.held.get(..end).unwrap_or_default().utf8_chunks() {
            text.push_str(chunk.valid());
            taken += chunk.valid().len();
            if taken + chunk.invalid().len() == end && may_go_on(chunk.invalid()) {
                break;
            }
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                taken += chunk.invalid().len();
            }
        }
        self.held.drain(..taken);
        text
    }
}

/// Whether these bytes are the beginning of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pieces: &[&[u8]], stops: &[&str], expected: &[&str]) {
        let mut emitter = Emitter::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut got: Vec<String> = pieces.iter().map(|piece| emitter.push(piece)).collect();
        got.push(emitter.rest());
        assert_eq!(got, expected);
    }

    #[test]
    fn a_character_waits_for_its_last_byte() {
        check(&[b"a\xE5", b"\xAD", b"\x97b"], &[], &["a", "", "字b", ""]);
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced_and_do_not_block() {
        check(&[b"\xFF", b"ok", b"\xE5"], &[], &["\u{FFFD}", "ok", "", "\u{FFFD}"]);
    }

    #[test]
    fn a_stop_text_over_three_tokens_is_never_seen() {
        check(&[b"one E", b"N", b"D two"], &["END"], &["one ", "", "", ""]);
    }

    #[test]
    fn what_only_looked_like_a_stop_text_comes_later() {
        check(&[b"one E", b"N", b"ough"], &["END"], &["one ", "", "ENough", ""]);
    }

    #[test]
    fn the_first_of_two_stop_texts_counts() {
        check(&[b"a, b. c"], &[".", ","], &["a", ""]);
    }

    proptest! {
        #[test]
        fn however_text_is_cut_it_comes_out_whole(text in "\\PC{0,40}", cuts in prop::collection::vec(0usize..160, 0..8)) {
            let mut emitter = Emitter::new(vec!["\u{E000}stop".to_owned(), "b\u{E000}".to_owned()]);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let mut got: String = cuts.windows(2).map(|pair| emitter.push(&text.as_bytes()[pair[0]..pair[1]])).collect();
            got.push_str(&emitter.rest());
            prop_assert_eq!(got, text);
        }
    }
}
