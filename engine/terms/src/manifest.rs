//! Reads `pack.toml`: a pack's title, the law that it follows, and its parameters. Every problem has its place; nothing is guessed.

use std::collections::BTreeMap;
use std::ops::Range;

use comity_vocab::Scale;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::annotation::closest;
use crate::pack::PackFile;
use crate::parameters::{KINDS, Parameter, ParameterKind, ParameterValue};
use crate::problem::{Place, TermsProblem};
use crate::slots;

/// What `pack.toml` says.
#[derive(Default)]
pub(crate) struct Manifest {
    pub(crate) title: String,
    pub(crate) law: String,
    pub(crate) parameters: BTreeMap<String, Declared>,
}

/// A parameter, and where it is declared.
#[derive(Clone)]
pub(crate) struct Declared {
    pub(crate) parameter: Parameter,
    /// The Cedar literal of its default.
    pub(crate) literal: String,
    pub(crate) offset: usize,
}

const TOP_KEYS: [&str; 3] = ["title", "law", "parameters"];
const PARAMETER_KEYS: [&str; 4] = ["type", "default", "about", "scale"];

type Node<'t> = Spanned<DeValue<'t>>;

pub(crate) fn read(file: &PackFile) -> Result<Manifest, Vec<TermsProblem>> {
    let mut reader = Reader { file, problems: Vec::new() };
    let manifest = match DeTable::parse(&file.text) {
        Ok(tables) => reader.manifest(tables.get_ref()),
        Err(error) => {
            reader.problem(error.span().unwrap_or_default(), format!("not TOML: {}", error.message()), None);
            Manifest::default()
        }
    };
    if reader.problems.is_empty() { Ok(manifest) } else { Err(reader.problems) }
}

struct Reader<'f> {
    file: &'f PackFile,
    problems: Vec<TermsProblem>,
}

// === impl Reader ===

impl Reader<'_> {
    fn manifest(&mut self, tables: &DeTable<'_>) -> Manifest {
        self.only(tables, &TOP_KEYS);
        let title = self.text(tables, "title", 0..0);
        let law = self.text(tables, "law", 0..0);
        let mut parameters = BTreeMap::new();
        let Some(declared) = tables.get("parameters") else { return Manifest { title, law, parameters } };
        let Some(declared) = self.table(declared, "parameters") else { return Manifest::default() };
        for (name, node) in declared {
            if let Some(one) = self.declared(name, node) {
                parameters.insert(name.get_ref().to_string(), one);
            }
        }
        Manifest { title, law, parameters }
    }

    fn declared(&mut self, name: &Spanned<DeString<'_>>, node: &Node<'_>) -> Option<Declared> {
        let (span, name) = (name.span(), name.get_ref().as_ref());
        if !slots::is_name(name) {
            let hint = "use a-z, A-Z, 0-9 and `_`, begin with a letter; `principal` and `resource` are Cedar's own";
            self.problem(span, format!("`{name}` cannot be the name of a parameter"), Some(hint.to_owned()));
            return None;
        }
        let table = self.table(node, name)?;
        self.only(table, &PARAMETER_KEYS);
        let about = self.text(table, "about", span.clone());
        let kind = self.kind(table, span.clone())?;
        let default = self.value(table, name, span.clone())?;
        let parameter = Parameter { kind, default, about };
        match parameter.kind.literal_of(name, &parameter.default) {
            Ok(literal) => Some(Declared { parameter, literal, offset: span.start }),
            Err(message) => {
                let place = table.get("default").map_or(span, Spanned::span);
                self.problem(place, message, None);
                None
            }
        }
    }

    fn kind(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Option<ParameterKind> {
        let given = self.text(table, "type", span.clone());
        let place = table.get("type").map_or(span.clone(), Spanned::span);
        let kind = match given.as_str() {
            "" => return None,
            "jurisdiction" => ParameterKind::Jurisdiction,
            "jurisdictions" => ParameterKind::Jurisdictions,
            "bloc" => ParameterKind::Bloc,
            "strength" => ParameterKind::Strength,
            "words" => ParameterKind::Words,
            "level" => return self.scale(table, span).map(ParameterKind::Level),
            unknown => {
                self.problem(place, format!("unknown type `{unknown}`"), Some(meant(unknown, KINDS)));
                return None;
            }
        };
        if let Some(scale) = table.get("scale") {
            let message = format!("a parameter of type `{}` has no scale", kind.name());
            self.problem(scale.span(), message, Some("leave out `scale`; only a `level` has one".to_owned()));
        }
        Some(kind)
    }

    fn scale(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Option<Scale> {
        let given = self.text(table, "scale", span.clone());
        let scale = Scale::named(&given);
        if scale.is_none() && !given.is_empty() {
            let place = table.get("scale").map_or(span, Spanned::span);
            let hint = meant(&given, Scale::ALL.map(Scale::name));
            self.problem(place, format!("unknown scale `{given}`"), Some(hint));
        }
        scale
    }

    fn value(&mut self, table: &DeTable<'_>, name: &str, span: Range<usize>) -> Option<ParameterValue> {
        let Some(node) = table.get("default") else {
            self.problem(span, format!("parameter `{name}` has no default"), Some("add `default = …`".to_owned()));
            return None;
        };
        let value = match node.get_ref() {
            DeValue::String(text) => Some(ParameterValue::Text(text.to_string())),
            DeValue::Integer(number) => number.to_string().parse().ok().map(ParameterValue::Number),
            DeValue::Array(list) => texts(list).map(ParameterValue::List),
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
        };
        if value.is_none() {
            let message = format!("the default of parameter `{name}` is no text, number or list of texts");
            self.problem(node.span(), message, Some("write for example `\"GB\"`, `2` or `[\"GB\", \"FR\"]`".to_owned()));
        }
        value
    }

    /// The text at `key`; empty, and a problem, where there is none.
    fn text(&mut self, table: &DeTable<'_>, key: &str, span: Range<usize>) -> String {
        let Some(node) = table.get(key) else {
            self.problem(span, format!("`{key}` is missing"), Some(format!("add `{key} = \"…\"`")));
            return String::new();
        };
        match node.get_ref().as_str().filter(|text| !text.trim().is_empty()) {
            Some(text) => text.to_owned(),
            None => {
                self.problem(node.span(), format!("`{key}` must be a text"), Some(format!("write `{key} = \"…\"`")));
                String::new()
            }
        }
    }

    fn table<'n, 't>(&mut self, node: &'n Node<'t>, what: &str) -> Option<&'n DeTable<'t>> {
        let table = node.get_ref().as_table();
        if table.is_none() {
            self.problem(node.span(), format!("`{what}` must be a table"), Some("write `[parameters.NAME]`, then its keys".to_owned()));
        }
        table
    }

    fn only<const N: usize>(&mut self, table: &DeTable<'_>, allowed: &[&'static str; N]) {
        for (key, _) in table.iter().filter(|(key, _)| !allowed.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            self.problem(key.span(), format!("unknown key `{name}`"), Some(meant(name, *allowed)));
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        let place = Place { path: &self.file.path, text: &self.file.text, offset: span.start };
        self.problems.push(TermsProblem::at(place, message, hint));
    }
}

fn texts(list: &DeArray<'_>) -> Option<Vec<String>> {
    list.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

/// "did you mean", or everything that would be possible.
fn meant<const N: usize>(given: &str, known: [&'static str; N]) -> String {
    closest(given, known).map_or_else(|| format!("use one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"))
}
