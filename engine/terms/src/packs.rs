//! The packs that ship with Comity, embedded when it is built.

use include_dir::{Dir, include_dir};

use crate::load::LayerSource;
use crate::pack::{Pack, PackFile};

static PACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packs");
const TERMS_FILE: &str = "terms.cedar";
const PACK_FILE: &str = "pack.toml";
/// The folder beside the packs that holds kinds of personal data, not terms.
const KINDS: &str = "kinds";

/// A shipped pack, for example `uk-public`.
#[must_use]
pub fn shipped_pack(name: &str) -> Option<Pack> {
    let embedded = |path: &str| PACKS.get_file(path)?.contents_utf8().map(str::to_owned);
    let path = format!("{name}/{TERMS_FILE}");
    let source = LayerSource { name: name.to_owned(), text: embedded(&path)?, path: format!("packs/{path}") };
    let path = format!("{name}/{PACK_FILE}");
    let file = embedded(&path).map(|text| PackFile { path: format!("packs/{path}"), text });
    #[expect(clippy::expect_used, reason = "the packs are part of the program, and a test reads each of them")]
    Some(Pack::new(source, file.as_ref()).expect("a shipped pack"))
}

/// The names of all shipped packs, in order.
#[must_use]
pub fn shipped_pack_names() -> Vec<&'static str> {
    let mut names: Vec<_> = PACKS.dirs().filter_map(|dir| dir.path().to_str()).filter(|name| *name != KINDS).collect();
    names.sort_unstable();
    names
}
