//! A permit cannot be written down.

fn main() {
    let _ = comity_decide::Permit {
        decision: comity_vocab::Digest::from_bytes([0; 32]),
        offering: "a/b@c".parse().unwrap(),
        means: comity_vocab::MeansSet::NONE,
    };
}
