//! The packs that ship with Comity, embedded when it is built.

use include_dir::{Dir, include_dir};

use crate::LayerSource;

static PACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packs");
const TERMS_FILE: &str = "terms.cedar";

/// The layer of a shipped pack, for example `uk-public`.
#[must_use]
pub fn shipped_pack(name: &str) -> Option<LayerSource> {
    let text = PACKS.get_file(format!("{name}/{TERMS_FILE}"))?.contents_utf8()?;
    Some(LayerSource { name: name.to_owned(), path: format!("packs/{name}/{TERMS_FILE}"), text: text.to_owned() })
}

/// The names of all shipped packs, in order.
#[must_use]
pub fn shipped_pack_names() -> Vec<&'static str> {
    let mut names: Vec<_> = PACKS.dirs().filter_map(|dir| dir.path().to_str()).collect();
    names.sort_unstable();
    names
}
