//! Trust policies (C2SP tlog-policy): which logs, and which witnesses in which groups make a checkpoint good enough.
//!
//! Names are octets, never Unicode; a policy that breaks any rule of the specification is refused whole. A checkpoint satisfies a policy only
//! by signatures that were verified here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::cosignature::PosixSeconds;
use crate::key::{KeyError, KeyKind, VerifierKey};
use crate::limits::{POLICY_BYTES_MAX, POLICY_LINES_MAX};
use crate::line;
use crate::note::Verified;

/// Logs, witnesses, groups and the quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: BTreeMap<MemberName, Party>,
    groups: BTreeMap<MemberName, Group>,
    /// None is `quorum none`.
    quorum: Option<MemberName>,
}

/// A log or witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

/// What a witness or group is called within a policy: octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    needed: usize,
    members: Vec<MemberName>,
}

/// Why a checkpoint is good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satisfied {
    /// The key of the log that signed.
    pub log: VerifierKey,
    /// Every witness of the policy whose cosignature holds, by name, with the time of its latest.
    pub cosigned: Vec<(MemberName, PosixSeconds)>,
}

/// A line that breaks a rule of policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {problem}")]
pub struct PolicyError {
    /// Counted from 1; the last line for what is missing.
    pub line: usize,
    /// What is wrong with it.
    pub problem: PolicyProblem,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// Longer than any policy needs to be.
    #[error("the policy has more than {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// More of one kind than policies need.
    #[error("more than {POLICY_LINES_MAX} logs, witnesses or groups")]
    TooMany,
    /// An octet that policies may not hold.
    #[error("the character 0x{0:02x} is not allowed")]
    Character(u8),
    /// The file does not end with a newline: it may have been cut short.
    #[error("it does not end with a newline")]
    Unterminated,
    /// Not a keyword.
    #[error("`{0}` is not known here")]
    Keyword(MemberName),
    /// Too few or too many words.
    #[error("it should read `{0}`")]
    Words(&'static str),
    /// Not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key that is not UTF-8, as no key is.
    #[error("`{0}` is not a verifier key")]
    NotAKey(MemberName),
    /// A key that signs notes where one that cosigns is due.
    #[error("the key `{0}` signs notes; a witness needs a key of type cosignature/v1 (0x04)")]
    NotAWitness(String),
    /// The same public key twice.
    #[error("the key of `{0}` is listed already")]
    DuplicateKey(String),
    /// The same name twice.
    #[error("the name `{0}` is taken already")]
    DuplicateName(MemberName),
    /// A name with a meaning of its own.
    #[error("`none` means no cosignatures; it cannot name a witness, a group or a member")]
    None,
    /// A name not defined on a line before.
    #[error("no witness or group `{0}` is defined before this line")]
    Unknown(MemberName),
    /// A member twice, in one group or in two.
    #[error("`{0}` is a member of a group already; each name counts once")]
    DuplicateMember(MemberName),
    /// Not `all`, `any` or a number from 1 to the number of members.
    #[error("`{0}` is not `all`, `any` or a number from 1 to {1}, the number of members")]
    Threshold(MemberName, usize),
    /// A second quorum.
    #[error("the quorum is defined already")]
    DuplicateQuorum,
    /// No quorum.
    #[error("there is no `quorum` line")]
    NoQuorum,
}

/// A checkpoint that is not good enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsatisfied {
    /// A signature does not hold, or none is known.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No log of the policy has this origin and signed it.
    #[error("no log of the policy signed this checkpoint of `{0}`")]
    Log(String),
    /// Witnesses are missing.
    #[error("the quorum is not reached: {}", list(.0))]
    Quorum(Vec<Lack>),
}

/// What a group, or the quorum itself, lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The group, or the witness that the quorum names.
    pub of: MemberName,
    /// How many of its members have witnessed the checkpoint.
    pub have: usize,
    /// How many are needed.
    pub needed: usize,
    /// The members that have not.
    pub missing: Vec<MemberName>,
}

// === impl Policy ===

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] for the first line that breaks a rule.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PolicyError> {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let fail = |line: usize, problem| PolicyError { line, problem };
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(fail(lines.len(), PolicyProblem::TooLong));
        }
        let mut reader = Reader::default();
        let Some((tail, lines)) = lines.split_last() else { return Err(fail(1, PolicyProblem::NoQuorum)) };
        for (number, line) in (1..).zip(lines) {
            reader.line(line).map_err(|problem| fail(number, problem))?;
        }
        if !tail.is_empty() {
            return Err(fail(lines.len() + 1, PolicyProblem::Unterminated));
        }
        reader.finish().map_err(|problem| fail(lines.len().max(1), problem))
    }

    /// The logs, in their order.
    #[must_use]
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses, by name.
    pub fn witnesses(&self) -> impl Iterator<Item = (&MemberName, &Party)> {
        self.witnesses.iter()
    }

    /// Whether cosignatures are needed at all.
    #[must_use]
    pub const fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// The same policy with `log` as its only log, for who knows the log from elsewhere.
    #[must_use]
    pub fn for_log(self, log: VerifierKey) -> Self {
        Self { logs: vec![Party { key: log, url: None }], ..self }
    }

    /// Whether `checkpoint` is signed by a log of the policy and cosigned by its quorum. Every signature of a key of the policy must hold.
    ///
    /// # Errors
    /// [`Unsatisfied`] says which groups lack what.
    pub fn satisfied_by(&self, checkpoint: &SignedCheckpoint) -> Result<Satisfied, Unsatisfied> {
        let keys: Vec<&VerifierKey> = self.logs.iter().chain(self.witnesses.values()).map(|party| &party.key).collect();
        let verified = checkpoint.note().verify(&keys).map_err(CheckpointError::from)?;
        let origin = checkpoint.unverified().origin();
        let of_log = |signed: &&Verified<'_>| signed.key.name() == origin && self.logs.iter().any(|log| log.key == *signed.key);
        let log = verified.iter().find(of_log).ok_or_else(|| Unsatisfied::Log(origin.to_owned()))?;
        let cosigned = self.cosigned(&verified);
        self.check_quorum(&cosigned)?;
        Ok(Satisfied { log: log.key.clone(), cosigned: cosigned.into_iter().collect() })
    }

    fn cosigned(&self, verified: &[Verified<'_>]) -> BTreeMap<MemberName, PosixSeconds> {
        let latest = |key: &VerifierKey| verified.iter().filter(|signed| signed.key == key).filter_map(|signed| signed.time).max();
        self.witnesses.iter().filter_map(|(name, party)| Some((name.clone(), latest(&party.key)?))).collect()
    }

    fn check_quorum(&self, cosigned: &BTreeMap<MemberName, PosixSeconds>) -> Result<(), Unsatisfied> {
        let Some(quorum) = &self.quorum else { return Ok(()) };
        let mut lacks = Vec::new();
        if self.has_witnessed(quorum, cosigned, &mut lacks) {
            return Ok(());
        }
        if lacks.is_empty() {
            lacks.push(Lack { of: quorum.clone(), have: 0, needed: 1, missing: vec![quorum.clone()] });
        }
        Err(Unsatisfied::Quorum(lacks))
    }

    /// Whether `name` has witnessed; what its groups lack goes to `lacks`, outer groups first. Members were defined before their group, so this
    /// ends, and no deeper than there are groups.
    fn has_witnessed(&self, name: &MemberName, cosigned: &BTreeMap<MemberName, PosixSeconds>, lacks: &mut Vec<Lack>) -> bool {
        let Some(group) = self.groups.get(name) else { return cosigned.contains_key(name) };
        let mut below = Vec::new();
        let missing: Vec<MemberName> =
            group.members.iter().filter(|member| !self.has_witnessed(member, cosigned, &mut below)).cloned().collect();
        let have = group.members.len() - missing.len();
        if have >= group.needed {
            return true;
        }
        lacks.push(Lack { of: name.clone(), have, needed: group.needed, missing });
        lacks.append(&mut below);
        false
    }
}

// === impl Party ===

impl Party {
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where it is reached, if the policy says so, in UTF-8.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref().and_then(|url| std::str::from_utf8(url).ok())
    }
}

// === reading ===

/// The policy so far.
#[derive(Default)]
struct Reader {
    logs: Vec<Party>,
    witnesses: BTreeMap<MemberName, Party>,
    groups: BTreeMap<MemberName, Group>,
    members: BTreeSet<MemberName>,
    /// The outer one is whether there was a line.
    quorum: Option<Option<MemberName>>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyProblem> {
        if let Some(bad) = line.iter().find(|byte| **byte == 0x7f || (**byte < 0x20 && **byte != b'\t')) {
            return Err(PolicyProblem::Character(*bad));
        }
        let words: Vec<&[u8]> = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", rest @ ..] => self.log(rest),
            [b"witness", rest @ ..] => self.witness(rest),
            [b"group", rest @ ..] => self.group(rest),
            [b"quorum", rest @ ..] => self.quorum(rest),
            [other, ..] => Err(PolicyProblem::Keyword(MemberName::of(other))),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let ([key] | [key, _]) = words else { return Err(PolicyProblem::Words("log <key> [<url>]")) };
        let party = party(key, words.get(1))?;
        distinct(self.logs.iter(), &party)?;
        self.logs.push(party);
        bounded(self.logs.len())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let ([name, key] | [name, key, _]) = words else { return Err(PolicyProblem::Words("witness <name> <key> [<url>]")) };
        let party = party(key, words.get(2))?;
        match party.key.kind() {
            KeyKind::Cosignature => {}
            KeyKind::Ed25519 => return Err(PolicyProblem::NotAWitness(party.key.name().to_owned())),
        }
        let name = self.new_name(name)?;
        distinct(self.witnesses.values(), &party)?;
        self.witnesses.insert(name, party);
        bounded(self.witnesses.len())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let [name, threshold, members @ ..] = words else { return Err(PolicyProblem::Words("group <name> all|any|<number> <member>...")) };
        if members.is_empty() {
            return Err(PolicyProblem::Words("group <name> all|any|<number> <member>..."));
        }
        let name = self.new_name(name)?;
        let members: Vec<MemberName> = members.iter().map(|member| self.known(member)).collect::<Result<_, _>>()?;
        if let Some(twice) = members.iter().find(|member| !self.members.insert((*member).clone())) {
            return Err(PolicyProblem::DuplicateMember(twice.clone()));
        }
        let needed = needed(threshold, members.len()).ok_or_else(|| PolicyProblem::Threshold(MemberName::of(threshold), members.len()))?;
        self.groups.insert(name, Group { needed, members });
        bounded(self.groups.len())
    }

    fn quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let [name] = words else { return Err(PolicyProblem::Words("quorum <name>")) };
        if self.quorum.is_some() {
            return Err(PolicyProblem::DuplicateQuorum);
        }
        self.quorum = Some(if *name == b"none" { None } else { Some(self.known(name)?) });
        Ok(())
    }

    fn new_name(&self, name: &[u8]) -> Result<MemberName, PolicyProblem> {
        let new = MemberName::of(name);
        if name == b"none" {
            return Err(PolicyProblem::None);
        }
        if self.is_defined(&new) { Err(PolicyProblem::DuplicateName(new)) } else { Ok(new) }
    }

    fn known(&self, name: &[u8]) -> Result<MemberName, PolicyProblem> {
        let known = MemberName::of(name);
        match name {
            b"none" => Err(PolicyProblem::None),
            _ if self.is_defined(&known) => Ok(known),
            _ => Err(PolicyProblem::Unknown(known)),
        }
    }

    fn is_defined(&self, name: &MemberName) -> bool {
        self.witnesses.contains_key(name) || self.groups.contains_key(name)
    }

    fn finish(self) -> Result<Policy, PolicyProblem> {
        let quorum = self.quorum.ok_or(PolicyProblem::NoQuorum)?;
        Ok(Policy { logs: self.logs, witnesses: self.witnesses, groups: self.groups, quorum })
    }
}

fn party(key: &[u8], url: Option<&&[u8]>) -> Result<Party, PolicyProblem> {
    let text = std::str::from_utf8(key).map_err(|_| PolicyProblem::NotAKey(MemberName::of(key)))?;
    Ok(Party { key: text.parse()?, url: url.map(|url| url.to_vec()) })
}

/// Two keys are the same if their bytes are, whatever their names and types.
fn distinct<'a>(mut listed: impl Iterator<Item = &'a Party>, new: &Party) -> Result<(), PolicyProblem> {
    let same = listed.find(|party| party.key.public() == new.key.public());
    same.map_or(Ok(()), |party| Err(PolicyProblem::DuplicateKey(party.key.name().to_owned())))
}

fn bounded(count: usize) -> Result<(), PolicyProblem> {
    if count > POLICY_LINES_MAX { Err(PolicyProblem::TooMany) } else { Ok(()) }
}

fn needed(threshold: &[u8], members: usize) -> Option<usize> {
    match threshold {
        b"all" => Some(members),
        b"any" => Some(1),
        _ => {
            let number = usize::try_from(line::decimal(std::str::from_utf8(threshold).ok()?)?).ok()?;
            (1..=members).contains(&number).then_some(number)
        }
    }
}

// === impl PolicyError ===

impl PolicyError {
    /// What the writer of the policy can do about it, where the message does not say it already.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.problem {
            PolicyProblem::Character(b'\r') => Some("save the file with LF line endings"),
            PolicyProblem::Unterminated => Some("end the last line with a newline"),
            PolicyProblem::Keyword(_) => Some("lines begin with `log`, `witness`, `group`, `quorum` or `#`"),
            PolicyProblem::Unknown(_) => Some("define witnesses and groups above the lines that name them"),
            PolicyProblem::NoQuorum => Some("add `quorum <name>`, or `quorum none` if no cosignatures are wanted"),
            PolicyProblem::NotAWitness(_) => Some("ask the witness for its cosignature key"),
            PolicyProblem::TooLong
            | PolicyProblem::TooMany
            | PolicyProblem::Character(_)
            | PolicyProblem::Words(_)
            | PolicyProblem::Key(_)
            | PolicyProblem::NotAKey(_)
            | PolicyProblem::DuplicateKey(_)
            | PolicyProblem::DuplicateName(_)
            | PolicyProblem::None
            | PolicyProblem::DuplicateMember(_)
            | PolicyProblem::Threshold(..)
            | PolicyProblem::DuplicateQuorum => None,
        }
    }
}

// === impl MemberName ===

impl MemberName {
    fn of(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// For people: octets that are not UTF-8 are shown as `\xff`.
impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

// === impl Lack ===

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing: Vec<String> = self.missing.iter().map(|name| format!("`{name}`")).collect();
        write!(f, "`{}` has {} of the {} it needs, missing are {}", self.of, self.have, self.needed, missing.join(", "))
    }
}

fn list(lacks: &[Lack]) -> String {
    lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
