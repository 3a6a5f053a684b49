//! Whether the arguments of a call, which come in pieces, are a whole JSON object by now. Remembers how deep the text stands, never the
//! text itself, so that a long call costs no more than its bytes.

/// How far the arguments have come.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    begun: bool,
    /// An object or a list opened.
    opened: bool,
    /// Objects and lists that are open.
    depth: usize,
    in_text: bool,
    escaped: bool,
}

// === impl Arguments ===

impl Arguments {
    /// More of them.
    pub(super) fn add(&mut self, more: &str) {
        self.begun |= !more.trim().is_empty();
        more.bytes().for_each(|byte| self.byte(byte));
    }

    fn byte(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = self.in_text,
            b'"' => self.in_text = !self.in_text,
            b'{' | b'[' if !self.in_text => {
                self.opened = true;
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Everything that opened has closed.
    pub(super) const fn are_whole(&self) -> bool {
        self.opened && self.depth == 0 && !self.in_text
    }

    /// Whether `more` says that there are none: a word that no object begins with.
    pub(super) fn none_in(&self, more: &str) -> bool {
        !self.begun && more.trim() == "null"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, whole: bool) {
        let mut arguments = Arguments::default();
        text.chars().for_each(|c| arguments.add(c.encode_utf8(&mut [0; 4])));
        assert_eq!(arguments.are_whole(), whole, "{text}");
    }

    #[test]
    fn whole_objects() {
        check(r#"{"a": [1, {"b": "é}\"{"}]} "#, true);
        check("{}", true);
        for cut in ["", " ", "1", r#"{"a": "}"#, r#"{"a": "\"}"#, r#"{"a": {}"#] {
            check(cut, false);
        }
    }

    #[test]
    fn null_is_nothing_only_at_the_beginning() {
        let mut arguments = Arguments::default();
        assert!(arguments.none_in(" null"));
        arguments.add(r#"{"a":"#);
        assert!(!arguments.none_in("null"));
    }
}
