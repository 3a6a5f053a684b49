//! Encryption of private records, contents and upstream states. The keys lie in a file of their own (`data_keys.rs`).
//!
//! Format 1: version byte, 32 random bytes, AES-256-GCM ciphertext and tag. Each box has a key of its own (HKDF-SHA256 of the tenant's key and
//! the random bytes), so no nonce can ever repeat, however many records a tenant has. Never reuse the random bytes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use comity_vocab::{Digest, Instant, Plain};

use crate::StoreError;

/// The key of one tenant's pseudonyms and states, and of what finds its data subjects. Erasing it erases them. It has no `Debug`.
#[derive(Clone)]
pub(crate) struct TenantKey([u8; 32]);

/// The key of the private records of one workload, month and, where one was named, data subject. Erasing it erases them. It has no `Debug`.
#[derive(Clone)]
pub(crate) struct DataKey([u8; 32]);

/// What is kept in clear of a call, when it is kept at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The body of the call as it came in.
    Call,
    /// The answer as it went to the client.
    Answer,
}

const FORMAT: u8 = 1;
const SALT_BYTES: usize = 32;
const RECORD_USE: &[u8] = b"comity fact record v1";
const STATE_USE: &[u8] = b"comity upstream state v1";
const SUBJECT_USE: &[u8] = b"comity data subject v1";
const PSEUDONYM_USE: &[u8] = b"comity pseudonyms v1";

// === impl TenantKey ===

impl TenantKey {
    /// A new random key.
    pub(crate) fn create() -> Result<Self, StoreError> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Encryption)?;
        Ok(Self(bytes))
    }

    /// The key of the tenant's pseudonyms in one epoch. It is derived, never stored: erasing the tenant's key erases it.
    pub(crate) fn pseudonyms(&self, epoch: u32) -> Result<Plain<[u8; 32]>, StoreError> {
        let derived = Salt::new(HKDF_SHA256, PSEUDONYM_USE).extract(&self.0);
        let (purposes, mut key) = ([epoch.to_be_bytes()], [0; 32]);
        let purposes = purposes.each_ref().map(<[u8; 4]>::as_slice);
        let filled = derived.expand(&purposes, HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
        filled.map(|()| Plain::new(key)).map_err(|_| StoreError::Encryption)
    }

    /// Wraps the bytes of a key.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be wrapped.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A fact record of a store of schema 2 in clear.
    pub(crate) fn open_old(&self, (decision, hop): (Digest, u32), sealed: &[u8]) -> Option<Vec<u8>> {
        open((&self.0, RECORD_USE), &bound_to(decision, hop), sealed)
    }

    /// What stands for a data subject in the file of keys: it finds the subject again, and leads nobody to it without this key.
    pub(crate) fn subject(&self, subject: &Plain<String>) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(SUBJECT_USE);
        context.update(subject.expose().as_bytes());
        let mut name = [0; 32];
        name.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        name
    }

    /// A state encrypted, bound to its id and expiry.
    pub(crate) fn seal_state(&self, (id, expires): (Digest, Instant), state: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal((&self.0, STATE_USE), &lasting(id, expires), state)
    }

    /// A state in clear; none when it, its id or its expiry was changed.
    pub(crate) fn open_state(&self, (id, expires): (Digest, Instant), sealed: &[u8]) -> Option<Vec<u8>> {
        open((&self.0, STATE_USE), &lasting(id, expires), sealed)
    }
}

// === impl DataKey ===

impl DataKey {
    /// A new random key.
    pub(crate) fn create() -> Result<Self, StoreError> {
        TenantKey::create().map(|TenantKey(bytes)| Self(bytes))
    }

    /// Wraps the bytes of a key.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be wrapped.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A record encrypted, bound to its decision and hop.
    pub(crate) fn seal(&self, (decision, hop): (Digest, u32), record: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal((&self.0, RECORD_USE), &bound_to(decision, hop), record)
    }

    /// A record in clear; none when it was changed or belongs to another decision.
    pub(crate) fn open(&self, (decision, hop): (Digest, u32), sealed: &[u8]) -> Option<Vec<u8>> {
        open((&self.0, RECORD_USE), &bound_to(decision, hop), sealed)
    }

    /// Content encrypted, bound to its decision and hop.
    pub(crate) fn seal_content(&self, (decision, hop): (Digest, u32), (part, bytes): (Content, &[u8])) -> Result<Vec<u8>, StoreError> {
        seal((&self.0, part.purpose()), &bound_to(decision, hop), bytes)
    }

    /// Content in clear; none when it was changed or belongs elsewhere.
    pub(crate) fn open_content(&self, (decision, hop): (Digest, u32), (part, sealed): (Content, &[u8])) -> Option<Vec<u8>> {
        open((&self.0, part.purpose()), &bound_to(decision, hop), sealed)
    }
}

// === impl Content ===

impl Content {
    /// The number in the store.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Call => 0,
            Self::Answer => 1,
        }
    }

    const fn purpose(self) -> &'static [u8] {
        match self {
            Self::Call => b"comity content of call v1",
            Self::Answer => b"comity content of answer v1",
        }
    }
}

fn bound_to(decision: Digest, hop: u32) -> Vec<u8> {
    [decision.as_bytes().as_slice(), &hop.to_be_bytes()].concat()
}

fn lasting(id: Digest, expires: Instant) -> Vec<u8> {
    [id.as_bytes().as_slice(), &expires.0.to_be_bytes()].concat()
}

/// Encrypts `plain` for `purpose`, bound to `aad`.
pub(crate) fn seal((key, purpose): (&[u8; 32], &[u8]), aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| StoreError::Encryption)?;
    let mut body = plain.to_vec();
    let cipher = cipher(key, purpose, &salt).ok_or(StoreError::Encryption)?;
    cipher.seal_in_place_append_tag(only_nonce(), Aad::from(aad), &mut body).map_err(|_| StoreError::Encryption)?;
    Ok([&[FORMAT], salt.as_slice(), &body].concat())
}

/// Decrypts it; none when anything of it was changed.
pub(crate) fn open((key, purpose): (&[u8; 32], &[u8]), aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (format, rest) = sealed.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let (salt, body) = rest.split_at_checked(SALT_BYTES)?;
    let mut body = body.to_vec();
    let cipher = cipher(key, purpose, salt)?;
    let plain = cipher.open_in_place(only_nonce(), Aad::from(aad), &mut body).ok()?;
    Some(plain.to_vec())
}

fn cipher(key: &[u8; 32], purpose: &[u8], salt: &[u8]) -> Option<LessSafeKey> {
    let derived = Salt::new(HKDF_SHA256, salt).extract(key);
    let purposes = [purpose];
    let key = derived.expand(&purposes, &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

/// Each derived key encrypts exactly one message, so its one nonce may be fixed.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    #[test]
    fn opens_only_whole_and_only_for_its_decision_hop_and_key() {
        let key = DataKey::create().unwrap();
        let sealed = key.seal((digest(1), 0), b"facts").unwrap();
        assert_eq!(key.open((digest(1), 0), &sealed).unwrap(), b"facts");
        assert!(key.open((digest(2), 0), &sealed).is_none());
        assert!(key.open((digest(1), 1), &sealed).is_none());
        assert!(DataKey::create().unwrap().open((digest(1), 0), &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open((digest(1), 0), &changed).is_none(), "{at}");
            assert!(key.open((digest(1), 0), &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn pseudonyms_have_a_key_of_their_own_for_each_tenant_and_epoch() {
        let [one, two] = [(); 2].map(|()| TenantKey::create().unwrap());
        let key = |tenant: &TenantKey, epoch| *tenant.pseudonyms(epoch).ok().unwrap().expose();
        assert_eq!(key(&one, 7), key(&one, 7));
        assert!(key(&one, 7) != key(&one, 8) && key(&one, 7) != key(&two, 7) && key(&one, 7) != one.0);
    }

    #[test]
    fn the_same_record_never_looks_the_same() {
        let key = DataKey::create().unwrap();
        let [one, two] = [(); 2].map(|()| key.seal((digest(1), 0), b"facts").unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(5).any(|window| window == b"facts"));
    }

    #[test]
    fn content_opens_as_what_it_is_only() {
        let key = DataKey::create().unwrap();
        let sealed = key.seal_content((digest(1), 0), (Content::Call, b"text")).unwrap();
        assert_eq!(key.open_content((digest(1), 0), (Content::Call, &sealed)).unwrap(), b"text");
        assert!(key.open_content((digest(1), 0), (Content::Answer, &sealed)).is_none());
        assert!(key.open_content((digest(1), 1), (Content::Call, &sealed)).is_none());
        assert!(key.open((digest(1), 0), &sealed).is_none());
    }

    #[test]
    fn a_data_subject_is_found_again_by_its_tenant_only() {
        let [one, two] = [(); 2].map(|()| TenantKey::create().unwrap());
        let named = |name: &str| Plain::new(name.to_owned());
        assert_eq!(one.subject(&named("a")), one.subject(&named("a")));
        assert!(one.subject(&named("a")) != one.subject(&named("b")) && one.subject(&named("a")) != two.subject(&named("a")));
    }

    #[test]
    fn a_state_opens_only_under_its_id_and_expiry_and_never_as_a_record() {
        let key = TenantKey::create().unwrap();
        let sealed = key.seal_state((digest(1), Instant(7)), b"state").unwrap();
        assert_eq!(key.open_state((digest(1), Instant(7)), &sealed).unwrap(), b"state");
        assert!(key.open_state((digest(2), Instant(7)), &sealed).is_none());
        assert!(key.open_state((digest(1), Instant(8)), &sealed).is_none());
        assert!(TenantKey::create().unwrap().open_state((digest(1), Instant(7)), &sealed).is_none());
        // The same key and the same bound bytes: only the use tells the two apart.
        let bound = lasting(digest(1), Instant(7));
        assert!(open((&key.0, STATE_USE), &bound, &sealed).is_some());
        assert!(open((&key.0, RECORD_USE), &bound, &sealed).is_none());
    }
}
