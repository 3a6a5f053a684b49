//! Splits server-sent events into frames, byte for byte, wherever the network cut them (WHATWG HTML, section 9.2).
//!
//! A frame is everything up to and including a blank line. Nothing is changed, joined or dropped here; only `data` is looked at.

use std::borrow::Cow;

use bytes::BytesMut;

/// A frame grew over its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTooLarge;

/// Collects bytes and gives out whole frames.
pub(crate) struct Splitter {
    buffer: BytesMut,
    /// Start of the line being read, within `buffer`.
    line: usize,
    /// Everything before this was searched for a line end.
    searched: usize,
    frame_bytes_max: usize,
}

impl Splitter {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), line: 0, searched: 0, frame_bytes_max }
    }

    /// Adds what arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame with its blank line, or nothing until more arrives.
    pub(crate) fn next_frame(&mut self) -> Result<Option<BytesMut>, FrameTooLarge> {
        while let Some(end) = self.line_end() {
            let blank = end.text == self.line;
            self.line = end.next;
            self.searched = end.next;
            if blank {
                return Ok(Some(self.take(end.next)));
            }
        }
        if self.buffer.len() > self.frame_bytes_max { Err(FrameTooLarge) } else { Ok(None) }
    }

    /// At the end of the stream: a last frame that only lacks the byte after its final carriage return, or nothing.
    pub(crate) fn finish(&mut self) -> Option<BytesMut> {
        let blank = self.buffer.get(self.line..) == Some(b"\r");
        let length = self.buffer.len();
        blank.then(|| self.take(length))
    }

    fn take(&mut self, length: usize) -> BytesMut {
        self.line = 0;
        self.searched = 0;
        self.buffer.split_to(length)
    }

    fn line_end(&mut self) -> Option<LineEnd> {
        let rest = self.buffer.get(self.searched..)?;
        let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.searched = self.buffer.len();
            return None;
        };
        let text = self.searched + found;
        let pair = self.buffer.get(text..text + 2);
        match (self.buffer.get(text), pair) {
            (Some(b'\r'), Some(b"\r\n")) => Some(LineEnd { text, next: text + 2 }),
            // A carriage return at the end of what arrived may be half of a pair.
            (Some(b'\r'), None) => {
                self.searched = text;
                None
            }
            _ => Some(LineEnd { text, next: text + 1 }),
        }
    }
}

/// Where a line's text ends, and where the next line begins.
struct LineEnd {
    text: usize,
    next: usize,
}

/// The `data` of a frame, its lines joined by line feeds; nothing for comments and empty frames.
pub(crate) fn data(frame: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    for line in frame.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Some(value) = line.strip_prefix(b"data") else { continue };
        let value = match value {
            [] => value,
            [b':', b' ', rest @ ..] | [b':', rest @ ..] => rest,
            _ => continue,
        };
        match &mut found {
            None => found = Some(Cow::Borrowed(value)),
            Some(before) => {
                before.to_mut().push(b'\n');
                before.to_mut().extend_from_slice(value);
            }
        }
    }
    found
}

/// The name of a frame's event, where it has one.
pub(crate) fn event_name(frame: &[u8]) -> Option<&str> {
    let lines = frame.split(|byte| matches!(byte, b'\n' | b'\r'));
    let name = lines.filter_map(|line| line.strip_prefix(b"event:")).next_back()?;
    std::str::from_utf8(name.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::new(1024);
        let mut frames = Vec::new();
        for chunk in chunks {
            splitter.push(chunk);
            while let Some(frame) = splitter.next_frame().unwrap() {
                frames.push(String::from_utf8(frame.to_vec()).unwrap());
            }
        }
        frames.extend(splitter.finish().map(|frame| String::from_utf8(frame.to_vec()).unwrap()));
        frames
    }

    #[test]
    fn every_kind_of_line_end() {
        assert_eq!(split(&[b"data: a\n\ndata: b\r\n\r\n: c\r\r"]), ["data: a\n\n", "data: b\r\n\r\n", ": c\r\r"]);
        assert_eq!(split(&[b"data: a\r\n\ndata: b\n\r\n"]), ["data: a\r\n\n", "data: b\n\r\n"]);
        assert_eq!(split(&[b"data: a\r\n\r", b"\ndata: b\n\n"]), ["data: a\r\n\r\n", "data: b\n\n"]);
    }

    #[test]
    fn an_unfinished_frame_is_not_given_out() {
        assert_eq!(split(&[b"data: a\n\ndata: half"]), ["data: a\n\n"]);
        assert_eq!(split(&[b"data: a\n"]), [""; 0]);
    }

    #[test]
    fn a_frame_has_a_bound() {
        let mut splitter = Splitter::new(8);
        splitter.push(b"data: 0123456789");
        assert_eq!(splitter.next_frame(), Err(FrameTooLarge));
    }

    #[test]
    fn data_lines_are_joined() {
        assert_eq!(data(b"data: [DONE]\n\n").unwrap().as_ref(), b"[DONE]");
        assert_eq!(data(b"event: x\r\ndata:a\r\ndata: b\r\n\r\n").unwrap().as_ref(), b"a\nb");
        assert_eq!(data(b"data\n\n").unwrap().as_ref(), b"");
        assert!(data(b": comment\n\n").is_none());
        assert!(data(b"database: x\n\n").is_none());
    }

    proptest! {
        /// However the bytes are cut, the same frames come out, and together they are the same bytes.
        #[test]
        fn cuts_do_not_matter(text in "(data: [a-z]{0,5}|: c|event: e|id|)((\n|\r\n|\r)(data: [a-z]{0,5}|: c|)){0,12}(\n\n|\r\n\r\n)", cuts in prop::collection::vec(0usize..200, 0..8)) {
            let whole = split(&[text.as_bytes()]);
            let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut % (text.len() + 1)).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in at {
                pieces.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            pieces.push(&text.as_bytes()[from..]);
            let cut = split(&pieces);
            prop_assert_eq!(&cut, &whole);
            prop_assert!(text.starts_with(&cut.concat()));
        }
    }
}
