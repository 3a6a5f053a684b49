//! A permit cannot be written down.

fn main() {
    let _ = comity_upstream::Permit { decision: todo!(), offering: todo!(), means: todo!(), terms: todo!(), preferred_by: todo!() };
    //~ E0451 fields `decision`, `offering`, `means`, `terms` and `preferred_by` of struct
}
