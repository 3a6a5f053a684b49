//! Where a secret comes from: an environment variable or a file, never the text of the configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use comity_vocab::Plain;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The source of one secret, written `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; white space at its ends does not count.
    File(PathBuf),
}

/// Begins the message for a secret in the file's text, so that its line is shown without it.
pub(super) const IN_TEXT: &str = "a secret never stands in this file";

impl SecretSource {
    /// Reads the secret. `folder` is where relative paths begin.
    ///
    /// # Errors
    /// A sentence that names the source, never the secret.
    pub fn read(&self, folder: &Path) -> Result<Plain<String>, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => format!("the environment variable `{name}` is not set"),
                std::env::VarError::NotUnicode(_) => format!("the environment variable `{name}` is not text"),
            })?,
            Self::File(path) => {
                let path = folder.join(path);
                std::fs::read_to_string(&path).map_err(|error| format!("cannot read the secret in `{}`: {error}", path.display()))?
            }
        };
        let text = text.trim().to_owned();
        if text.is_empty() { Err(format!("{self} is empty")) } else { Ok(Plain::new(text)) }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`{ env = \"NAME\" }` or `{ file = \"path\" }`")
    }

    // The text is dropped unread: it may be the secret itself.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(E::custom(format!("{IN_TEXT}: write `{{ env = \"NAME\" }}` or `{{ file = \"path\" }}`")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let mut source = None;
        while let Some(key) = map.next_key::<String>()? {
            let next = match key.as_str() {
                "env" => SecretSource::Env(map.next_value()?),
                "file" => SecretSource::File(map.next_value()?),
                _ => return Err(de::Error::unknown_field(&key, &["env", "file"])),
            };
            if source.replace(next).is_some() {
                return Err(de::Error::custom("a secret has one source: `env` or `file`"));
            }
        }
        source.ok_or_else(|| de::Error::custom("a secret has a source: `env` or `file`"))
    }
}
