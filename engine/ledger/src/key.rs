//! Keys of logs and witnesses in the text form of C2SP signed-note (`name+id+key`), and the seed that a custody of files signs with.
//!
//! A key id is recomputed and never believed. A seed is never printed or compared; where keys live in a device, only
//! [`crate::Checkpoint::message`] goes in and 64 bytes come out, and this file's seed is not used.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::line;

/// A public key with the name it signs under.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    public: VerifyingKey,
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// The text of a note, by Ed25519 (type 0x01): logs.
    Ed25519,
    /// A checkpoint and the time of signing, by Ed25519 (type 0x04, `cosignature/v1`): witnesses.
    Cosignature,
}

/// The secret half of an Ed25519 key: 32 random bytes. Overwritten when dropped.
pub struct SigningSeed(SigningKey);

/// A text that is not a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not three parts, or a part is not what it should be.
    #[error("`{0}` is not a verifier key; it reads `name+id+key`: a name, eight lower-case hex digits, base64")]
    Format(String),
    /// A name that signature lines cannot carry.
    #[error("`{0}` cannot be the name of a key: it must not be empty nor contain spaces, `+` or control characters")]
    Name(String),
    /// A type of key that this program does not verify.
    #[error("key `{name}` is of type {kind}, which this program cannot verify; it verifies Ed25519 (0x01) and cosignature/v1 (0x04)")]
    Kind {
        /// The key's name.
        name: String,
        /// The type's name and number.
        kind: String,
    },
    /// The id is not that of the key.
    #[error("key `{name}` has the id `{found}`, its bytes have `{expected}`")]
    Id {
        /// The key's name.
        name: String,
        /// The id as written.
        found: String,
        /// The id as computed.
        expected: String,
    },
    /// Not a point of the curve, or one for which signatures are forged at will.
    #[error("the bytes of key `{0}` are not an Ed25519 public key")]
    Point(String),
}

/// Whether signature lines can carry `name`: not empty, no spaces of any script, no `+`, no control characters.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

// === impl VerifierKey ===

impl VerifierKey {
    /// A key from its parts.
    ///
    /// # Errors
    /// [`KeyError::Name`] or [`KeyError::Point`].
    pub fn new(name: &str, kind: KeyKind, public: &[u8; 32]) -> Result<Self, KeyError> {
        Self::check_name(name)?;
        let point = VerifyingKey::from_bytes(public).ok().filter(|key| !key.is_weak());
        let public = point.ok_or_else(|| KeyError::Point(name.to_owned()))?;
        let id = key_id(name, &[&[kind.byte()], public.as_bytes().as_slice()].concat());
        Ok(Self { name: name.to_owned(), kind, id, public })
    }

    /// Whether a key, a log or a witness may have this name.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn check_name(name: &str) -> Result<(), KeyError> {
        if is_key_name(name) { Ok(()) } else { Err(KeyError::Name(name.to_owned())) }
    }

    /// The name that signature lines carry; for a log, the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The id that signature lines carry: the first four bytes of SHA-256 over name, newline, type and key.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The 32 bytes of the key (RFC 8032).
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// Whether `signature` is this key's over `message` (RFC 8032, and never by a point of small order).
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.public.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The key's text: `name+id+key`.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()], self.public().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex_id(self.id), line::to_base64(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let format = || KeyError::Format(text.chars().take(100).collect());
        let (name, rest) = text.split_once('+').ok_or_else(format)?;
        let (id, key) = rest.split_once('+').ok_or_else(format)?;
        let key = line::from_base64(key).ok_or_else(format)?;
        if !is_key_name(name) {
            return Err(KeyError::Name(name.to_owned()));
        }
        let (kind, public) = key.split_first().ok_or_else(format)?;
        let kind = KeyKind::of(*kind).ok_or_else(|| KeyError::Kind { name: name.to_owned(), kind: kind_name(*kind) })?;
        let expected = hex_id(key_id(name, &key));
        if id != expected {
            return Err(KeyError::Id { name: name.to_owned(), found: id.to_owned(), expected });
        }
        Self::new(name, kind, public.try_into().map_err(|_| format())?)
    }
}

// === impl KeyKind ===

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

// === impl SigningSeed ===

impl SigningSeed {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key under `name`.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn verifier(&self, name: &str, kind: KeyKind) -> Result<VerifierKey, KeyError> {
        VerifierKey::new(name, kind, self.0.verifying_key().as_bytes())
    }

    /// Signs `message` (RFC 8032: the same message gives the same 64 bytes).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

fn key_id(name: &str, key: &[u8]) -> [u8; 4] {
    let hash: [u8; 32] = Sha256::new().chain_update(name).chain_update(b"\n").chain_update(key).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

fn hex_id(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// Types as C2SP signed-note assigns them.
fn kind_name(byte: u8) -> String {
    let name = match byte {
        0x02 => "ECDSA",
        0x05 => "RFC 6962 tree head",
        0x06 => "ML-DSA-44 cosignature",
        _ => "unknown",
    };
    format!("{name} (0x{byte:02x})")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the specification's example.
    const FOO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn refused(text: &str, expected: &str) {
        assert_eq!(text.parse::<VerifierKey>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_key_of_the_specification_is_read_and_written() {
        let key: VerifierKey = FOO.parse().unwrap();
        assert_eq!((key.name(), key.kind(), key.id()), ("example.com/foo", KeyKind::Ed25519, [0x53, 0x0d, 0x90, 0x3a]));
        assert_eq!(key.to_string(), FOO);
    }

    #[test]
    fn the_kind_is_part_of_the_id() {
        let log = SigningSeed::new(&[7; 32]).verifier("w", KeyKind::Ed25519).unwrap();
        let witness = SigningSeed::new(&[7; 32]).verifier("w", KeyKind::Cosignature).unwrap();
        assert_ne!(log.id(), witness.id());
        assert_eq!(witness.to_string().parse(), Ok(witness));
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        refused("foo", "`foo` is not a verifier key; it reads `name+id+key`: a name, eight lower-case hex digits, base64");
        refused(&FOO.replace("530d903a", "530d903b"), "key `example.com/foo` has the id `530d903b`, its bytes have `530d903a`");
        refused(&FOO.replace("530d903a", "530D903A"), "key `example.com/foo` has the id `530D903A`, its bytes have `530d903a`");
        refused(
            &FOO.replace("example.com/", "a b"),
            "`a bfoo` cannot be the name of a key: it must not be empty nor contain spaces, `+` or control characters",
        );
        refused(
            "w+00000000+BgAA",
            "key `w` is of type ML-DSA-44 cosignature (0x06), which this program cannot verify; it verifies Ed25519 (0x01) and \
             cosignature/v1 (0x04)",
        );
    }

    #[test]
    fn a_key_that_signs_everything_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(VerifierKey::new("w", KeyKind::Ed25519, &identity), Err(KeyError::Point("w".to_owned())));
    }

    #[test]
    fn names_that_lines_cannot_carry_are_refused() {
        for name in ["", "a+b", "a b", "a\u{a0}b", "a\nb", "a\u{3000}", "a\u{1f}"] {
            assert!(!is_key_name(name), "{name:?}");
        }
        assert!(is_key_name("zeuge.example/é"));
    }
}
