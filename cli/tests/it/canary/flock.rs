//! Invented values, one for each place that a call has, and the search for them in whatever a process wrote.
//!
//! A finding names the place and the kind, never the value.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Values that must never be seen again.
#[derive(Default)]
pub(crate) struct Flock(Vec<Canary>);

struct Canary {
    /// Which call, and where in it.
    place: String,
    kind: &'static str,
    value: String,
}

/// Looks for all spellings of all values at once.
pub(crate) struct Search<'a> {
    flock: &'a Flock,
    spellings: AhoCorasick,
    /// The canary of each spelling, and how it is spelled.
    owners: Vec<(usize, &'static str)>,
}

// === impl Flock ===

impl Flock {
    pub(crate) fn email(&mut self, place: &str) -> String {
        self.put(place, "e-mail", |n| format!("kestrel{n:03}.quill@roost{n:03}.example"))
    }

    pub(crate) fn phone(&mut self, place: &str) -> String {
        self.put(place, "phone", |n| format!("+44 7911 {:06}", 123_000 + n))
    }

    pub(crate) fn iban(&mut self, place: &str) -> String {
        self.put(place, "IBAN", |n| {
            let account = format!("NWBK601613{:08}", 31_926_000 + n);
            let digits: String = format!("{account}GB00").chars().map(|letter| letter.to_digit(36).unwrap().to_string()).collect();
            let rest = digits.bytes().fold(0, |rest, digit| (rest * 10 + u64::from(digit - b'0')) % 97);
            grouped(&format!("GB{:02}{account}", 98 - rest))
        })
    }

    pub(crate) fn card(&mut self, place: &str) -> String {
        self.put(place, "card", |n| {
            let digits = format!("455673{:09}", 715_220_000 + n);
            let double = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
            let values = digits.chars().rev().map(|digit| digit.to_digit(10).unwrap()).enumerate();
            let sum: u32 = values.map(|(at, digit)| if at % 2 == 0 { double(digit) } else { digit }).sum();
            grouped(&format!("{digits}{}", (10 - sum % 10) % 10))
        })
    }

    /// A credential of the kind that AWS makes.
    pub(crate) fn secret(&mut self, place: &str) -> String {
        self.put(place, "secret", |n| format!("AKIAQ5RTVXZBKD{}", letters(n, 6)))
    }

    /// A credential of the kind that AI providers make.
    pub(crate) fn token(&mut self, place: &str) -> String {
        self.put(place, "token", |n| format!("sk-proj-T3BlbkFJq9{}wX7kZpR2vN8sLmE4", letters(n, 12)))
    }

    /// Nothing that a detector knows: the field says what it is.
    pub(crate) fn user(&mut self, place: &str) -> String {
        self.put(place, "user", |n| format!("inmate {n:04} of the aviary"))
    }

    fn put(&mut self, place: &str, kind: &'static str, make: impl FnOnce(u64) -> String) -> String {
        let value = make(u64::try_from(self.0.len()).unwrap());
        self.0.push(Canary { place: place.to_owned(), kind, value: value.clone() });
        value
    }

    pub(crate) fn search(&self) -> Search<'_> {
        let (mut all, mut owners) = (Vec::new(), Vec::new());
        for (at, canary) in self.0.iter().enumerate() {
            for (spelling, how) in spellings(&canary.value) {
                all.push(spelling);
                owners.push((at, how));
            }
        }
        let spellings = AhoCorasick::builder().ascii_case_insensitive(true).build(&all).unwrap();
        Search { flock: self, spellings, owners }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// In fours, as people write it.
fn grouped(text: &str) -> String {
    text.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap()).collect::<Vec<_>>().join(" ")
}

/// A number in capital letters and digits that base 32 has.
fn letters(mut number: u64, count: usize) -> String {
    const LETTERS: &[u8] = b"A2B3C4D5E6F7GHIJKLMNOPQRSTUVWXYZ";
    let mut text = String::new();
    for _ in 0..count {
        text.push(char::from(LETTERS[usize::try_from(number % 32).unwrap()]));
        number = number / 32 + 7;
    }
    text
}

/// Each way in which a careless program might write a value, and what it is called.
fn spellings(value: &str) -> BTreeMap<Vec<u8>, &'static str> {
    let dense: String = value.chars().filter(|letter| !" -".contains(*letter)).collect();
    let mut all = BTreeMap::new();
    for text in [value, dense.as_str()] {
        let each = |write: fn(char) -> String| -> String {
            let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-';
            text.chars().map(|letter| if is_word(letter) { letter.to_string() } else { write(letter) }).collect()
        };
        let bytes = |between: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(between);
        let mut put = |how, spelling: String| {
            all.entry(spelling.into_bytes()).or_insert(how);
        };
        put("plain", text.to_owned());
        put("JSON escapes", escaped(text));
        put("JSON escapes", each(|letter| format!("\\u{:04x}", u32::from(letter))));
        put("JSON escapes in JSON", escaped(text).replace('\\', "\\\\"));
        put("percent", each(|letter| format!("%{:02X}", u32::from(letter))));
        put("form", each(|letter| if letter == ' ' { "+".to_owned() } else { format!("%{:02X}", u32::from(letter)) }));
        put("hex", hex::encode(text));
        put("list of bytes", bytes(", "));
        put("list of bytes", bytes(","));
        for (before, engine) in (0..3).flat_map(|before| [(before, &STANDARD), (before, &URL_SAFE)]) {
            put("base64", base64(engine, before, text));
        }
    }
    // What is left of an address that is cut at its sign.
    if let Some((name, host)) = value.split_once('@') {
        all.extend([(name.as_bytes().to_vec(), "half"), (host.as_bytes().to_vec(), "half")]);
    }
    all
}

/// Every character as `\uXXXX`.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect()
}

/// The characters that are the same whatever stands around the text, if so many bytes (modulo 3) stand before it.
fn base64(engine: &base64::engine::GeneralPurpose, before: usize, text: &str) -> String {
    let encoded = engine.encode([&b"\0\0"[..before.min(2)], text.as_bytes()].concat());
    let first = [0, 2, 3][before];
    let whole = (before + text.len()) * 8 / 6;
    encoded.get(first..whole).unwrap().to_owned()
}

// === impl Search ===

impl Search<'_> {
    /// What is found in some bytes: `e-mail of [place], as [spelling]`.
    pub(crate) fn find(&self, bytes: &[u8]) -> BTreeSet<String> {
        let dense: Vec<u8> = bytes.iter().copied().filter(|byte| !b" -".contains(byte)).collect();
        [bytes, &dense].into_iter().flat_map(|bytes| self.find_in(bytes)).collect()
    }

    fn find_in(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for hit in self.spellings.find_overlapping_iter(bytes) {
            let (at, how) = self.owners[hit.pattern().as_usize()];
            let canary = &self.flock.0[at];
            found.insert(format!("{} of {}, as {how}", canary.kind, canary.place));
        }
        found
    }
}

#[test]
fn every_spelling_is_found_and_named_without_the_value() {
    let mut flock = Flock::default();
    let values =
        [flock.email("a"), flock.phone("b"), flock.iban("c"), flock.card("d"), flock.secret("e"), flock.token("f"), flock.user("g")];
    let search = flock.search();
    assert!(search.find(b"nothing of that is in here, nor is roost in it").is_empty());
    for value in values {
        let dense = value.replace(' ', "");
        let json = serde_json::json!({ "inner": serde_json::json!([value.clone()]).to_string() }).to_string();
        for text in [
            format!("x{value}x"),
            dense.clone(),
            value.replace(' ', "-"),
            value.to_uppercase(),
            json,
            escaped(&value),
            hex::encode(&dense),
            STANDARD.encode(format!("{{\"a\":\"{value}\"}}")),
            STANDARD.encode(format!("{{\"ab\":\"{value}\"}}")),
            URL_SAFE.encode(format!("{{\"abc\":\"{value}\"}}")),
            format!("{:?}", value.as_bytes()),
        ] {
            let found = search.find(text.as_bytes());
            assert!(!found.is_empty(), "{text}");
            assert!(found.iter().all(|one| !one.contains(&value)), "{found:?}");
        }
    }
}
