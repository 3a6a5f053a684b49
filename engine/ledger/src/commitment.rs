//! Digests that a leaf may carry about things that it must not carry.
//!
//! A commitment is opened by showing salt and field; with the salt erased it says nothing. Never commit to a field without a fresh salt:
//! names, addresses and prompts are guessed from their plain hash.

use comity_vocab::Digest;
use sha2::{Digest as _, Sha256};

/// Commits to `field` under a salt of 32 random bytes; `domain` says what the field is (`caller`), so that no commitment passes for another.
#[must_use]
pub fn commitment(domain: &str, salt: &[u8; 32], field: &[u8]) -> Digest {
    Digest::of("comity commitment v1", &[domain.as_bytes(), salt, field])
}

/// The commitment to an answer, made while the answer goes by: domain `answer`, of the SHA-256 of all its bytes in order.
#[derive(Clone)]
pub struct AnswerCommitment {
    salt: [u8; 32],
    said: Sha256,
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

// === impl AnswerCommitment ===

impl AnswerCommitment {
    /// Of an answer that has no bytes yet.
    #[must_use]
    pub fn new(salt: [u8; 32]) -> Self {
        Self { salt, said: Sha256::new() }
    }

    /// The answer goes on.
    pub fn say(&mut self, bytes: &[u8]) {
        self.said.update(bytes);
    }

    /// The commitment to all that was said.
    #[must_use]
    pub fn finish(self) -> Digest {
        commitment("answer", &self.salt, &self.said.finalize())
    }
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
    fn an_answer_is_the_same_however_it_was_cut() {
        let of = |pieces: &[&str]| {
            let mut said = AnswerCommitment::new([3; 32]);
            pieces.iter().for_each(|piece| said.say(piece.as_bytes()));
            said.finish()
        };
        assert_eq!(of(&["an answer"]), of(&["an", "", " answer"]));
        assert_eq!(of(&["an answer"]), commitment("answer", &[3; 32], &Sha256::digest("an answer")));
        assert_ne!(of(&["an answer"]), of(&["another"]));
    }

    #[test]
    fn digests_of_different_kinds_differ() {
        assert_ne!(call_digest(&[0; 16]), facts_digest(&[0; 16]));
    }
}
