//! Checks of numbers as data: check digits, dates, issued ranges. A nation's file names them, this module computes them.
//!
//! A check sees the characters of a candidate without separators, in capitals. It must never panic, whatever a file asks of whatever
//! characters: what is not there does not hold.

mod date;
mod named;
mod read;
mod sum;

pub(crate) use read::read;

use date::Date;
use named::Named;
use sum::Sum;

/// One condition.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    replace: Vec<(Vec<u8>, Vec<u8>)>,
    replace_at: usize,
    rule: Rule,
}

/// What must hold.
#[derive(Clone, Debug)]
enum Rule {
    Named(Named),
    Sum(Sum),
    Date(Date),
    /// The number of the `length` characters from `from` on lies in the range.
    Between {
        from: usize,
        length: usize,
        low: u128,
        high: u128,
    },
    /// The characters from `from` on begin with none of these.
    Not {
        from: usize,
        values: Vec<Vec<u8>>,
    },
}

// === impl Check ===

impl Check {
    /// Whether the condition holds for these letters and digits.
    pub(crate) fn holds(&self, characters: &[u8]) -> bool {
        let replaced = self.replaced(characters);
        let characters = replaced.as_deref().unwrap_or(characters);
        match &self.rule {
            Rule::Named(named) => named.holds(characters),
            Rule::Sum(sum) => sum.holds(characters).unwrap_or(false),
            Rule::Date(date) => date.holds(characters).unwrap_or(false),
            Rule::Between { from, length, low, high } => {
                number(characters, *from, *length).is_some_and(|number| (*low..=*high).contains(&number))
            }
            Rule::Not { from, values } => characters.get(*from..).is_some_and(|rest| !values.iter().any(|value| rest.starts_with(value))),
        }
    }

    /// The characters after the replacement that fits, if one does.
    fn replaced(&self, characters: &[u8]) -> Option<Vec<u8>> {
        let (before, rest) = characters.split_at_checked(self.replace_at)?;
        let (old, new) = self.replace.iter().find(|(old, _)| rest.starts_with(old))?;
        Some([before, new.as_slice(), rest.get(old.len()..)?].concat())
    }
}

/// The number that some characters write, if all of them are digits.
fn number(characters: &[u8], from: usize, length: usize) -> Option<u128> {
    let digits = characters.get(from..from.checked_add(length)?)?;
    let all_digits = !digits.is_empty() && digits.len() <= 38 && digits.iter().all(u8::is_ascii_digit);
    let step = |number: u128, byte: &u8| number * 10 + u128::from(byte - b'0');
    all_digits.then(|| digits.iter().fold(0, step))
}

/// The value of a character: digits 0 to 9, letters 10 to 35.
fn value(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(36)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks are written as in a kinds file: `check = …`.
    fn checks(text: &str) -> Result<Vec<Check>, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        read(table.get("check").ok_or("no `check`")?)
    }

    fn check(text: &str, good: &[&str], bad: &[&str]) {
        let checks = checks(text).unwrap();
        let holds = |number: &&str| checks.iter().all(|check| check.holds(number.as_bytes()));
        assert_eq!(good.iter().find(|number| !holds(number)), None, "{text} refuses it");
        assert_eq!(bad.iter().find(|number| holds(number)), None, "{text} accepts it");
    }

    /// Every single digit of a number wrong: a check that sees none of that is no check.
    fn one_digit_wrong(number: &str) -> Vec<String> {
        let digits = number.char_indices().filter(|(_, character)| character.is_ascii_digit());
        let wrong = |(index, digit): (usize, char)| {
            let next = char::from_digit((digit.to_digit(10).unwrap() + 1) % 10, 10).unwrap();
            let mut wrong = number.to_owned();
            wrong.replace_range(index..=index, &next.to_string());
            wrong
        };
        digits.map(wrong).collect()
    }

    /// The published example of each named check.
    #[test]
    fn named_checks_hold_for_published_numbers_and_for_no_neighbour() {
        let cases: [(&str, &[&str]); 12] = [
            ("luhn", &["79927398713", "4111111111111111", "490154203237518"]),
            ("verhoeff", &["2363", "123451", "84736430954837284567892"]),
            ("damm", &["5724"]),
            ("mod97_10", &["3214282912345698765432161182", "HWUPKR0MPOU8FGXBT394"]),
            ("mod11_10", &["07945", "86095742719", "DE136695976"]),
            ("mod11_2", &["079X", "0000000121032683", "11010519491231002X"]),
            ("mod37_36", &["A12425GABC1234002M"]),
            ("mod37_2", &["G123489654321Y"]),
            ("luhn36", &["27AAPFU0939F1ZV"]),
            ("iban", &["GB29NWBK60161331926819", "DE89370400440532013000"]),
            ("es_cif", &["A58818501", "P2807900B", "J99216582"]),
            ("vin", &["1M8GDM9AXKP042788", "11111111111111111"]),
        ];
        for (name, numbers) in cases {
            for number in numbers {
                let wrong = one_digit_wrong(number);
                let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
                // The VIN's ninth character is the check; a weight of 10 or 0 leaves that one and no other to chance.
                check(&format!("check = \"{name}\""), &[number], if name == "vin" { &[] } else { &wrong });
            }
            check(&format!("check = \"{name}\""), &[], &["", "0a", "é"]);
        }
        check("check = \"vin\"", &[], &["1M8GDM9A1KP042788", "1M8GDM9AXKP04278", "IM8GDM9AXKP042788"]);
        check(
            "check = \"it_fiscal_code\"",
            &["RSSMRA85T10A562S", "RCCMNL83S18D969H", "RSSMRA85T10A56NH"],
            &["RSSMRA85T10A562T", "RSSMRA85T11A562S"],
        );
    }

    #[test]
    fn weighted_sums_with_all_their_rules() {
        // Brazil, CPF: two digits, each `m - r`, and 0 beyond 9.
        let cpf = r#"check = [
            { weights = [10, 9, 8, 7, 6, 5, 4, 3, 2], modulus = 11, digit = "m-r", table = "_12345678900", at = 9 },
            { weights = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2], modulus = 11, digit = "m-r", table = "_12345678900", at = 10 },
        ]"#;
        check(cpf, &["39053344705", "23100299981"], &["39053344706", "39053344805", "3905334470"]);
        // Netherlands, BSN: the last digit counts -1, and the whole must be divisible.
        check("check = { weights = [9, 8, 7, 6, 5, 4, 3, 2, -1], modulus = 11 }", &["111222333", "123456782"], &["111252333", "11122233"]);
        // France, NIR: 97 less the remainder of the first thirteen, as two digits; Corsica's letters count as digits.
        let nir = r#"check = { replace = { "2A" = "19", "2B" = "18" }, replace_at = 5, number = [0, 13], modulus = 97, digit = "m-r", at = 13, width = 2 }"#;
        check(nir, &["295109912611193", "253072B07300470", "253072A07300443"], &["295109912611199", "253072B07300443", "2951099126111"]);
        // Spain, DNI: a letter out of a table.
        let dni = "check = { number = [0, 8], modulus = 23, table = \"TRWAGMYFPDXBNJZSQVHLCKE\", at = 8 }";
        check(dni, &["54362315K", "12345678Z"], &["54362315Z", "54362315", "5436231XK"]);
        // Switzerland, AHV (EAN-13): `-r`.
        check(
            "check = { weights = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3], modulus = 10, digit = \"-r\", at = 12 }",
            &["7569217076985"],
            &["7569217076984"],
        );
        // Digits of the products: that is Luhn.
        check(
            "check = { weights = [2, 1, 2, 1, 2, 1, 2, 1, 2], products = \"digits\", modulus = 10, digit = \"-r\", at = 9 }",
            &["6408233234"],
            &["6408233235"],
        );
        // A sum that must leave something, and one with a constant.
        check("check = { weights = [1, 1], modulus = 10, equals = 7 }", &["34"], &["35"]);
        check("check = { weights = [1, 1], plus = 3, modulus = 10, from = 1 }", &["934"], &["935"]);
        // An alphabet of its own; what is not in it has no value.
        check("check = { weights = [1, 1], alphabet = \"BA\", modulus = 2 }", &["BB", "AA"], &["AB", "CC"]);
    }

    #[test]
    fn dates_must_have_been() {
        check("check = { date = \"yymmdd\" }", &["800229", "991231", "000229"], &["801301", "800230", "810229", "8002", "80022X"]);
        check("check = { date = \"ddmmyyyy\", from = 1 }", &["X29022000"], &["X29021900", "X29022001", "X01011700", "X31042000"]);
        check(
            "check = { date = \"yymmdd\", month_plus = [0, 20, 40, 60, 80], day_plus = [0, 40] }",
            &["02270803", "80324129"],
            &["801301", "800081"],
        );
        check("check = { date = \"yymm\" }", &["8012"], &["8013", "8000"]);
    }

    #[test]
    fn ranges_and_exceptions() {
        check("check = { between = [1, 96], from = 3, length = 2 }", &["00001", "00096"], &["00000", "00097", "0001", "000X1"]);
        check("check = { not = [\"000\", \"666\"], from = 1 }", &["1001"], &["1000", "1666", ""]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, part) in [
            ("check = \"luhm\"", "no check is named `luhm`"),
            ("check = { weights = [1], modulos = 10 }", "unknown field `modulos`"),
            ("check = { weights = [1] }", "`modulus`"),
            ("check = { weights = [1], modulus = 0 }", "`modulus`"),
            ("check = { modulus = 10 }", "exactly one of"),
            ("check = { weights = [1], date = \"yymmdd\", modulus = 10 }", "exactly one of"),
            ("check = { date = \"yyddxx\" }", "`yyddxx`"),
            ("check = { date = \"ymdy\" }", "`ymdy`"),
            ("check = { between = [1, 2] }", "`length`"),
            ("check = { weights = [1], modulus = 10, digit = \"10-r\", at = 1 }", "unknown variant"),
            ("check = 7", "in `check`"),
        ] {
            let refused = checks(text).expect_err(text);
            assert!(refused.contains(part), "{text}: {refused}");
        }
    }

    #[test]
    fn no_file_can_make_a_check_panic() {
        for text in [
            "check = { weights = [9223372036854775807, -9223372036854775808], modulus = 9223372036854775807, at = 18446744073709551 }",
            "check = { weights = [1], from = 9223372036854775807, modulus = 2 }",
            "check = { number = [5, 2], modulus = 2 }",
            "check = { between = [0, 1], from = 9223372036854775807, length = 9223372036854775807 }",
            "check = { not = [\"\"], from = 9223372036854775807 }",
            "check = { date = \"yymmdd\", from = 9223372036854775807 }",
            "check = { weights = [1], modulus = 2, replace = { \"\" = \"x\" }, replace_at = 9223372036854775807 }",
        ] {
            check(text, &[], &["", "1", "123456789012345678901234567890123456789012345678901234567890"]);
        }
    }
}
