//! The tier of general models: a GLiNER model that the user brings, run by an ONNX Runtime that the user brings.
//!
//! Nothing is shipped, linked or fetched: model, tokenizer and runtime are files whose paths are given to [`Gliner::open`]. A model that is
//! not one of GLiNER in span mode is refused there, since a model that is misread would find nothing and say so of every text. What cannot
//! be read in whole is an error, never "nothing found". Texts, words and tokens are never logged, printed or kept: the cache of the
//! tokenizer is off, the runtime's own log goes nowhere, and of its failures on a text only the code is told.
//!
//! Written from the published method (Zaratiana et al., NAACL 2024, and the `gliner` package): the text is split into words, the prompt is
//! `<<ENT>> label <<ENT>> label … <<SEP>> word word …`, and the model gives a score for every label and every span of up to 12 words.

mod encoder;
mod error;
mod gliner;
mod limits;
mod runtime;
mod spans;
mod windows;
mod words;

pub use error::GlinerError;
pub use gliner::{Gliner, Settings};
