//! The id of the end user as OpenAI takes it. Whoever has a longer one than fits gets another that is as good for its purpose: the same for
//! each call of one user, and no other user's.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// The most characters of `user` and `safety_identifier`; a longer one is refused with 400.
const ID_BYTES_MAX: usize = 64;

/// The id itself where it fits, else its SHA-256 in hex, which has 64 characters.
pub(crate) fn within_64_bytes(id: &str) -> Cow<'_, str> {
    if id.len() <= ID_BYTES_MAX { Cow::Borrowed(id) } else { Cow::Owned(hex::encode(Sha256::digest(id))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_id_is_another_id_of_the_same_user() {
        let (fits, long) = ("u".repeat(64), "u".repeat(65));
        assert_eq!(within_64_bytes(&fits), fits);
        assert_eq!(within_64_bytes(&long), within_64_bytes(&long));
        assert_ne!(within_64_bytes(&long), within_64_bytes(&"v".repeat(65)));
        assert_eq!(within_64_bytes(&long).len(), 64);
        assert!(within_64_bytes(&long).chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(within_64_bytes(&"é".repeat(33)).len(), 64, "bytes count, since nobody says what a character is");
    }
}
