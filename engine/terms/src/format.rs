//! The canonical format of terms: Cedar's own formatter at a fixed width.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

const LINE_WIDTH: usize = 120;
const INDENT_WIDTH: isize = 2;

/// The text could not be parsed, so it was left as it is.
#[derive(Debug, thiserror::Error)]
#[error("the terms cannot be formatted because they do not parse: {0}")]
pub struct FormatError(String);

/// The same terms in canonical format; comments stay.
///
/// # Errors
/// When the text is not Cedar; `Terms::load` says where.
pub fn format(text: &str) -> Result<String, FormatError> {
    let config = Config { line_width: LINE_WIDTH, indent_width: INDENT_WIDTH };
    policies_str_to_pretty(text, &config).map_err(|error| FormatError(error.to_string()))
}
