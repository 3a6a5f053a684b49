//! Operators and their offerings as the files give them, and how later files override earlier ones.
//!
//! The last fact wins: a later file over an earlier one, and inside a file the offering over its operator. What lost is kept, for `show`.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{OfferingId, Surface};
use toml::de::DeTable;

use crate::fact::{self, Fact, Facts};
use crate::lists::Lists;
use crate::provenance::Provenance;
use crate::reader::{Complaint, Node, Reader, Span, get, nearest};
use crate::value::FactName;

/// An offering and everything that any file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name that its upstream knows the model by.
    pub(crate) upstream_model: String,
    /// What it serves.
    pub(crate) surfaces: BTreeSet<Surface>,
    /// All facts of a name, the one that counts last.
    pub(crate) facts: BTreeMap<FactName, Vec<Fact>>,
}

/// What the files say, before it is put together.
#[derive(Default)]
pub(crate) struct Draft {
    /// Id → name.
    operators: BTreeMap<String, String>,
    offerings: BTreeMap<OfferingId, Introduction>,
    /// In the order in which they override each other.
    statements: Vec<Statement>,
}

/// The line that first names an offering.
struct Introduction {
    path: String,
    line: usize,
    upstream_model: String,
    surfaces: BTreeSet<Surface>,
}

/// Some facts, of an operator's offerings or of one.
struct Statement {
    about: About,
    facts: Facts,
}

enum About {
    Operator(String),
    Offering(OfferingId),
}

/// What is put together: names of operators, and offerings.
pub(crate) struct Assembled {
    pub(crate) operators: BTreeMap<String, String>,
    pub(crate) offerings: BTreeMap<OfferingId, Entry>,
}

const OPERATOR_KEYS: [&str; 2] = ["id", "name"];
/// All but the first introduce the offering; without them an entry adds facts to one that an earlier file introduced.
const OFFERING_KEYS: [&str; 3] = ["id", "upstream_model", "surfaces"];
const SURFACES: [(&str, Surface); 2] = [("chat", Surface::Chat), ("embeddings", Surface::Embeddings)];

/// What one file gives its offerings: whose they are, and from which source if they name none.
#[derive(Default)]
struct FileOperator {
    id: Option<String>,
    provenance: Provenance,
}

/// One `[[offering]]`, the operator of its file, and the offerings above it.
struct OfferingNode<'n, 't> {
    node: &'n Node<'t>,
    operator: &'n FileOperator,
    seen: &'n mut BTreeSet<OfferingId>,
}

// === impl Draft ===

impl Draft {
    /// Adds what one file says.
    pub(crate) fn read(&mut self, lists: &Lists, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
        let operator = get(tables, "operator").map(|node| self.read_operator(lists, reader, node)).unwrap_or_default();
        let offerings = get(tables, "offering").and_then(|node| reader.array(node, "offering"));
        let mut seen = BTreeSet::new();
        for node in offerings.into_iter().flat_map(|offerings| offerings.iter()) {
            self.read_offering(lists, reader, OfferingNode { node, operator: &operator, seen: &mut seen });
        }
    }

    fn read_operator(&mut self, lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> FileOperator {
        let Some(table) = reader.table(node, "operator") else { return FileOperator::default() };
        reader.only(table, "an operator", &[&OPERATOR_KEYS[..], &fact::keys()].concat());
        let (facts, provenance) = fact::read(lists, reader, table, &Provenance::default());
        let Some(id) = required(reader, (node.span(), table), "id").map(str::to_owned) else { return FileOperator::default() };
        let name = get(table, "name").and_then(|node| reader.text(node, "name"));
        match (name, self.operators.contains_key(&id)) {
            (Some(name), _) => {
                self.operators.insert(id.clone(), name.to_owned());
            }
            (None, true) => {}
            (None, false) => reader.error(node.span(), Complaint::new(format!("operator `{id}` has no name")).hint("add `name = \"…\"`")),
        }
        self.statements.push(Statement { about: About::Operator(id.clone()), facts });
        FileOperator { id: Some(id), provenance }
    }

    fn read_offering(&mut self, lists: &Lists, reader: &mut Reader<'_, '_>, offering: OfferingNode<'_, '_>) {
        let OfferingNode { node, operator, seen } = offering;
        let Some(table) = reader.table(node, "offering") else { return };
        reader.only(table, "an offering", &[&OFFERING_KEYS[..], &fact::keys()].concat());
        let (facts, _) = fact::read(lists, reader, table, &operator.provenance);
        let Some(id) = self.read_id(reader, (node.span(), table), operator) else { return };
        if !seen.insert(id.clone()) {
            let complaint = Complaint::new(format!("offering `{id}` stands twice in this file"));
            reader.error(node.span(), complaint.hint("put all of its facts under one `[[offering]]`"));
            return;
        }
        if OFFERING_KEYS.iter().skip(1).any(|key| get(table, key).is_some()) {
            self.introduce(reader, (node.span(), table), (&id, &facts));
        } else if !self.offerings.contains_key(&id) {
            let hint = nearest(id.as_str(), self.offerings.keys().map(OfferingId::as_str)).map_or_else(
                || "add `upstream_model` and `surfaces` to introduce a new offering".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            reader.error(node.span(), Complaint::new(format!("unknown offering `{id}`")).hint(hint));
        }
        self.statements.push(Statement { about: About::Offering(id), facts });
    }

    fn read_id(&self, reader: &mut Reader<'_, '_>, (span, table): (Span, &DeTable<'_>), operator: &FileOperator) -> Option<OfferingId> {
        let given = required(reader, (span.clone(), table), "id")?;
        let span = get(table, "id").map_or(span, Node::span);
        let id = match given.parse::<OfferingId>() {
            Ok(id) => id,
            Err(error) => {
                reader.error(span, Complaint::new(error.to_string()).hint("for example `acme/model-1@fr`"));
                return None;
            }
        };
        if let Some(other) = operator.id.as_ref().filter(|other| *other != id.operator()) {
            let complaint = Complaint::new(format!("offering `{id}` stands in the file of operator `{other}`"));
            reader.error(span, complaint.hint(format!("start its id with `{other}/`, or move it to a file of its own")));
        } else if !self.operators.contains_key(id.operator()) {
            let complaint = Complaint::new(format!("unknown operator `{}`", id.operator()));
            let hint = nearest(id.operator(), self.operators.keys().map(String::as_str)).map_or_else(
                || format!("add `[operator]` with `id = \"{}\"` to this file", id.operator()),
                |near| format!("did you mean `{near}/{}@{}`?", id.model(), id.place()),
            );
            reader.error(span, complaint.hint(hint));
        }
        Some(id)
    }

    /// Takes down a new offering, with what every offering must have.
    fn introduce(&mut self, reader: &mut Reader<'_, '_>, (span, table): (Span, &DeTable<'_>), (id, facts): (&OfferingId, &Facts)) {
        if let Some(first) = self.offerings.get(id) {
            let complaint = Complaint::new(format!("duplicate offering `{id}`: it is at {}:{}", first.path, first.line));
            reader.error(span, complaint.hint("to add or override facts only, leave out `upstream_model` and `surfaces`"));
            return;
        }
        let upstream_model = required(reader, (span.clone(), table), "upstream_model");
        let surfaces = read_surfaces(reader, (span.clone(), table));
        let says_where = |facts: &Facts| facts.iter().any(|(name, _)| *name == FactName::ProcessedIn);
        let of_operator =
            self.statements.iter().any(|said| matches!(&said.about, About::Operator(of) if of == id.operator()) && says_where(&said.facts));
        if !says_where(facts) && !of_operator {
            let complaint = Complaint::new(format!("offering `{id}` does not say where calls are processed"));
            reader.error(span.clone(), complaint.hint("add `processed_in`; if nobody knows, write `processed_in = \"unknown\"`"));
        }
        let upstream_model = upstream_model.unwrap_or_default().to_owned();
        let (path, line) = (reader.path().to_owned(), reader.line(&span));
        self.offerings.insert(id.clone(), Introduction { path, line, upstream_model, surfaces });
    }

    /// Puts every statement to the offerings that it is about.
    pub(crate) fn assemble(self) -> Assembled {
        let statements = &self.statements;
        let entry = |(id, introduction): (OfferingId, Introduction)| {
            let about = statements.iter().filter(|said| said.about.covers(&id));
            let mut facts: BTreeMap<FactName, Vec<Fact>> = BTreeMap::new();
            for (name, fact) in about.flat_map(|said| &said.facts) {
                facts.entry(name.clone()).or_default().push(fact.clone());
            }
            let Introduction { upstream_model, surfaces, .. } = introduction;
            (id, Entry { upstream_model, surfaces, facts })
        };
        let offerings = self.offerings.into_iter().map(entry).collect();
        Assembled { operators: self.operators, offerings }
    }
}

// === impl About ===

impl About {
    fn covers(&self, id: &OfferingId) -> bool {
        match self {
            Self::Operator(operator) => operator == id.operator(),
            Self::Offering(offering) => offering == id,
        }
    }
}

fn required<'n>(reader: &mut Reader<'_, '_>, (span, table): (Span, &'n DeTable<'_>), key: &str) -> Option<&'n str> {
    let Some(node) = get(table, key) else {
        reader.error(span, Complaint::new(format!("`{key}` is missing")).hint(format!("add `{key} = \"…\"`")));
        return None;
    };
    reader.text(node, key)
}

fn read_surfaces(reader: &mut Reader<'_, '_>, (span, table): (Span, &DeTable<'_>)) -> BTreeSet<Surface> {
    const HINT: &str = "use \"chat\", \"embeddings\" or both";
    let mut surfaces = BTreeSet::new();
    let Some(node) = get(table, "surfaces") else {
        reader.error(span, Complaint::new("`surfaces` is missing").hint("add `surfaces = [\"chat\"]`"));
        return surfaces;
    };
    for item in reader.array(node, "surfaces").into_iter().flat_map(|list| list.iter()) {
        let Some(given) = reader.text(item, "surfaces") else { continue };
        match SURFACES.iter().find(|(name, _)| *name == given) {
            Some((_, surface)) => {
                surfaces.insert(*surface);
            }
            None => reader.error(item.span(), Complaint::new(format!("unknown surface `{given}`")).hint(HINT)),
        }
    }
    if node.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        reader.error(node.span(), Complaint::new("`surfaces` is empty").hint(HINT));
    }
    surfaces
}
