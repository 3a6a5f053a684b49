//! There is no function that makes a permit.

fn main() {
    let _ = comity_decide::Permit::new(comity_vocab::Digest::from_bytes([0; 32]));
    let _ = comity_decide::Permit::default();
}
