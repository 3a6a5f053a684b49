//! Nothing is sent without both.

use comity_decide::Permit;
use comity_store::Receipt;
use comity_upstream::{Prepared, Via, send};

async fn no_receipt(permit: Permit, call: Prepared, via: Via<'_>) {
    let _ = send(permit, call, via).await;
}

async fn borrowed(permit: &Permit, receipt: Receipt, call: Prepared, via: Via<'_>) {
    let _ = send(permit, receipt, call, via).await;
}

fn main() {}
