//! One permit and one receipt send one call.

use comity_upstream::{Permit, Prepared, Receipt, Via, send};

async fn permit(permit: Permit, receipts: (Receipt, Receipt), calls: (Prepared, Prepared), via: (Via<'_>, Via<'_>)) {
    let _ = send(permit, receipts.0, calls.0, via.0).await;
    let _ = send(permit, receipts.1, calls.1, via.1).await;
    //~ E0382 use of moved value: `permit`
}

async fn receipt(permits: (Permit, Permit), receipt: Receipt, calls: (Prepared, Prepared), via: (Via<'_>, Via<'_>)) {
    let _ = send(permits.0, receipt, calls.0, via.0).await;
    let _ = send(permits.1, receipt, calls.1, via.1).await;
    //~ E0382 use of moved value: `receipt`
}

fn main() {}
