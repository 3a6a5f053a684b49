//! One file of lines per kind in `tests/cases/`. In a line `⟦kind:value⟧` is a finding that must be made, and there may be no
//! other. `¦` is taken out of the line first: no whole secret stands in the repository, so other scanners keep quiet.

use comity_redact::{Detector, Finding, Kind, Kinds, Tier};

/// The text of a line and what must be found in it.
struct Case {
    text: String,
    expected: Vec<Finding>,
}

fn parse(line: &str) -> Case {
    let line = line.replace('¦', "").replace(r"\\", "\u{E000}").replace(r"\n", "\n").replace('\u{E000}', r"\");
    let mut case = Case { text: String::new(), expected: Vec::new() };
    let mut rest = line.as_str();
    while let Some((before, marked)) = rest.split_once('⟦') {
        let (inside, after) = marked.split_once('⟧').expect("⟧ is missing");
        let (name, value) = inside.split_once(':').expect("kind is missing");
        let kind = Kinds::shipped().find(name).expect("unknown kind");
        case.text.push_str(before);
        let start = case.text.len();
        case.text.push_str(value);
        case.expected.push(Finding { kind, start, end: case.text.len(), tier: Tier::Patterns });
        rest = after;
    }
    case.text.push_str(rest);
    case
}

/// The values here are synthetic, so a failure may show them.
fn shown(text: &str, findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{}:{}", Kinds::shipped().get(finding.kind).unwrap().name, &text[finding.start..finding.end]))
        .collect()
}

fn check(file: &str) {
    let detector = Detector::new().unwrap();
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    for case in lines.map(parse) {
        // Addresses stand in many lines and concern nobody: a file of their own tries them.
        let expects_urls = file.contains("⟦url:");
        let found = detector.scan(&case.text).unwrap();
        let found: Vec<Finding> = found.into_iter().filter(|finding| expects_urls || finding.kind != Kind::URL).collect();
        if found != case.expected {
            let (expected, found) = (shown(&case.text, &case.expected), shown(&case.text, &found));
            wrong.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", case.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

macro_rules! cases {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!("../cases/", stringify!($name), ".txt")));
        })*

        #[test]
        fn every_kind_has_its_cases() {
            let files = [$(stringify!($name)),*];
            let names = ["person", "location", "organisation"]; // no pattern finds them
            assert!(Kinds::built_in().iter().all(|(_, kind)| files.contains(&&*kind.name) || names.contains(&&*kind.name)));
        }
    };
}

cases!(ai_provider_key, private_key, aws_key, github_token, slack_token, jwt, email, iban, payment_card, phone, url, mixed);
