//! What is wrong with a configuration, where, and how to mend it. Never shows the value of a key that may be a secret.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// One problem in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The file.
    pub path: String,
    /// Line and column, counted from 1.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// The line, without the value where that may be a secret.
    pub snippet: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Everything that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<ConfigProblem>);

/// A text file in which problems are found.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

// === impl Source ===

impl Source<'_> {
    /// A problem at `span` in this file.
    pub(crate) fn problem(&self, span: Option<Range<usize>>, message: impl Into<String>) -> ConfigProblem {
        let found = span.and_then(|span| self.line_of(span.start));
        ConfigProblem {
            path: self.path.display().to_string(),
            place: found.as_ref().map(|line| (line.number, line.column)),
            message: message.into(),
            snippet: found.map(|line| line.text),
            hint: None,
        }
    }

    fn line_of(&self, offset: usize) -> Option<Line> {
        let before = self.text.get(..offset)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text.get(start..)?.lines().next().unwrap_or_default();
        let column = self.text.get(start..offset)?.chars().count() + 1;
        Some(Line { number: before.matches('\n').count() + 1, column, text: text.to_owned() })
    }
}

struct Line {
    number: usize,
    column: usize,
    text: String,
}

// === impl Problems ===

impl Problems {
    /// In the order of files and lines.
    pub(crate) fn sorted(mut problems: Vec<ConfigProblem>) -> Self {
        problems.sort_by(|a, b| (&a.path, a.place).cmp(&(&b.path, b.place)));
        Self(problems)
    }
}

// === impl ConfigProblem ===

impl ConfigProblem {
    /// A problem that stands in no file.
    pub(crate) fn anywhere(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), place: None, message: message.into(), snippet: None, hint: None }
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same without what stands after the first `=`.
    pub(crate) fn without_value(mut self) -> Self {
        self.snippet = self.snippet.map(|line| line.split_once('=').map_or_else(|| line.clone(), |(key, _)| format!("{key}= …")));
        if let (Some((_, column)), Some(line)) = (&mut self.place, &self.snippet) {
            *column = (*column).min(line.chars().count());
        }
        self
    }
}

impl fmt::Display for ConfigProblem {
    /// `path:line:column: message`, the line with a caret, and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            None => write!(f, "{}: {}", self.path, self.message)?,
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.path, self.message)?,
        }
        if let (Some((line, column)), Some(snippet)) = (self.place, &self.snippet) {
            let margin = " ".repeat(line.to_string().len());
            write!(f, "\n{margin} |\n{line} | {snippet}\n{margin} | {}^", " ".repeat(column.saturating_sub(1)))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<ConfigProblem> for Problems {
    fn from(problem: ConfigProblem) -> Self {
        Self(vec![problem])
    }
}
