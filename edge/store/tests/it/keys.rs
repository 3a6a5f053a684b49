//! API keys: shown once, hashed at rest, made and revoked while a gateway runs.

use comity_store::{KeyState, Keys, NewKey, PresentedKey, StoreError};
use comity_vocab::{Classification, Instant, Workload};

use crate::given::Place;

const NOW: Instant = Instant::from_seconds(1_800_000_000);

fn new_key() -> NewKey {
    NewKey {
        workload: Workload {
            id: "letters".parse().unwrap(),
            unit: "ministry/health".parse().unwrap(),
            sector: "public".to_owned(),
            clearance: Classification::Confidential,
            critical: true,
        },
        floor: Classification::Internal,
        purposes: vec!["drafting".to_owned(), "search, and \"more\"".to_owned()],
        expires: Some(Instant::from_seconds(1_900_000_000)),
    }
}

#[test]
fn a_key_is_shown_once_and_recognised_again() {
    let place = Place::new();
    let keys = Keys::open(&place.path()).unwrap();
    let (key, text) = keys.create(new_key(), NOW).unwrap();
    let NewKey { workload, floor, purposes, expires } = new_key();
    assert_eq!((&key.workload, key.floor, &key.purposes, key.expires, key.created), (&workload, floor, &purposes, expires, NOW));

    let listed = keys.list().unwrap();
    assert_eq!(listed.keys, std::slice::from_ref(&key));
    let presented = PresentedKey::parse(text.expose()).unwrap();
    assert_eq!(presented.id(), &key.id);
    assert!(listed.keys[0].is(&presented));

    let (other, other_text) = keys.create(new_key(), NOW).unwrap();
    let others_secret = format!("ck_{}_{}", key.id, other_text.expose().rsplit('_').next().unwrap());
    assert!(!key.is(&PresentedKey::parse(&others_secret).unwrap()));
    assert!(!other.is(&presented));
}

#[test]
fn the_secret_is_nowhere_in_the_files() {
    let place = Place::new();
    let keys = Keys::open(&place.path()).unwrap();
    let (_, text) = keys.create(new_key(), NOW).unwrap();
    let secret = text.expose().rsplit('_').next().unwrap();
    let bytes = place.all_bytes();
    let raw = hex::decode(secret).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    assert!(!bytes.windows(raw.len()).any(|window| window == raw));
}

#[test]
fn what_is_no_key_is_not_read() {
    let secret = "0".repeat(64);
    assert!(PresentedKey::parse(&format!("ck_a_{secret}")).is_some());
    for bad in
        ["", "ck_", "sk-abc", "ck_a", "ck_a_", "ck_a_00", &format!("ck__{secret}"), &format!("ck_a_{secret}0"), &format!("CK_a_{secret}")]
    {
        assert!(PresentedKey::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn a_running_gateway_notices_new_and_revoked_keys() {
    let place = Place::new();
    let store = place.open();
    let (gateway, person) = (store.keys().unwrap(), Keys::open(&place.path()).unwrap());
    assert_eq!((gateway.generation().unwrap(), gateway.list().unwrap().keys.len()), (0, 0));

    let (key, _) = person.create(new_key(), NOW).unwrap();
    assert_eq!(gateway.generation().unwrap(), 1);
    assert_eq!(key.state(NOW), KeyState::Usable);
    assert_eq!(key.state(Instant::from_seconds(1_900_000_000)), KeyState::Expired);

    let revoked = person.revoke(&key.id, Instant::from_seconds(1_800_000_001)).unwrap();
    assert_eq!(revoked.state(NOW), KeyState::Revoked);
    let list = gateway.list().unwrap();
    assert_eq!((list.generation, list.keys), (2, vec![revoked.clone()]));
    let again = person.revoke(&key.id, Instant::from_seconds(1_800_000_009)).unwrap();
    assert_eq!(again.revoked, revoked.revoked, "the first time stays");
}

#[test]
fn an_unknown_key_cannot_be_revoked() {
    let place = Place::new();
    let error = Keys::open(&place.path()).unwrap().revoke(&"nobody".parse().unwrap(), NOW).unwrap_err();
    assert_eq!(error.to_string(), "there is no key `nobody`");
    assert_eq!(error.hint().unwrap(), "list the keys with `comity keys list`");
}

#[test]
fn a_key_that_nobody_could_use_is_not_made() {
    let place = Place::new();
    let keys = Keys::open(&place.path()).unwrap();
    let check = |new: NewKey, expected: &str| {
        let error = keys.create(new, NOW).map(|_| ()).unwrap_err();
        assert_eq!(error, StoreError::BadKey(expected.to_owned()));
    };
    check(NewKey { expires: Some(NOW), ..new_key() }, "the key would expire before it is made");
    check(NewKey { purposes: vec!["x".to_owned(); 65], ..new_key() }, "a key has at most 64 purposes");
    check(NewKey { purposes: vec![String::new()], ..new_key() }, "purpose `` does not have 1 to 128 bytes");
}

#[test]
fn the_digest_of_all_keys_changes_with_each_of_them() {
    let place = Place::new();
    let keys = Keys::open(&place.path()).unwrap();
    let digest = || keys.list().unwrap().digest();
    let mut seen = vec![digest()];
    let (first, _) = keys.create(new_key(), NOW).unwrap();
    seen.push(digest());
    keys.create(new_key(), NOW).unwrap();
    seen.push(digest());
    keys.revoke(&first.id, NOW).unwrap();
    seen.push(digest());
    assert_eq!(digest(), seen[3], "the same keys have the same digest");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}
