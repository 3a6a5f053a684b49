//! The patterns that say where to look. They are short and bounded, so a long run of anything stays linear; exact spans are
//! the validators' work.
//!
//! They must never use a Unicode class or word boundary: on text that is not ASCII those switch the fast engine off, about
//! 900 times slower. `tests` below and the build (Unicode is off in the parser) both refuse them.

use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::util::syntax;

use crate::token;

/// Which validator a pattern belongs to. The order is that of the patterns in [`patterns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Pem,
    Token,
    SlackWebhook,
    Jwt,
    AwsId,
    AwsSecretName,
    Unprefixed,
    Iban,
    At,
    Url,
    /// A literal beginning of a credential whose shape is data.
    Prefix,
}

impl Anchor {
    pub(crate) const ALL: [Anchor; 11] = [
        Anchor::Pem,
        Anchor::Token,
        Anchor::SlackWebhook,
        Anchor::Jwt,
        Anchor::AwsId,
        Anchor::AwsSecretName,
        Anchor::Unprefixed,
        Anchor::Iban,
        Anchor::At,
        Anchor::Url,
        Anchor::Prefix,
    ];

    fn pattern(self, prefixes: &[String]) -> String {
        match self {
            Anchor::Pem => r"(?-u:-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY)".to_owned(),
            Anchor::Token => format!(r"(?-u:(?:{})[A-Za-z0-9_-]{{6}})", token::prefix_pattern()),
            Anchor::SlackWebhook => r"(?-u:hooks\.slack(?:-gov)?\.com/)".to_owned(),
            Anchor::Jwt => r"(?-u:eyJ[A-Za-z0-9_-]{8})".to_owned(),
            Anchor::AwsId => r"(?-u:A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16})".to_owned(),
            Anchor::AwsSecretName => r"(?i-u:secret[ _.-]?(?:access[ _.-]?)?key)".to_owned(),
            Anchor::Unprefixed => {
                r"(?i-u:(?:mistral|cohere|ai21|together|azure[ _.-]?openai)[ _.-]?(?:ai[ _.-]?)?(?:api[ _.-]?)?key)".to_owned()
            }
            Anchor::Iban => format!(r"(?-u:[A-Za-z]{{2}}[0-9]{{2}}(?:{SPACE}?[A-Za-z0-9]{{4}}){{2}})"),
            Anchor::At => r"(?-u:@)".to_owned(),
            Anchor::Url => r"(?i-u:https?://|www\.)".to_owned(),
            // Without any, a class of nothing, which never matches.
            Anchor::Prefix if prefixes.is_empty() => r"(?-u:[^\x00-\xFF])".to_owned(),
            Anchor::Prefix => format!(r"(?-u:{})", prefixes.iter().map(|prefix| escape(prefix)).collect::<Vec<_>>().join("|")),
        }
    }
}

/// One separator inside an IBAN: space, hyphen, no-break space (U+00A0), narrow no-break space (U+202F).
const SPACE: &str = r"(?:[ -]|\xC2\xA0|\xE2\x80\xAF)";

/// The patterns in the order of [`Anchor::ALL`], which is also their precedence at one place.
pub(crate) fn patterns(prefixes: &[String]) -> Vec<String> {
    Anchor::ALL.iter().map(|anchor| anchor.pattern(prefixes)).collect()
}

/// A literal as a pattern.
fn escape(literal: &str) -> String {
    literal.chars().flat_map(|character| (!character.is_ascii_alphanumeric()).then_some('\\').into_iter().chain([character])).collect()
}

/// All patterns as one automaton over bytes; the pattern's number is the index into [`Anchor::ALL`]. `prefixes` are those of credentials
/// whose shapes are data. Numbers are not here: digits are found faster without an automaton.
pub(crate) fn build(prefixes: &[String]) -> Result<Regex, Box<BuildError>> {
    Regex::builder()
        .configure(Config::new().utf8_empty(false))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build_many(&patterns(prefixes))
        .map_err(Box::new)
}

#[cfg(test)]
mod tests {
    use regex_syntax::ParserBuilder;
    use regex_syntax::hir::{Class, Hir, HirKind, Look};

    use super::*;

    /// Every repeat is bounded, every class is one of bytes, no Unicode word boundary.
    fn check(hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Literal(_) => {}
            HirKind::Class(Class::Bytes(_)) => {}
            HirKind::Class(Class::Unicode(class)) => panic!("unicode class {class:?}"),
            HirKind::Look(look) => assert!(!UNICODE_LOOKS.contains(look), "unicode word boundary"),
            HirKind::Repetition(repetition) => {
                assert!(repetition.max.is_some_and(|max| max <= 40), "unbounded repeat");
                check(&repetition.sub);
            }
            HirKind::Capture(capture) => check(&capture.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(check),
        }
    }

    const UNICODE_LOOKS: [Look; 6] = [
        Look::WordUnicode,
        Look::WordUnicodeNegate,
        Look::WordStartUnicode,
        Look::WordEndUnicode,
        Look::WordStartHalfUnicode,
        Look::WordEndHalfUnicode,
    ];

    /// The parser is left in its Unicode mode, so that a pattern that forgets `(?-u:` is caught too.
    fn hir(pattern: &str) -> Hir {
        ParserBuilder::new().utf8(false).build().parse(pattern).unwrap()
    }

    #[test]
    fn patterns_know_bytes_only() {
        for pattern in patterns(&["glpat-".to_owned()]) {
            check(&hir(&pattern));
        }
    }

    #[test]
    #[should_panic(expected = "unicode class")]
    fn a_unicode_digit_is_caught() {
        check(&hir(r"\d{7}"));
    }

    #[test]
    #[should_panic(expected = "unicode word boundary")]
    fn a_unicode_word_boundary_is_caught() {
        check(&hir(r"\b[a-z]"));
    }

    #[test]
    #[should_panic(expected = "unbounded repeat")]
    fn an_unbounded_repeat_is_caught() {
        check(&hir(r"(?-u:[a-z]+@)"));
    }

    #[test]
    fn every_pattern_matches_a_bounded_length() {
        for pattern in patterns(&["glpat-".to_owned()]) {
            let length = hir(&pattern).properties().maximum_len();
            assert!(length.is_some_and(|length| length <= 80), "{pattern} may match {length:?} bytes");
        }
    }
}
