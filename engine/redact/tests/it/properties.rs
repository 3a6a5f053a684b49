//! What holds for every text: findings are valid, sorted and disjoint, the same each time, nothing panics, and what is planted
//! between spaces is found.

use std::sync::LazyLock;

use comity_redact::{Detector, Finding, Kind, Kinds};
use proptest::prelude::*;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
/// Without kinds that are data: only with them may a value bear another name, as a `password` that is a card number.
static BUILT_IN: LazyLock<Detector> = LazyLock::new(|| Detector::with_kinds(Kinds::built_in()).unwrap());

/// Text with more of what detectors look at than chance would give.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,20}",
        3 => "[0-9 .()/+-]{0,30}",
        2 => "\\PC{0,12}",
        1 => any::<String>(),
        2 => "[a-z]{0,6}@[a-z0-9.@-]{0,12}",
        1 => "[A-Z]{2}[0-9]{2}[A-Z0-9 ]{0,30}",
        1 => "eyJ[A-Za-z0-9_.-]{0,40}",
        1 => "(sk-|sk-proj-|ghp_|ghs_|AKIA|xoxb-|AIza|hf_)[A-Za-z0-9_.-]{0,60}",
        1 => "(-----BEGIN |-----END |RSA |PRIVATE KEY|-----|\n|[A-Za-z0-9+/]{40}){0,8}",
        1 => "(secret_access_key|MISTRAL_API_KEY|phone|карта|电话)[ :=\"]{0,3}[A-Za-z0-9/+]{0,45}",
        1 => "[０-９٠-٩ -é中\u{a0}]{0,20}",
        2 => "([A-Z]{0,4}[ .-]?[0-9]{1,6}[ ./-]?){1,6}",
        1 => "(cpf|passport|nhs number|iban|dob|steuernummer|护照)[ :]{0,2}[A-Z]{0,2}[0-9]{5,12}",
        1 => "(%[0-9A-F]{2}|&#[0-9]{2,4};|&nbsp;|\u{200b}|\u{ad}|e\u{301}|[A-Za-z0-9+/]{16,40}){0,8}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn check(text: &str, found: &[Finding]) -> Result<(), TestCaseError> {
    for finding in found {
        prop_assert!(finding.start < finding.end);
        prop_assert!(text.get(finding.start..finding.end).is_some(), "not on character boundaries");
    }
    prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "not sorted or not disjoint");
    Ok(())
}

fn check_planted(kind: Kind, value: &str, (before, after): (&str, &str)) -> Result<(), TestCaseError> {
    let text = format!("{before} {value} {after}");
    let (start, end) = (before.len() + 1, before.len() + 1 + value.len());
    let found = DETECTOR.scan(&text).unwrap();
    let covered = found.iter().any(|finding| finding.start <= start && finding.end >= end);
    prop_assert!(covered, "{value} is not found in {text:?}: {found:?}");
    let found = BUILT_IN.scan(&text).unwrap();
    let named = found.iter().any(|finding| finding.kind <= kind && finding.start <= start && finding.end >= end);
    prop_assert!(named, "{value} is not found as what it is in {text:?}: {found:?}");
    Ok(())
}

/// Digits with a Luhn digit at the end.
fn with_luhn(digits: &str) -> String {
    (0..10).map(|last| format!("{digits}{last}")).find(|number| luhn_sum(number).is_multiple_of(10)).unwrap()
}

fn luhn_sum(number: &str) -> u32 {
    let digits = number.bytes().rev().map(|byte| u32::from(byte - b'0'));
    digits.enumerate().map(|(index, digit)| if index % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }).sum()
}

/// A country code, check digits by ISO 7064 mod 97-10, and the account.
fn with_check_digits(country: &str, account: &str) -> String {
    let number: String = format!("{account}{country}00").chars().map(|character| character.to_digit(36).unwrap().to_string()).collect();
    let rest = number.bytes().fold(0_u32, |rest, byte| (rest * 10 + u32::from(byte - b'0')) % 97);
    format!("{country}{:02}{account}", 98 - rest)
}

fn in_fours(text: &str, gap: &str) -> String {
    text.as_bytes().chunks(4).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect::<Vec<_>>().join(gap)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_are_valid_sorted_and_disjoint(text in text()) {
        check(&text, &DETECTOR.scan(&text).unwrap())?;
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text, &DETECTOR.scan(&text).unwrap())?;
    }

    #[test]
    fn the_same_text_gives_the_same_findings(text in text()) {
        prop_assert_eq!(DETECTOR.scan(&text).unwrap(), Detector::clone(&DETECTOR).scan(&text).unwrap());
    }

    #[test]
    fn a_planted_email_is_found(local in r"[a-z0-9]([a-z0-9_+-]|\.[a-z0-9]){0,15}", domain in "[a-z][a-z0-9-]{0,10}[a-z]", top in "[a-z]{2,10}", around in (text(), text())) {
        let email = format!("{local}@{domain}.{top}");
        check_planted(Kind::EMAIL, &email, (&around.0, &around.1))?;
    }

    #[test]
    fn a_planted_iban_is_found(account in "[0-9]{18}", bank in "[A-Z]{4}", spaced in any::<bool>(), around in (text(), text())) {
        let german = with_check_digits("DE", &account);
        let british = with_check_digits("GB", &format!("{bank}{}", &account[..14]));
        for iban in [german, british] {
            let iban = if spaced { in_fours(&iban, " ") } else { iban };
            check_planted(Kind::IBAN, &iban, (&around.0, &around.1))?;
        }
    }

    #[test]
    fn a_planted_card_is_found(prefix in "4[0-9]{2}|5[1-5][0-9]|601", rest in "[0-9]{12}", gap in prop_oneof![Just(""), Just(" "), Just("-")], around in (text(), text())) {
        let card = in_fours(&with_luhn(&format!("{prefix}{rest}")), gap);
        check_planted(Kind::PAYMENT_CARD, &card, (&around.0, &around.1))?;
    }
}

/// Long runs of what patterns begin with.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "0", "1 ", "4111 ", "12-", "(0)", "+", "+1", "a", "A0", "GB29", "ab12 cdef ", "@", "a@", "a@b.", ".", "a.", "eyJ",
    "eyJhbGciOiJub25lIn0.", "eyJhbGciOi.", "sk-", "sk-proj-", "AKIAABCDEFGHIJKLMNOP", "secret_key=", "mistral_key",
    "hooks.slack.com/services/", "xoxb-", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY", "é", "中", "０", "é@",
    "+44 7911 123456 ", "a1", "A1 ", "A1-", "1a-", "x 1 ", "AB 12 ", "cpf 390.533.447-05 ", "cpf ", "Aaaa Bbbb Cccc 1 ", "390.533.447-0",
    "00000000-0000-", "glpat-", "ya29.", "%40", "%", "&#64;", "&", "&#", "\u{200b}", "1\u{200b}", "e\u{301}", "\u{a0}1", "YWRh",
    "YWRhQGV4YW1wbGUub3Jn ", "/aaaaaaaaaaaaaaaa", "4242 ", "www.", "\\", "\\n1", "\\u0031", "\\ud83d", "https://a ", "https://a,",
];

/// Each would take hours if any step were quadratic.
#[test]
fn long_runs_stay_linear() {
    for piece in PIECES {
        let text = piece.repeat((1 << 20) / piece.len());
        check(&text, &DETECTOR.scan(&text).unwrap()).unwrap();
    }
}

#[test]
fn every_calling_code_can_be_asked_about() {
    for code in 1..1000 {
        for rest in ["123456", "12345678", "712345678", "0712345678", "00000000000"] {
            let text = format!("+{code}{rest}");
            check(&text, &DETECTOR.scan(&text).unwrap()).unwrap();
        }
    }
}

#[test]
fn a_page_of_phone_numbers_is_found_to_the_last() {
    let text = "+447911123456 ".repeat(500);
    assert_eq!(DETECTOR.scan(&text).unwrap().len(), 500);
}

#[test]
fn every_cut_of_a_text_is_scanned_without_panic() {
    let text = "Tel. +44 (0)20 7946 0958 x12, josé@españa.es, GB29 NWBK 6016 1331 9268 19, 4111 1111 1111 1111, eyJhbGciOiJub25lIn0.e30.";
    for (start, _) in text.char_indices() {
        check(&text[start..], &DETECTOR.scan(&text[start..]).unwrap()).unwrap();
        check(&text[..start], &DETECTOR.scan(&text[..start]).unwrap()).unwrap();
    }
}
