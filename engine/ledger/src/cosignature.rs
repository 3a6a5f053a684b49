//! Cosignatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`): a time and an Ed25519 signature over it and a checkpoint.
//!
//! ML-DSA-44 cosignatures (type 0x06) are carried along as signatures of unknown keys and never judged here.

use comity_vocab::Instant;

use crate::key::{KeyKind, SigningSeed, VerifierKey};
use crate::note::SignatureLine;

/// Whole seconds since 1970: not zero, and below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PosixSeconds(u64);

/// The bytes that a witness signs: a header, the time, and `text`, the signed text of the checkpoint with its last newline.
#[must_use]
pub fn cosigned_message(text: &str, time: PosixSeconds) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{text}", time.0).into_bytes()
}

/// Cosigns `text` at `time` under `name` with a seed.
///
/// # Errors
/// [`crate::KeyError::Name`].
pub fn cosign(seed: &SigningSeed, name: &str, (text, time): (&str, PosixSeconds)) -> Result<SignatureLine, crate::KeyError> {
    let key = seed.verifier(name, KeyKind::Cosignature)?;
    Ok(SignatureLine::cosignature(&key, time, &seed.sign(&cosigned_message(text, time))))
}

/// The time, if `signature` (the bytes after the key id) is `key`'s over `text`.
pub(crate) fn verify(text: &str, key: &VerifierKey, signature: &[u8]) -> Option<PosixSeconds> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = PosixSeconds::new(u64::from_be_bytes(*time))?;
    key.has_signed(&cosigned_message(text, time), signature.try_into().ok()?).then_some(time)
}

/// Eight bytes of time, big endian, and the signature.
pub(crate) fn encode(time: PosixSeconds, signature: &[u8; 64]) -> Vec<u8> {
    [time.0.to_be_bytes().as_slice(), signature.as_slice()].concat()
}

// === impl PosixSeconds ===

impl PosixSeconds {
    /// A time that a cosignature may bear; none for zero (which says nothing about time) and from 2^63 on.
    #[must_use]
    pub fn new(seconds: u64) -> Option<Self> {
        (seconds > 0 && i64::try_from(seconds).is_ok()).then_some(Self(seconds))
    }

    /// The second of `instant`; none up to 1970.
    #[must_use]
    pub fn of(instant: Instant) -> Option<Self> {
        u64::try_from(instant.seconds()).ok().and_then(Self::new)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{Note, NoteError};

    /// The specification's checkpoint.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn time(seconds: u64) -> PosixSeconds {
        PosixSeconds::new(seconds).unwrap()
    }

    #[test]
    fn the_message_is_that_of_the_specification() {
        let expected = format!("cosignature/v1\ntime 1679315147\n{TEXT}");
        assert_eq!(String::from_utf8(cosigned_message(TEXT, time(1_679_315_147))).unwrap(), expected);
    }

    #[test]
    fn a_cosignature_gives_its_time() {
        let seed = SigningSeed::new(&[9; 32]);
        let key = seed.verifier("witness.example/w1", KeyKind::Cosignature).unwrap();
        let note = Note::new(TEXT, cosign(&seed, key.name(), (TEXT, time(5))).unwrap()).unwrap();
        let read: Note = note.to_string().parse().unwrap();
        assert_eq!(read.verify(&[&key]).unwrap()[0].time, Some(time(5)));
    }

    #[test]
    fn another_time_or_text_spoils_it() {
        let seed = SigningSeed::new(&[9; 32]);
        let key = seed.verifier("w", KeyKind::Cosignature).unwrap();
        let signature = seed.sign(&cosigned_message(TEXT, time(5)));
        for (text, at) in [(TEXT, 6), ("other\n1\n\n", 5)] {
            let note = Note::new(text, SignatureLine::cosignature(&key, time(at), &signature)).unwrap();
            assert_eq!(note.verify(&[&key]), Err(NoteError::False("w".to_owned())));
        }
        let plain = Note::new(TEXT, SignatureLine::ed25519(&key, &seed.sign(TEXT.as_bytes()))).unwrap();
        assert_eq!(plain.verify(&[&key]), Err(NoteError::False("w".to_owned())), "a plain signature is no cosignature");
    }

    #[test]
    fn a_time_is_neither_zero_nor_beyond_63_bits() {
        assert_eq!([PosixSeconds::new(0), PosixSeconds::new(1 << 63)], [None, None]);
        assert_eq!(PosixSeconds::of(Instant::from_seconds(-1)), None);
        assert_eq!(PosixSeconds::of(Instant(1_999_999)).map(PosixSeconds::seconds), Some(1));
    }
}
