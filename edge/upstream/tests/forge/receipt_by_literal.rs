//! A receipt cannot be written down.

fn main() {
    let _ = comity_upstream::Receipt { decision: todo!(), call: todo!(), hop: 0, leaf: 0, offering: None, sequence: 0 };
    //~ E0451 fields `decision`, `call`, `hop`, `leaf`, `offering` and `sequence` of struct
}
