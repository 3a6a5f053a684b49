//! Kinds as data: the files of `packs/kinds/`, and those that an organisation or a nation writes itself.
//!
//! A file that is not understood in full is refused with its name and what to do. Nothing is read from disk here: callers give text.

mod examples;

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{self, Hir, HirKind};
use serde::Deserialize;

use crate::check::{self, Check};
use crate::limits::{CREDENTIAL_MAX, CREDENTIAL_REPEAT_MAX, MESSAGE_LINE_MAX, SHAPE_MAX, SHAPE_REPEAT_MAX, SHAPE_TEXT_MAX};
use crate::{Class, Kind, KindInfo, Kinds, Label};

pub use examples::{Example, ExampleList, ExampleOutcome, Examples, ExamplesError};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packs/kinds");

/// A kinds file cannot be used; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// The file as a whole.
    #[error("the kinds file `{file}` cannot be read: {reason}")]
    File {
        /// Its name.
        file: String,
        /// Why, and where in the file.
        reason: String,
    },
    /// One kind of it.
    #[error("kind `{kind}` of the kinds file `{file}`: {reason}")]
    Kind {
        /// The name of the file.
        file: String,
        /// The name of the kind.
        kind: String,
        /// Why, and what to write instead.
        reason: String,
    },
}

/// One way in which values of a kind are written.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// A pattern over bytes, without edges.
    pub(crate) pattern: String,
    /// Whether a space may stand inside.
    pub(crate) spaced: bool,
    /// Literal beginnings; where there are any, the shape is looked for there and not at digits.
    pub(crate) prefixes: Vec<String>,
    pub(crate) needs: Needs,
    pub(crate) checks: Vec<Check>,
    /// Not all characters may be the same.
    pub(crate) distinct: bool,
}

/// What makes a value of a shape a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Needs {
    /// The shape alone.
    Shape,
    /// Its checks.
    Check,
    /// Its checks, if there are any, and a word nearby.
    Word,
}

/// Kinds that more kinds are added to.
struct Builder {
    infos: Vec<KindInfo>,
    shapes: Vec<Shape>,
    words: Vec<Vec<String>>,
}

/// A file as it is written. `source` is for people; the sentences of `finds` and `passes` are for [`Examples`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    country: Option<String>,
    #[serde(default, rename = "languages")]
    _languages: Vec<String>,
    kind: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    label: String,
    title: String,
    class: Class,
    #[serde(default)]
    words: Vec<String>,
    #[serde(rename = "source")]
    _source: String,
    #[serde(default)]
    finds: Vec<String>,
    #[serde(default)]
    passes: Vec<String>,
    /// None: only tiers above patterns find it.
    #[serde(default)]
    pattern: Vec<PatternEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternEntry {
    pattern: String,
    #[serde(default)]
    prefix: Vec<String>,
    needs: Needs,
    check: Option<toml::Value>,
    #[serde(default)]
    distinct: bool,
}

// === impl Kinds ===

impl Kinds {
    /// The built-in kinds and those of these files, each a name and its text.
    ///
    /// # Errors
    /// If a file is not understood in full, or a kind is there twice.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, KindError> {
        Self::built_in().with(files)
    }

    /// These kinds and those of more files. Kinds that were there before keep their place.
    ///
    /// # Errors
    /// If a file is not understood in full, or a kind is there twice.
    pub fn with(&self, files: &[(&str, &str)]) -> Result<Self, KindError> {
        let infos: Vec<KindInfo> = self.iter().map(|(_, info)| info.clone()).collect();
        let words = self.iter().map(|(kind, _)| self.words(kind).to_vec()).collect();
        let mut builder = Builder { infos, shapes: self.shapes().to_vec(), words };
        for (name, text) in files {
            builder.add(name, text)?;
        }
        Ok(Self::from_parts(builder.infos, builder.shapes, builder.words))
    }

    /// The built-in kinds and those of `packs/kinds/`, which are part of the program. They are read once.
    #[must_use]
    pub fn shipped() -> Self {
        static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads each of them")]
            Kinds::load(&shipped_files()).expect("a shipped kinds file")
        });
        KINDS.clone()
    }
}

/// Name and text of the shipped files, in order of their names.
fn shipped_files() -> Vec<(&'static str, &'static str)> {
    let toml = |file: &include_dir::File<'static>| file.path().extension().is_some_and(|ending| ending == "toml");
    let read = |file: &'static include_dir::File<'static>| Some((file.path().to_str()?, file.contents_utf8()?));
    let mut files: Vec<_> = SHIPPED.files().filter(|file| toml(file)).filter_map(read).collect();
    files.sort_unstable();
    files
}

fn read(file: &str, text: &str) -> Result<File, KindError> {
    toml::from_str(text).map_err(|error| KindError::File { file: file.to_owned(), reason: short(error.to_string().trim_end()) })
}

/// For messages: no line of a file fills a screen.
pub(crate) fn short(text: &str) -> String {
    let cut = |line: &str| match line.char_indices().nth(MESSAGE_LINE_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line.to_owned(),
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

// === impl Builder ===

impl Builder {
    fn add(&mut self, file: &str, text: &str) -> Result<(), KindError> {
        let read = read(file, text)?;
        for entry in &read.kind {
            let kind = self.kind(entry, read.country.as_deref()).map_err(|reason| KindError::Kind {
                file: file.to_owned(),
                kind: short(&entry.name),
                reason,
            })?;
            self.infos.push(kind);
            self.words.push(entry.words.clone());
        }
        Ok(())
    }

    /// Reads one kind and keeps its shapes.
    fn kind(&mut self, entry: &Entry, country: Option<&str>) -> Result<KindInfo, String> {
        let kind = Kind::at(self.infos.len()).ok_or("there are too many kinds; 65,535 is the most")?;
        check_name(&entry.name, country)?;
        if self.infos.iter().any(|info| info.name == entry.name) {
            return Err("there is a kind of this name already; rename one of them".to_owned());
        }
        let label = Label::parse(&entry.label).ok_or_else(|| format!("the label `{}` is not three of A-Z and 0-9", short(&entry.label)))?;
        if let Some(word) = entry.words.iter().find(|word| word.trim().is_empty() || word.to_lowercase() != **word) {
            return Err(format!("the word `{}` is empty or not in lower case", short(word)));
        }
        if entry.pattern.is_empty() && !(entry.finds.is_empty() && entry.passes.is_empty()) {
            return Err("it has sentences to find, and no pattern; write `[[kind.pattern]]`".to_owned());
        }
        for pattern in &entry.pattern {
            self.shapes.push(pattern.shape(kind, &entry.words)?);
        }
        let (name, title, country) = (entry.name.clone(), entry.title.clone(), country.map(str::to_owned));
        Ok(KindInfo { name, label, title, class: entry.class, country })
    }
}

/// In snake case, and beginning with the country where there is one.
fn check_name(name: &str, country: Option<&str>) -> Result<(), String> {
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') || name.is_empty() {
        return Err("its name is not made of a-z, 0-9 and `_`".to_owned());
    }
    let Some(country) = country else { return Ok(()) };
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("the file's country `{}` is not two capital letters (ISO 3166-1 alpha-2)", short(country)));
    }
    let prefix = format!("{}_", country.to_ascii_lowercase());
    if name.starts_with(&prefix) { Ok(()) } else { Err(format!("its name does not begin with `{prefix}`, as its country's must")) }
}

// === impl PatternEntry ===

impl PatternEntry {
    fn shape(&self, kind: Kind, words: &[String]) -> Result<Shape, String> {
        let hir = check_pattern(&self.pattern, !self.prefix.is_empty())?;
        if let Some(prefix) = self.prefix.iter().find(|prefix| prefix.len() < 3 || !prefix.is_ascii()) {
            return Err(format!("the prefix `{}` is shorter than three characters or not ASCII", short(prefix)));
        }
        let checks = self.check.as_ref().map(check::read).transpose()?.unwrap_or_default();
        match self.needs {
            Needs::Word if words.is_empty() => return Err("a pattern needs a word, but the kind has no `words`".to_owned()),
            Needs::Check if checks.is_empty() => return Err("a pattern needs its check, but has no `check`".to_owned()),
            Needs::Shape | Needs::Check | Needs::Word => {}
        }
        let (pattern, prefixes) = (self.pattern.clone(), self.prefix.clone());
        Ok(Shape { kind, pattern, spaced: holds_space(&hir), prefixes, needs: self.needs, checks, distinct: self.distinct })
    }
}

/// Bounded repeats and no look-around, so that a scan stays linear and the edges stay the engine's.
fn check_pattern(pattern: &str, credential: bool) -> Result<Hir, String> {
    let (repeat_max, length_max) = if credential { (CREDENTIAL_REPEAT_MAX, CREDENTIAL_MAX) } else { (SHAPE_REPEAT_MAX, SHAPE_MAX) };
    if !pattern.is_ascii() || pattern.len() > SHAPE_TEXT_MAX {
        return Err(format!("the pattern `{}` is not ASCII or longer than {SHAPE_TEXT_MAX} characters", short(pattern)));
    }
    let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    let hir = parsed.map_err(|error| format!("the pattern does not parse: {error}"))?;
    if !hir.properties().look_set().is_empty() {
        return Err(format!("the pattern `{pattern}` looks around (`^`, `$`, `\\b`); leave that out, edges are the engine's work"));
    }
    if !repeats_at_most(&hir, repeat_max) {
        return Err(format!("a repeat in `{pattern}` is not bounded by {repeat_max}; write `{{m,n}}` instead of `*` and `+`"));
    }
    match (hir.properties().minimum_len(), hir.properties().maximum_len()) {
        (Some(2..), Some(longest)) if longest <= length_max => Ok(hir),
        lengths => Err(format!("the pattern `{pattern}` {}; it must match 2 to {length_max}", lengths_in_words(lengths))),
    }
}

/// What a pattern matches, by its shortest and longest match.
fn lengths_in_words(lengths: (Option<usize>, Option<usize>)) -> String {
    match lengths {
        (Some(1), Some(1)) => "matches one character".to_owned(),
        (Some(shortest), Some(longest)) if shortest == longest => format!("matches {shortest} characters"),
        (Some(shortest), Some(longest)) => format!("matches {shortest} to {longest} characters"),
        (Some(shortest), None) => format!("matches {shortest} characters or more"),
        (None, _) => "never matches".to_owned(),
    }
}

fn repeats_at_most(hir: &Hir, most: u32) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => true,
        HirKind::Repetition(repetition) => repetition.max.is_some_and(|max| max <= most) && repeats_at_most(&repetition.sub, most),
        HirKind::Capture(capture) => repeats_at_most(&capture.sub, most),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(|part| repeats_at_most(part, most)),
    }
}

/// Whether what it matches may hold a space.
fn holds_space(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b' '),
        HirKind::Class(hir::Class::Bytes(class)) => class.iter().any(|range| (range.start()..=range.end()).contains(&b' ')),
        HirKind::Class(hir::Class::Unicode(class)) => class.iter().any(|range| (range.start()..=range.end()).contains(&' ')),
        HirKind::Repetition(repetition) => holds_space(&repetition.sub),
        HirKind::Capture(capture) => holds_space(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(holds_space),
    }
}
