//! What the other files differ from: this one compiles.

use comity_upstream::{Permit, Prepared, Receipt, SendError, Via, send};

async fn once(permit: Permit, receipt: Receipt, call: Prepared, via: Via<'_>) -> Result<(), SendError> {
    send(permit, receipt, call, via).await.map(drop)
}

fn main() {
    let _ = once;
}
