//! Facts as the files give them: a value with its provenance, alone or in a group that shares a source.
//!
//! INVARIANT: a fact that is not unknown has a source and a day.

use std::sync::Arc;

use comity_vocab::Instant;
use toml::de::DeTable;

use crate::lists::Lists;
use crate::provenance::{KEYS, Provenance};
use crate::reader::{Complaint, Key, Node, Reader, Span, get};
use crate::value::{CERTIFICATE, FactName, VALUE, Value, unlisted};

/// One fact of one table of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// As written.
    pub(crate) value: Value,
    /// Its own, or taken over from the tables above; shared by all facts that name the same.
    pub(crate) provenance: Arc<Provenance>,
    /// The place of its file in the order of files.
    pub(crate) file: usize,
    /// Where it stands in the file, from 1.
    pub(crate) line: usize,
}

/// The facts of one table, in the order of their names.
pub(crate) type Facts = Vec<(FactName, Fact)>;

/// The key under which groups of facts with one source stand.
const GROUPS: &str = "facts";

// === impl Fact ===

impl Fact {
    /// The value at `instant`: an expired fact is unknown.
    pub(crate) fn at(&self, instant: Instant) -> &Value {
        if self.provenance.expired(instant) { &Value::Unknown } else { &self.value }
    }
}

/// The keys that a table with facts may have beside its own.
pub(crate) fn keys() -> Vec<&'static str> {
    let facts = FactName::all().map(|name| name.key());
    facts.chain([CERTIFICATE, GROUPS]).chain(KEYS).collect()
}

/// Reads the facts of a table and of the groups in it, and the table's own provenance; `above` is that of the table around it.
pub(crate) fn read(lists: &Lists, reader: &mut Reader<'_, '_>, table: &DeTable<'_>, above: &Provenance) -> (Facts, Provenance) {
    let own = Arc::new(Provenance::parse(reader, table).or_from(above));
    let mut facts = read_table(lists, reader, table, &own);
    let groups = get(table, GROUPS).and_then(|node| reader.array(node, GROUPS));
    for group in groups.into_iter().flat_map(|groups| groups.iter()) {
        let Some(group) = reader.table(group, GROUPS) else { continue };
        let allowed: Vec<_> = keys().into_iter().filter(|key| *key != GROUPS).collect();
        reader.only(group, "a group of facts", &allowed);
        let shared = Arc::new(Provenance::parse(reader, group).or_from(&own));
        for (name, fact, span) in read_table_with_spans(lists, reader, group, &shared) {
            if facts.iter().any(|(other, _)| *other == name) {
                reader.error(span, Complaint::new(format!("fact `{name}` is given twice")).hint("keep the one with the better source"));
            } else {
                facts.push((name, fact));
            }
        }
    }
    facts.sort_by(|(a, _), (b, _)| a.cmp(b));
    (facts, Provenance::clone(&own))
}

fn read_table(lists: &Lists, reader: &mut Reader<'_, '_>, table: &DeTable<'_>, own: &Arc<Provenance>) -> Facts {
    read_table_with_spans(lists, reader, table, own).into_iter().map(|(name, fact, _)| (name, fact)).collect()
}

fn read_table_with_spans(
    lists: &Lists,
    reader: &mut Reader<'_, '_>,
    table: &DeTable<'_>,
    own: &Arc<Provenance>,
) -> Vec<(FactName, Fact, Span)> {
    let mut facts = Vec::new();
    for (key, node) in table.iter() {
        if let Some(name) = FactName::all().find(|name| name.key() == key.get_ref()) {
            let span = key.span();
            facts.extend(Line { name: &name, node, span: span.clone() }.read(lists, reader, own).map(|fact| (name.clone(), fact, span)));
        } else if key.get_ref() == CERTIFICATE {
            facts.extend(read_certificates(lists, reader, node, own));
        }
    }
    facts
}

fn read_certificates(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>, own: &Arc<Provenance>) -> Vec<(FactName, Fact, Span)> {
    let Some(table) = reader.table(node, CERTIFICATE) else { return Vec::new() };
    let certificates = table.iter().filter_map(|(key, node)| {
        check_listed(lists, reader, key);
        let name = FactName::Certificate(key.get_ref().to_string());
        let line = Line { name: &name, node, span: key.span() };
        let fact = line.read(lists, reader, own)?;
        Some((name, fact, key.span()))
    });
    certificates.collect()
}

fn check_listed(lists: &Lists, reader: &mut Reader<'_, '_>, key: &Key<'_>) {
    if !lists.certifications.contains_key(key.get_ref().as_ref()) {
        let known: Vec<_> = lists.certifications.keys().map(String::as_str).collect();
        reader.error(key.span(), unlisted(&known, "certification", key.get_ref()));
    }
}

/// A key of a table that names a fact, and what stands behind it.
struct Line<'e, 't> {
    name: &'e FactName,
    node: &'e Node<'t>,
    span: Span,
}

// === impl Line ===

impl<'e, 't> Line<'e, 't> {
    fn read(self, lists: &Lists, reader: &mut Reader<'_, '_>, above: &Arc<Provenance>) -> Option<Fact> {
        let (node, provenance) = match self.node.get_ref().as_table() {
            Some(table) => (self.value_node(reader, table)?, Arc::new(Provenance::parse(reader, table).or_from(above))),
            None => (self.node, Arc::clone(above)),
        };
        let value = self.name.value(lists, reader, node);
        if value != Some(Value::Unknown) && !provenance.malformed {
            self.check(reader, &provenance);
        }
        Some(Fact { value: value?, provenance, file: reader.file, line: reader.line(&self.span) })
    }

    /// The node that holds the value; for a price or a certificate it is the table itself.
    fn value_node(&self, reader: &mut Reader<'_, '_>, table: &'e DeTable<'t>) -> Option<&'e Node<'t>> {
        let own = self.name.table_keys();
        reader.only(table, &format!("`{}`", self.name), &[own, &KEYS].concat());
        if own != [VALUE] {
            return Some(self.node);
        }
        let value = get(table, VALUE);
        if value.is_none() {
            let hint = "add `value = …`; if nobody knows, write `value = \"unknown\"`";
            reader.error(self.span.clone(), Complaint::new(format!("fact `{}` has no value", self.name)).hint(hint));
        }
        value
    }

    /// Every known fact has a source and a day; one that is worth more than a claim was read.
    fn check(&self, reader: &mut Reader<'_, '_>, provenance: &Provenance) {
        let name = self.name;
        if provenance.source.is_none() {
            let hint = format!("add `source = \"…\"` and `read = \"…\"`, or write `{} = \"unknown\"`", name.key());
            reader.error(self.span.clone(), Complaint::new(format!("fact `{name}` has no source")).hint(hint));
        } else if provenance.as_of.is_none() {
            let hint = "add `as_of`, the day that the source is of: `as_of = 2026-01-31`";
            reader.error(self.span.clone(), Complaint::new(format!("fact `{name}` has no date")).hint(hint));
        } else if provenance.stated.is_some_and(|stated| stated > provenance.strength()) {
            let hint = "say how the source was read: `read = \"…\"` (package, version and path; or page and date)";
            let message = format!("fact `{name}` counts as a claim only, since nobody says how its source was read");
            reader.warn(self.span.clone(), Complaint::new(message).hint(hint));
        }
    }
}
