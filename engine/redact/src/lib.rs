//! Find personal data and secrets in text, so that terms can be decided on what a call really carries.
//!
//! One pass proposes places to look at; for each [`Kind`] a validator decides and finds the exact span. Kinds that have a grammar of their
//! own (e-mail, card, IBAN, phone, tokens) are code; all others, above all the identifiers of countries, are data: the files of `packs/kinds/`
//! and those that an organisation gives ([`Kinds::load`], [`Kinds::with`]; the format is in `packs/kinds/README.md`). Where findings overlap,
//! the union is reported under the name for which most speaks: a check that holds and a word that announces it, a check, a word, a shape.
//!
//! Digits of other scripts, fullwidth forms, invisible characters, HTML entities, percent-encoding and base64 are looked through; spans
//! are always those of the text as it was given. This crate never keeps, prints or logs what it found: a [`Finding`] is a kind, two offsets
//! and a tier. It reads no clock, disk, network or randomness, and it never calls out.
//!
//! Not found, and therefore not to be promised: names of people, places and organisations (tiers above patterns find them); addresses
//! but for a few forms of some countries; dates of birth without a word that says so; identifiers without a check digit where no word
//! announces them, or the word stands more than one line away; values spelled out (`name at example dot org`), split over lines or fields,
//! wrapped twice, compressed, encrypted or drawn as a picture; base64 broken into lines; e-mail addresses with a quoted local part.
//!
//! ```
//! let detector = comity_redact::Detector::new().expect("the patterns are fixed");
//! let found = detector.scan("write to ada@example.org").expect("patterns do not fail");
//! assert_eq!(found.len(), 1);
//! assert_eq!((detector.kinds().get(found[0].kind).map_or("", |kind| &kind.name), found[0].start, found[0].end), ("email", 9, 24));
//! ```

mod anchor;
mod answer_scan;
mod aws;
mod card;
mod check;
mod context;
mod dataset;
mod detector;
mod email;
mod evaluate;
mod found;
mod gazetteer;
mod haystack;
mod iban;
mod identifier;
mod jwt;
mod kind;
mod kind_file;
mod limits;
mod names;
mod normal;
mod number;
mod pem;
mod phone;
mod pseudonym;
mod script;
mod shape;
mod token;
mod trained;
mod unprefixed;
mod url;
mod words;
mod wrapped;

pub use answer_scan::{CallValues, Look, Noted, OutputError, OutputMode, OutputRules, OutputScan};
pub use dataset::{DatasetError, Document, Labels, LabelsError, Span, read_brat, read_iob2, read_presidio};
pub use detector::{BuildError, Detector, ScanError};
pub use evaluate::{Measure, Report, evaluate};
pub use gazetteer::{Gazetteer, GazetteerError};
pub use kind::{Class, Finding, Kind, KindInfo, Kinds, Label, Tier};
pub use kind_file::{Example, ExampleList, ExampleOutcome, Examples, ExamplesError, KindError};
pub use names::Names;
pub use pseudonym::{Form, PseudonymError, PseudonymKey, Pseudonyms, Restorer, Shape, UnknownPseudonym};
pub use trained::{ModelError, ModelInfo, Progress, TrainError, TrainOptions, Trained, Training};
