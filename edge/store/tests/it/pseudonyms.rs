//! The keys of pseudonyms: the same after every start, other for each tenant and epoch, gone with the tenant's key, and in no file.

use comity_store::StoreError;

use crate::given::{Place, wait};

fn key(place: &Place, tenant: &str, epoch: u32) -> [u8; 32] {
    *wait(place.open().pseudonym_key(tenant, epoch)).ok().unwrap().expose()
}

#[test]
fn a_key_is_the_same_after_every_start_and_other_for_each_tenant_and_epoch() {
    let place = Place::new();
    let first = key(&place, "bank", 7);
    assert_eq!(key(&place, "bank", 7), first);
    assert!(key(&place, "bank", 8) != first && key(&place, "clinic", 7) != first);
    let bytes = place.all_bytes();
    assert!(!bytes.windows(first.len()).any(|window| window == first), "derived, never stored");
}

#[test]
fn a_tenants_key_that_was_changed_gives_none() {
    let place = Place::new();
    key(&place, "bank", 7);
    place.key_intruder().execute_batch("UPDATE tenants SET wrapped = zeroblob(81)").unwrap();
    let store = place.open();
    assert!(matches!(wait(store.pseudonym_key("bank", 7)), Err(StoreError::Encryption)));
}
