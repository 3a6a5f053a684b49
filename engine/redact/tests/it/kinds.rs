//! Every example of every file in `packs/kinds/`: what is marked must be found whole and as that kind, and what must not be found is not.
//! How a sentence is tried is the library's work (`Examples`), so that whoever writes a file can do the same.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads the files and says what it measured")]

use std::path::Path;

use comity_redact::{Detector, Example, ExampleList, ExampleOutcome, Examples, Kind, Kinds};

fn files() -> Vec<(String, Examples)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/kinds");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().display().to_string();
        let examples = Examples::read(&name, &std::fs::read_to_string(path).unwrap()).unwrap();
        (name, examples)
    };
    paths.iter().map(read).collect()
}

/// The places where a kind is found.
fn places(detector: &Detector, kind: Kind, text: &str) -> Vec<(usize, usize)> {
    let found = detector.scan(text).unwrap();
    found.iter().filter(|finding| finding.kind == kind).map(|finding| (finding.start, finding.end)).collect()
}

/// The places where anything is found, and as what, for a message. The values are made up.
fn shown(detector: &Detector, text: &str) -> String {
    let found = detector.scan(text).unwrap();
    let name = |kind| detector.kinds().get(kind).map_or("?", |info| &info.name).to_owned();
    let shown: Vec<String> = found.iter().map(|finding| format!("{}:{}", name(finding.kind), &text[finding.start..finding.end])).collect();
    format!("{text}\n    found {shown:?}")
}

/// A nation that ships its own file alone must find its own values under their own names.
#[test]
fn every_example_holds_with_its_own_file() {
    let wrong: Vec<String> = files().iter().flat_map(|(name, examples)| failures(name, examples)).collect();
    assert!(wrong.is_empty(), "{} examples do not hold:\n{}", wrong.len(), wrong.join("\n"));
}

/// The sentences of a file that do not hold with it alone.
fn failures(name: &str, examples: &Examples) -> Vec<String> {
    let few = examples.with_few().map(|kind| format!("{name}: kind `{kind}` has fewer than three sentences to find or to pass"));
    let tried = examples.alone().unwrap();
    let wrong = tried.iter().filter(|example| example.outcome != ExampleOutcome::Holds).map(|example| format!("{name}: {example}"));
    few.chain(wrong).collect()
}

/// With all kinds together a value may bear the name of another, because countries use the same shapes and words; but none stays in clear,
/// and no kind finds what its own file says it must not.
#[test]
fn every_example_holds_with_all_kinds() {
    let detector = Detector::new().unwrap();
    let mut wrong = Vec::new();
    let (mut all, mut own) = (0, 0);
    for (name, examples) in files() {
        for example in examples.among(&detector).unwrap() {
            let holds = example.outcome == ExampleOutcome::Holds;
            if !holds && example.outcome != ExampleOutcome::OtherName {
                wrong.push(format!("{name}: {example}"));
            }
            if example.list == ExampleList::Finds {
                all += 1;
                own += usize::from(holds);
            }
        }
    }
    eprintln!("{own} of {all} examples bear the name of their own kind, the others that of another");
    assert!(wrong.is_empty(), "{} examples do not hold:\n{}", wrong.len(), wrong.join("\n"));
    assert!(own * 100 >= all * 80, "only {own} of {all} examples bear the name of their own kind");
}

/// Whoever copies the example of the format begins with something that works.
#[test]
fn the_example_of_the_format_holds() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/kinds/README.md")).unwrap();
    let example = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert_eq!(failures("README.md", &Examples::read("README.md", example).unwrap()), Vec::<String>::new());
}

/// Ordinary text of engineers and offices, in which every tool of this kind finds something.
#[test]
fn what_only_looks_like_an_identifier_is_left_alone() {
    let detector = Detector::new().unwrap();
    let texts = [
        "the C4 model, S3 buckets on EKS, an EC2 t3.micro, K8s 1.31, H2O, B2B, R2D2, PM2.5, MP3, 4K, 5G",
        "request 123e4567-e89b-12d3-a456-426614174000 and 550e8400e29b41d4a716446655440000 took 1250 ms",
        "commit 4d6d579291f0cde2e5738713a818d896205876a3, sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "v1.2.3, 2.0.0-rc.1, 1.95.0-nightly.20261122, rust-1.95, node@22.11.0, python3.13",
        "2026-11-22, 2026-11-22T10:30:00Z, 22.11.2026, 11/22/2026, week 47, Q3 2026, 1990-1995, 1764000000, 1764000000000",
        "EUR 1,234.50, $19.99, 1.299,00 €, 12 %, 48.2 mg/l, 120/80 mmHg, 38.5 °C, 10 m², 3.5 kg, 1e-9, 0x7fff5fbff8c0",
        "pp. 123-145, vol. 12(3), fig. 4, chapter 7, lines 1204-1310, 1:25000, 16:9, 1920x1080, ISO 9001:2015, RFC 7519",
        "order 48291377, part no. CD34EFGH5678IJKL, SKU 4006381333931, invoice 2026-000417, ticket ABC-1234, room 12",
        "for i in 0..1000000 { x[i] = 65535 * 4096; } // 0.4539578763621486, 3.141592653589793",
        "Room 404, floor 3, bus 42, gate B12, flight LH1234, seat 14C, platform 9",
    ];
    for text in texts {
        assert_eq!(detector.scan(text).unwrap(), [], "{}", shown(&detector, text));
    }
}

/// A file with one kind; `replace` changes one line of it.
fn file(replace: (&str, &str)) -> String {
    let text = r#"
country = "XX"
languages = ["en"]

[[kind]]
name = "xx_id"
label = "XID"
title = "identity number"
class = "personal"
words = ["identity"]
source = "made up"
finds = []
passes = []

[[kind.pattern]]
pattern = '[A-Z]\d{7}'
needs = "word"
"#;
    assert!(replace.0.is_empty() || text.contains(replace.0));
    text.replacen(replace.0, replace.1, 1)
}

/// What `finds` and `passes` of a file come to with it alone, and with it and all shipped kinds.
fn tried(finds: &str, passes: &str) -> (Vec<Example>, Vec<Example>) {
    let text = file(("", "")).replace("finds = []", &format!("finds = [{finds}]")).replace("passes = []", &format!("passes = [{passes}]"));
    let examples = Examples::read("xx.toml", &text).unwrap();
    let detector = Detector::with_kinds(Kinds::shipped().with(&[("xx.toml", &text)]).unwrap()).unwrap();
    (examples.alone().unwrap(), examples.among(&detector).unwrap())
}

#[test]
fn an_example_that_does_not_hold_is_shown_with_what_was_expected_and_found() {
    let finds =
        r#""identity «X1234567»", "identity «X123»", "«X12¦34567» (identity), X7654321", "«+44 20 7946 0958»", "identity X1234567""#;
    let (alone, among) = tried(finds, r#""X1234567", "my identity X1234567", "identity «X12»""#);
    let shown: Vec<String> = alone.iter().filter(|example| example.outcome != ExampleOutcome::Holds).map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "kind `xx_id`, sentence 2 of `finds`: must find `X123`, found nothing; it says `identity X123`",
            "kind `xx_id`, sentence 3 of `finds`: must find `X1234567`, found `X1234567` as `xx_id` and `X7654321` as `xx_id`; \
         it says `X1234567 (identity), X7654321`",
            "kind `xx_id`, sentence 4 of `finds`: must find `+44 20 7946 0958`, found `+44 20 7946 0958` as `phone`; it says `+44 20 7946 0958`",
            "kind `xx_id`, sentence 5 of `finds`: nothing is marked; put `«` and `»` around what must be found; it says `identity X1234567`",
            "kind `xx_id`, sentence 2 of `passes`: must find no `xx_id`, found `X1234567` as `xx_id`; it says `my identity X1234567`",
            "kind `xx_id`, sentence 3 of `passes`: something is marked, and nothing must be found; it says `identity X12`",
        ]
    );
    assert_eq!(Examples::read("xx.toml", &file(("", ""))).unwrap().with_few().collect::<Vec<_>>(), ["xx_id"]);
    assert_eq!(among[3].outcome, ExampleOutcome::OtherName);
    assert!(alone[3].outcome == ExampleOutcome::Fails && alone[0].outcome == ExampleOutcome::Holds);
}

#[test]
fn a_message_never_quotes_a_long_line_whole() {
    let long = "x".repeat(1 << 20);
    for replace in [
        ("title = \"identity number\"", format!("title = \"{long}")),
        ("label = \"XID\"", format!("label = \"{long}\"")),
        ("name = \"xx_id\"", format!("name = \"{long}\"")),
        ("needs = \"word\"", format!("needs = \"{long}\"")),
        ("needs = \"word\"", format!("needs = \"word\"\ncheck = \"{long}\"")),
        ("[A-Z]", long.clone()),
    ] {
        let error = Kinds::load(&[("xx.toml", &file((replace.0, &replace.1)))]).expect_err(replace.0).to_string();
        assert!(error.len() < 2000 && error.contains("`xx.toml`"), "{}: {} bytes", replace.0, error.len());
    }
}

#[test]
fn an_organisation_adds_its_own_kinds() {
    let kinds = Kinds::shipped().with(&[("own.toml", &file(("", "")))]).unwrap();
    let detector = Detector::with_kinds(kinds).unwrap();
    let kind = detector.kinds().find("xx_id").unwrap();
    assert_eq!(places(&detector, kind, "Identity: X1234567."), [(10, 18)]);
    assert_eq!(detector.kinds().find("email"), Some(Kind::EMAIL));
    let shipped = Kinds::shipped();
    assert!(shipped.iter().all(|(kind, info)| detector.kinds().get(kind) == Some(info)), "shipped kinds keep their places");
}

#[test]
fn a_file_that_is_not_understood_is_refused_with_its_name_and_what_to_do() {
    let cases = [
        (("name = \"xx_id\"", "name = \"id\""), "does not begin with `xx_`"),
        (("name = \"xx_id\"", "name = \"xx_ID\""), "a-z, 0-9 and `_`"),
        (("country = \"XX\"", "country = \"Xland\""), "two capital letters"),
        (("label = \"XID\"", "label = \"xid\""), "three of A-Z and 0-9"),
        (("class = \"personal\"", "class = \"private\""), "unknown variant `private`"),
        (("words = [\"identity\"]", "words = [\"Identity\"]"), "not in lower case"),
        (("words = [\"identity\"]", "words = []"), "has no `words`"),
        (("needs = \"word\"", "needs = \"check\""), "has no `check`"),
        (("needs = \"word\"", "need = \"word\""), "unknown field `need`"),
        (("needs = \"word\"", "needs = \"word\"\ncheck = \"luhm\""), "no check is named `luhm`"),
        (("needs = \"word\"", "needs = \"word\"\nprefix = [\"X\"]"), "shorter than three"),
        (("{7}", "+"), "is not bounded by 40"),
        (("{7}", "{41}"), "is not bounded by 40"),
        (("{7}", "("), "does not parse"),
        (("{7}", r"{7}\b"), "looks around"),
        (("{7}", "{20}[A-Z]{40}[A-Z]{40}[A-Z]{40}"), "matches 141 characters; it must match 2 to 128"),
        ((r"[A-Z]\d{7}", "."), "the pattern `.` matches one character; it must match 2 to 128"),
        ((r"[A-Z]\d{7}", r"\d{0,7}"), "matches 0 to 7 characters; it"),
        ((r"[A-Z]\d{7}", r"[^\x00-\xff]"), "never matches; it"),
        (("source = \"made up\"", ""), "missing field `source`"),
    ];
    for (replace, part) in cases {
        let error = Kinds::load(&[("xx.toml", &file(replace))]).expect_err(part).to_string();
        assert!(error.contains(part) && error.contains("`xx.toml`"), "{replace:?}: {error}");
    }
    let twice = Kinds::load(&[("a.toml", &file(("", ""))), ("b.toml", &file(("", "")))]).expect_err("twice").to_string();
    assert!(twice.contains("a kind of this name already") && twice.contains("`b.toml`"), "{twice}");
}

#[test]
fn a_phone_number_and_a_national_number_on_the_same_digits() {
    let detector = Detector::new().unwrap();
    let named = |text: &str| {
        let found = detector.scan(text).unwrap();
        found.iter().map(|finding| detector.kinds().get(finding.kind).unwrap().name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(named("CPF 390.533.447-05"), ["br_cpf"]);
    assert_eq!(named("CPF e telefone: 11 98765-4321"), ["phone"]);
    assert_eq!(named("NHS number 943 476 5919, tel. 020 7946 0958"), ["gb_nhs", "phone"]);
    assert_eq!(named("+447911123456"), ["phone"]);
}

#[test]
fn a_word_announces_in_its_own_line_and_the_next_only() {
    let detector = Detector::with_kinds(Kinds::load(&[("xx.toml", &file(("", "")))]).unwrap()).unwrap();
    let found = |text: &str| !detector.scan(text).unwrap().is_empty();
    assert!(found("IDENTITY X1234567") && found("identity:\n  X1234567") && found("X1234567 (identity)"));
    assert!(found("user_identity_no=X1234567") && found("{\"userIdentity\": \"X1234567\"}"));
    assert!(!found("identity\n\nX1234567") && !found("X1234567\nidentity"), "two lines");
    assert!(!found("identityless X1234567") && !found("coidentity X1234567"), "part of a word");
    assert!(!found(&format!("identity {} X1234567", "x ".repeat(30))), "too far");
    assert!(!found("identity X12345678") && !found("identity XX1234567") && !found("identity éX1234567") && !found("identity X1234567é"));
    assert!(found("identity 是X1234567号"), "scripts without spaces");
}
