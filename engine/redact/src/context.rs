//! Words near a number that say what it is. They only ever help to find more; no word makes a finding go away.
//!
//! Whole words are compared, so that `hotel` is not `tel` and `recall` is not `call`.

use crate::haystack::Haystack;
use crate::limits::{CONTEXT_AFTER, CONTEXT_BEFORE};

/// Nouns that announce a phone number, in lower case; they count inside a name too (`phone_number`). Languages: en, es, pt, fr, it, de,
/// nl, sv, da, no, fi, pl, cs, hu, ro, tr, id, sw, el, ru, uk, bg, ar, fa, he, hi, bn.
#[rustfmt::skip]
const PHONE: &[&str] = &[
    "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "sms", "whatsapp", "viber", "hotline", "helpline",
    "landline", "voicemail", "msisdn", "phonenumber", "phonenumbers", "mobilephone", "mobilenumber", "homephone", "workphone",
    "cellnumber", "faxnumber", "teléfono", "telefono", "móvil", "movil", "celular", "tfno", "tlf", "telefone", "telemóvel",
    "téléphone", "tél", "cellulare", "telefon", "telefonnummer", "telefonnr", "handy", "mobil", "mobilnummer", "handynummer",
    "rufnummer", "durchwahl", "festnetz", "telefoon", "mobiel", "gsm", "puhelin", "puh", "telefonu", "komórka", "mobilní",
    "telefonszám", "mobilul", "ponsel", "telepon", "simu", "τηλέφωνο", "τηλ", "κινητό", "телефон", "тел", "моб", "мобильный",
    "мобільний", "هاتف", "جوال", "موبايل", "تلفن", "موبایل", "טלפון", "נייד", "फोन", "फ़ोन", "मोबाइल", "ফোন", "মোবাইল",
];

/// Verbs and others that announce one, but as whole words only: `VRING_CALL = …` is a constant.
#[rustfmt::skip]
const PHONE_VERBS: &[&str] = &[
    "call", "called", "calling", "dial", "contact", "answering", "messages", "llamar", "llámame", "llame", "ligue", "ligar",
    "appeler", "appelez", "chiamare", "chiama", "anrufen", "bellen", "zadzwoń", "звоните",
];

/// The same in scripts that put no spaces between words, and signs.
#[rustfmt::skip]
const PHONE_MARKS: &[&str] = &[
    "电话", "電話", "手机", "手機", "携帯", "传真", "ファックス", "전화", "휴대폰", "연락처", "โทร", "☎", "📞", "📱", "✆",
];

/// Words behind a number that say the same: `(mobile)`, `fax`, `-Office`.
#[rustfmt::skip]
const PHONE_AFTER: &[&str] = &[
    "phone", "tel", "mobile", "cell", "fax", "office", "home", "work", "desk", "mobil", "móvil", "portable", "whatsapp",
];

/// Words that announce a payment card.
#[rustfmt::skip]
const CARD: &[&str] = &[
    "card", "cards", "cc", "credit", "debit", "visa", "maestro", "payment", "pan", "cardnumber", "creditcard", "tarjeta", "tarjetas",
    "cartão", "carte", "carta", "karte", "kreditkarte", "kaart", "kort", "kortti", "karta", "kart", "kartu", "карта", "карты",
    "карту", "بطاقة", "कार्ड",
];

/// The same in scripts that put no spaces between words, and a sign.
#[rustfmt::skip]
const CARD_MARKS: &[&str] = &[
    "卡", "カード", "카드", "บัตร", "💳",
];

/// Whether words before or after `start..end` speak of a phone.
pub(crate) fn names_phone(text: Haystack<'_>, start: usize, end: usize) -> bool {
    names_phone_before(text, start) || names_phone_after(text, end)
}

pub(crate) fn names_phone_before(text: Haystack<'_>, start: usize) -> bool {
    let before = text.before(start, CONTEXT_BEFORE);
    let verb = before.split(|character: char| !is_name(character)).any(|word| is_one_of(word, PHONE_VERBS));
    verb || names(before, PHONE, PHONE_MARKS)
}

pub(crate) fn names_phone_after(text: Haystack<'_>, end: usize) -> bool {
    first_word_is(text.after(end, CONTEXT_AFTER), PHONE_AFTER)
}

/// Whether the word glued to the front of `start`, directly or by one `.` or `-`, is such a word itself (`Tel020…`, `Tel.020…`).
pub(crate) fn is_glued_to_phone_word(text: Haystack<'_>, start: usize) -> bool {
    let before = text.before(start, CONTEXT_BEFORE);
    let before = before.strip_suffix(['.', '-']).unwrap_or(before);
    let glued = before.rsplit(|character: char| !character.is_alphanumeric()).next();
    glued.is_some_and(|word| is_one_of(word, PHONE) || PHONE_MARKS.iter().any(|mark| word.ends_with(mark)))
}

/// Whether words before `start` speak of a payment card.
pub(crate) fn names_card(text: Haystack<'_>, start: usize) -> bool {
    names(text.before(start, CONTEXT_BEFORE), CARD, CARD_MARKS)
}

fn names(window: &str, list: &[&str], marks: &[&str]) -> bool {
    let mut words = window.split(|character: char| !character.is_alphanumeric());
    // No mark is ASCII.
    words.any(|word| is_one_of(word, list)) || (!window.is_ascii() && marks.iter().any(|mark| window.contains(mark)))
}

fn first_word_is(window: &str, list: &[&str]) -> bool {
    let first = window.split(|character: char| !character.is_alphanumeric()).find(|word| !word.is_empty());
    first.is_some_and(|word| is_one_of(word, list))
}

/// What a name in code is made of.
fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    // In a table of numbers most words are numbers.
    if word.len() < 2 || word.starts_with(|first: char| first.is_ascii_digit()) {
        return false;
    }
    if word.is_ascii() {
        return list.iter().any(|known| known.eq_ignore_ascii_case(word));
    }
    let lower = word.to_lowercase();
    list.contains(&lower.as_str())
}
