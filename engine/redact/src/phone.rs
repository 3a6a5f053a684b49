//! Phone numbers: international ones by numbering plan or clear form, national ones by clear form or by the words around them.
//!
//! A bare run of digits is never a phone number by itself: it is an id, a date, a version, a price. Which country a national number
//! is from is not guessed; no country is named here.

use std::cell::OnceCell;

use phonenumber::metadata::DATABASE;

use crate::context;
use crate::detector::Scan;
use crate::haystack::{Haystack, is_word};
use crate::limits::{PHONE_DIGITS_MAX, PHONE_DIGITS_MIN};
use crate::number::{Gap, Group, gap_after, separator};
use crate::{Finding, Kind};

/// How many of the last findings may end right before a number.
const FOUND_BEFORE: usize = 8;

/// Loads the world's numbering plans (some 70 ms), so that the first call does not wait for them.
pub(crate) fn load_numbering_plans() {
    let _known = is_calling_code("1");
}

/// The phone number that begins with the first of these groups: the longest of clear form, else the longest that words announce.
pub(crate) fn find(scan: &mut Scan<'_>, groups: &[Group]) -> Option<Finding> {
    let text = scan.text;
    let found_before = |end: usize| scan.found.iter().rev().take(FOUND_BEFORE).any(|found| found.finding.end == end);
    let before = groups.first().and_then(|first| joined_before(text, first.start)).filter(|(_, end)| !found_before(*end));
    let announced = OnceCell::new();
    let candidates = || {
        let numbers = (1..=groups.len()).rev().filter_map(|count| {
            let (taken, rest) = groups.split_at_checked(count)?;
            Number::new((text, &announced), taken, (before.map(|(gap, _)| gap), rest.first().and_then(|next| next.gap)))
        });
        numbers.filter(Number::has_free_edges)
    };
    let clear = candidates().find(|number| number.is_clear(&mut scan.phone_validations));
    let number = clear.or_else(|| candidates().find(Number::is_announced))?;
    Some(Finding::by_pattern(Kind::PHONE, number.start, extension_end(text, number.end)))
}

/// Whether more than the form of a national number speaks for it.
pub(crate) fn is_certain(text: Haystack<'_>, number: Finding) -> bool {
    text.byte(number.start) == Some(b'+') || context::names_phone(text, number.start, number.end)
}

/// A candidate: some groups, what leads them, what follows them.
struct Number<'s> {
    text: Haystack<'s>,
    groups: &'s [Group],
    /// With a leading `+` or `(`.
    start: usize,
    end: usize,
    lead: Lead,
    /// What joins it to digits before it and behind it, unless those are a finding themselves.
    joined_before: Option<Gap>,
    joined_after: Option<Gap>,
    digits: usize,
    /// Whether words before it speak of a phone; the same for all candidates of one place.
    announced: &'s OnceCell<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Plus,
    Paren,
    None,
}

// === impl Number ===

impl<'s> Number<'s> {
    fn new(
        (text, announced): (Haystack<'s>, &'s OnceCell<bool>),
        groups: &'s [Group],
        (before, after): (Option<Gap>, Option<Gap>),
    ) -> Option<Self> {
        let (first, last) = (groups.first()?, groups.last()?);
        let (start, lead) = lead(text, first.start);
        let digits = groups.iter().map(|group| group.len()).sum();
        let joined_before = before.filter(|_| lead == Lead::None);
        let number = Self { text, groups, start, end: last.end, lead, joined_before, joined_after: after, digits, announced };
        (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX + 2).contains(&digits).then_some(number)
    }

    /// Whether its form alone tells.
    fn is_clear(&self, validations: &mut u32) -> bool {
        let dialled = self.prefix().starts_with("00") && self.joined_before.is_none() && !self.is_glued();
        match self.lead {
            Lead::Plus => self.is_international(0, validations),
            Lead::Paren | Lead::None => (dialled && self.is_international(2, validations)) || self.is_clear_national(),
        }
    }

    /// `skip` digits of dialling prefix, then a calling code, and at least one more sign that it is a phone number.
    fn is_international(&self, skip: usize, validations: &mut u32) -> bool {
        let digits = self.international_digits(skip);
        let long_enough = (8..=PHONE_DIGITS_MAX).contains(&digits.len());
        if !long_enough
            || digits.starts_with('0')
            || self.is_far_date()
            || !(1..=3).any(|length| digits.get(..length).is_some_and(is_calling_code))
        {
            return false;
        }
        let clear = self.has_trunk_zero() || (self.groups.len() >= 3 && digits.len() >= 10);
        clear || self.is_named() || is_valid(&digits, validations)
    }

    /// National numbers whose form alone tells: nobody writes dates, prices or versions like this.
    fn is_clear_national(&self) -> bool {
        let own = self.groups.last().and_then(|group| group.gap);
        let begins = self.joined_before.is_none() || self.joined_before != own;
        let ends = self.joined_after.is_none() || self.joined_after != own;
        let glued = is_word(self.text.byte_before(self.start));
        let form = self.is_in_parentheses() || (ends && self.is_three_three_four()) || self.has_trunk_prefix(ends);
        begins && !glued && form && !self.is_date() && !self.is_byte_dump()
    }

    /// `(072) 754-186`, `(08) 8747 6301`; not a year in parentheses, not a volume `12(3)`.
    fn is_in_parentheses(&self) -> bool {
        let Some(area) = self.groups.first() else { return false };
        let year = area.len() == 4 && matches!(self.prefix().get(..2), Some("19" | "20"));
        let closed = self.lead == Lead::Paren && self.groups.get(1).is_some_and(|group| group.gap == Some(Gap::Paren));
        closed && !year && self.has_one_pair() && (2..=5).contains(&area.len()) && (8..=12).contains(&self.digits)
    }

    /// `541-714-1388`, `541.714.1388`, `541 714 1388`, also `1-541-714-1388`.
    fn is_three_three_four(&self) -> bool {
        let lengths: Vec<usize> = self.groups.iter().map(|group| group.len()).collect();
        let national = match lengths.as_slice() {
            [3, 3, 4] => self.groups.first(),
            [1, 3, 3, 4] if self.prefix().starts_with('1') => self.groups.get(1),
            _ => None,
        };
        let area = national.and_then(|group| self.text.byte(group.start));
        let spaced = self.one_gap() == Some(Gap::Space) && (self.joined_before.is_some() || self.joined_after.is_some());
        area.is_some_and(|byte| (b'2'..=b'9').contains(&byte))
            && matches!(self.one_gap(), Some(Gap::Space | Gap::Dash | Gap::Dot))
            && !spaced
    }

    /// `0494 92 82 32`, `01.84.17.61.18`, `07700 900123`, `030/1234567`: a trunk zero, an area, and a fitting length. Only behind a
    /// space may another number follow (`020 7946 0958 24/7`).
    fn has_trunk_prefix(&self, ends: bool) -> bool {
        let prefix = self.prefix();
        let trunk = prefix.starts_with('0') && !prefix.starts_with("00") && (2..=5).contains(&prefix.len());
        let rest = self.groups.get(1..).unwrap_or(&[]);
        let many = rest.len() >= 2 && rest.iter().all(|group| (2..=4).contains(&group.len())) && (9..=11).contains(&self.digits);
        let two = rest.len() == 1 && prefix.len() >= 3 && (10..=12).contains(&self.digits);
        match self.one_gap() {
            Some(Gap::Space) => trunk && (many || two),
            Some(Gap::Slash) => trunk && ends && (many || two),
            Some(Gap::Dash | Gap::Dot) => trunk && ends && many && self.digits >= 10,
            Some(Gap::Paren) | None => false,
        }
    }

    /// Words around say that it is a phone number, and nothing says that it is something else.
    fn is_announced(&self) -> bool {
        let glued = self.is_glued() && !context::is_glued_to_phone_word(self.text, self.start);
        let continued = self.joined_before.is_some() || self.joined_after.is_some_and(|gap| gap != Gap::Space);
        let sized = self.digits <= PHONE_DIGITS_MAX && self.groups.len() <= 7;
        sized && self.has_one_pair() && !glued && !continued && !self.is_date() && !self.is_address() && self.is_named()
    }

    /// Words before or after it speak of a phone.
    fn is_named(&self) -> bool {
        *self.announced.get_or_init(|| context::names_phone_before(self.text, self.start))
            || context::names_phone_after(self.text, self.end)
    }

    /// A word stands before it, directly or joined by a sign that also joins the parts of an id (`reviews-009389-0002`).
    fn is_glued(&self) -> bool {
        let before = self.text.byte_before(self.start);
        let joined = matches!(before, Some(b'.' | b'-' | b'/')) && is_word(self.text.byte_before(self.start - 1));
        joined || is_word(before)
    }

    /// Not part of a decimal number, a time, a price, a percentage, a name with digits, a path or a fragment.
    fn has_free_edges(&self) -> bool {
        let (before, after) = (self.text.char_before(self.start), self.text.char_at(self.end));
        let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        let continues_before = matches!(before, Some('.' | ',' | ':')) && is_digit(self.text.byte_before(self.start - 1));
        let continues_after = matches!(after, Some('.' | ',' | ':')) && is_digit(self.text.byte(self.end + 1));
        let marked = matches!(before, Some('#' | '$' | '€' | '£' | '¥' | '₹' | '%' | '_' | '0'..='9'))
            || matches!(after, Some('%' | '_' | '€' | '0'..='9'));
        let named = after.is_some_and(|character| character.is_ascii_alphabetic()) && extension_end(self.text, self.end) == self.end;
        !(continues_before || continues_after || marked || named)
    }

    /// Year, month and day in any common order, alone or with a time behind it; `20261122` too.
    fn is_date(&self) -> bool {
        let parts: Vec<u32> = self.groups.iter().take(3).filter_map(|group| self.text.slice(group.start, group.end).parse().ok()).collect();
        let lengths: Vec<usize> = self.groups.iter().take(3).map(|group| group.len()).collect();
        let is_year = |year: u32| (1900..=2099).contains(&year);
        let is_day_and_month = |a: u32, b: u32| (1..=31).contains(&a.max(b)) && (1..=12).contains(&a.min(b));
        match (parts.as_slice(), lengths.as_slice()) {
            ([year, a, b, ..], [4, 1..=2, 1..=2]) => is_year(*year) && is_day_and_month(*a, *b),
            ([a, b, year, ..], [1..=2, 1..=2, 4]) => is_year(*year) && is_day_and_month(*a, *b),
            ([number, ..], [8, ..]) => is_year(number / 10_000) && is_day_and_month(number / 100 % 100, number % 100),
            _ => false,
        }
    }

    /// `+262142-12-31`: ISO 8601 writes years beyond 9999 with a sign.
    fn is_far_date(&self) -> bool {
        match self.groups {
            [year, month, day, ..] => {
                let dashed = month.gap == Some(Gap::Dash) && day.gap == Some(Gap::Dash);
                dashed && year.len() >= 5 && month.len() == 2 && day.len() == 2
            }
            _ => false,
        }
    }

    /// `8b 05 00 00 00 00`: pairs among other pairs of hexadecimal digits.
    fn is_byte_dump(&self) -> bool {
        let is_byte =
            |word: &str| word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit());
        let before = self.text.before(self.start, 4).trim_end().rsplit(' ').next();
        let after = self.text.after(self.end, 4).trim_start().split(' ').next();
        self.groups.iter().all(|group| group.len() == 2) && (before.is_some_and(is_byte) || after.is_some_and(is_byte))
    }

    /// An IPv4 address.
    fn is_address(&self) -> bool {
        let byte = |group: &Group| group.len() <= 3 && self.text.slice(group.start, group.end).parse::<u8>().is_ok();
        self.groups.len() == 4 && self.one_gap() == Some(Gap::Dot) && self.groups.iter().all(byte)
    }

    /// `(0)` after the calling code, as Europe writes it.
    fn has_trunk_zero(&self) -> bool {
        self.groups.iter().any(|group| group.gap == Some(Gap::Paren) && self.text.slice(group.start, group.end) == "0")
    }

    /// No parenthesis but around the first group: what follows one is another number.
    fn has_one_pair(&self) -> bool {
        self.groups.iter().skip(2).all(|group| group.gap != Some(Gap::Paren))
    }

    /// All digits without the dialling prefix and without `(0)`.
    fn international_digits(&self, skip: usize) -> String {
        let is_trunk = |group: &&Group| !(group.gap == Some(Gap::Paren) && self.text.slice(group.start, group.end) == "0");
        let digits: String = self.groups.iter().filter(is_trunk).map(|group| self.text.slice(group.start, group.end)).collect();
        digits.get(skip..).unwrap_or("").to_owned()
    }

    /// The digits of the first group.
    fn prefix(&self) -> &'s str {
        self.groups.first().map_or("", |group| self.text.slice(group.start, group.end))
    }

    /// The separator, if it is the same between all groups.
    fn one_gap(&self) -> Option<Gap> {
        let gap = self.groups.get(1)?.gap;
        self.groups.iter().skip(1).all(|group| group.gap == gap).then_some(gap).flatten()
    }
}

/// `+`, `+(` or `(` before the first digit.
fn lead(text: Haystack<'_>, first: usize) -> (usize, Lead) {
    match text.before(first, 2) {
        "+(" => (first - 2, Lead::Plus),
        two if two.ends_with('+') => (first - 1, Lead::Plus),
        two if two.ends_with('(') => (first - 1, Lead::Paren),
        _ => (first, Lead::None),
    }
}

/// The separator that joins `start` to a digit before it, and where that digit ends.
fn joined_before(text: Haystack<'_>, start: usize) -> Option<(Gap, usize)> {
    let character = text.char_before(start)?;
    let gap = separator(character)?;
    let end = start - character.len_utf8();
    text.byte_before(end).filter(u8::is_ascii_digit).map(|_| (gap, end))
}

/// After an extension: `x4587`, ` ext. 12`.
fn extension_end(text: Haystack<'_>, end: usize) -> usize {
    let name = text.run(end, 1, |byte| byte == b' ');
    let after =
        ["extension ", "ext. ", "ext.", "ext ", "ext", "x"].iter().find(|word| text.starts_with(name, word)).map(|word| name + word.len());
    after.map_or(end, |digits| {
        let last = text.run(digits, 6, |byte| byte.is_ascii_digit());
        if last > digits && !is_word(text.byte(last)) && gap_after(text, last).is_none() { last } else { end }
    })
}

fn is_calling_code(digits: &str) -> bool {
    digits.parse::<u16>().is_ok_and(|code| DATABASE.region(&code).is_some())
}

/// Asks the numbering plan; when this scan has asked often enough, takes the number for valid.
fn is_valid(digits: &str, validations: &mut u32) -> bool {
    if *validations == 0 {
        return true;
    }
    *validations -= 1;
    phonenumber::parse(None, format!("+{digits}")).is_ok_and(|number| number.is_valid())
}
