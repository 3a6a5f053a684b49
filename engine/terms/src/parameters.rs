//! Parameters of a pack: what may stand in a slot of its terms, and the literal that is written there.
//!
//! A value never breaks out of its literal: each is read as a jurisdiction, a bloc, a level or a word, whose alphabets have no quotes.

use std::collections::BTreeSet;
use std::fmt;

use comity_vocab::{BlocId, Jurisdiction, Scale, Strength};

/// One parameter that a pack declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// What its value is.
    pub kind: ParameterKind,
    /// Its value where none is given.
    pub default: ParameterValue,
    /// What it means, for the person who sets it.
    pub about: String,
}

/// What the value of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// One jurisdiction: `"GB"`.
    Jurisdiction,
    /// Some jurisdictions, one at least: `["GB", "FR"]`.
    Jurisdictions,
    /// One bloc: `"eu"`.
    Bloc,
    /// A level on a scale: `2`.
    Level(Scale),
    /// How well a fact must be known, 0 to 4: `2`.
    Strength,
    /// Names of certifications or transfer mechanisms, one at least: `["dpf"]`.
    Words,
}

/// A value as a person writes it, before it is known whether it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// `"GB"`
    Text(String),
    /// `2`
    Number(i64),
    /// `["GB", "FR"]`
    List(Vec<String>),
}

/// Why a parameter cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterProblem {
    /// Which parameter.
    pub parameter: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// The types as `pack.toml` names them.
pub(crate) const KINDS: [&str; 6] = ["jurisdiction", "jurisdictions", "bloc", "level", "strength", "words"];

const WORD_BYTES_MAX: usize = 128;

// === impl Parameter ===

impl Parameter {
    /// The Cedar literal of `value`, or what is wrong with it.
    pub(crate) fn literal(&self, name: &str, value: &ParameterValue) -> Result<String, ParameterProblem> {
        self.kind.literal_of(name, value).map_err(|message| {
            let hint = format!("write it like its default: `{name} = {}`", self.default);
            ParameterProblem { parameter: name.to_owned(), message, hint: Some(hint) }
        })
    }

    /// The value that `text` of a command line means; lists are written with commas.
    #[must_use]
    pub fn written(&self, text: &str) -> ParameterValue {
        match self.kind {
            ParameterKind::Jurisdiction | ParameterKind::Bloc => ParameterValue::Text(text.to_owned()),
            ParameterKind::Jurisdictions | ParameterKind::Words => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                ParameterValue::List(parts.map(str::to_owned).collect())
            }
            ParameterKind::Level(_) | ParameterKind::Strength => {
                text.parse().map_or_else(|_| ParameterValue::Text(text.to_owned()), ParameterValue::Number)
            }
        }
    }
}

// === impl ParameterKind ===

enum Wrong {
    Type,
    Value(String),
}

impl ParameterKind {
    /// The Cedar literal of the value of the parameter `name`, or what is wrong with it.
    pub(crate) fn literal_of(self, name: &str, value: &ParameterValue) -> Result<String, String> {
        self.literal(value).map_err(|wrong| match wrong {
            Wrong::Type => format!("parameter `{name}` must be {self}, not {}", value.kind()),
            Wrong::Value(why) => format!("parameter `{name}`: {why}"),
        })
    }

    fn literal(self, value: &ParameterValue) -> Result<String, Wrong> {
        match (self, value) {
            (Self::Jurisdiction, ParameterValue::Text(text)) => jurisdiction(text),
            (Self::Jurisdictions, ParameterValue::List(list)) => each(list, jurisdiction),
            (Self::Bloc, ParameterValue::Text(text)) => bloc(text),
            (Self::Level(scale), ParameterValue::Number(number)) => level(scale, *number),
            (Self::Strength, ParameterValue::Number(number)) => strength(*number),
            (Self::Words, ParameterValue::List(list)) => each(list, word),
            (Self::Jurisdiction | Self::Bloc, ParameterValue::Number(_) | ParameterValue::List(_))
            | (Self::Jurisdictions | Self::Words, ParameterValue::Number(_) | ParameterValue::Text(_))
            | (Self::Level(_) | Self::Strength, ParameterValue::Text(_) | ParameterValue::List(_)) => Err(Wrong::Type),
        }
    }

    /// The type's name in `pack.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jurisdiction => "jurisdiction",
            Self::Jurisdictions => "jurisdictions",
            Self::Bloc => "bloc",
            Self::Level(_) => "level",
            Self::Strength => "strength",
            Self::Words => "words",
        }
    }
}

impl fmt::Display for ParameterKind {
    /// For people: `a list of jurisdictions`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jurisdiction => f.write_str("a jurisdiction"),
            Self::Jurisdictions => f.write_str("a list of jurisdictions"),
            Self::Bloc => f.write_str("a bloc"),
            Self::Level(scale) => write!(f, "a level of `{}`, 0 to {}", scale.name(), scale.top()),
            Self::Strength => f.write_str("a strength, 0 to 4"),
            Self::Words => f.write_str("a list of words"),
        }
    }
}

fn jurisdiction(text: &str) -> Result<String, Wrong> {
    let valid: Jurisdiction = text.parse().map_err(|error: comity_vocab::InvalidJurisdiction| Wrong::Value(error.to_string()))?;
    Ok(format!("Jurisdiction::\"{valid}\""))
}

fn bloc(text: &str) -> Result<String, Wrong> {
    let valid: BlocId = text.parse().map_err(|error: comity_vocab::InvalidName| Wrong::Value(error.to_string()))?;
    Ok(format!("Bloc::\"{valid}\""))
}

fn level(scale: Scale, number: i64) -> Result<String, Wrong> {
    let within = u8::try_from(number).is_ok_and(|level| level <= scale.top());
    let beyond = || Wrong::Value(format!("{number} is no level of `{}`, which counts from 0 to {}", scale.name(), scale.top()));
    within.then(|| number.to_string()).ok_or_else(beyond)
}

fn strength(number: i64) -> Result<String, Wrong> {
    let top = i64::from(Strength::Verified.number());
    let beyond = || Wrong::Value(format!("{number} is no strength: 0 unknown, 1 claimed, 2 contract, 3 certified, 4 verified"));
    (0..=top).contains(&number).then(|| number.to_string()).ok_or_else(beyond)
}

fn word(text: &str) -> Result<String, Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    let valid = !text.is_empty() && text.len() <= WORD_BYTES_MAX && text.chars().all(allowed);
    let invalid = || Wrong::Value(format!("`{}` is not a word: use a-z, A-Z, 0-9, `.`, `_`, `-`, `:` and `/`", text.escape_debug()));
    valid.then(|| format!("\"{text}\"")).ok_or_else(invalid)
}

/// A set literal. One order for equal sets, so that equal parameters make equal terms.
fn each(list: &[String], literal: fn(&str) -> Result<String, Wrong>) -> Result<String, Wrong> {
    if list.is_empty() {
        return Err(Wrong::Value("the list is empty: name at least one".to_owned()));
    }
    let literals: BTreeSet<String> = list.iter().map(|text| literal(text)).collect::<Result<_, _>>()?;
    Ok(format!("[{}]", literals.into_iter().collect::<Vec<_>>().join(", ")))
}

// === impl ParameterValue ===

impl ParameterValue {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
        }
    }
}

impl fmt::Display for ParameterValue {
    /// As in `comity.toml`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Number(number) => write!(f, "{number}"),
            Self::List(list) => {
                let quoted: Vec<_> = list.iter().map(|text| format!("\"{text}\"")).collect();
                write!(f, "[{}]", quoted.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: ParameterKind = ParameterKind::Level(Scale::Seal);

    fn literal(kind: ParameterKind, value: ParameterValue) -> Result<String, String> {
        let parameter = Parameter { kind, default: ParameterValue::Text("GB".to_owned()), about: String::new() };
        parameter.literal("p", &value).map_err(|problem| problem.to_string())
    }

    fn check(kind: ParameterKind, written: &str, expected: Result<&str, &str>) {
        let parameter = Parameter { kind, default: ParameterValue::Text("GB".to_owned()), about: String::new() };
        let found = literal(kind, parameter.written(written));
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{written}");
    }

    #[test]
    fn values_become_literals() {
        check(ParameterKind::Jurisdiction, "GB", Ok("Jurisdiction::\"GB\""));
        check(ParameterKind::Jurisdictions, "GB, FR,GB", Ok("[Jurisdiction::\"FR\", Jurisdiction::\"GB\"]"));
        check(ParameterKind::Bloc, "eu", Ok("Bloc::\"eu\""));
        check(SEAL, "4", Ok("4"));
        check(ParameterKind::Strength, "3", Ok("3"));
        check(ParameterKind::Words, "c5:2026,dpf", Ok("[\"c5:2026\", \"dpf\"]"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check(
            ParameterKind::Jurisdiction,
            "uk",
            Err("parameter `p`: `uk` is not a jurisdiction: write two capital letters as in ISO 3166-1, or `XX` for unknown"),
        );
        check(SEAL, "5", Err("parameter `p`: 5 is no level of `seal`, which counts from 0 to 4"));
        let beyond = "parameter `p`: 5 is no strength: 0 unknown, 1 claimed, 2 contract, 3 certified, 4 verified";
        check(ParameterKind::Strength, "5", Err(beyond));
        check(ParameterKind::Strength, "contract", Err("parameter `p` must be a strength, 0 to 4, not a text"));
        check(SEAL, "-1", Err("parameter `p`: -1 is no level of `seal`, which counts from 0 to 4"));
        check(SEAL, "high", Err("parameter `p` must be a level of `seal`, 0 to 4, not a text"));
        check(ParameterKind::Jurisdictions, " , ", Err("parameter `p`: the list is empty: name at least one"));
        let number = literal(ParameterKind::Bloc, ParameterValue::Number(3));
        assert_eq!(number.unwrap_err(), "parameter `p` must be a bloc, not a number");
    }

    #[test]
    fn no_value_breaks_out_of_its_literal() {
        for nasty in ["\"", "GB\" || true", "\\", "a\\\" || true", "]", "a\"]", "// x", "a\nb", "é", "?x", "", "a b", "a;", "GB\0"] {
            for kind in [ParameterKind::Jurisdiction, ParameterKind::Bloc, ParameterKind::Strength, SEAL] {
                assert!(literal(kind, ParameterValue::Text(nasty.to_owned())).is_err(), "{kind}: {nasty:?}");
            }
            for kind in [ParameterKind::Jurisdictions, ParameterKind::Words] {
                let list = ParameterValue::List(vec!["GB".to_owned(), nasty.to_owned()]);
                assert!(literal(kind, list).is_err(), "{kind}: {nasty:?}");
            }
        }
    }
}
