//! API keys: who may call, with which clearance, floor and purposes.
//!
//! A key's text is `ck_<id>_<secret>` and is shown once. Only the SHA-256 of its secret is stored, which suffices for 32 random bytes. Keys are
//! made and revoked on connections of their own, so it works while a gateway runs; the gateway notices by [`Keys::generation`].

use std::path::Path;

use comity_vocab::{Classification, Digest, Instant, KeyId, Plain, Workload};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::connection::{STORE, create_if_missing, for_writing};
use crate::limits::{PURPOSE_BYTES_MAX, PURPOSES_MAX};
use crate::{Durability, StoreError};

/// The keys of one store, on a connection of its own.
pub struct Keys(std::cell::RefCell<Connection>);

/// All keys at one moment.
#[derive(Debug, Clone)]
pub struct KeyList {
    /// As [`Keys::generation`] at that moment.
    pub generation: u64,
    /// In the order of their creation.
    pub keys: Vec<ApiKey>,
}

/// What a key is made from.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Who calls with it.
    pub workload: Workload,
    /// The least class of everything that is sent with it.
    pub floor: Classification,
    /// What it may be used for.
    pub purposes: Vec<String>,
    /// When it stops working; none for never.
    pub expires: Option<Instant>,
}

/// One key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part.
    pub id: KeyId,
    /// Who calls with it.
    pub workload: Workload,
    /// The least class of everything that is sent with it.
    pub floor: Classification,
    /// What it may be used for.
    pub purposes: Vec<String>,
    /// When it was made.
    pub created: Instant,
    /// When it stops working; none for never.
    pub expires: Option<Instant>,
    /// When it was revoked.
    pub revoked: Option<Instant>,
    hash: Digest,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It works.
    Usable,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

/// A key as a caller presents it. The secret is hashed at once and not kept.
pub struct PresentedKey {
    id: KeyId,
    hash: Digest,
}

const PREFIX: &str = "ck_";
const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 6;
const COLUMNS: &str = "id, hash, workload, unit, sector, clearance, critical, floor, purposes, created, expires, revoked";

// === impl Keys ===

impl Keys {
    /// Opens the keys of the store at `path`, made new if there is none. Works while a gateway runs. Blocks, as everything here.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_if_missing(path, &STORE)?;
        Ok(Self(for_writing((path, &STORE), Durability::Commit)?.into()))
    }

    /// Makes a key and gives its text, which nobody can read again.
    ///
    /// # Errors
    /// [`StoreError::BadKey`] for a key that nobody could use; [`StoreError::Unavailable`] when it cannot be written.
    pub fn create(&self, new: NewKey, now: Instant) -> Result<(ApiKey, Plain<String>), StoreError> {
        check(&new, now)?;
        let (id, secret) = (random::<ID_BYTES>()?, random::<SECRET_BYTES>()?);
        let id = hex::encode(id);
        let text = format!("{PREFIX}{id}_{}", hex::encode(secret));
        let NewKey { workload, floor, purposes, expires } = new;
        let id = id.parse().map_err(|_| StoreError::Encryption)?;
        let key = ApiKey { id, workload, floor, purposes, created: now, expires, revoked: None, hash: hash(&secret) };
        self.change(|db| insert(db, &key)).map_err(StoreError::unavailable)?;
        Ok((key, Plain::new(text)))
    }

    /// All keys, also those that no longer work.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn list(&self) -> Result<KeyList, StoreError> {
        let read = || -> rusqlite::Result<KeyList> {
            let db = self.0.borrow();
            // One snapshot: the list never belongs to another generation than it says.
            let snapshot = db.unchecked_transaction()?;
            let generation = generation(&snapshot)?;
            let mut statement = snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM keys ORDER BY created, id"))?;
            let keys = statement.query_map([], read_key)?.collect::<rusqlite::Result<_>>()?;
            Ok(KeyList { generation, keys })
        };
        read().map_err(StoreError::unreadable)
    }

    /// Takes a key back; one that was taken back already keeps its time.
    ///
    /// # Errors
    /// [`StoreError::UnknownKey`]; [`StoreError::Unavailable`] when it cannot be written.
    pub fn revoke(&self, id: &KeyId, now: Instant) -> Result<ApiKey, StoreError> {
        let revoked = self.change(|db| {
            let sql = format!("UPDATE keys SET revoked = COALESCE(revoked, ?2) WHERE id = ?1 RETURNING {COLUMNS}");
            db.query_row(&sql, params![id.as_str(), now.0], read_key).optional()
        });
        revoked.map_err(StoreError::unavailable)?.ok_or_else(|| StoreError::UnknownKey(id.clone()))
    }

    /// A number that grows by every change of any key, made by any process. Cheap: ask as often as a second.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn generation(&self) -> Result<u64, StoreError> {
        generation(&self.0.borrow()).map_err(StoreError::unreadable)
    }

    fn change<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut db = self.0.borrow_mut();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&transaction)?;
        transaction.execute("UPDATE counters SET value = value + 1 WHERE name = 'keys'", [])?;
        transaction.commit()?;
        Ok(changed)
    }
}

// === impl KeyList ===

impl KeyList {
    /// Names the keys by what decides whether they work: ids, hashes of their secrets, and when each was made, expires and was revoked. The
    /// hashes keep it from being guessed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        let time = |instant: Option<Instant>| {
            instant.map_or([0; 9], |instant| {
                let [a, b, c, d, e, f, g, h] = instant.0.to_be_bytes();
                [1, a, b, c, d, e, f, g, h]
            })
        };
        let parts = keys.into_iter().map(|key| {
            let times = [time(Some(key.created)), time(key.expires), time(key.revoked)];
            Digest::of("comity api key state v1", &[key.id.as_str().as_bytes(), key.hash.as_bytes(), times.as_flattened()])
        });
        let parts: Vec<u8> = parts.flat_map(|part| *part.as_bytes()).collect();
        Digest::of("comity api keys v1", &[&parts])
    }
}

// === impl ApiKey ===

impl ApiKey {
    /// Whether `presented` is this key, id and secret. Takes the same time for every wrong secret.
    #[must_use]
    pub fn is(&self, presented: &PresentedKey) -> bool {
        let secret = aws_lc_rs::constant_time::verify_slices_are_equal(self.hash.as_bytes(), presented.hash.as_bytes());
        secret.is_ok() && self.id == presented.id
    }

    /// Whether the key works at `now`.
    #[must_use]
    pub fn state(&self, now: Instant) -> KeyState {
        if self.revoked.is_some() {
            KeyState::Revoked
        } else if self.expires.is_some_and(|expires| expires <= now) {
            KeyState::Expired
        } else {
            KeyState::Usable
        }
    }
}

// === impl PresentedKey ===

impl PresentedKey {
    /// Reads `ck_<id>_<secret>`; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let mut bytes = [0; SECRET_BYTES];
        hex::decode_to_slice(secret, &mut bytes).ok()?;
        Some(Self { id: id.parse().ok()?, hash: hash(&bytes) })
    }

    /// The public part, to find the key by.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }
}

fn hash(secret: &[u8; SECRET_BYTES]) -> Digest {
    Digest::of("comity api key v1", &[secret])
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Encryption)?;
    Ok(bytes)
}

fn check(new: &NewKey, now: Instant) -> Result<(), StoreError> {
    let bad = |message: String| Err(StoreError::BadKey(message));
    if new.expires.is_some_and(|expires| expires <= now) {
        return bad("the key would expire before it is made".to_owned());
    }
    if new.purposes.len() > PURPOSES_MAX {
        return bad(format!("a key has at most {PURPOSES_MAX} purposes"));
    }
    match new.purposes.iter().find(|purpose| purpose.is_empty() || purpose.len() > PURPOSE_BYTES_MAX) {
        Some(purpose) => bad(format!("purpose `{purpose}` does not have 1 to {PURPOSE_BYTES_MAX} bytes")),
        None => Ok(()),
    }
}

fn generation(db: &Connection) -> rusqlite::Result<u64> {
    db.prepare_cached("SELECT value FROM counters WHERE name = 'keys'")?.query_row([], |row| row.get(0))
}

fn insert(db: &Connection, key: &ApiKey) -> rusqlite::Result<usize> {
    let purposes = serde_json::to_string(&key.purposes).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql = format!("INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL)");
    db.execute(
        &sql,
        params![
            key.id.as_str(),
            key.hash.as_bytes(),
            key.workload.id.as_str(),
            key.workload.unit.as_str(),
            key.workload.sector,
            key.workload.clearance.name(),
            key.workload.critical,
            key.floor.name(),
            purposes,
            key.created.0,
            key.expires.map(|instant| instant.0),
        ],
    )
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let purposes: String = row.get("purposes")?;
    Ok(ApiKey {
        id: parsed(row, "id")?,
        workload: Workload {
            id: parsed(row, "workload")?,
            unit: parsed(row, "unit")?,
            sector: row.get("sector")?,
            clearance: parsed(row, "clearance")?,
            critical: row.get("critical")?,
        },
        floor: parsed(row, "floor")?,
        purposes: serde_json::from_str(&purposes).map_err(|error| malformed("purposes", error))?,
        created: Instant(row.get("created")?),
        expires: row.get::<_, Option<i64>>("expires")?.map(Instant),
        revoked: row.get::<_, Option<i64>>("revoked")?.map(Instant),
        hash: Digest::from_bytes(row.get("hash")?),
    })
}

fn parsed<T: std::str::FromStr<Err: ToString>>(row: &Row<'_>, column: &'static str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| malformed(column, error.to_string()))
}

fn malformed(column: &'static str, error: impl ToString) -> rusqlite::Error {
    let message = format!("column `{column}` of a key: {}", error.to_string());
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, message.into())
}
