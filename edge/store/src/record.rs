//! Encryption of fact records, of upstream states, and of the keys they are encrypted under.
//!
//! Format 1: version byte, 32 random bytes, AES-256-GCM ciphertext and tag. Each box has a key of its own (HKDF-SHA256 of the tenant's key and
//! the random bytes), so no nonce can ever repeat, however many records a tenant has. Never reuse the random bytes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use comity_vocab::{Digest, Instant, Plain};

use crate::StoreError;
use crate::master::MasterKey;

/// The key of one tenant's records and states. Erasing it erases them. It has no `Debug`.
#[derive(Clone)]
pub(crate) struct TenantKey([u8; 32]);

const FORMAT: u8 = 1;
const SALT_BYTES: usize = 32;
const RECORD_USE: &[u8] = b"comity fact record v1";
const STATE_USE: &[u8] = b"comity upstream state v1";
const WRAP_USE: &[u8] = b"comity tenant key v1";
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

    /// The key encrypted under the master key, bound to the tenant's name.
    pub(crate) fn wrap(&self, master: &MasterKey, tenant: &str) -> Result<Vec<u8>, StoreError> {
        seal((master.bytes(), WRAP_USE), tenant.as_bytes(), &self.0)
    }

    /// The key again; none when it is not this tenant's or was changed.
    pub(crate) fn unwrap(wrapped: &[u8], master: &MasterKey, tenant: &str) -> Option<Self> {
        let bytes = open((master.bytes(), WRAP_USE), tenant.as_bytes(), wrapped)?;
        bytes.try_into().ok().map(Self)
    }

    /// A fact record encrypted, bound to its decision and hop.
    pub(crate) fn seal(&self, (decision, hop): (Digest, u32), record: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal((&self.0, RECORD_USE), &bound_to(decision, hop), record)
    }

    /// A fact record in clear; none when it was changed or belongs to another decision.
    pub(crate) fn open(&self, (decision, hop): (Digest, u32), sealed: &[u8]) -> Option<Vec<u8>> {
        open((&self.0, RECORD_USE), &bound_to(decision, hop), sealed)
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

fn bound_to(decision: Digest, hop: u32) -> Vec<u8> {
    [decision.as_bytes().as_slice(), &hop.to_be_bytes()].concat()
}

fn lasting(id: Digest, expires: Instant) -> Vec<u8> {
    [id.as_bytes().as_slice(), &expires.0.to_be_bytes()].concat()
}

fn seal((key, purpose): (&[u8; 32], &[u8]), aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| StoreError::Encryption)?;
    let mut body = plain.to_vec();
    let cipher = cipher(key, purpose, &salt).ok_or(StoreError::Encryption)?;
    cipher.seal_in_place_append_tag(only_nonce(), Aad::from(aad), &mut body).map_err(|_| StoreError::Encryption)?;
    Ok([&[FORMAT], salt.as_slice(), &body].concat())
}

fn open((key, purpose): (&[u8; 32], &[u8]), aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
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
        let key = TenantKey::create().unwrap();
        let sealed = key.seal((digest(1), 0), b"facts").unwrap();
        assert_eq!(key.open((digest(1), 0), &sealed).unwrap(), b"facts");
        assert!(key.open((digest(2), 0), &sealed).is_none());
        assert!(key.open((digest(1), 1), &sealed).is_none());
        assert!(TenantKey::create().unwrap().open((digest(1), 0), &sealed).is_none());
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
        let key = TenantKey::create().unwrap();
        let [one, two] = [(); 2].map(|()| key.seal((digest(1), 0), b"facts").unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(5).any(|window| window == b"facts"));
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
