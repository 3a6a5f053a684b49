//! Values in other forms than plain ASCII are found, and the place that is reported is that of all their characters in the text.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use comity_redact::{Detector, Gazetteer, Kind, Kinds};
use proptest::prelude::*;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::with_kinds(Kinds::built_in()).unwrap());

/// A way to write a value so that plain patterns do not see it.
type Form = (&'static str, fn(&str) -> String);

/// Adds `distance` to each printable ASCII character.
fn shifted(text: &str, zero: u32) -> String {
    text.chars().map(|c| c.to_digit(10).map_or(c, |digit| char::from_u32(zero + digit).unwrap())).collect()
}

const FORMS: [Form; 12] = [
    ("fullwidth", |value| {
        value.chars().map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c }).collect()
    }),
    ("arabic digits", |value| shifted(value, 0x660)),
    ("devanagari digits", |value| shifted(value, 0x966)),
    ("mathematical digits", |value| shifted(value, 0x1D7CE)),
    ("percent", |value| value.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ("percent for signs only", |value| value.replace('@', "%40").replace(' ', "%20")),
    ("decimal entities", |value| value.chars().map(|c| format!("&#{};", u32::from(c))).collect()),
    ("hexadecimal entities", |value| value.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect()),
    ("escapes of json", |value| value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()),
    ("one escape of json", |value| value.replace('@', "\\u0040").replacen('1', "\\u0031", 1)),
    ("zero width", |value| value.chars().flat_map(|c| [c, '\u{200B}']).collect::<String>().trim_end_matches('\u{200B}').to_owned()),
    ("soft hyphens", |value| value.chars().flat_map(|c| [c, '\u{AD}']).collect::<String>().trim_end_matches('\u{AD}').to_owned()),
];

const VALUES: [(Kind, &str); 5] = [
    (Kind::EMAIL, "ada.l7@example.org"),
    (Kind::PAYMENT_CARD, "4111111111111111"),
    (Kind::PAYMENT_CARD, "4111 1111 1111 1111"),
    (Kind::IBAN, "GB29NWBK60161331926819"),
    (Kind::IBAN, "DE89 3704 0044 0532 0130 00"),
];

fn check(form: &str, (kind, value): (Kind, &str), (before, hidden, after): (&str, &str, &str)) {
    let text = format!("{before} {hidden} {after}");
    let (start, end) = (before.len() + 1, before.len() + 1 + hidden.len());
    let found = DETECTOR.scan(&text).unwrap();
    let covered = found.iter().any(|finding| finding.kind <= kind && finding.start <= start && finding.end >= end);
    assert!(covered, "{value} as {form} is not found in {text:?}: {found:?}");
    assert!(found.iter().all(|finding| text.get(finding.start..finding.end).is_some()), "not on character boundaries");
}

#[test]
fn every_value_is_found_in_every_form() {
    for (name, form) in FORMS {
        for (kind, value) in VALUES {
            for (before, after) in
                [("", ""), ("to", "and more"), ("Größe 12 m², 请联系", "。谢谢"), (&"lorem ipsum ".repeat(100), &"dolor sit ".repeat(100))]
            {
                check(name, (kind, value), (before, &form(value), after));
            }
        }
    }
}

#[test]
fn entities_with_names_and_typographic_signs_are_read() {
    check("entity", (Kind::EMAIL, "ada@example.org"), ("", "ada&commat;example&period;org", ""));
    check("entity", (Kind::PAYMENT_CARD, "4111 1111 1111 1111"), ("", "4111&nbsp;1111&nbsp;1111&nbsp;1111", ""));
    check("spaces", (Kind::IBAN, "GB29 NWBK"), ("", "GB29\u{2007}NWBK\u{2007}6016\u{2007}1331\u{2007}9268\u{2007}19", ""));
    check("hyphens", (Kind::PAYMENT_CARD, "4111"), ("", "4111−1111−1111−1111", ""));
}

/// What is found in a text, as it is spelled there.
fn found<'t>(detector: &Detector, text: &'t str) -> Vec<&'t str> {
    detector.scan(text).unwrap().iter().map(|finding| &text[finding.start..finding.end]).collect()
}

#[test]
fn escapes_of_quoted_json_part_words() {
    let all = Detector::new().unwrap();
    assert_eq!(found(&all, r#"```{"note": "Call back:\n07911 123456\nor \t(020 7946 0958)"}```"#), ["07911 123456", "(020 7946 0958"]);
    assert_eq!(found(&all, r#"{"n": "NHS number\n943 476 5919\n"}"#), ["943 476 5919"]);
    // Half an escape must not stay behind.
    assert_eq!(found(&all, r#"{"to": "\nada@example.org", "x": "\\nada@example.org"}"#), [r"\nada@example.org", r"\\nada@example.org"]);
}

#[test]
fn texts_that_stand_together_keep_their_findings_apart() {
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let text = format!("-----BEGIN PRIVATE KEY-----\0{key}\0{key}\0-----END PRIVATE KEY-----\0the end");
    let all = found(&DETECTOR, &text);
    assert!(all.len() == 4 && all.iter().all(|value| !value.contains('\0')), "{all:?}");
}

#[test]
fn names_in_other_forms_are_found() {
    let names = Gazetteer::build(["Jürgen Müller", "Claude Monet", "Ada"].map(|name| (Kind::PERSON, name))).unwrap();
    let detector = DETECTOR.clone().with_names(Arc::new(names));
    for hidden in [
        r"J\u00fcrgen M\u00fcller",
        "Clau\u{ad}de Monet",
        "Claude%20Monet",
        "&#67;laude Monet",
        "Ｃｌａｕｄｅ Ｍｏｎｅｔ",
        "Ju\u{308}rgen&nbsp;Müller",
    ] {
        assert_eq!(found(&detector, &format!("with {hidden}, today")), [hidden]);
    }
    assert_eq!(found(&detector, r#"{"to":"\nAda\nis here"}"#), ["Ada"]);
}

#[test]
fn a_value_in_base64_is_reported_as_the_whole_run() {
    for (kind, value) in VALUES {
        let sentence = format!("{{\"user\": \"{value}\"}}");
        for run in [BASE64_STANDARD.encode(&sentence), BASE64_URL_SAFE_NO_PAD.encode(&sentence)] {
            let text = format!("Authorization: Basic {run}, end");
            let found = DETECTOR.scan(&text).unwrap();
            assert!(found.iter().any(|f| f.kind <= kind && text[f.start..f.end] == run), "{value}: {found:?}");
        }
    }
}

#[test]
fn ordinary_text_in_other_scripts_gives_nothing() {
    for text in [
        "患者于2026年3月12日入院，体温38.5℃，血压120/80mmHg。（既往史：高血压病10年）",
        "المريض يبلغ من العمر ٦٧ عاما ويعاني من ضيق في التنفس منذ ثلاثة أيام.",
        "Prix : 1 234,50 € — nº 5, 10 m², pages 1990–1995, l’été, 50 %25 &amp; plus",
        "हिन्दी में १२ सेब और ३ नाशपाती",
    ] {
        assert_eq!(DETECTOR.scan(text).unwrap(), [], "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_in_another_form_is_found_in_any_text(
        form in 0..FORMS.len(),
        value in 0..VALUES.len(),
        before in "[ -~é中\u{a0}\u{200b}٣：&;%\n]{0,80}",
        after in "[ -~é中\u{a0}\u{200b}٣：&;%\n]{0,80}",
    ) {
        let (name, form) = FORMS[form];
        let (kind, value) = VALUES[value];
        // What stands right beside a number may make it another number, and a quoted e-mail a longer one.
        let around = (format!("{before} x"), format!("x {after}"));
        check(name, (kind, value), (&around.0, &form(value), &around.1));
    }

    #[test]
    fn findings_in_hidden_forms_are_valid_sorted_and_disjoint(text in "([ -~]|[０-９٠-٩ée\u{301}中\u{a0}\u{200b}\u{ad}ﬁ℃²½]|%[0-9A-F]{2}|&#[0-9]{2,5};|&(nbsp|commat|amp);|[A-Za-z0-9+/]{16,40}={0,2}){0,60}") {
        let found = DETECTOR.scan(&text).unwrap();
        prop_assert!(found.iter().all(|f| f.start < f.end && text.get(f.start..f.end).is_some()));
        prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}
