//! Terms as their authors meet them: what loads, what is refused and with which words, and the canonical format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "the cases are files")]

mod packs;

use std::path::PathBuf;

use comity_terms::{LayerSource, Terms, format, shipped_pack, shipped_pack_names};

fn cases(folder: &str) -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.into_iter().map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())).collect()
}

fn load(name: &str, text: &str) -> Result<Terms, String> {
    let layer = LayerSource { name: name.to_owned(), path: format!("{name}.cedar"), text: text.to_owned() };
    Terms::load(vec![layer]).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
}

#[test]
fn refused_terms_say_where_and_how_to_mend_them() {
    for (name, text) in cases("refused") {
        let message = load(&name, &text).expect_err(&name);
        insta::assert_snapshot!(name, message);
    }
}

#[test]
fn accepted_terms_load() {
    for (name, text) in cases("accepted") {
        load(&name, &text).unwrap_or_else(|message| panic!("{name} should load:\n{message}"));
    }
}

#[test]
fn shipped_packs_load_and_are_in_canonical_format() {
    for name in shipped_pack_names() {
        let pack = shipped_pack(name).unwrap();
        Terms::load(vec![pack.default_layer()]).unwrap_or_else(|problems| panic!("{name}: {}", problems[0]));
        assert_eq!(format(pack.text()).unwrap(), pack.text(), "run `comity terms fmt packs/{name}/terms.cedar`");
    }
}

#[test]
fn formatting_twice_changes_nothing_and_keeps_comments() {
    let text = "// kept\n@id(\"a\")@goal(\"privacy\")@reason(\"r\") permit(principal,action==Action::\"infer\",resource)when{context.data.classification<=1};";
    let once = format(text).unwrap();
    assert!(once.contains("// kept"));
    assert_eq!(format(&once).unwrap(), once);
    assert!(format("permit (").is_err());
}

#[test]
fn the_digest_covers_names_texts_and_order_of_layers() {
    let layer = |name: &str, id: &str| LayerSource {
        name: name.to_owned(),
        path: "p".to_owned(),
        text: format!("@id(\"{id}\")\n@goal(\"privacy\")\n@reason(\"r\")\npermit (principal, action == Action::\"infer\", resource);"),
    };
    let digest = |layers: Vec<LayerSource>| Terms::load(layers).unwrap().digest();
    let base = digest(vec![layer("a", "x"), layer("b", "y")]);
    assert_eq!(base, digest(vec![layer("a", "x"), layer("b", "y")]));
    assert_ne!(base, digest(vec![layer("b", "y"), layer("a", "x")]));
    assert_ne!(base, digest(vec![layer("c", "x"), layer("b", "y")]));
    assert_ne!(base, digest(vec![layer("a", "x"), layer("b", "z")]));
    let loaded = Terms::load(vec![layer("a", "x"), layer("b", "y")]).unwrap();
    assert_eq!(base, digest(loaded.sources()));
}

#[test]
fn one_id_in_two_layers_is_refused() {
    let layer = |name: &str| LayerSource {
        name: name.to_owned(),
        path: format!("{name}.cedar"),
        text: "@id(\"x\")\n@goal(\"privacy\")\n@reason(\"r\")\npermit (principal, action == Action::\"infer\", resource);".to_owned(),
    };
    let problems = Terms::load(vec![layer("nation"), layer("organisation")]).unwrap_err();
    assert_eq!(problems[0].message, "term id `x` is used twice, first in `nation.cedar`");
}
