//! Digests that a leaf may carry about things that it must not carry.
//!
//! A commitment is opened by showing salt and field; with the salt erased it says nothing. Never commit to a field without a fresh salt:
//! names, addresses and prompts are guessed from their plain hash.

use comity_vocab::Digest;

/// Commits to `field` under a salt of 32 random bytes; `domain` says what the field is (`caller`), so that no commitment passes for another.
#[must_use]
pub fn commitment(domain: &str, salt: &[u8; 32], field: &[u8]) -> Digest {
    Digest::of("comity commitment v1", &[domain.as_bytes(), salt, field])
}

/// The name that all leaves of one call share. A call id is 16 random bytes, so the digest leads to nobody.
#[must_use]
pub fn call_digest(call_id: &[u8; 16]) -> Digest {
    Digest::of("comity call v1", &[call_id])
}

/// The digest of a fact record's plain bytes. The record holds the salts of the commitments, so it cannot be guessed from its digest.
#[must_use]
pub fn facts_digest(record: &[u8]) -> Digest {
    Digest::of("comity facts v1", &[record])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_salt_and_field_each_change_a_commitment() {
        let base = commitment("caller", &[1; 32], b"alice");
        for other in
            [commitment("workload", &[1; 32], b"alice"), commitment("caller", &[2; 32], b"alice"), commitment("caller", &[1; 32], b"bob")]
        {
            assert_ne!(base, other);
        }
        assert_eq!(base, commitment("caller", &[1; 32], b"alice"));
    }

    #[test]
    fn digests_of_different_kinds_differ() {
        assert_ne!(call_digest(&[0; 16]), facts_digest(&[0; 16]));
    }
}
