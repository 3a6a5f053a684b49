//! There is no function that makes a permit, and none that reads one.

fn main() {
    let _ = comity_upstream::Permit::new();
    //~ E0599 no function or associated item named `new` found for struct
    let _ = <comity_upstream::Permit as Default>::default();
    //~ E0277 Permit: Default` is not satisfied
    let _ = comity_upstream::Permit::deserialize;
    //~ E0599 named `deserialize` found for struct
}
