//! The canonical format of terms: Cedar's own formatter at a fixed width. Slots of parameters stay as they are.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

use crate::slots::{self, slots};

const LINE_WIDTH: usize = 120;
const INDENT_WIDTH: isize = 2;

/// The text could not be parsed, so it was left as it is.
#[derive(Debug, thiserror::Error)]
#[error("the terms cannot be formatted because they do not parse: {0}")]
pub struct FormatError(String);

/// The same terms in canonical format; comments and slots stay.
///
/// # Errors
/// When the text is not Cedar; `Terms::load` says where.
pub fn format(text: &str) -> Result<String, FormatError> {
    let config = Config { line_width: LINE_WIDTH, indent_width: INDENT_WIDTH };
    let mark = unused(text).ok_or_else(|| FormatError("it has every character that could mark a slot".to_owned()))?;
    let pretty = policies_str_to_pretty(&marked(text, mark), &config).map_err(|error| FormatError(error.to_string()))?;
    Ok(unmarked(&pretty, mark, text))
}

/// Cedar knows no slots but its own: each becomes a text of its width, made of a character that stands nowhere else.
fn marked(text: &str, mark: char) -> String {
    slots::replace(text, |slot| format!("\"{}\"", mark.to_string().repeat(slot.name.len().saturating_sub(1).max(1))))
}

/// The slots again, in their order: the formatter moves nothing before anything else.
fn unmarked(pretty: &str, mark: char, text: &str) -> String {
    let slots = slots(text);
    let mut names = slots.iter().map(|slot| slot.name);
    let mut parts = pretty.split(mark).filter(|part| !part.is_empty());
    let mut formatted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Quotes stand on both sides of the mark.
        formatted.pop();
        formatted.push('?');
        formatted.push_str(names.next().unwrap_or_default());
        formatted.push_str(part.strip_prefix('"').unwrap_or(part));
    }
    formatted
}

/// A character of private use that the text does not have.
fn unused(text: &str) -> Option<char> {
    ('\u{e000}'..='\u{f8ff}').find(|mark| !text.contains(*mark))
}
