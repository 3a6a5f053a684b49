//! Edits of a body by cutting and joining its bytes: all that is not edited leaves exactly as it came.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Replace the bytes of `place` by `text`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) place: Range<usize>,
    pub(crate) text: String,
}

// === impl Edit ===

impl fmt::Debug for Edit {
    /// Where and how long, and nothing of the text: it may be a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edit({:?}: {} bytes)", self.place, self.text.len())
    }
}

/// The body with all edits made. They must not overlap; the same body comes back uncopied if there are none.
pub(crate) fn apply(body: &Bytes, mut edits: Vec<Edit>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|edit| edit.place.start);
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = BytesMut::with_capacity(body.len().saturating_add(added));
    let mut from = 0;
    for edit in &edits {
        out.extend_from_slice(body.get(from..edit.place.start).unwrap_or_default());
        out.extend_from_slice(edit.text.as_bytes());
        from = edit.place.end;
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out.freeze()
}

/// The same for a text.
pub(crate) fn apply_text(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.place.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for edit in &edits {
        out.push_str(text.get(from..edit.place.start).unwrap_or_default());
        out.push_str(&edit.text);
        from = edit.place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Adds a field at the end of the object that `body` is.
pub(crate) fn add_field(body: &[u8], name: &str, json: &str) -> Edit {
    let end = body.iter().rposition(|byte| *byte == b'}').unwrap_or(body.len());
    let before = body.get(..end).unwrap_or_default().trim_ascii_end();
    let comma = if before.ends_with(b"{") { "" } else { "," };
    Edit { place: end..end, text: format!("{comma}\"{name}\":{json}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_prints_nothing_of_its_text() {
        assert_eq!(format!("{:?}", Edit { place: 3..9, text: "ada@example.org".to_owned() }), "Edit(3..9: 15 bytes)");
    }

    #[test]
    fn only_the_places_change() {
        let body = Bytes::from_static(b"{ \"model\" : \"a\", \"x\":[1, 2] }\n");
        let edits = vec![add_field(&body, "store", "false"), Edit { place: 12..15, text: "\"longer\"".to_owned() }];
        assert_eq!(apply(&body, edits), "{ \"model\" : \"longer\", \"x\":[1, 2] ,\"store\":false}\n");
        assert_eq!(apply(&body, Vec::new()).as_ptr(), body.as_ptr());
        assert_eq!(apply(&Bytes::from_static(b"{ }"), vec![add_field(b"{ }", "a", "1")]), "{ \"a\":1}");
    }
}
