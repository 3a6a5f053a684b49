//! Payment cards: issuer prefix, a length that the issuer uses, and the Luhn checksum, all three.
//!
//! Some lengths are also those of article numbers, timestamps and record ids, and of few cards: they need to be grouped like a card
//! or a word such as `card` nearby.

use crate::context;
use crate::haystack::{Haystack, is_word};
use crate::number::{Gap, Group};
use crate::{Finding, Kind};

/// Issuer prefixes `from..=to` (same number of digits) and the lengths their cards have.
struct Issuer {
    from: u32,
    to: u32,
    /// Usual: found without more.
    usual: &'static [usize],
    /// Rare: found if grouped or announced.
    rare: &'static [usize],
}

const fn issuer(from: u32, to: u32, usual: &'static [usize], rare: &'static [usize]) -> Issuer {
    Issuer { from, to, usual, rare }
}

const LONG: &[usize] = &[17, 18, 19];
const ANY: &[usize] = &[12, 13, 14, 15, 17, 18, 19];

/// ISO/IEC 7812 ranges as the networks publish them.
#[rustfmt::skip]
const ISSUERS: [Issuer; 25] = [
    issuer(4, 4, &[16], &[13, 19]),             // Visa
    issuer(51, 55, &[16], &[]),                 // Mastercard
    issuer(2221, 2720, &[16], &[]),             // Mastercard
    issuer(34, 34, &[15], &[]),                 // American Express
    issuer(37, 37, &[15], &[]),                 // American Express
    issuer(300, 305, &[14, 16], LONG),          // Diners Club
    issuer(3095, 3095, &[14, 16], LONG),        // Diners Club
    issuer(36, 36, &[14, 16], LONG),            // Diners Club
    issuer(38, 39, &[14, 16], LONG),            // Diners Club
    issuer(3500, 3599, &[16], LONG),            // JCB (3528-3589), RuPay (353, 356), LankaPay (3571)
    issuer(1800, 1800, &[15], &[]),             // JCB
    issuer(2131, 2131, &[15], &[]),             // JCB
    issuer(2200, 2204, &[16], LONG),            // Mir
    issuer(50, 50, &[16], ANY),                 // Maestro, Verve, Elo, RuPay
    issuer(56, 58, &[16], ANY),                 // Maestro
    issuer(601, 601, &[16], LONG),              // Discover
    issuer(604, 608, &[16], LONG),              // RuPay, Hipercard
    issuer(62, 62, &[16, 17, 18, 19], &[]),     // UnionPay: 19 digits are the rule for debit cards
    issuer(63, 64, &[16], ANY),                 // Maestro, Elo, Discover
    issuer(65, 65, &[16], LONG),                // Discover, RuPay, Elo, Troy
    issuer(67, 67, &[16], ANY),                 // Maestro
    issuer(81, 82, &[16], LONG),                // UnionPay, RuPay
    issuer(8600, 8600, &[16], &[]),             // Uzcard
    issuer(9704, 9704, &[16], &[19]),           // NAPAS
    issuer(9792, 9860, &[16], &[]),             // Troy (9792), Humo (9860)
];

/// The card that begins with the first of these groups and takes as many of them as it can.
pub(crate) fn find(text: Haystack<'_>, groups: &[Group]) -> Option<Finding> {
    let first = groups.first()?;
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if digits < 12 || !could_begin(text, *first) {
        return None;
    }
    (1..=groups.len()).rev().find_map(|count| {
        let taken = groups.get(..count)?;
        let end = taken.last()?.end;
        let finding = Finding::by_pattern(Kind::PAYMENT_CARD, first.start, end);
        (is_written_like_a_card(taken) && is_card(text, taken, finding) && free_edges(text, finding)).then_some(finding)
    })
}

/// The cheap question first: an issuer's digit, and a place where a number can begin.
fn could_begin(text: Haystack<'_>, first: Group) -> bool {
    let issuing = text.byte(first.start).is_some_and(|byte| (b'1'..=b'9').contains(&byte));
    issuing && (first.len() >= 12 || (3..=8).contains(&first.len()))
}

/// In one piece, or with one kind of separator in the groups that are printed on cards.
fn is_written_like_a_card(groups: &[Group]) -> bool {
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if !(12..=19).contains(&digits) {
        return false;
    }
    let gap = groups.get(1).and_then(|group| group.gap);
    let one_kind = groups.iter().skip(1).all(|group| group.gap == gap);
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let in_fours = lengths.split_last().is_some_and(|(last, inner)| *last <= 4 && inner.iter().all(|length| *length == 4));
    let printed = in_fours || matches!(lengths.as_slice(), [4, 6, 4 | 5] | [4, 3, 3, 3] | [8, 8] | [6, 10 | 13] | [4, 4, 5]);
    match gap {
        None => true,
        Some(Gap::Space | Gap::Dash) => one_kind && printed,
        Some(Gap::Dot) => one_kind && lengths == [4, 4, 4, 4],
        Some(Gap::Slash | Gap::Paren) => false,
    }
}

fn is_card(text: Haystack<'_>, groups: &[Group], finding: Finding) -> bool {
    let digits: String = groups.iter().map(|group| text.slice(group.start, group.end)).collect();
    let issued = |lengths: fn(&Issuer) -> &'static [usize]| {
        ISSUERS.iter().any(|issuer| lengths(issuer).contains(&digits.len()) && issuer.issues(&digits))
    };
    let told = || (groups.len() >= 4 && digits.len() >= 16) || context::names_card(text, finding.start);
    luhn::valid(&digits) && (issued(|issuer| issuer.usual) || (issued(|issuer| issuer.rare) && told()))
}

/// Not part of a longer number, a decimal fraction or a token; letters alone glued to one side only are text.
fn free_edges(text: Haystack<'_>, finding: Finding) -> bool {
    let (before, after) = (text.byte_before(finding.start), text.byte(finding.end));
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let fraction = before == Some(b'.') && is_digit(text.byte_before(finding.start - 1));
    let decimals = after == Some(b'.') && is_digit(text.byte(finding.end + 1));
    let glued = text.before(finding.start, 24).rsplit(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or("");
    let embedded = (is_word(before) && is_word(after)) || glued.bytes().any(|byte| byte.is_ascii_digit());
    !(is_digit(before) || is_digit(after) || fraction || decimals || embedded)
}

// === impl Issuer ===

impl Issuer {
    fn issues(&self, digits: &str) -> bool {
        let length = self.from.ilog10() + 1;
        let prefix = usize::try_from(length).ok().and_then(|length| digits.get(..length)?.parse::<u32>().ok());
        prefix.is_some_and(|prefix| (self.from..=self.to).contains(&prefix))
    }
}
