//! The kinds of thing that the detectors find, and the finding itself.
//!
//! A finding must never carry the text it was found in: it is safe to log, to count and to put in a fact record.

use std::sync::Arc;

use serde::Deserialize;

use crate::haystack::Hit;
use crate::kind_file::Shape;

/// A kind of thing: its place in a table of [`Kinds`]. It means something only beside the table that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u16);

/// What is known of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// Its name in terms, facts and configuration.
    pub name: String,
    /// Three letters or digits, which stand in pseudonyms.
    pub label: Label,
    /// What it is in words, for people: `payment card number`.
    pub title: String,
    /// What it says about whoever it belongs to.
    pub class: Class,
    /// The country whose kind it is, as ISO 3166-1 alpha-2; nothing where it is everybody's.
    pub country: Option<String>,
}

/// What a kind is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It relates to a person (GDPR article 4).
    Personal,
    /// It identifies a person for health purposes, so it is data of a special category (GDPR recital 35).
    Health,
    /// It opens something: a credential or a key. Secrets are not counted as personal.
    Secret,
    /// It concerns nobody by itself, so it makes no call personal; where a call goes out under pseudonyms, it is replaced all the same.
    Neutral,
}

/// Three characters of `A-Z0-9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label([u8; 3]);

/// All kinds that a detector knows, and how those that are data look. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Kinds(Arc<Table>);

#[derive(Debug)]
struct Table {
    infos: Vec<KindInfo>,
    shapes: Vec<Shape>,
    /// The words that announce each kind, in the order of the kinds.
    words: Vec<Vec<String>>,
}

/// Which tier of detection found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Patterns, checksums and context words.
    Patterns,
    /// A list of names that the organisation gave.
    Gazetteer,
    /// A model that the organisation trained on its own annotated text (a conditional random field).
    Trained,
    /// A general model that the organisation brought (GLiNER).
    Gliner,
}

/// One thing found. `start..end` are byte offsets into the scanned text, both on character boundaries, `start < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last byte.
    pub end: usize,
    /// Who found it.
    pub tier: Tier,
}

// === impl Kind ===

/// The kinds whose finders are code, in the order of `BUILT_IN`.
impl Kind {
    /// A private key block (PEM, OpenSSH, PGP) or an age identity.
    pub const PRIVATE_KEY: Kind = Kind(0);
    /// A key for an AI provider's API.
    pub const AI_PROVIDER_KEY: Kind = Kind(1);
    /// An AWS access key id, or a secret access key that stands beside its name or its id.
    pub const AWS_KEY: Kind = Kind(2);
    /// A GitHub token.
    pub const GITHUB_TOKEN: Kind = Kind(3);
    /// A Slack token or webhook address.
    pub const SLACK_TOKEN: Kind = Kind(4);
    /// A JSON Web Token (RFC 7519), signed or encrypted.
    pub const JWT: Kind = Kind(5);
    /// An international bank account number (ISO 13616) with a correct checksum.
    pub const IBAN: Kind = Kind(6);
    /// A payment card number (ISO/IEC 7812) with a known issuer prefix, a fitting length and a correct checksum.
    pub const PAYMENT_CARD: Kind = Kind(7);
    /// An e-mail address.
    pub const EMAIL: Kind = Kind(8);
    /// A telephone number.
    pub const PHONE: Kind = Kind(9);
    /// The name of a person. Only tiers above patterns find names.
    pub const PERSON: Kind = Kind(10);
    /// The name of a place, or an address.
    pub const LOCATION: Kind = Kind(11);
    /// The name of an organisation.
    pub const ORGANISATION: Kind = Kind(12);
    /// A web address.
    pub const URL: Kind = Kind(13);
}

/// Name, label, title and class of the kinds whose finders are code, from the strongest to the weakest.
const BUILT_IN: [(&str, &str, &str, Class); 14] = [
    ("private_key", "KEY", "private key", Class::Secret),
    ("ai_provider_key", "AIK", "key of an AI provider", Class::Secret),
    ("aws_key", "AWS", "AWS key", Class::Secret),
    ("github_token", "GHT", "GitHub token", Class::Secret),
    ("slack_token", "SLK", "Slack token", Class::Secret),
    ("jwt", "JWT", "JSON Web Token", Class::Secret),
    ("iban", "IBN", "bank account number (IBAN)", Class::Personal),
    ("payment_card", "CRD", "payment card number", Class::Personal),
    ("email", "EML", "e-mail address", Class::Personal),
    ("phone", "PHN", "telephone number", Class::Personal),
    ("person", "PER", "name of a person", Class::Personal),
    ("location", "LOC", "name of a place", Class::Personal),
    ("organisation", "ORG", "name of an organisation", Class::Personal),
    ("url", "URL", "web address", Class::Neutral),
];

impl Kind {
    /// The kind at a place of a table; nothing where no table is that long.
    pub(crate) fn at(place: usize) -> Option<Self> {
        u16::try_from(place).ok().map(Self)
    }

    /// Its place in its table.
    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }
}

// === impl Finding ===

impl Finding {
    /// A finding of the tier of patterns.
    pub(crate) const fn by_pattern(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end, tier: Tier::Patterns }
    }

    /// Where it stands.
    pub(crate) const fn place(&self) -> Hit {
        Hit { start: self.start, end: self.end }
    }

    /// The same at another place.
    pub(crate) fn moved(self, place: Hit) -> Self {
        Self { start: place.start, end: place.end, ..self }
    }
}

// === impl Class ===

impl Class {
    /// Whether it opens something.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        match self {
            Self::Secret => true,
            Self::Personal | Self::Health | Self::Neutral => false,
        }
    }

    /// Whether it relates to a person.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        match self {
            Self::Personal | Self::Health => true,
            Self::Secret | Self::Neutral => false,
        }
    }

    /// Whether it is data of a special category.
    #[must_use]
    pub const fn is_special_category(self) -> bool {
        match self {
            Self::Health => true,
            Self::Personal | Self::Secret | Self::Neutral => false,
        }
    }
}

// === impl Label ===

impl Label {
    /// The id of an end user, which no detector finds: the field of the call says what it is.
    pub const END_USER: Label = Label(*b"USR");

    /// Reads three characters of `A-Z0-9`; nothing for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).then_some(Self(letters))
    }

    /// The three characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

// === impl Kinds ===

impl Kinds {
    /// The kinds whose finders are code.
    #[must_use]
    pub fn built_in() -> Self {
        let info = |(name, label, title, class): (&str, &str, &str, Class)| {
            let (name, title) = (name.to_owned(), title.to_owned());
            Some(KindInfo { name, label: Label::parse(label)?, title, class, country: None })
        };
        Self::from_parts(BUILT_IN.into_iter().filter_map(info).collect(), Vec::new(), Vec::new())
    }

    /// What is known of `kind`; nothing for one of another table.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&KindInfo> {
        self.0.infos.get(usize::from(kind.0))
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Kind> {
        self.iter().find(|(_, info)| info.name == name).map(|(kind, _)| kind)
    }

    pub(crate) fn from_parts(infos: Vec<KindInfo>, shapes: Vec<Shape>, words: Vec<Vec<String>>) -> Self {
        Self(Arc::new(Table { infos, shapes, words }))
    }

    /// How the kinds that are data look.
    pub(crate) fn shapes(&self) -> &[Shape] {
        &self.0.shapes
    }

    /// The words that announce a kind that is data.
    pub(crate) fn words(&self, kind: Kind) -> &[String] {
        self.0.words.get(usize::from(kind.0)).map_or(&[], Vec::as_slice)
    }

    /// All kinds in order.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &KindInfo)> {
        (0..).map(Kind).zip(self.0.infos.iter())
    }
}

// === impl Tier ===

impl Tier {
    /// Its name in findings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patterns => "patterns",
            Self::Gazetteer => "gazetteer",
            Self::Trained => "trained",
            Self::Gliner => "gliner",
        }
    }

    /// How thorough a detector with this tier is, as terms count it: 1 patterns, 2 and names, 3 and a trained model.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::Patterns => 1,
            Self::Gazetteer => 2,
            Self::Trained | Self::Gliner => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kinds_stand_where_their_names_say() {
        let kinds = Kinds::built_in();
        assert_eq!(kinds.iter().count(), BUILT_IN.len());
        for (name, kind) in
            [("private_key", Kind::PRIVATE_KEY), ("jwt", Kind::JWT), ("phone", Kind::PHONE), ("organisation", Kind::ORGANISATION)]
        {
            assert_eq!((kinds.find(name), kinds.get(kind).unwrap().name.as_str()), (Some(kind), name));
        }
    }
}
