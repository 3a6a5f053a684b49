//! Personal data in answers: told, masked or refused, and the same however an answer is cut.

use std::sync::{Arc, LazyLock};

use comity_redact::{CallValues, Class, Detector, Form, Label, OutputError, OutputMode, OutputRules, OutputScan, PseudonymKey, Pseudonyms};
use proptest::prelude::*;
use proptest::sample::{Index, select};

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
static PSEUDONYMS: LazyLock<Arc<Pseudonyms>> = LazyLock::new(|| {
    let values = [("EML", "ada@example.org"), ("IBN", "DE89 3704 0044 0532 0130 00")];
    Arc::new(Pseudonyms::new(&PseudonymKey::new([7; 32]), values.map(|(label, value)| (Label::parse(label).unwrap(), value))).unwrap())
});

const PLANTED: [&str; 6] = [
    "grace@example.com",
    "GB29 NWBK 6016 1331 9268 19",
    "4111 1111 1111 1111",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "josé.garcía@hospital.example",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
];

fn rules(mode: OutputMode) -> Arc<OutputRules> {
    Arc::new(OutputRules {
        look: Box::new(|text| DETECTOR.scan(text).map_err(|error| error.to_string())),
        kinds: DETECTOR.kinds().clone(),
        pseudonyms: Some(Arc::clone(&PSEUDONYMS)),
        values: CallValues::new(["ada@example.org", "DE89 3704 0044 0532 0130 00"]),
        mode,
    })
}

/// What a scan made of an answer: what came out, how many were found, and the error's text.
#[derive(Debug, PartialEq)]
struct Made {
    out: String,
    found: usize,
    error: Option<String>,
}

fn scan<'p>(pieces: impl IntoIterator<Item = &'p str>, mode: OutputMode) -> Made {
    scan_as(Form::Text, pieces, mode)
}

fn scan_as<'p>(form: Form, pieces: impl IntoIterator<Item = &'p str>, mode: OutputMode) -> Made {
    let mut scan = OutputScan::new(rules(mode), form);
    let mut made = Made { out: String::new(), found: 0, error: None };
    let mut take = |given: Result<String, OutputError>| match given {
        Ok(text) => {
            assert!(made.error.is_none(), "something went out behind an error");
            made.out += &text;
        }
        Err(OutputError::Ended) => assert!(made.error.is_some()),
        Err(found) => made.error = Some(found.to_string()),
    };
    for piece in pieces {
        take(scan.push(piece));
    }
    take(scan.flush());
    made.found = scan.take_found().len();
    made
}

fn cut(text: &str, cuts: &[Index]) -> Vec<String> {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    let mut cuts: Vec<usize> = if places.is_empty() { Vec::new() } else { cuts.iter().map(|cut| *cut.get(&places)).collect() };
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

/// Where the detector, given the whole, finds first what was not in the call and fits into a half of a window.
fn first_finding(text: &str) -> Option<usize> {
    let counts = |class| class != Class::Neutral;
    let findings = DETECTOR.scan(text).unwrap();
    let values = CallValues::new(["ada@example.org", "DE89 3704 0044 0532 0130 00"]);
    let ours = |start: usize, end: usize| {
        let pseudonym = PSEUDONYMS.of("ada@example.org").unwrap();
        values.has(&text[start..end]) || text.match_indices(pseudonym).any(|(at, _)| at < end && start < at + pseudonym.len())
    };
    let found = findings.iter().filter(|finding| counts(DETECTOR.kinds().get(finding.kind).unwrap().class));
    let mut short = found.filter(|finding| finding.end - finding.start <= 128 && !ours(finding.start, finding.end));
    short.next().map(|finding| finding.start)
}

fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => select(&PLANTED[..]).prop_map(str::to_owned),
        4 => "([a-zé]{1,9} ){0,40}[a-z]{1,9}",
        1 => "[中文字]{0,60}",
        1 => Just(PSEUDONYMS.of("ada@example.org").unwrap().to_owned()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join(" , "))
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => select(&PLANTED[..]).prop_map(|value| format!(" {value} ")),
        1 => select(&PLANTED[..]).prop_map(str::to_owned),
        4 => "([a-zé]{1,9} ){0,30}",
        1 => "[0-9 +-]{0,60}",
        1 => "[a-z中]{0,200}",
        1 => "[\"\\\\{}:,nu0-9]{0,20}",
        1 => Just(format!(" {} ", PSEUDONYMS.of("ada@example.org").unwrap())),
        1 => "(eyJhbGciOiJub25lIn0|sk-proj-)[A-Za-z0-9_.-]{0,400}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

const MODES: [OutputMode; 3] = [OutputMode::Report, OutputMode::Mask, OutputMode::Refuse];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn any_split_is_scanned_as_the_whole(
        text in text(),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
        mode in select(&MODES[..]),
        form in select(&[Form::Text, Form::Json][..]),
    ) {
        let whole = scan_as(form, [text.as_str()], mode);
        let cut = cut(&text, &cuts);
        let parts = scan_as(form, cut.iter().map(String::as_str), mode);
        prop_assert_eq!((parts.found, &parts.error), (whole.found, &whole.error));
        let refused = whole.error.is_some();
        let same = parts.out == whole.out || (refused && (text.starts_with(&parts.out) || mode == OutputMode::Mask));
        prop_assert!(same, "{:?} {:?}", parts, whole);
        if mode == OutputMode::Report {
            prop_assert_eq!(whole.out, text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_what_is_found_goes_before_the_error(text in words(), cuts in prop::collection::vec(any::<Index>(), 0..40)) {
        let cut = cut(&text, &cuts);
        for pieces in [cut, text.split_inclusive(|_: char| true).map(str::to_owned).collect()] {
            let made = scan(pieces.iter().map(String::as_str), OutputMode::Refuse);
            let first = first_finding(&text);
            prop_assert_eq!(made.error.is_some(), first.is_some());
            prop_assert!(text.starts_with(&made.out) && made.out.len() <= first.unwrap_or(text.len()), "{}", made.out);
        }
    }

    #[test]
    fn nothing_that_is_found_passes_a_mask(text in words(), cuts in prop::collection::vec(any::<Index>(), 0..40)) {
        let cut = cut(&text, &cuts);
        let made = scan(cut.iter().map(String::as_str), OutputMode::Mask);
        prop_assert!(PLANTED.iter().all(|value| !made.out.contains(value)), "{}", made.out);
        let pseudonym = PSEUDONYMS.of("ada@example.org").unwrap();
        prop_assert_eq!(made.out.matches(pseudonym).count(), text.matches(pseudonym).count());
    }

    #[test]
    fn json_with_masks_is_json(
        said in prop::collection::vec(text(), 1..4),
        number in select(&[4_111_111_111_111_111_u64, 7][..]),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let json = serde_json::json!({ "said": said, "number": number, "card": number }).to_string();
        let cut = cut(&json, &cuts);
        let made = scan_as(Form::Json, cut.iter().map(String::as_str), OutputMode::Mask);
        if made.error.is_none() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&made.out).is_ok(), "{}", made.out);
        }
    }

    #[test]
    fn what_is_planted_between_words_is_masked(
        before in "([a-zé]{1,9} ){0,60}",
        value in select(&PLANTED[..]),
        after in "( [a-zé]{1,9}){0,60}",
    ) {
        let out = scan([format!("{before}{value}{after}").as_str()], OutputMode::Mask).out;
        prop_assert!(out.starts_with(&before) && out.ends_with(&after) && !out.contains(value) && out.contains('['), "{}", out);
    }
}

fn made(out: &str, found: usize, error: Option<&str>) -> Made {
    Made { out: out.to_owned(), found, error: error.map(str::to_owned) }
}

#[test]
fn findings_are_told_masked_or_refused() {
    let text = "please write to grace@example.com today";
    assert_eq!(scan([text], OutputMode::Report), made(text, 1, None));
    assert_eq!(scan([text], OutputMode::Mask), made("please write to [email] today", 1, None));
    assert_eq!(scan([text], OutputMode::Refuse), made("", 1, Some("the answer has personal data that was not in the call (email)")));
    assert_eq!(scan(["see https://example.org/a"], OutputMode::Refuse), made("see https://example.org/a", 0, None));
}

#[test]
fn what_was_in_the_call_is_no_finding() {
    for value in ["ada@example.org", "DE89 3704 0044 0532 0130 00"] {
        let text = format!("phone {} or {value} or {} now", PSEUDONYMS.of(value).unwrap(), value.replace(' ', "-"));
        assert_eq!(scan([text.as_str()], OutputMode::Refuse), made(&text, 0, None));
    }
    let glued = format!("{}grace@example.com", PSEUDONYMS.of("ada@example.org").unwrap());
    assert_eq!(scan([glued.as_str()], OutputMode::Mask), made(&glued.replace("grace@example.com", "[email]"), 1, None));
}

#[test]
fn a_credential_glued_to_a_number_is_scanned() {
    let text = "GB29 NWBK 6016 1331 9268 19eyJhbGciOiJub25lIn0a";
    assert_eq!(scan([text], OutputMode::Report).out, text);
}

#[test]
fn masks_fit_into_json() {
    let json = r#"{"to":"a\ngrace@example.com\tb","card":4111111111111111,"n":7}"#;
    let masked = r#"{"to":"a\n[email]\tb","card":"[payment_card]","n":7}"#;
    assert_eq!(scan_as(Form::Json, [json], OutputMode::Mask), made(masked, 2, None));
}

#[test]
fn a_detector_that_fails_ends_the_answer() {
    for mode in MODES {
        let failing = OutputRules {
            look: Box::new(|_| Err("no memory".to_owned())),
            kinds: DETECTOR.kinds().clone(),
            pseudonyms: None,
            values: CallValues::default(),
            mode,
        };
        let mut scan = OutputScan::new(Arc::new(failing), Form::Text);
        assert_eq!(scan.flush(), Err(OutputError::Scan("no memory".to_owned())));
        assert_eq!((scan.push("a"), scan.flush()), (Err(OutputError::Ended), Err(OutputError::Ended)));
    }
}

#[test]
fn a_report_holds_nothing_back_and_a_mask_little() {
    let words = "word ".repeat(400);
    let (mut report, mut mask) =
        (OutputScan::new(rules(OutputMode::Report), Form::Text), OutputScan::new(rules(OutputMode::Mask), Form::Text));
    let (mut pushed, mut passed) = (0, 0);
    for piece in words.split_inclusive(' ') {
        assert_eq!(report.push(piece).unwrap(), piece);
        pushed += piece.len();
        passed += mask.push(piece).unwrap().len();
        assert!(pushed - passed < 256 + 128 + 10, "{pushed} {passed}");
    }
}
