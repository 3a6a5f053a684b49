//! Laws that compel access to data, as data: whose they are, whom they bind, how far they reach. Described, never advised on.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{BlocId, Instant, Jurisdiction};
use jiff::civil::Date;
use toml::de::DeTable;

use crate::lists::Lists;
use crate::provenance::{KEYS, Provenance, start_of};
use crate::reader::{Complaint, Key, Node, Reader, get};

/// Every law, by its id.
pub(crate) type Laws = BTreeMap<String, Law>;

/// One law that can compel access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    /// What the files call it.
    pub id: String,
    /// Its own title.
    pub name: String,
    /// Whose law it is.
    pub of: LawGiver,
    /// Where it stands.
    pub citation: String,
    /// Whom it binds, in words.
    pub who: String,
    /// What it can compel, and by whose order, in words.
    pub access: String,
    /// The facts of an offering through which it can reach it: `operator`, `control`, `processed_in`, `stored_in`.
    pub binds: BTreeSet<String>,
    /// Whether it reaches data that is kept outside of the country.
    pub extraterritorial: bool,
    /// The first day on which it applied, where the source says so.
    pub since: Option<Date>,
    /// The first day on which it no longer applies.
    pub until: Option<Date>,
    /// Anything else that a reader should know.
    pub note: Option<String>,
    /// The document.
    pub source: String,
    /// How it was read; nothing if nobody read it.
    pub read: Option<String>,
    /// The day that the source is of.
    pub as_of: Option<Date>,
    /// The day by which somebody should read the source again.
    pub review: Option<Date>,
    /// The file that says so, and the line.
    pub(crate) file: usize,
    pub(crate) line: usize,
}

/// Who made a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LawGiver {
    /// A country.
    Jurisdiction(Jurisdiction),
    /// All members of a bloc together.
    Bloc(BlocId),
}

const LAW_KEYS: [&str; 11] = ["name", "of", "of_bloc", "citation", "who", "access", "binds", "extraterritorial", "since", "until", "note"];
/// The facts through which a law can reach an offering.
const LINKS: [&str; 4] = ["operator", "control", "processed_in", "stored_in"];

// === impl Law ===

impl Law {
    /// Whether it applies at an instant.
    #[must_use]
    pub fn applies(&self, instant: Instant) -> bool {
        self.since.is_none_or(|since| start_of(since) <= instant) && self.until.is_none_or(|until| instant < start_of(until))
    }
}

/// Adds the laws of one file; a later file replaces a law of the same id.
pub(crate) fn read(laws: &mut Laws, lists: &Lists, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
    let table = get(tables, "law").and_then(|node| reader.table(node, "law"));
    for (key, node) in table.into_iter().flat_map(DeTable::iter) {
        let Some(table) = reader.table(node, key.get_ref()) else { continue };
        if let Some(law) = read_law(lists, reader, (key, table)) {
            laws.insert(law.id.clone(), law);
        }
    }
}

fn read_law(lists: &Lists, reader: &mut Reader<'_, '_>, (key, table): (&Key<'_>, &DeTable<'_>)) -> Option<Law> {
    reader.only(table, "a law", &[&LAW_KEYS[..], &KEYS].concat());
    let provenance = Provenance::parse(reader, table);
    if !provenance.malformed && (provenance.source.is_none() || provenance.as_of.is_none()) {
        let complaint = Complaint::new(format!("law `{}` without a source and a date", key.get_ref()));
        reader.error(key.span(), complaint.hint("add `source = \"…\"`, `read = \"…\"` and `as_of = 2026-01-31`"));
    }
    let mut words = |name: &str| {
        let text = get(table, name).and_then(|node| reader.text(node, name)).map(str::to_owned);
        if text.is_none() && get(table, name).is_none() {
            let complaint = Complaint::new(format!("law `{}` without `{name}`", key.get_ref()));
            reader.error(key.span(), complaint.hint(format!("add `{name} = \"…\"`")));
        }
        text
    };
    let (name, citation, who, access) = (words("name"), words("citation"), words("who"), words("access"));
    let of = read_giver(lists, reader, (key, table));
    let binds = read_binds(reader, (key, table));
    let extraterritorial = get(table, "extraterritorial").map(|node| reader.flag(node, "extraterritorial"));
    if extraterritorial.is_none() {
        let complaint = Complaint::new(format!("law `{}` does not say whether it reaches data abroad", key.get_ref()));
        reader.error(key.span(), complaint.hint("add `extraterritorial = true` or `false`"));
    }
    let mut day = |name: &str| get(table, name).and_then(|node| reader.date(node, name));
    let (since, until) = (day("since"), day("until"));
    Some(Law {
        id: key.get_ref().to_string(),
        name: name?,
        of: of?,
        citation: citation?,
        who: who?,
        access: access?,
        binds: binds?,
        extraterritorial: extraterritorial.flatten()?,
        since,
        until,
        note: get(table, "note").and_then(|node| reader.text(node, "note")).map(str::to_owned),
        source: provenance.source?,
        read: provenance.read,
        as_of: provenance.as_of,
        review: provenance.review,
        file: reader.file,
        line: reader.line(&key.span()),
    })
}

fn read_giver(lists: &Lists, reader: &mut Reader<'_, '_>, (key, table): (&Key<'_>, &DeTable<'_>)) -> Option<LawGiver> {
    match (get(table, "of"), get(table, "of_bloc")) {
        (Some(node), None) => {
            let code = reader.text(node, "of").map(str::to_owned)?;
            lists.jurisdiction(reader, &code, node.span()).map(LawGiver::Jurisdiction)
        }
        (None, Some(node)) => read_bloc(lists, reader, node).map(LawGiver::Bloc),
        (Some(_), Some(_)) | (None, None) => {
            let complaint = Complaint::new(format!("law `{}` must be of one country or of one bloc", key.get_ref()));
            reader.error(key.span(), complaint.hint("add `of = \"FR\"`, or `of_bloc = \"eu\"`, not both"));
            None
        }
    }
}

fn read_bloc(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BlocId> {
    let given = reader.text(node, "of_bloc")?;
    if !lists.blocs.contains(given) {
        let known: Vec<_> = lists.blocs.iter().map(String::as_str).collect();
        reader.error(node.span(), Complaint::new(format!("unknown bloc `{given}`")).hint(format!("the blocs are {}", known.join(", "))));
    }
    given.parse().ok()
}

fn read_binds(reader: &mut Reader<'_, '_>, (key, table): (&Key<'_>, &DeTable<'_>)) -> Option<BTreeSet<String>> {
    let hint = format!("name the facts through which it reaches an offering: {}", LINKS.join(", "));
    let Some(node) = get(table, "binds") else {
        reader.error(key.span(), Complaint::new(format!("law `{}` without `binds`", key.get_ref())).hint(hint));
        return None;
    };
    let mut binds = BTreeSet::new();
    for item in reader.array(node, "binds")?.iter() {
        let Some(link) = reader.text(item, "binds") else { continue };
        if LINKS.contains(&link) {
            binds.insert(link.to_owned());
        } else {
            reader.error(item.span(), Complaint::new(format!("no law reaches an offering through `{link}`")).hint(hint.clone()));
        }
    }
    Some(binds)
}
