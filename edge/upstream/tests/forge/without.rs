//! Nothing is sent without all three, and none of them only lent.

use comity_upstream::{Permit, Prepared, Receipt, Via, send};

async fn no_receipt(permit: Permit, call: Prepared, via: Via<'_>) {
    let _ = send(permit, call, via).await;
    //~ E0061 this function takes 4 arguments but 3 arguments were supplied
}

async fn lent(permit: &Permit, receipt: Receipt, call: Prepared, via: Via<'_>) {
    let _ = send(permit, receipt, call, via).await;
    //~ E0308 mismatched types
}

fn main() {}
