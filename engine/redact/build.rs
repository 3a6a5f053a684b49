//! Builds this crate anew when a kinds file changes: `include_dir!` alone would go on embedding the old ones.

#[expect(clippy::disallowed_macros, reason = "this is how a build script speaks to Cargo")]
fn main() {
    println!("cargo::rerun-if-changed=../../packs/kinds");
}
