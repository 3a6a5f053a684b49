//! Turns what clap says about a wrong command line into our own words.
//!
//! `--help` and `--version` come this way too: they are no errors, print to stdout and end with 0. A command without its subcommand shows its
//! help on stderr and ends with 2.

use std::error::Error as _;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command::Cli;
use crate::exit::{Exit, Failure};

/// The error to report, unless clap only wanted to print help.
pub(crate) fn refuse(error: &clap::Error) -> anyhow::Error {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        error.exit();
    }
    Failure::new(Exit::Usage, message(error)).hint(hint(error)).into()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "clap adds variants; what we have no words for is said in its words")]
fn message(error: &clap::Error) -> String {
    let text = |kind| context(error, kind);
    let fallback = || first_paragraph(error);
    let said = |before: &str, kind, after: &str| text(kind).map(|given| format!("{before}`{given}`{after}"));
    let written = match error.kind() {
        ErrorKind::InvalidSubcommand => said("there is no command ", ContextKind::InvalidSubcommand, ""),
        ErrorKind::UnknownArgument => said("there is no argument ", ContextKind::InvalidArg, ""),
        ErrorKind::MissingRequiredArgument => said("missing ", ContextKind::InvalidArg, ""),
        ErrorKind::InvalidValue => invalid_value(error),
        ErrorKind::ValueValidation => invalid_form(error),
        _ => None,
    };
    written.unwrap_or_else(fallback)
}

fn invalid_value(error: &clap::Error) -> Option<String> {
    let argument = context(error, ContextKind::InvalidArg)?;
    match context(error, ContextKind::InvalidValue).filter(|value| !value.is_empty()) {
        Some(value) => Some(format!("`{value}` is no value for `{argument}`")),
        None => Some(format!("`{argument}` needs a value")),
    }
}

/// What the argument's own check says. The value may be a key, so it is not repeated here.
fn invalid_form(error: &clap::Error) -> Option<String> {
    let said = error.source()?.to_string().replacen("..=", " to ", 1);
    Some(match context(error, ContextKind::InvalidArg) {
        Some(argument) => format!("`{argument}`: {said}"),
        None => said,
    })
}

fn hint(error: &clap::Error) -> String {
    let suggestion = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(near) = suggestion.into_iter().find_map(|kind| context(error, kind)) {
        return format!("did you mean `{near}`?");
    }
    if let Some(values) = context(error, ContextKind::ValidValue).filter(|values| !values.is_empty()) {
        return format!("use {values}");
    }
    format!("run `{} --help`", command())
}

/// The command that the person meant, as far as it exists: `comity keys create`.
fn command() -> String {
    let root = Cli::command();
    let (mut at, mut path) = (&root, "comity".to_owned());
    for argument in std::env::args().skip(1) {
        if let Some(inner) = at.find_subcommand(&argument) {
            at = inner;
            path = format!("{path} {argument}");
        }
    }
    path
}

#[expect(clippy::wildcard_enum_match_arm, reason = "clap adds variants; only text can be shown")]
fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}

/// For the kinds that we have no words for: clap's own first sentence.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.trim_start_matches("error: ").replace('\'', "`").split_whitespace().collect::<Vec<_>>().join(" ")
}
