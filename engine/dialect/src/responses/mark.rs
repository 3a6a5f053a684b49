//! What is packed into `encrypted_content` and signatures, which callers hand back untouched. Neither `:` mark can be mistaken for content:
//! operators write theirs in base64.

/// Before thoughts that only their operator can read, so that they come back as such and not as a signature.
const REDACTED: &str = "redacted:";

/// `encrypted_content` of thoughts that their operator did not sign: without any, the item would name something that an operator keeps.
pub(super) const UNSIGNED: &str = "unsigned:";

/// `encrypted_content` for a caller that says: redacted thoughts.
pub(super) fn redacted(data: &str) -> String {
    format!("{REDACTED}{data}")
}

/// The redacted thoughts in an `encrypted_content` of a caller, if that is what it holds.
pub(super) fn redacted_data(encrypted: &str) -> Option<&str> {
    encrypted.strip_prefix(REDACTED)
}

/// What the upstream sealed, of a text that a caller hands back: without the mark that was put before it here.
#[must_use]
pub fn sealed(text: &str) -> &str {
    redacted_data(text).unwrap_or(text)
}

/// The signature of an upstream's thoughts: OpenAI refuses `encrypted_content` under another id than it gave ("item_id did not match").
pub(super) fn signature(id: &str, encrypted: &str) -> String {
    if id.is_empty() { encrypted.to_owned() } else { format!("{id}:{encrypted}") }
}

/// The id, if there is one, and the `encrypted_content` of a signature.
pub(super) fn id_and_encrypted(signature: &str) -> (Option<&str>, &str) {
    signature.split_once(':').map_or((None, signature), |(id, encrypted)| (Some(id), encrypted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back() {
        assert_eq!(redacted_data(&redacted("AAA=")), Some("AAA="));
        assert_eq!(redacted_data("AAA="), None);
        assert_eq!((sealed(&redacted("AAA=")), sealed("AAA=")), ("AAA=", "AAA="));
        assert_eq!(id_and_encrypted(&signature("rs_1", "gAAA=")), (Some("rs_1"), "gAAA="));
        assert_eq!(id_and_encrypted(&signature("", "gAAA=")), (None, "gAAA="));
    }
}
