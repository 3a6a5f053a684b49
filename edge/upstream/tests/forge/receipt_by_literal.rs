//! A receipt cannot be written down, nor made without a store.

fn main() {
    let _ = comity_store::Receipt { decision: comity_vocab::Digest::from_bytes([0; 32]), leaf: 0 };
    let _ = comity_store::Receipt::after_commit();
}
