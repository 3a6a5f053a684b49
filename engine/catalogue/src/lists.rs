//! The lists that facts are checked against: jurisdictions, certifications, transfer mechanisms.
//!
//! They are data: nothing in the code knows the name of a country or a certificate.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::Jurisdiction;
use toml::de::DeTable;

use crate::reader::{Complaint, Key, Node, Reader, Span, get, nearest};
use crate::value::unlisted;

/// The words that facts may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    /// Code → name.
    pub(crate) jurisdictions: BTreeMap<Jurisdiction, String>,
    /// What people write that is no code → the code they mean.
    pub(crate) mistaken: BTreeMap<String, Jurisdiction>,
    /// Name → title.
    pub(crate) certifications: BTreeMap<String, String>,
    /// Name → title.
    pub(crate) transfers: BTreeMap<String, String>,
    /// The names of all blocs, for the hint to somebody who takes one for a place.
    pub(crate) blocs: BTreeSet<String>,
}

// === impl Lists ===

impl Lists {
    /// Adds what one file lists.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
        self.read_jurisdictions(reader, tables);
        self.read_mistaken(reader, tables);
        let blocs = get(tables, "bloc").and_then(|node| node.get_ref().as_table());
        self.blocs.extend(blocs.into_iter().flat_map(DeTable::iter).map(|(key, _)| key.get_ref().to_string()));
        read_titles(&mut self.certifications, reader, get(tables, "certifications"), "certifications");
        read_titles(&mut self.transfers, reader, get(tables, "transfers"), "transfers");
    }

    fn read_jurisdictions(&mut self, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
        for (key, node) in entries(reader, get(tables, "jurisdictions"), "jurisdictions") {
            let Some(name) = reader.text(&node, key.get_ref()) else { continue };
            match key.get_ref().parse::<Jurisdiction>() {
                Ok(code) if !code.is_unknown() => {
                    self.jurisdictions.insert(code, name.to_owned());
                }
                Ok(_) => reader.error(key.span(), Complaint::new("`XX` stands for unknown and cannot be a jurisdiction")),
                Err(error) => reader.error(key.span(), Complaint::new(error.to_string())),
            }
        }
    }

    fn read_mistaken(&mut self, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
        for (key, node) in entries(reader, get(tables, "mistaken"), "mistaken") {
            let Some(code) = reader.text(&node, key.get_ref()) else { continue };
            match code.parse() {
                Ok(code) => {
                    self.mistaken.insert(key.get_ref().to_string(), code);
                }
                Err(error) => reader.error(node.span(), Complaint::new(error.to_string())),
            }
        }
    }

    /// The jurisdiction of that code; `XX` is one too.
    pub(crate) fn jurisdiction(&self, reader: &mut Reader<'_, '_>, given: &str, span: Span) -> Option<Jurisdiction> {
        let code = given.parse().ok().filter(|code: &Jurisdiction| code.is_unknown() || self.jurisdictions.contains_key(code));
        if code.is_none() {
            let complaint = Complaint::new(format!("unknown jurisdiction `{given}`"));
            reader.error(span, complaint.hint(self.meant(given)));
        }
        code
    }

    /// The name of a certification or of a transfer mechanism.
    pub(crate) fn word(&self, reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<String> {
        let given = reader.text(node, what)?;
        if !self.certifications.contains_key(given) && !self.transfers.contains_key(given) {
            let known: Vec<_> = self.certifications.keys().chain(self.transfers.keys()).map(String::as_str).collect();
            reader.error(node.span(), unlisted(&known, "certification or transfer mechanism", given));
        }
        Some(given.to_owned())
    }

    /// A list of jurisdictions; with one unknown in it nothing is returned, after every one was looked at.
    pub(crate) fn jurisdictions(&self, reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<BTreeSet<Jurisdiction>> {
        let mut places = Some(BTreeSet::new());
        for item in reader.array(node, what)?.iter() {
            let code = reader.text(item, what).map(str::to_owned);
            let code = code.and_then(|code| self.jurisdiction(reader, &code, item.span()));
            match (code, &mut places) {
                (Some(code), Some(known)) => {
                    if !known.insert(code) {
                        reader.warn(item.span(), Complaint::new(format!("`{code}` stands twice in `{what}`")));
                    }
                }
                (Some(_), None) => {}
                (None, _) => places = None,
            }
        }
        places
    }

    /// What to write instead of `given`, which is no code: a usual mistake, small letters, a name, or a bloc.
    fn meant(&self, given: &str) -> String {
        if self.blocs.contains(given) {
            return format!("`{given}` is a bloc: name the jurisdictions in it, since a fact stays as it is when a bloc changes");
        }
        let upper = given.to_uppercase();
        let code = upper.parse().ok().filter(|code| self.jurisdictions.contains_key(code));
        let by_name = || {
            let name = nearest(given, self.jurisdictions.values().map(String::as_str))?;
            self.jurisdictions.iter().find(|(_, other)| *other == name).map(|(code, _)| *code)
        };
        self.mistaken.get(&upper).copied().or(code).or_else(by_name).map_or_else(
            || "write two capital letters as in ISO 3166-1, or `XX` for unknown".to_owned(),
            |code| format!("did you mean `{code}`?"),
        )
    }
}

/// Reads `name = "title"` lines.
fn read_titles(titles: &mut BTreeMap<String, String>, reader: &mut Reader<'_, '_>, node: Option<&Node<'_>>, what: &str) {
    for (key, node) in entries(reader, node, what) {
        if let Some(title) = reader.text(&node, key.get_ref()) {
            titles.insert(key.get_ref().to_string(), title.to_owned());
        }
    }
}

/// The entries of a table that may be absent.
fn entries<'t>(reader: &mut Reader<'_, '_>, node: Option<&Node<'t>>, what: &str) -> Vec<(Key<'t>, Node<'t>)> {
    let table = node.and_then(|node| reader.table(node, what));
    table.into_iter().flat_map(DeTable::iter).map(|(key, node)| (key.clone(), node.clone())).collect()
}
