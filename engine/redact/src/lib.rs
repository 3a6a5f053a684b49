//! Find personal data and secrets in text, so that terms can be decided on what a call really carries.
//!
//! One pass of byte patterns proposes places to look at; a validator for each [`Kind`] decides and finds the exact span.
//! This crate never keeps, prints or logs what it found: a [`Finding`] is a kind and two offsets, nothing else. It reads no
//! clock, disk, network or randomness, and it never calls out.
//!
//! Not found yet, and therefore not to be promised: names, addresses, dates and national identifiers; digits and letters in
//! other than ASCII form (fullwidth, Arabic-Indic, Devanagari); values hidden by encoding (`%40`, base64) or by spelling
//! (`name at example dot org`); e-mail addresses with a quoted local part.
//!
//! ```
//! let detector = comity_redact::Detector::new().expect("the patterns are fixed");
//! let found = detector.scan("write to ada@example.org").expect("patterns do not fail");
//! assert_eq!(found.len(), 1);
//! assert_eq!((detector.kinds().get(found[0].kind).map_or("", |kind| &kind.name), found[0].start, found[0].end), ("email", 9, 24));
//! ```

mod anchor;
mod aws;
mod card;
mod context;
mod detector;
mod email;
mod haystack;
mod iban;
mod jwt;
mod kind;
mod limits;
mod number;
mod pem;
mod phone;
mod pseudonym;
mod token;
mod unprefixed;

pub use detector::{BuildError, Detector, ScanError};
pub use kind::{Class, Finding, Kind, KindInfo, Kinds, Label, Tier};
pub use pseudonym::{Form, PseudonymError, PseudonymKey, Pseudonyms, Restorer, Shape, UnknownPseudonym};
