//! Where the tests find the demonstration model. They never fetch it.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// `$COMITY_TEST_MODEL`, or where `comity model install smollm2` puts it.
pub(crate) fn model_path() -> PathBuf {
    let path = match (std::env::var_os("COMITY_TEST_MODEL"), std::env::var_os("COMITY_DATA")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(data)) => PathBuf::from(data).join("models/smollm2.gguf"),
        (None, None) => etcetera::choose_base_strategy().unwrap().data_dir().join("comity/models/smollm2.gguf"),
    };
    assert!(path.is_file(), "this test needs the demonstration model at `{}`: run `cargo run -- model install smollm2`", path.display());
    path
}
