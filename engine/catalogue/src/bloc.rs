//! Blocs: dated sets of jurisdictions.
//!
//! A membership has a first day and may have a last, so that a past call is judged by the blocs of its day. Where a source does not say since
//! when, membership starts on the day of the source, never earlier. Some memberships hold for certified recipients only: those count for
//! the places of an offering that has the certificate, and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{BlocId, Instant, Jurisdiction};
use toml::de::DeTable;

use crate::lists::Lists;
use crate::provenance::{KEYS, Provenance, start_of};
use crate::reader::{Complaint, Key, Node, Reader, get, nearest};

/// Every bloc.
pub(crate) type Blocs = BTreeMap<BlocId, Bloc>;

/// The memberships of one bloc.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bloc {
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    /// Of the table of the bloc; a group of members may have its own.
    pub(crate) provenance: Provenance,
    /// Where the bloc stands: file and line.
    pub(crate) place: (usize, usize),
    members: BTreeMap<Jurisdiction, Membership>,
}

/// The members of a bloc at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MembersAt {
    /// Members without a condition.
    pub(crate) always: BTreeSet<Jurisdiction>,
    /// Members for offerings that have one of these certifications or transfer mechanisms.
    pub(crate) only_with: BTreeMap<Jurisdiction, BTreeSet<String>>,
}

/// The times in which one jurisdiction is a member, as the last file that names it says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Membership {
    file: usize,
    periods: Vec<Period>,
}

/// Half open: a member from `since`, no longer at `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) since: Instant,
    pub(crate) until: Instant,
    /// The certification or transfer mechanism that an offering needs for this membership to count.
    pub(crate) only_with: Option<String>,
    /// The document.
    pub(crate) source: String,
}

const BLOC_KEYS: [&str; 3] = ["name", "note", "members"];
const MEMBER_KEYS: [&str; 4] = ["in", "since", "until", "only_with"];

// === impl Bloc ===

impl Bloc {
    /// The members at an instant.
    pub(crate) fn at(&self, instant: Instant) -> MembersAt {
        let mut at = MembersAt::default();
        for (code, period) in self.periods().filter(|(_, period)| period.covers(instant)) {
            match &period.only_with {
                None => _ = at.always.insert(code),
                Some(word) => _ = at.only_with.entry(code).or_default().insert(word.clone()),
            }
        }
        at
    }

    /// Every membership that there is, was or will be.
    pub(crate) fn periods(&self) -> impl Iterator<Item = (Jurisdiction, &Period)> {
        self.members.iter().flat_map(|(code, membership)| membership.periods.iter().map(|period| (*code, period)))
    }

    /// Every instant at which somebody joins or leaves.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Instant> {
        let periods = self.members.values().flat_map(|membership| &membership.periods);
        periods.flat_map(|period| [period.since, period.until])
    }

    /// A later file replaces what earlier ones say of a jurisdiction; inside a file periods add up.
    fn add(&mut self, code: Jurisdiction, file: usize, period: Period) {
        let membership = self.members.entry(code).or_insert_with(|| Membership { file, periods: Vec::new() });
        if membership.file != file {
            *membership = Membership { file, periods: Vec::new() };
        }
        membership.periods.push(period);
    }
}

// === impl MembersAt ===

impl MembersAt {
    /// Whether a place is a member for a recipient that has these words.
    pub(crate) fn contains(&self, place: Jurisdiction, words: &BTreeSet<String>) -> bool {
        self.always.contains(&place) || self.only_with.get(&place).is_some_and(|needed| !needed.is_disjoint(words))
    }
}

// === impl Period ===

impl Period {
    fn covers(&self, instant: Instant) -> bool {
        self.since <= instant && instant < self.until
    }
}

/// Adds the blocs of one file.
pub(crate) fn read(blocs: &mut Blocs, lists: &Lists, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
    let table = get(tables, "bloc").and_then(|node| reader.table(node, "bloc"));
    for (key, node) in table.into_iter().flat_map(DeTable::iter) {
        let Some(table) = reader.table(node, key.get_ref()) else { continue };
        match key.get_ref().parse::<BlocId>() {
            Ok(id) if get(table, "name").is_some() || blocs.contains_key(&id) => {
                read_bloc(blocs.entry(id).or_default(), lists, reader, (key, table));
            }
            Ok(id) => reader.error(key.span(), unknown(blocs, &id)),
            Err(error) => reader.error(key.span(), Complaint::new(error.to_string())),
        }
    }
}

/// A bloc without a name is one that an earlier file names: a slip of the pen must not found a new one.
fn unknown(blocs: &Blocs, id: &BlocId) -> Complaint {
    let hint = nearest(id.as_str(), blocs.keys().map(BlocId::as_str))
        .map_or_else(|| "add `name = \"…\"` to found a new bloc".to_owned(), |near| format!("did you mean `{near}`?"));
    Complaint::new(format!("unknown bloc `{id}`")).hint(hint)
}

fn read_bloc(bloc: &mut Bloc, lists: &Lists, reader: &mut Reader<'_, '_>, (key, table): (&Key<'_>, &DeTable<'_>)) {
    reader.only(table, "a bloc", &[&BLOC_KEYS[..], &KEYS].concat());
    let mut words = |name: &str| get(table, name).and_then(|node| reader.text(node, name)).map(str::to_owned);
    let (name, note) = (words("name"), words("note"));
    let provenance = Provenance::parse(reader, table);
    if let Some(name) = name {
        (bloc.name, bloc.note, bloc.provenance) = (name, note, provenance.clone());
        bloc.place = (reader.file, reader.line(&key.span()));
    }
    let Some(members) = get(table, "members") else {
        let hint = "add `members = [{ in = [\"…\"], since = 2026-01-31 }]`; write `members = []` for a bloc that is still empty";
        reader.error(key.span(), Complaint::new(format!("bloc `{}` has no members", key.get_ref())).hint(hint));
        return;
    };
    for node in reader.array(members, "members").into_iter().flat_map(|list| list.iter()) {
        let Some((codes, period)) = read_group(lists, reader, node, (key, &provenance)) else { continue };
        for code in codes {
            bloc.add(code, reader.file, period.clone());
        }
    }
}

fn read_group(
    lists: &Lists,
    reader: &mut Reader<'_, '_>,
    node: &Node<'_>,
    (key, above): (&Key<'_>, &Provenance),
) -> Option<(BTreeSet<Jurisdiction>, Period)> {
    let table = reader.table(node, "members")?;
    reader.only(table, "a group of members", &[&MEMBER_KEYS[..], &KEYS].concat());
    let provenance = Provenance::parse(reader, table).or_from(above);
    check_source(reader, node, (key, &provenance));
    let since = get(table, "since").and_then(|node| reader.date(node, "since")).or(provenance.as_of);
    let until = [get(table, "until").and_then(|node| reader.date(node, "until")), provenance.expires];
    let Some(codes) = get(table, "in") else {
        reader.error(node.span(), Complaint::new("a group of members without `in`").hint("add `in = [\"…\"]`"));
        return None;
    };
    let codes = lists.jurisdictions(reader, codes, "in")?;
    let until = until.into_iter().flatten().min();
    if let Some((since, until)) = since.zip(until).filter(|(since, until)| until <= since) {
        reader.error(node.span(), Complaint::new(format!("membership ends on {until}, before it starts on {since}")));
    }
    let only_with = get(table, "only_with").map(|node| lists.word(reader, node, "only_with"));
    let period = Period {
        since: start_of(since?),
        until: until.map_or(Instant::MAX, start_of),
        // A condition that cannot be read must not become none.
        only_with: only_with.map(Option::unwrap_or_default),
        source: provenance.source?,
    };
    Some((codes, period))
}

fn check_source(reader: &mut Reader<'_, '_>, node: &Node<'_>, (key, provenance): (&Key<'_>, &Provenance)) {
    let bloc = key.get_ref();
    if provenance.malformed {
        return;
    }
    if provenance.source.is_none() {
        let hint = "add `source = \"…\"` and `read = \"…\"` to the bloc or to this group";
        reader.error(node.span(), Complaint::new(format!("members of bloc `{bloc}` without a source")).hint(hint));
    } else if provenance.as_of.is_none() {
        let hint = "add `as_of`, the day that the source is of: `as_of = 2026-01-31`";
        reader.error(node.span(), Complaint::new(format!("members of bloc `{bloc}` without a date")).hint(hint));
    }
}
