//! Pseudonyms from outside: what goes comes back, however an answer is cut; what nobody knows is an error; nothing can be printed.

use std::sync::{Arc, LazyLock};

use comity_redact::{Form, Label, PseudonymError, PseudonymKey, Pseudonyms, Restorer, Shape, UnknownPseudonym};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use regex_automata::meta::Regex;

const FOREIGN: &str = "PII_EML_0123456789ABCDEP";

/// Values that hold, begin and touch each other, and what JSON escapes.
const VALUES: [&str; 20] = [
    "Ada",
    "Ada Lovelace",
    "Lovelace",
    "lace 7",
    "ada@example.org",
    "example.org/7",
    "太郎",
    "山田太郎",
    "José \"Pepe\" García",
    "C:\\Users\\ada7",
    "line one\nline 2",
    "PII",
    "PII_EML_",
    "_",
    "P7",
    "\\",
    "7",
    "77",
    "é@",
    "+44 7911 123456",
];

static SHAPE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i-u)PII\\{0,2}_[A-Z0-9]{3}\\{0,2}_[0-9A-HJKMNP-TV-Z]{16}").unwrap());
static SHAPE_OF_TEXT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i-u)PII\\?_[A-Z0-9]{3}\\?_[0-9A-HJKMNP-TV-Z]{16}").unwrap());

fn key(byte: u8) -> PseudonymKey {
    PseudonymKey::new([byte; 32])
}

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn of(values: &[&str]) -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::new(&key(7), values.iter().map(|value| (label("EML"), *value))).unwrap())
}

fn streamed<'p>(pseudonyms: &Arc<Pseudonyms>, pieces: impl IntoIterator<Item = &'p str>, form: Form) -> Result<String, UnknownPseudonym> {
    let mut restorer = pseudonyms.restorer(form);
    let mut out = String::new();
    for piece in pieces {
        match restorer.push(piece) {
            Ok(text) => out += &text,
            Err(unknown) => {
                assert!(restorer.push("x").is_err() && restorer.finish().is_err(), "it stays failed");
                return Err(unknown);
            }
        }
    }
    Ok(out + &restorer.finish()?)
}

/// Cuts a text at characters that `cuts` choose; none chosen cuts at every character.
fn cut<'t>(text: &'t str, cuts: &[Index]) -> Vec<&'t str> {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    let mut chosen: Vec<usize> =
        if cuts.is_empty() || places.is_empty() { places } else { cuts.iter().map(|cut| *cut.get(&places)).collect() };
    chosen.extend([0, text.len()]);
    chosen.sort_unstable();
    chosen.dedup();
    chosen.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// Restoring done with other means: every known pseudonym as a regular expression, shapes looked for at every place.
fn by_reference(call: &Call, (text, form): (&str, Form)) -> Result<String, ()> {
    let finder = if form == Form::Json { &call.of_json } else { &call.of_text };
    let shape = if form == Form::Json { &SHAPE } else { &SHAPE_OF_TEXT };
    let (mut out, mut done) = (String::new(), 0);
    let found: Vec<_> = finder.find_iter(text).map(|found| (found.start(), found.end(), found.pattern().as_usize())).collect();
    for (start, end, index) in found.into_iter().chain([(text.len(), text.len(), usize::MAX)]) {
        for from in (done..start).filter(|from| text.is_char_boundary(*from)) {
            let input = regex_automata::Input::new(text).range(from..start).anchored(regex_automata::Anchored::Yes);
            let Some(found) = shape.find(input) else { continue };
            let alone = !text.as_bytes().get(found.end()).is_some_and(u8::is_ascii_alphanumeric);
            let spelling = text[found.range()].replace('\\', "").to_ascii_uppercase();
            if alone && spelling != FOREIGN {
                return Err(());
            }
        }
        out += &text[done..start];
        if let Some((value, _)) = call.known.get(index) {
            let quoted = serde_json::to_string(value).unwrap();
            out += if form == Form::Json { &quoted[1..quoted.len() - 1] } else { value };
        }
        done = end;
    }
    Ok(out)
}

fn values() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![4 => select(&VALUES[..]).prop_map(str::to_owned), 1 => "\\PC{1,6}", 1 => "[a-c7@]{1,3}"];
    prop::collection::vec(value, 0..6)
}

/// Text in which values are planted, whole, cut off, side by side and inside each other, among what looks like pseudonyms.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => select(&VALUES[..]).prop_map(str::to_owned),
        1 => (select(&VALUES[..]), 0..4_usize).prop_map(|(value, letters)| value.chars().take(letters).collect()),
        2 => "[ .,a-c7@]{0,4}",
        1 => "\\PC{0,6}",
        1 => "(PII|pii)[\\\\]{0,2}_(EML|PER|PII)[\\\\]{0,2}_[0-9A-Z]{0,17}",
        1 => "PII_EML_[0-9A-HJKMNP-TV-Z]{15,16}",
        1 => Just(FOREIGN.to_owned()),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// What a model may do to a pseudonym.
#[derive(Clone, Debug)]
enum Part {
    Known(Index, Vec<bool>, [usize; 2]),
    Fragment(Index, usize),
    Foreign([usize; 2], bool),
    Text(String),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let escapes = || [0..3_usize, 0..3_usize];
    let part = prop_oneof![
        4 => (any::<Index>(), prop::collection::vec(any::<bool>(), 24), escapes())
            .prop_map(|(index, lower, escapes)| Part::Known(index, lower, escapes)),
        2 => (any::<Index>(), 0..24_usize).prop_map(|(index, length)| Part::Fragment(index, length)),
        1 => (escapes(), any::<bool>()).prop_map(|(escapes, echo)| Part::Foreign(escapes, echo)),
        3 => "[ .pP]{0,3}".prop_map(Part::Text),
        1 => "(PII|[ACP0-9_\\\\]){0,3}".prop_map(Part::Text),
        1 => "\\PC{0,5}".prop_map(Part::Text),
    ];
    prop::collection::vec(part, 0..8)
}

fn escaped(pseudonym: &str, escapes: [usize; 2]) -> String {
    let mut parts = pseudonym.splitn(3, '_');
    let mut next = || parts.next().unwrap();
    format!("{}{}_{}{}_{}", next(), "\\".repeat(escapes[0]), next(), "\\".repeat(escapes[1]), next())
}

fn answer(known: &[(String, String)], parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Known(index, lower, escapes) => {
            let cased = |(letter, lower): (char, &bool)| if *lower { letter.to_ascii_lowercase() } else { letter };
            escaped(&index.get(known).1.chars().zip(lower).map(cased).collect::<String>(), *escapes)
        }
        Part::Fragment(index, length) => index.get(known).1[..*length].to_owned(),
        Part::Foreign(escapes, echo) => escaped(if *echo { FOREIGN } else { "pii_per_zzzzzzzzzzzzzzzz" }, *escapes),
        Part::Text(text) => text.clone(),
    };
    parts.iter().map(part).collect()
}

/// A call of four values; the label of one makes its pseudonym begin twice. `FOREIGN` stood in its text.
struct Call {
    pseudonyms: Arc<Pseudonyms>,
    /// Values and their pseudonyms.
    known: Vec<(String, String)>,
    of_text: Regex,
    of_json: Regex,
}

static CALL: LazyLock<Call> = LazyLock::new(|| {
    let values = [("EML", "ada@example.org"), ("PER", "José \"Pepe\" García"), ("PII", "PII"), ("000", "line one\nline 2\\")];
    let pseudonyms = Pseudonyms::new(&key(7), values.map(|(kind, value)| (label(kind), value))).unwrap().with_echoes([FOREIGN]).unwrap();
    let known: Vec<(String, String)> =
        values.iter().map(|(_, value)| ((*value).to_owned(), pseudonyms.of(value).unwrap().to_owned())).collect();
    let finder = |escape| {
        let patterns = known.iter().map(|(_, pseudonym)| format!("(?i-u){}", pseudonym.replace('_', escape)));
        Regex::new_many(&patterns.collect::<Vec<_>>()).unwrap()
    };
    let (of_text, of_json) = (finder(r"\\?_"), finder(r"\\{0,2}_"));
    Call { pseudonyms: Arc::new(pseudonyms), known, of_text, of_json }
});

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

fn form() -> impl Strategy<Value = Form> {
    select(&[Form::Text, Form::Json][..])
}

proptest! {
    #![proptest_config(cases(10_000))]

    /// The oracle: a stream gives what the whole gives, and both what the reference gives, errors included.
    #[test]
    fn any_split_of_an_answer_is_restored_as_the_whole(
        parts in parts(),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
        form in form(),
    ) {
        let Call { pseudonyms, known, .. } = &*CALL;
        let text = answer(known, &parts);
        let whole = pseudonyms.restore(&text, form).map(std::borrow::Cow::into_owned);
        prop_assert_eq!(&streamed(pseudonyms, cut(&text, &cuts), form), &whole, "{:?}", text);
        prop_assert_eq!(&streamed(pseudonyms, cut(&text, &[]), form), &whole, "{:?}", text);
        prop_assert_eq!(whole.map_err(|_| ()), by_reference(&CALL, (&text, form)), "{:?}", text);
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_goes_comes_back(values in values(), text in text(), cuts in prop::collection::vec(any::<Index>(), 0..8)) {
        let wanted = values.iter().map(|value| (label("PII"), value.as_str()));
        let pseudonyms = Arc::new(Pseudonyms::new(&key(1), wanted).unwrap().with_echoes([text.as_str()]).unwrap());
        let sent = pseudonyms.pseudonymise(&text);
        prop_assert!(pseudonyms.is_clear(&sent), "{sent:?}");
        prop_assert_eq!(&*pseudonyms.restore(&sent, Form::Text).unwrap(), &text);
        prop_assert_eq!(streamed(&pseudonyms, cut(&sent, &cuts), Form::Text).unwrap(), text);
    }

    #[test]
    fn a_json_document_comes_back_without_being_read(
        values in values(),
        texts in prop::collection::vec(text(), 1..4),
        cuts in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let wanted = values.iter().map(|value| (label("PER"), value.as_str()));
        let pseudonyms = Arc::new(Pseudonyms::new(&key(1), wanted).unwrap().with_echoes(texts.iter().map(String::as_str)).unwrap());
        let document = |texts: Vec<String>| serde_json::json!({ "name": texts[0], "list": texts, "n": 7 }).to_string();
        let sent = document(texts.iter().map(|text| pseudonyms.pseudonymise(text).into_owned()).collect());
        let expected = document(texts);
        prop_assert_eq!(&*pseudonyms.restore(&sent, Form::Json).unwrap(), &expected);
        prop_assert_eq!(streamed(&pseudonyms, cut(&sent, &cuts), Form::Json).unwrap(), expected);
    }

    /// Held is the longest end of the text that some form of a known pseudonym begins with, and nothing before it.
    #[test]
    fn only_what_could_become_a_pseudonym_is_held(parts in parts(), form in form()) {
        let Call { pseudonyms, known, .. } = &*CALL;
        let text = answer(known, &parts);
        let Ok(whole) = by_reference(&CALL, (&text, form)) else { return Ok(()) };
        let forms: Vec<String> = known.iter().flat_map(|(_, pseudonym)| forms(pseudonym, form)).collect();
        let after = forms.iter().filter_map(|form| Some(text.to_ascii_uppercase().rfind(form.as_str())? + form.len())).max().unwrap_or(0);
        let begins = |end: &str| forms.iter().any(|form| form.starts_with(&end.to_ascii_uppercase()));
        let begun = |from: &usize| text.get(*from..).is_some_and(begins);
        let held = (after..text.len()).find(begun).map_or("", |from| &text[from..]);
        let mut restorer = pseudonyms.restorer(form);
        prop_assert_eq!(restorer.push(&text).unwrap() + held, whole);
        prop_assert_eq!(restorer.finish().unwrap(), held);
    }
}

/// All ways to write a pseudonym, in capitals.
fn forms(pseudonym: &str, form: Form) -> Vec<String> {
    let most = if form == Form::Json { 2 } else { 1 };
    (0..=most).flat_map(|first| (0..=most).map(move |second| [first, second])).map(|escapes| escaped(pseudonym, escapes)).collect()
}

// === numbers that keep their shape ===

fn shaped(value: &str, texts: &[&str]) -> Pseudonyms {
    Pseudonyms::for_call(&key(7), [(label("NHS"), value, Shape::Digits)], texts).unwrap()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn numbers_that_keep_their_shape_come_back(
        numbers in prop::collection::vec("[0-9]{5,7}|[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}|[A-Z]{2}[0-9]{6}|P[0-9]{6}|\\([0-9]{3}\\) [0-9]{4}", 1..5),
        between in prop::collection::vec("[0-9 ,]{0,3}|[a-zP(]{0,2}|PII_0|PII_EML_0123456789ABCDE[0-9]", 5),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let text: String = numbers.iter().zip(&between).map(|(number, between)| format!("{between}{number}")).collect::<String>() + &between[4];
        let wanted = numbers.iter().map(|number| (label("NHS"), number.as_str(), Shape::Digits)).chain([(label("EML"), "a@b", Shape::Opaque)]);
        let pseudonyms = Arc::new(Pseudonyms::for_call(&key(7), wanted, &[&text]).unwrap());
        let sent = pseudonyms.pseudonymise(&text).into_owned();
        prop_assert!(pseudonyms.is_clear(&sent), "{} {}", text, sent);
        prop_assert_eq!(&*pseudonyms.restore(&sent, Form::Text).unwrap(), &text);
        for form in [Form::Text, Form::Json] {
            prop_assert_eq!(&streamed(&pseudonyms, cut(&sent, &cuts), form).unwrap(), &text);
            prop_assert_eq!(&streamed(&pseudonyms, cut(&sent, &[]), form).unwrap(), &text);
        }
        // An answer that goes on in another way than the call did.
        let answer = format!("{}{sent}{}", &sent[..sent.len() / 2], pseudonyms.of("a@b").unwrap());
        let whole = pseudonyms.restore(&answer, Form::Text).map(std::borrow::Cow::into_owned);
        prop_assert_eq!(streamed(&pseudonyms, cut(&answer, &cuts), Form::Text), whole);
    }
}

#[test]
fn a_number_keeps_its_separators_and_letters() {
    let text = "patient AB 943 476 5919, again 943-476-5919";
    let pseudonyms = shaped("AB 943 476 5919", &[text]);
    let surrogate = pseudonyms.of("AB 943 476 5919").unwrap();
    assert_eq!(surrogate.replace(|letter: char| letter.is_ascii_digit(), "0"), "AB 000 000 0000");
    assert_eq!(pseudonyms.pseudonymise(text), format!("patient {surrogate}, again 943-476-5919"), "another spelling is another value");
}

#[test]
fn a_surrogate_that_is_something_else_in_the_call_is_not_used() {
    let value = "9434765919";
    let surrogate = shaped(value, &[]).of(value).unwrap().to_owned();
    assert_eq!(surrogate.len(), 10);
    let opaque = |pseudonyms: Pseudonyms| pseudonyms.of(value).unwrap().starts_with("PII_NHS_");
    assert!(opaque(shaped(value, &["see also", &format!("1{surrogate}2")])), "in a text");
    let two = [(label("NHS"), value, Shape::Digits), (label("EML"), surrogate.as_str(), Shape::Opaque)];
    assert!(opaque(Pseudonyms::for_call(&key(7), two, &[]).unwrap()), "a value of the call");
    assert!(shaped("94347", &[]).of("94347").unwrap().starts_with("PII_NHS_"), "too short");
}

#[test]
fn digits_that_make_a_surrogate_seem_to_begin_earlier_make_it_opaque() {
    let ends_as_it_begins = |value: &String| {
        let pseudonyms = shaped(value, &[]);
        let surrogate = pseudonyms.of(value).unwrap();
        (surrogate[..1] == surrogate[5..]).then(|| (value.clone(), surrogate.to_owned()))
    };
    let (value, surrogate) = (100_000..101_000).map(|number| number.to_string()).find_map(|value| ends_as_it_begins(&value)).unwrap();
    let text = format!("{}{value}", &surrogate[..5]);
    let pseudonyms = shaped(&value, &[&text]);
    assert!(pseudonyms.of(&value).unwrap().starts_with("PII_NHS_"));
    assert_eq!(pseudonyms.restore(&pseudonyms.pseudonymise(&text), Form::Text).unwrap(), text);
}

// === examples ===

#[test]
fn a_pseudonym_is_the_same_in_every_call_of_a_key_and_another_for_another_label_or_spelling() {
    let one = |byte, kind, value: &str| Pseudonyms::new(&key(byte), [(label(kind), value)]).unwrap().of(value).unwrap().to_owned();
    let pseudonym = one(7, "EML", "ada@example.org");
    // Fixed: a change of it is a change of every conversation that goes on.
    assert_eq!(pseudonym, "PII_EML_YMED60BNKDHHFW6G");
    assert_eq!((pseudonym.len(), one(7, "EML", "ada@example.org")), (24, pseudonym.clone()));
    assert_ne!(one(7, "PER", "ada@example.org")[8..], pseudonym[8..]);
    assert_ne!(one(7, "EML", "Ada@example.org"), pseudonym);
    let found = SHAPE.find(&pseudonym).unwrap();
    assert_eq!((found.start(), found.end()), (0, 24));
}

#[test]
fn two_keys_share_no_pseudonym() {
    let values: Vec<String> = (0..2_000).map(|number| format!("user{number}@example.org")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let all = |byte| {
        let pseudonyms = Pseudonyms::new(&key(byte), values.iter().map(|value| (label("EML"), *value))).unwrap();
        values.iter().map(|value| pseudonyms.of(value).unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let (one, other) = (all(1), all(2));
    assert_eq!((one.len(), one.is_disjoint(&other)), (2_000, true));
}

#[test]
fn an_answer_that_names_what_nobody_knows_is_an_error_however_it_is_cut() {
    let pseudonyms = of(&["ada@example.org"]);
    let (known, form) = (pseudonyms.of("ada@example.org").unwrap(), Form::Text);
    for spelling in
        [FOREIGN.to_owned(), FOREIGN.to_ascii_lowercase(), escaped(FOREIGN, [1, 1]), format!("PII_{FOREIGN}"), format!("{known}{FOREIGN}")]
    {
        for text in [
            format!("see {spelling}"),
            format!("see {spelling}."),
            format!("{spelling}_x"),
            format!("{spelling}é"),
            format!(
                "x{spelling}
"
            ),
        ] {
            assert_eq!(pseudonyms.restore(&text, form), Err(UnknownPseudonym), "{text}");
            assert_eq!(streamed(&pseudonyms, cut(&text, &[]), form), Err(UnknownPseudonym), "{text}");
            for (place, _) in text.char_indices() {
                assert_eq!(streamed(&pseudonyms, [&text[..place], &text[place..]], form), Err(UnknownPseudonym), "{text} at {place}");
            }
        }
        for text in [format!("{spelling}A"), format!("{spelling}9 "), spelling[..spelling.len() - 1].to_owned()] {
            assert!(pseudonyms.restore(&text, form).is_ok(), "{text} has another length");
        }
    }
    assert!(of(&[]).restore(FOREIGN, form).is_err(), "a call without values knows no pseudonym");
}

#[test]
fn what_looks_like_a_pseudonym_in_the_call_may_come_back_as_it_is() {
    let text = format!("what is {FOREIGN}?");
    let pseudonyms = Arc::new(Pseudonyms::new(&key(7), [(label("PER"), "Ada")]).unwrap().with_echoes([text.as_str()]).unwrap());
    for echo in [text.clone(), FOREIGN.to_ascii_lowercase(), escaped(FOREIGN, [1, 0]), format!("{FOREIGN}{FOREIGN}")] {
        assert_eq!(pseudonyms.restore(&echo, Form::Text).unwrap(), echo);
        assert_eq!(streamed(&pseudonyms, cut(&echo, &[]), Form::Text).unwrap(), echo);
    }
    assert!(pseudonyms.restore("PII_EML_0123456789ABCDE0", Form::Text).is_err());
}

#[test]
fn a_call_that_already_holds_one_of_its_pseudonyms_is_refused() {
    let pseudonym = of(&["Ada"]).of("Ada").unwrap().to_owned();
    let echoed = |text: &str| Pseudonyms::new(&key(7), [(label("EML"), "Ada")]).unwrap().with_echoes([text]);
    for text in [pseudonym.clone(), format!("x{}y", pseudonym.to_ascii_lowercase()), escaped(&pseudonym, [1, 2])] {
        assert!(matches!(echoed(&text), Err(PseudonymError::Collision)), "{text}");
    }
    assert!(echoed(&pseudonym[..23]).is_ok());
    let holding = format!("7 {pseudonym}");
    let values = [(label("EML"), "Ada"), (label("EML"), holding.as_str())];
    assert!(matches!(Pseudonyms::new(&key(7), values), Err(PseudonymError::Collision)));
}

#[test]
fn names_are_replaced_as_words_and_the_rest_everywhere() {
    let pseudonyms = of(&["Ada", "x@y.z", "太郎"]);
    let [ada, mail, taro] = ["Ada", "x@y.z", "太郎"].map(|value| pseudonyms.of(value).unwrap());
    let sent = pseudonyms.pseudonymise("Ada's Adams, ax@y.za, 山田太郎です, はAdaと").into_owned();
    assert_eq!(sent, format!("{ada}'s Adams, a{mail}a, 山田{taro}です, は{ada}と"));
    assert!(pseudonyms.is_clear(&sent));
    for left in [format!("{sent} Ada"), format!("x@y.z{sent}"), "太郎".to_owned()] {
        assert!(!pseudonyms.is_clear(&left), "{left}");
    }
    assert_eq!((pseudonyms.of("Adams"), pseudonyms.is_empty()), (None, false));
    assert!(matches!(pseudonyms.pseudonymise("nobody"), std::borrow::Cow::Borrowed("nobody")));
}

#[test]
fn more_values_than_the_bound_are_refused() {
    let values = |count: u32| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    let make = |values: &[String]| Pseudonyms::new(&key(7), values.iter().map(|value| (label("EML"), value.as_str())));
    assert!(matches!(make(&values(10_001)), Err(PseudonymError::TooMany(10_000))));
    assert!(make(&values(10_000)).is_ok());
    assert!(make(&vec!["the same".to_owned(); 10_001]).is_ok(), "one value, however often");
}

#[test]
fn an_end_that_could_have_become_a_pseudonym_is_given_out() {
    let pseudonyms = of(&["Ada"]);
    let pseudonym = pseudonyms.of("Ada").unwrap();
    for length in 1..24 {
        let mut restorer = pseudonyms.restorer(Form::Text);
        assert_eq!(restorer.push(&format!("so {}", &pseudonym[..length])).unwrap(), "so ");
        assert_eq!(restorer.finish().unwrap(), pseudonym[..length]);
    }
}

/// There are two ways to read `Printable::<_>::NONE` for what has `Debug`, and one for what has not: so this compiles only without.
#[test]
fn what_holds_plain_values_cannot_be_printed() {
    struct HasDebug;
    trait Printable<Way> {
        const NONE: () = ();
    }
    impl<T> Printable<()> for T {}
    impl<T: std::fmt::Debug> Printable<HasDebug> for T {}
    let () = <Pseudonyms as Printable<_>>::NONE;
    let () = <PseudonymKey as Printable<_>>::NONE;
    let () = <Restorer as Printable<_>>::NONE;
}

#[test]
fn the_value_of_a_field_is_replaced_there_and_nowhere_else() {
    let key = PseudonymKey::new([7; 32]);
    let user = Label::parse("USR").unwrap();
    let made = Pseudonyms::for_call(&key, [(user, "42", Shape::Field)], &["the answer is 42"]).unwrap();
    let pseudonym = made.of("42").unwrap().to_owned();
    assert_eq!(made.pseudonymise("the answer is 42"), "the answer is 42");
    assert!(made.is_clear("the answer is 42"));
    assert_eq!(made.restore(&format!("user {pseudonym}"), Form::Text).unwrap(), "user 42");
    let found = Pseudonyms::for_call(&key, [(user, "42", Shape::Field), (user, "42", Shape::Opaque)], &[]).unwrap();
    assert_eq!(found.pseudonymise("42"), pseudonym);
}
