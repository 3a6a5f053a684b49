//! Numbers, hashes and base64 as the C2SP texts write them: one form each.
//!
//! Never accept a second form of the same value (a leading zero, a plus sign, missing padding, spare bits): a text that is signed or compared
//! must have one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_vocab::Digest;

/// A decimal number without sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Standard base64 with padding and without spare bits.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Standard base64 with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A SHA-256 hash in base64: 44 characters, 32 bytes.
pub(crate) fn hash(text: &str) -> Option<Digest> {
    let bytes: [u8; 32] = from_base64(text)?.try_into().ok()?;
    Some(Digest::from_bytes(bytes))
}

/// A hash in base64.
pub(crate) fn hash_text(hash: Digest) -> String {
    to_base64(hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!([decimal("0"), decimal("7"), decimal("18446744073709551615")], [Some(0), Some(7), Some(u64::MAX)]);
        for bad in ["", "00", "07", "+7", "-7", " 7", "7 ", "7_0", "٣", "18446744073709551616"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_hash_has_one_spelling() {
        let text = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        assert_eq!(hash(text).map(hash_text).as_deref(), Some(text));
        for bad in ["CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I", "AAAA", ""] {
            assert_eq!(hash(bad), None, "{bad}");
        }
    }
}
