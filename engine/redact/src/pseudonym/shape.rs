//! Surrogates that keep a number's shape: its digits are enciphered by FF1 (NIST SP 800-38G), everything else stays in its place.
//!
//! Never FF3: NIST withdrew it. Never fewer than six digits: a domain below 10^6 can be searched (SP 800-38G revision 1).

use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};

use crate::Label;
use crate::limits::{SHAPED_DIGITS_MAX, SHAPED_DIGITS_MIN};

/// Enciphers digits under one key.
pub(super) struct DigitCipher(FF1<Aes256>);

// === impl DigitCipher ===

impl DigitCipher {
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        FF1::new(key, 10).ok().map(Self)
    }

    /// The value with other digits; nothing for a value that cannot keep its shape: too few or too many digits, or characters
    /// that a model or JSON may write in another way. The same digits under the same label give the same digits, however they are
    /// set apart.
    pub(super) fn surrogate(&self, label: Label, value: &str) -> Option<String> {
        let keeps = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+' | b'/');
        let digits: Vec<u16> = value.bytes().filter(u8::is_ascii_digit).map(|digit| u16::from(digit - b'0')).collect();
        if !value.bytes().all(keeps) || !(SHAPED_DIGITS_MIN..=SHAPED_DIGITS_MAX).contains(&digits.len()) {
            return None;
        }
        let mut enciphered = self.encipher(label.as_str().as_bytes(), digits)?.into_iter();
        let other = |letter: char| if letter.is_ascii_digit() { enciphered.next().and_then(to_digit) } else { Some(letter) };
        value.chars().map(other).collect()
    }

    fn encipher(&self, tweak: &[u8], digits: Vec<u16>) -> Option<Vec<u16>> {
        self.0.encrypt(tweak, &FlexibleNumeralString::from(digits)).ok().map(Vec::from)
    }
}

fn to_digit(number: u16) -> Option<char> {
    char::from_digit(number.into(), 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of radix 10 that NIST publishes for FF1 (`FF1samples.pdf`): 1, 2 with AES-128, 4, 5 with AES-192, 7, 8 with AES-256.
    #[test]
    fn the_published_vectors_of_ff1_hold() {
        const KEY: [u8; 32] = [
            0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xef, 0x43, 0x59, 0xd8, 0xd5,
            0x80, 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94,
        ];
        const TWEAK: &[u8] = b"9876543210";
        let plain = || FlexibleNumeralString::from((0..10).collect::<Vec<u16>>());
        let digits = |text: &str| text.bytes().map(|digit| u16::from(digit - b'0')).collect::<Vec<u16>>();
        for (tweak, expected) in [(&b""[..], "2433477484"), (TWEAK, "6124200773")] {
            let cipher = FF1::<aes::Aes128>::new(&KEY[..16], 10).unwrap();
            assert_eq!(Vec::from(cipher.encrypt(tweak, &plain()).unwrap()), digits(expected));
        }
        for (tweak, expected) in [(&b""[..], "2830668132"), (TWEAK, "2496655549")] {
            let cipher = FF1::<aes::Aes192>::new(&KEY[..24], 10).unwrap();
            assert_eq!(Vec::from(cipher.encrypt(tweak, &plain()).unwrap()), digits(expected));
        }
        for (tweak, expected) in [(&b""[..], "6657667009"), (TWEAK, "1001623463")] {
            let cipher = DigitCipher::new(&KEY).unwrap();
            assert_eq!(cipher.encipher(tweak, (0..10).collect()).unwrap(), digits(expected));
        }
    }

    #[test]
    fn separators_and_letters_stay_and_the_digits_do_not_depend_on_them() {
        let (cipher, label) = (DigitCipher::new(&[7; 32]).unwrap(), Label::parse("PHN").unwrap());
        let (spaced, plain) = (cipher.surrogate(label, "+44 (20) 79-460").unwrap(), cipher.surrogate(label, "442079460").unwrap());
        assert_eq!(spaced.replace(|letter: char| !letter.is_ascii_digit(), ""), plain);
        assert_eq!(spaced.replace(|letter: char| letter.is_ascii_digit(), "0"), "+00 (00) 00-000");
        assert_ne!(plain, "442079460");
        assert_ne!(Some(plain), cipher.surrogate(Label::parse("CRD").unwrap(), "442079460"), "the label is the tweak");
    }

    #[test]
    fn what_cannot_keep_its_shape_is_refused() {
        let (cipher, label) = (DigitCipher::new(&[7; 32]).unwrap(), Label::parse("PHN").unwrap());
        for value in ["12345", "Ada", "123\u{a0}456", "123_456", "12345６", "123\n456", "1\"23456", &"1".repeat(41)] {
            assert!(cipher.surrogate(label, value).is_none(), "{value}");
        }
        assert!(cipher.surrogate(label, "123456").is_some());
        assert!(cipher.surrogate(label, &"1".repeat(40)).is_some());
    }
}
