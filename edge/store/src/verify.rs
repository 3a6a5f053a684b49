//! Checks a store against itself, leaf by leaf, trusting nothing but the leaves' bytes.
//!
//! Every leaf hash, stored tree hash and recorded root is recomputed. Tables that only help to find leaves must say what the leaves say.

use std::collections::BTreeSet;

use comity_ledger::{DecisionLeaf, Leaf, Outcome, OutcomeLeaf, Tree, Verdict, leaf_hash};
use comity_vocab::Digest;
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Rows, params};

use crate::data_keys::DataKeyReader;
use crate::prune::minimum_of;
use crate::read::{FactRecord, open_record};
use crate::{Generation, StoreError, generation};

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Leaves.
    pub size: u64,
    /// The root over all of them.
    pub root: Digest,
    /// Decision leaves, permits and denials.
    pub decisions: u64,
    /// Denials among them.
    pub denials: u64,
    /// The first leaf that was not pruned. Of those before it only the hashes are here, and are taken as they are.
    pub minimum: u64,
    /// Leaves about the gateway itself: started, stopped, erased and so on.
    pub events: u64,
    /// Published checkpoints that were compared with the leaves.
    pub checkpoints: u64,
    /// Outcome leaves.
    pub outcomes: u64,
    /// Outcomes `unknown` among them: calls that a crash cut off.
    pub unknown_outcomes: u64,
    /// Permitted calls that have no outcome yet.
    pub open: u64,
    /// Fact records that opened to the digest that their leaf names.
    pub records: u64,
    /// Decisions whose fact record was erased.
    pub erased: u64,
    /// Fact records that could not be opened because the master key is not here.
    pub sealed: u64,
    /// Generations of terms or catalogue that a leaf names and the store does not hold.
    pub generations_missing: u64,
}

/// The pass over the leaves.
struct Pass<'a> {
    db: &'a Connection,
    keys: Option<&'a DataKeyReader>,
    tree: Tree,
    seen: Verified,
    generations: BTreeSet<(Generation, Digest)>,
}

/// A root that was written down.
#[derive(Clone, Copy)]
struct Recorded {
    size: u64,
    root: Digest,
    /// In a checkpoint that others saw.
    published: bool,
}

/// Checks all of `db` in one snapshot.
pub(crate) fn verify(db: &Connection, keys: Option<&DataKeyReader>) -> Result<Verified, StoreError> {
    let snapshot = db.unchecked_transaction().map_err(StoreError::unreadable)?;
    let mut pass = Pass { db: &snapshot, keys, tree: Tree::new(), seen: nothing(), generations: BTreeSet::new() };
    pass.seen.minimum = minimum_of(&snapshot).map_err(StoreError::unreadable)?;
    pass.leaves()?;
    pass.tables()?;
    Ok(pass.seen)
}

// === impl Pass ===

impl Pass<'_> {
    fn leaves(&mut self) -> Result<(), StoreError> {
        let db = self.db;
        let mut leaves = db.prepare("SELECT idx, bytes, hashes FROM leaves ORDER BY idx").map_err(|error| self.wrong(error))?;
        let mut leaves = leaves.query([]).map_err(|error| self.wrong(error))?;
        let mut roots = db
            .prepare("SELECT size, root, 0 FROM roots UNION ALL SELECT size, root, 1 FROM checkpoints ORDER BY size")
            .map_err(|error| self.wrong(error))?;
        let mut roots = roots.query([]).map_err(|error| self.wrong(error))?;
        let first = self.next_root(&mut roots)?;
        let mut expected = self.roots_here(first, &mut roots)?;
        while let Some(row) = leaves.next().map_err(|error| self.wrong(error))? {
            let read = || Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?));
            let (index, bytes, hashes) = read().map_err(|error: rusqlite::Error| self.wrong(error))?;
            self.leaf(index, &bytes, &hashes)?;
            expected = self.roots_here(expected, &mut roots)?;
        }
        match expected {
            Some(Recorded { size, .. }) => {
                Err(self.tampered(format!("the recorded root covers {size} leaves, the store holds {}", self.tree.size())))
            }
            None if self.seen.size == self.tree.size() => Ok(()),
            None => Err(StoreError::tampered(self.seen.size, "the leaf lies after the last recorded root")),
        }
    }

    fn leaf(&mut self, index: u64, bytes: &[u8], hashes: &[u8]) -> Result<(), StoreError> {
        let next = self.tree.size();
        if index != next {
            return Err(self.tampered("the leaf is missing"));
        }
        if index < self.seen.minimum {
            return self.pruned(index, bytes, hashes);
        }
        let leaf = Leaf::from_bytes(bytes);
        let computed = self.tree.append(leaf_hash(bytes))?;
        if !computed.iter().flat_map(|hash| hash.as_bytes()).eq(hashes) {
            return Err(StoreError::tampered(index, "its bytes do not have the stored hashes"));
        }
        match leaf.map_err(|error| StoreError::tampered(index, error.to_string()))? {
            Leaf::Decision(leaf) => self.decision(index, &leaf),
            Leaf::Outcome(leaf) => self.outcome(index, &leaf),
            Leaf::Event(_) => {
                self.seen.events += 1;
                Ok(())
            }
        }
    }

    /// Of a pruned leaf only the hashes are here: they must fit each other, and the roots that come later.
    fn pruned(&mut self, index: u64, bytes: &[u8], hashes: &[u8]) -> Result<(), StoreError> {
        let leaf = hashes.first_chunk::<32>().filter(|_| bytes.is_empty());
        let leaf = leaf.ok_or_else(|| StoreError::tampered(index, "a pruned leaf has bytes, or no hash"))?;
        let computed = self.tree.append(Digest::from_bytes(*leaf))?;
        let same = computed.iter().flat_map(|hash| hash.as_bytes()).eq(hashes);
        if same { Ok(()) } else { Err(StoreError::tampered(index, "its stored hashes do not fit each other")) }
    }

    /// Compares all recorded roots of as many leaves as were read by now; gives the next one.
    fn roots_here(&mut self, mut expected: Option<Recorded>, roots: &mut Rows<'_>) -> Result<Option<Recorded>, StoreError> {
        while let Some(recorded) = expected.filter(|recorded| recorded.size == self.tree.size()) {
            self.root(recorded)?;
            expected = self.next_root(roots)?;
        }
        Ok(expected)
    }

    fn root(&mut self, recorded: Recorded) -> Result<(), StoreError> {
        let (size, root) = (self.tree.size(), self.tree.root()?);
        if root != recorded.root {
            let what = if recorded.published { "the published checkpoint" } else { "the recorded root" };
            return Err(StoreError::tampered(size.saturating_sub(1), format!("{what} is not that of the leaves up to here")));
        }
        self.seen.checkpoints += u64::from(recorded.published);
        (self.seen.size, self.seen.root) = (size, root);
        Ok(())
    }

    fn decision(&mut self, index: u64, leaf: &DecisionLeaf) -> Result<(), StoreError> {
        let listed =
            self.db.prepare_cached("SELECT 1 FROM decisions WHERE leaf = ?1 AND decision = ?2 AND hop = ?3 AND call = ?4 AND permit = ?5");
        let permit = leaf.verdict == Verdict::Permit;
        let same = params![index, leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes(), permit];
        if !listed.and_then(|mut statement| statement.exists(same)).map_err(|error| wrong(index, &error))? {
            return Err(StoreError::tampered(index, "the list of decisions says something else"));
        }
        let (record, _) = open_record((self.db, self.keys), (index, leaf))?;
        match record {
            FactRecord::Open(_) => self.seen.records += 1,
            FactRecord::Erased => self.seen.erased += 1,
            FactRecord::Sealed => self.seen.sealed += 1,
        }
        self.seen.decisions += 1;
        self.seen.denials += u64::from(!permit);
        self.generations.extend([(Generation::Terms, leaf.terms), (Generation::Catalogue, leaf.catalogue)]);
        Ok(())
    }

    fn outcome(&mut self, index: u64, leaf: &OutcomeLeaf) -> Result<(), StoreError> {
        let permit: Option<u64> = self
            .db
            .prepare_cached("SELECT leaf FROM decisions WHERE decision = ?1 AND hop = ?2 AND call = ?3 AND permit = 1")
            .and_then(|mut s| s.query_row(params![leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes()], |row| row.get(0)).optional())
            .map_err(|error| wrong(index, &error))?;
        // The permit of an early outcome may be pruned.
        let pruned = permit.is_none() && self.seen.minimum > 0;
        if !pruned && permit.is_none_or(|permit| permit >= index) {
            return Err(StoreError::tampered(index, "the outcome names no permit before it"));
        }
        let listed = self.db.prepare_cached("SELECT 1 FROM outcomes WHERE call = ?1 AND leaf = ?2");
        let only = listed.and_then(|mut s| s.exists(params![leaf.call.as_bytes(), index])).map_err(|error| wrong(index, &error))?;
        if !only {
            return Err(StoreError::tampered(index, "the call has another outcome too"));
        }
        self.seen.outcomes += 1;
        self.seen.unknown_outcomes += u64::from(leaf.outcome == Outcome::Unknown);
        Ok(())
    }

    /// The tables that help to find leaves hold nothing that no leaf says.
    fn tables(&mut self) -> Result<(), StoreError> {
        let same = [
            (self.count("SELECT COUNT(*) FROM decisions")?, self.seen.decisions, "the list of decisions"),
            (self.count("SELECT COUNT(*) FROM outcomes")?, self.seen.outcomes, "the list of outcomes"),
        ];
        if let Some((_, _, table)) = same.into_iter().find(|(listed, seen, _)| listed != seen) {
            return Err(self.tampered(format!("{table} names leaves that are not there")));
        }
        self.seen.open =
            self.count("SELECT COUNT(*) FROM (SELECT call FROM decisions WHERE permit = 1 EXCEPT SELECT call FROM outcomes)")?;
        if self.count("SELECT COUNT(*) FROM open_calls")? != self.seen.open {
            return Err(self.tampered("the list of open calls is not that of calls without outcome"));
        }
        for (kind, digest) in &self.generations {
            let kept = generation::find(self.db, *kind, *digest).map_err(StoreError::unreadable)?;
            self.seen.generations_missing += u64::from(kept.is_none());
        }
        Ok(())
    }

    fn next_root(&self, roots: &mut Rows<'_>) -> Result<Option<Recorded>, StoreError> {
        read_root(roots).map_err(|error| self.wrong(error))
    }

    fn count(&self, sql: &str) -> Result<u64, StoreError> {
        self.db.query_row(sql, [], |row| row.get(0)).map_err(|error| self.wrong(error))
    }

    fn tampered(&self, what: impl Into<String>) -> StoreError {
        StoreError::tampered(self.tree.size(), what)
    }

    fn wrong(&self, error: rusqlite::Error) -> StoreError {
        wrong(self.tree.size(), &error)
    }
}

fn read_root(roots: &mut Rows<'_>) -> rusqlite::Result<Option<Recorded>> {
    let Some(row) = roots.next()? else { return Ok(None) };
    Ok(Some(Recorded { size: row.get(0)?, root: Digest::from_bytes(row.get(1)?), published: row.get(2)? }))
}

/// A database that cannot be read because of what it holds was changed; one that cannot be read for other reasons was not.
pub(crate) fn wrong(index: u64, error: &rusqlite::Error) -> StoreError {
    let changed_value = matches!(
        error,
        rusqlite::Error::InvalidColumnType(_, _, Type::Null | Type::Integer | Type::Real | Type::Text | Type::Blob)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    let changed_file = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    if changed_value || changed_file { StoreError::tampered(index, error.to_string()) } else { StoreError::unreadable(error) }
}

fn nothing() -> Verified {
    Verified {
        size: 0,
        root: comity_ledger::EMPTY_ROOT,
        decisions: 0,
        denials: 0,
        minimum: 0,
        events: 0,
        checkpoints: 0,
        outcomes: 0,
        unknown_outcomes: 0,
        open: 0,
        records: 0,
        erased: 0,
        sealed: 0,
        generations_missing: 0,
    }
}
