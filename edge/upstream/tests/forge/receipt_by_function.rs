//! Only the store makes receipts, after its commit.

fn main() {
    let _ = comity_upstream::Receipt::after_commit;
    //~ E0624 associated function `after_commit` is private
    let _ = <comity_upstream::Receipt as Default>::default();
    //~ E0277 Receipt: Default` is not satisfied
}
