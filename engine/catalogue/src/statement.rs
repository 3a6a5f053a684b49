//! Reads the tables that say something of offerings: `[developer]`, `[[model]]`, `[operator]`, `[[place]]`, `[[offering]]`.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{OfferingId, Surface};
use toml::de::DeTable;

use crate::fact::{self, Facts};
use crate::lists::Lists;
use crate::names::{INTRODUCING, Names};
use crate::offering::{About, Draft, Introduction, Statement};
use crate::price;
use crate::provenance::Provenance;
use crate::reader::{Complaint, Node, Reader, Span, get, nearest};

/// What facts are read against: the lists of words, and the names in all files.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) lists: &'a Lists,
    pub(crate) names: &'a Names,
}

const OPERATOR_KEYS: [&str; 3] = ["id", "name", "bills_in"];
const DEVELOPER_KEYS: [&str; 2] = ["id", "name"];
const MODEL_KEYS: [&str; 1] = ["id"];
const PLACE_KEYS: [&str; 1] = ["ids"];
const SURFACES: [(&str, Surface); 2] = [("chat", Surface::Chat), ("embeddings", Surface::Embeddings)];

/// Whose file it is, and the source of facts that name none. The default is a file of nobody.
#[derive(Default)]
struct Owner {
    id: Option<String>,
    provenance: Provenance,
}

/// The tables of one file, and the offerings above the one that is read.
struct Statements<'d, 'a, 'r, 'f, 'p> {
    draft: &'d mut Draft,
    known: Known<'a>,
    reader: &'r mut Reader<'f, 'p>,
}

/// Adds what one file says, in the order in which tables of a file override each other.
pub(crate) fn read(draft: &mut Draft, known: Known<'_>, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
    let mut statements = Statements { draft, known, reader };
    let developer = statements.owner(tables, "developer", (&DEVELOPER_KEYS, &known.names.developers));
    let operator = statements.owner(tables, "operator", (&OPERATOR_KEYS, &known.names.operators));
    // The owner's own facts come first, those of its models and places after them.
    for node in entries(statements.reader, tables, "model") {
        statements.model(node, &developer);
    }
    for node in entries(statements.reader, tables, "place") {
        statements.place(node, &operator);
    }
    let mut seen = BTreeSet::new();
    for node in entries(statements.reader, tables, "offering") {
        statements.offering(node, &operator, &mut seen);
    }
}

fn entries<'n, 't>(reader: &mut Reader<'_, '_>, tables: &'n DeTable<'t>, key: &str) -> Vec<&'n Node<'t>> {
    let list = get(tables, key).and_then(|node| reader.array(node, key));
    list.into_iter().flat_map(|list| list.iter()).collect()
}

// === impl Statements ===

impl Statements<'_, '_, '_, '_, '_> {
    /// `[operator]` or `[developer]`, of which a file has one at most.
    fn owner(&mut self, tables: &DeTable<'_>, kind: &str, (own, named): (&[&str], &BTreeMap<String, String>)) -> Owner {
        let Some(node) = get(tables, kind) else { return Owner::default() };
        let Some(table) = self.reader.table(node, kind) else { return Owner::default() };
        let (facts, provenance) = self.facts((table, own), &format!("`[{kind}]`"), &Provenance::default());
        let Some(id) = required(self.reader, (node.span(), table), "id").map(str::to_owned) else { return Owner::default() };
        if let Some(name) = get(table, "name") {
            _ = self.reader.text(name, "name");
        } else if !named.contains_key(&id) {
            let complaint = Complaint::new(format!("{kind} `{id}` has no name"));
            self.reader.error(node.span(), complaint.hint("add `name = \"…\"`"));
        }
        let currency = get(table, "bills_in").and_then(|node| price::currency(self.reader, node, "bills_in"));
        self.draft.bills_in.extend(currency.map(|currency| (id.clone(), currency)));
        let about = if kind == "operator" { About::Operator(id.clone()) } else { About::Developer(id.clone()) };
        self.draft.statements.push(Statement { about, facts });
        Owner { id: Some(id), provenance }
    }

    fn model(&mut self, node: &Node<'_>, developer: &Owner) {
        let Some(table) = self.reader.table(node, "model") else { return };
        let (facts, _) = self.facts((table, &MODEL_KEYS), "a model", &developer.provenance);
        let Some(id) = required(self.reader, (node.span(), table), "id").map(str::to_owned) else { return };
        let span = get(table, "id").map_or(node.span(), Node::span);
        match (&developer.id, self.known.names.models.get(&id)) {
            (Some(own), Some(other)) if own != other => {
                let complaint = Complaint::new(format!("model `{id}` stands in the file of developer `{own}` and in that of `{other}`"));
                self.reader.error(span, complaint.hint("keep the one who trained it"));
            }
            (None, None) => {
                let hint = nearest(&id, self.known.names.models.keys().map(String::as_str))
                    .map_or_else(|| "add `[developer]` with its `id` to this file".to_owned(), |near| format!("did you mean `{near}`?"));
                self.reader.error(span, Complaint::new(format!("unknown model `{id}`")).hint(hint));
            }
            (Some(_), Some(_) | None) | (None, Some(_)) => {}
        }
        self.draft.statements.push(Statement { about: About::Model(id), facts });
    }

    fn place(&mut self, node: &Node<'_>, operator: &Owner) {
        let Some(table) = self.reader.table(node, "place") else { return };
        let (facts, _) = self.facts((table, &PLACE_KEYS), "a place", &operator.provenance);
        let Some(operator) = operator.id.clone() else {
            let complaint = Complaint::new("a `[[place]]` in a file without `[operator]`");
            self.reader.error(node.span(), complaint.hint("add `[operator]` with its `id` to this file"));
            return;
        };
        let Some(ids) = get(table, "ids") else {
            let complaint = Complaint::new("a place without `ids`");
            self.reader.error(node.span(), complaint.hint("add `ids = [\"paris-1\"]`, as after the `@` of offerings"));
            return;
        };
        let items: Vec<_> = self.reader.array(ids, "ids").into_iter().flat_map(|list| list.iter()).collect();
        let used: BTreeSet<&str> =
            self.known.names.offerings.iter().filter(|id| id.operator() == operator).map(OfferingId::place).collect();
        let mut places = BTreeSet::new();
        for item in items {
            let Some(place) = self.reader.text(item, "ids").map(str::to_owned) else { continue };
            if !used.contains(place.as_str()) {
                let hint = nearest(&place, used.iter().copied()).map_or_else(
                    || "take it out, or check how the offerings write it".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.reader.warn(item.span(), Complaint::new(format!("no offering of `{operator}` is at `{place}`")).hint(hint));
            }
            places.insert(place);
        }
        self.draft.statements.push(Statement { about: About::Place(operator, places), facts });
    }

    fn offering(&mut self, node: &Node<'_>, operator: &Owner, seen: &mut BTreeSet<OfferingId>) {
        let Some(table) = self.reader.table(node, "offering") else { return };
        let own = [&["id", "list_price"][..], &INTRODUCING].concat();
        let (facts, _) = self.facts((table, &own), "an offering", &operator.provenance);
        let Some(id) = self.id((node.span(), table), operator) else { return };
        if !seen.insert(id.clone()) {
            let complaint = Complaint::new(format!("offering `{id}` stands twice in this file"));
            self.reader.error(node.span(), complaint.hint("put all of its facts under one `[[offering]]`"));
            return;
        }
        if INTRODUCING.iter().any(|key| get(table, key).is_some()) {
            self.introduce((node.span(), table), &id);
        } else if !self.known.names.offerings.contains(&id) {
            let hint = nearest(id.as_str(), self.known.names.offerings.iter().map(OfferingId::as_str)).map_or_else(
                || "add `upstream_model` and `surfaces` to introduce a new offering".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.reader.error(node.span(), Complaint::new(format!("unknown offering `{id}`")).hint(hint));
        }
        let list_price = get(table, "list_price").and_then(|node| self.reader.text(node, "list_price"));
        self.draft.list_prices.extend(list_price.map(|key| (id.clone(), key.to_owned())));
        self.draft.statements.push(Statement { about: About::Offering(id), facts });
    }

    fn facts(&mut self, (table, own): (&DeTable<'_>, &[&str]), what: &str, above: &Provenance) -> (Facts, Provenance) {
        self.reader.only(table, what, &[own, &fact::keys()].concat());
        fact::read(self.known.lists, self.reader, table, above)
    }

    fn id(&mut self, (span, table): (Span, &DeTable<'_>), operator: &Owner) -> Option<OfferingId> {
        let given = required(self.reader, (span.clone(), table), "id")?;
        let span = get(table, "id").map_or(span, Node::span);
        let id = match given.parse::<OfferingId>() {
            Ok(id) => id,
            Err(error) => {
                self.reader.error(span, Complaint::new(error.to_string()).hint("for example `acme/model-1@fr`"));
                return None;
            }
        };
        let operators = &self.known.names.operators;
        if let Some(other) = operator.id.as_ref().filter(|other| *other != id.operator()) {
            let complaint = Complaint::new(format!("offering `{id}` stands in the file of operator `{other}`"));
            self.reader.error(span, complaint.hint(format!("start its id with `{other}/`, or move it to a file of its own")));
        } else if !operators.contains_key(id.operator()) {
            let complaint = Complaint::new(format!("unknown operator `{}`", id.operator()));
            let hint = nearest(id.operator(), operators.keys().map(String::as_str)).map_or_else(
                || format!("add `[operator]` with `id = \"{}\"` to this file", id.operator()),
                |near| format!("did you mean `{near}/{}@{}`?", id.model(), id.place()),
            );
            self.reader.error(span, complaint.hint(hint));
        }
        Some(id)
    }

    /// Takes down a new offering, with what every offering must have.
    fn introduce(&mut self, (span, table): (Span, &DeTable<'_>), id: &OfferingId) {
        if let Some(first) = self.draft.introductions.get(id) {
            let complaint = Complaint::new(format!("duplicate offering `{id}`: it is at {}:{}", first.path, first.line));
            self.reader.error(span, complaint.hint("to add or override facts only, leave out `upstream_model` and `surfaces`"));
            return;
        }
        let upstream_model = required(self.reader, (span.clone(), table), "upstream_model").unwrap_or_default().to_owned();
        let surfaces = read_surfaces(self.reader, (span.clone(), table));
        let (path, line) = (self.reader.path().to_owned(), self.reader.line(&span));
        self.draft.introductions.insert(id.clone(), Introduction { path, line, upstream_model, surfaces });
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
