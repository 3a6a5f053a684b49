//! Frames of server-sent events, as bytes: where one ends, and where its data stands in it (WHATWG HTML, section 9.2).
//!
//! Only data is ever changed: names of events, comments and line ends stay as they came.

use std::borrow::Cow;
use std::ops::Range;

use crate::strings::Malformed;

/// Where the frame ends that begins at `from`, with its blank line. What follows the last blank line is a frame too.
pub(super) fn end(frames: &[u8], from: usize) -> Option<usize> {
    if from >= frames.len() {
        return None;
    }
    let mut at = from;
    while let Some(line) = line(frames, at) {
        if line.text.is_empty() {
            return Some(line.next);
        }
        at = line.next;
    }
    Some(frames.len())
}

/// The data of a frame: one line, or several to be joined by line feeds.
pub(super) struct Data<'f> {
    joined: Cow<'f, [u8]>,
    /// For each line, where it begins in the data and in the frame.
    lines: Vec<(usize, usize)>,
}

// === impl Data ===

impl<'f> Data<'f> {
    /// Nothing for comments and events without data.
    pub(super) fn of(frame: &'f [u8]) -> Option<Self> {
        let mut data: Option<Self> = None;
        let mut at = 0;
        while let Some(line) = line(frame, at) {
            at = line.next;
            let Some(start) = frame.get(line.text.clone()).and_then(data_start) else { continue };
            let start = line.text.start + start;
            let value = frame.get(start..line.text.end).unwrap_or_default();
            match &mut data {
                None => data = Some(Self { joined: Cow::Borrowed(value), lines: vec![(0, start)] }),
                Some(before) => {
                    let joined = before.joined.to_mut();
                    joined.push(b'\n');
                    before.lines.push((joined.len(), start));
                    joined.extend_from_slice(value);
                }
            }
        }
        data
    }

    pub(super) fn text(&self) -> Result<Cow<'_, str>, Malformed> {
        std::str::from_utf8(&self.joined).map(Cow::Borrowed).map_err(|_| Malformed)
    }

    /// Where a part of the data stands in the frame. It must not go over the end of a line, which no string does.
    pub(super) fn place(&self, part: &Range<usize>) -> Range<usize> {
        let line = self.lines.iter().rev().find(|(in_data, _)| *in_data <= part.start);
        let start = line.map_or(part.start, |(in_data, in_frame)| in_frame + (part.start - in_data));
        start..start + part.len()
    }
}

struct Line {
    text: Range<usize>,
    next: usize,
}

/// The line that begins at `at`; nothing at the end.
fn line(bytes: &[u8], at: usize) -> Option<Line> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
        return Some(Line { text: at..bytes.len(), next: bytes.len() });
    };
    let end = at + length;
    let pair = bytes.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
    Some(Line { text: at..end, next: end + 1 + usize::from(pair) })
}

/// Where the value begins in a line of data.
fn data_start(line: &[u8]) -> Option<usize> {
    match line.strip_prefix(b"data")? {
        [] => Some(4),
        [b':', b' ', ..] => Some(6),
        [b':', ..] => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &str) -> Vec<&str> {
        let mut frames = Vec::new();
        let mut from = 0;
        while let Some(end) = end(bytes.as_bytes(), from) {
            frames.push(bytes.get(from..end).unwrap());
            from = end;
        }
        frames
    }

    #[test]
    fn every_kind_of_line_end() {
        assert_eq!(frames("data: a\n\ndata: b\r\n\r\n: c\r\r"), ["data: a\n\n", "data: b\r\n\r\n", ": c\r\r"]);
        assert_eq!(frames("data: a\r\n\ndata: b\n\r\nrest"), ["data: a\r\n\n", "data: b\n\r\n", "rest"]);
        assert_eq!(frames("\n\n"), ["\n", "\n"]);
        assert_eq!(frames(""), [""; 0]);
    }

    #[test]
    fn data_keeps_its_place() {
        let check = |frame: &str, text: &str, part: &str| {
            let data = Data::of(frame.as_bytes()).unwrap();
            let found = data.text().unwrap();
            assert_eq!(found, text);
            let start = found.find(part).unwrap();
            assert_eq!(frame.get(data.place(&(start..start + part.len()))), Some(part));
        };
        check("event: x\ndata: {\"a\"}\n\n", "{\"a\"}", "\"a\"");
        check("data:{\r\ndata: \"ab\",\r\nid: 1\r\ndata\r\ndata: \"c\"}\r\n\r\n", "{\n\"ab\",\n\n\"c\"}", "\"ab\"");
        check("data:{\r\ndata: \"ab\",\r\nid: 1\r\ndata\r\ndata: \"c\"}\r\n\r\n", "{\n\"ab\",\n\n\"c\"}", "\"c\"");
        assert!(Data::of(b": data: x\nevent: y\ndatabase: z\n\n").is_none());
    }
}
