//! Packs with parameters: what is filled in, what stays as it is, and what is refused with which words.

use std::collections::BTreeMap;

use comity_terms::{LayerSource, Pack, PackFile, ParameterValue, Terms, format, shipped_pack, shipped_pack_names};

const MANIFEST: &str = r#"title = "Home first"
law = "none"

[parameters.home]
type = "jurisdiction"
default = "GB"
about = "whose machines count as home"

[parameters.homes]
type = "jurisdictions"
default = ["GB"]
about = "where calls may be processed"

[parameters.partners]
type = "bloc"
default = "uk_approved"
about = "whose certificates count"

[parameters.seal_min]
type = "level"
scale = "seal"
default = 2
about = "the least level"

[parameters.names]
type = "words"
default = ["dpf"]
about = "certificates that count"
"#;

const TERMS: &str = r#"// ?home stays in a comment
@id("home")
@goal("industrial")
@reason("who is at ?home is served")
permit (
  principal,
  action in [Action::"infer", Action::"embed"],
  resource
)
when { resource.origin.control == ?home && ?homes.containsAll(resource.origin.processed_in) }
when { resource.assurance.certified_in.contains(?partners) }
when { resource.assurance.level.seal >= ?seal_min && resource.assurance.certifications.containsAny(?names) };
"#;

fn pack(terms: &str, manifest: Option<&str>) -> Result<Pack, String> {
    let source = LayerSource { name: "own".to_owned(), path: "own.cedar".to_owned(), text: terms.to_owned() };
    let file = manifest.map(|text| PackFile { path: "pack.toml".to_owned(), text: text.to_owned() });
    Pack::new(source, file.as_ref()).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
}

/// The problems of a pack whose manifest has `from` replaced.
fn refused(from: &str, to: &str) -> String {
    assert!(MANIFEST.contains(from), "{from}");
    pack(TERMS, Some(&MANIFEST.replacen(from, to, 1))).err().unwrap_or_else(|| panic!("`{to}` should be refused"))
}

fn given(name: &str, value: ParameterValue) -> BTreeMap<String, ParameterValue> {
    BTreeMap::from([(name.to_owned(), value)])
}

#[test]
fn slots_take_defaults_and_given_values() {
    let pack = pack(TERMS, Some(MANIFEST)).unwrap();
    assert_eq!((pack.name(), pack.title(), pack.law()), ("own", "Home first", "none"));
    insta::assert_snapshot!("filled_by_default", pack.default_layer().text);
    let french = pack.layer(&given("home", ParameterValue::Text("FR".to_owned()))).unwrap();
    assert_eq!(french.text, pack.default_layer().text.replace("control == Jurisdiction::\"GB\"", "control == Jurisdiction::\"FR\""));
    let both = ParameterValue::List(vec!["GB".to_owned(), "FR".to_owned()]);
    let layer = pack.layer(&given("homes", both)).unwrap();
    assert!(layer.text.contains("[Jurisdiction::\"FR\", Jurisdiction::\"GB\"].containsAll"), "{}", layer.text);
    assert_eq!(layer.text.lines().count(), TERMS.lines().count());
    let digests = [pack.default_layer(), french, layer].map(|layer| Terms::load(vec![layer]).unwrap().digest());
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
}

#[test]
fn given_values_that_do_not_fit_are_all_named() {
    let pack = pack(TERMS, Some(MANIFEST)).unwrap();
    let mut values = given("hom", ParameterValue::Text("FR".to_owned()));
    values.extend(given("seal_min", ParameterValue::Number(9)));
    values.extend(given("homes", ParameterValue::List(Vec::new())));
    values.extend(given("names", ParameterValue::List(vec!["dpf\"] || true || [\"".to_owned()])));
    values.extend(given("partners", ParameterValue::Number(1)));
    let problems = pack.layer(&values).unwrap_err();
    let lines: Vec<_> = problems.iter().map(|problem| format!("{problem}\n  hint: {}", problem.hint.as_deref().unwrap())).collect();
    insta::assert_snapshot!("given_values", lines.join("\n"));
}

#[test]
fn a_manifest_that_is_wrong_says_where() {
    let cases = [
        ("law = \"none\"\n", ""),
        ("title = \"Home first\"", "titel = \"Home first\""),
        ("type = \"jurisdictions\"", "type = \"jurisdictoins\""),
        ("default = \"GB\"", "default = \"UK1\""),
        ("default = 2", "default = 7"),
        ("default = 2", "default = \"2\""),
        ("default = [\"dpf\"]", "default = []"),
        ("default = [\"dpf\"]", "default = [1]"),
        ("default = [\"dpf\"]\n", ""),
        ("scale = \"seal\"", "scale = \"seel\""),
        ("scale = \"seal\"\n", ""),
        ("type = \"bloc\"", "type = \"bloc\"\nscale = \"seal\""),
        ("[parameters.home]", "[parameters.principal]"),
        ("[parameters.home]", "[parameters.hoem]"),
        (
            "about = \"the least level\"",
            "about = \"the least level\"\n\n[parameters.more]\ntype = \"bloc\"\ndefault = \"eu\"\nabout = \"x\"",
        ),
        ("title = ", "title "),
    ];
    let seen: Vec<_> = cases.iter().map(|(from, to)| format!("{to:?} for {from:?}\n{}", refused(from, to))).collect();
    insta::assert_snapshot!("manifests", seen.join("\n\n---\n\n"));
}

#[test]
fn a_slot_without_a_manifest_is_refused() {
    let message = pack(TERMS, None).err().unwrap();
    assert!(message.starts_with("own.cedar:10:35: unknown parameter `?home`\n"), "{message}");
    assert!(message.contains("hint: declare it in `pack.toml` beside this file: `[parameters.home]`"), "{message}");
}

#[test]
fn problems_of_filled_terms_stay_on_their_line() {
    let source = TERMS.replace("level.seal >= ?seal_min", "level.seel >= ?seal_min");
    let problems = Terms::load(vec![pack(&source, Some(MANIFEST)).unwrap().default_layer()]).unwrap_err();
    insta::assert_snapshot!("problem_of_filled_terms", problems[0]);
}

#[test]
fn a_parameter_cannot_make_ignorance_a_home() {
    let unknown = given("home", ParameterValue::Text("XX".to_owned()));
    let layer = pack(TERMS, Some(MANIFEST)).unwrap().layer(&unknown).unwrap();
    assert!(Terms::load(vec![layer]).is_err());
}

#[test]
fn formatting_gives_slots_back() {
    assert_eq!(format(TERMS).unwrap(), TERMS);
    let squeezed = "@id(\"a\")@goal(\"privacy\")@reason(\"?a \u{e000}\")permit(principal,action==Action::\"infer\",resource)when{?a.containsAll(resource.origin.processed_in)&&resource.origin.control==?home&&\"x\"==\"y\"&&[?b,?bb].contains(1)// ?c\n};";
    let formatted = format(squeezed).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted);
    for kept in ["?a.containsAll(", "control == ?home", "[?b,", "?bb].contains(", "// ?c", "@reason(\"?a \u{e000}\")"] {
        assert!(formatted.contains(kept), "{kept} in {formatted}");
    }
}

#[test]
fn shipped_packs_say_what_they_are() {
    for name in shipped_pack_names() {
        let pack = shipped_pack(name).unwrap();
        assert!(!pack.title().is_empty() && !pack.law().is_empty(), "packs/{name}/pack.toml needs a title and a law");
    }
}
