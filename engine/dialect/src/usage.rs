//! What an upstream counted is a noun of all rooms, since money is computed from it: it lives in `vocab`.

pub use comity_vocab::Usage;
