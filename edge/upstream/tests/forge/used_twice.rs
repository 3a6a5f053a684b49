//! One permit and one receipt send one call.

use comity_decide::Permit;
use comity_store::Receipt;
use comity_upstream::{Client, Prepared, Upstream, Via, send};

async fn permit_twice(permit: Permit, receipts: (Receipt, Receipt), calls: (Prepared, Prepared), via: (&Client, &Upstream)) {
    let _ = send(permit, receipts.0, calls.0, Via { client: via.0, upstream: via.1 }).await;
    let _ = send(permit, receipts.1, calls.1, Via { client: via.0, upstream: via.1 }).await;
}

async fn receipt_twice(permits: (Permit, Permit), receipt: Receipt, calls: (Prepared, Prepared), via: (&Client, &Upstream)) {
    let _ = send(permits.0, receipt, calls.0, Via { client: via.0, upstream: via.1 }).await;
    let _ = send(permits.1, receipt, calls.1, Via { client: via.0, upstream: via.1 }).await;
}

fn main() {}
