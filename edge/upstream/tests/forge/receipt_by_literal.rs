//! A receipt cannot be written down.

fn main() {
    let _ = comity_upstream::Receipt { decision: todo!(), call: todo!(), hop: 0, leaf: 0, offering: None };
    //~ E0451 fields `decision`, `call`, `hop`, `leaf` and `offering` of struct
}
