//! The border to ONNX Runtime: loads it once, opens a model and runs it.
//!
//! A process has one runtime; the first that is named stays. It prints and logs nothing, and sends no telemetry.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::value::{Shape, Tensor};

use crate::encoder::Look;
use crate::error::GlinerError;
use crate::limits::SPAN_WORDS_MAX;
use crate::spans::asked;

const INPUTS: [&str; 6] = ["input_ids", "attention_mask", "words_mask", "text_lengths", "span_idx", "span_mask"];
const OUTPUT: &str = "logits";

/// The one environment of this process, made when the first model is opened. It is kept: ONNX Runtime does not make a second one.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// A model that is ready. One look runs at a time, on all the threads that the runtime takes.
pub(crate) struct Model(Mutex<Session>);

// === impl Model ===

impl Model {
    pub(crate) fn open(path: &Path, runtime: Option<&Path>) -> Result<Self, GlinerError> {
        let environment = environment(runtime)?;
        let problem = |error: ort::Error| GlinerError::Model { path: path.to_owned(), reason: error.to_string() };
        let session = Session::builder(&environment).and_then(|mut builder| builder.commit_from_file(path)).map_err(problem)?;
        let missing =
            |kind: &str, name: &str| GlinerError::NotSpanMode { path: path.to_owned(), reason: format!("it has no {kind} `{name}`") };
        let has = |outlets: &[ort::value::Outlet], name: &str| outlets.iter().any(|outlet| outlet.name() == name);
        if let Some(name) = INPUTS.into_iter().find(|name| !has(session.inputs(), name)) {
            return Err(missing("input", name));
        }
        if !has(session.outputs(), OUTPUT) {
            return Err(missing("output", OUTPUT));
        }
        Ok(Self(Mutex::new(session)))
    }

    /// What the model says of a look, if it is `words` times 12 times `labels` numbers.
    pub(crate) fn run(&self, look: Look, labels: usize) -> Result<Vec<f32>, String> {
        let words = look.words;
        let inputs = inputs(look).map_err(told)?;
        // A run that panicked leaves nothing behind that the next could misread.
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(inputs).map_err(told)?;
        let logits = outputs.get(OUTPUT).ok_or("the model gave no scores")?;
        let (shape, scores) = logits.try_extract_tensor::<f32>().map_err(|_| "the model's scores are not 32-bit numbers")?;
        if !fits(shape, &[1, words, SPAN_WORDS_MAX, labels]) {
            return Err(format!("the model's scores have the shape {shape:?}, not [1, {words}, {SPAN_WORDS_MAX}, {labels}]"));
        }
        Ok(scores.to_vec())
    }
}

/// A failure of the runtime in a run. Its message may hold numbers of tokens, which stand for words: only the code is told.
fn told(error: ort::Error) -> String {
    format!("the ONNX Runtime failed with {:?}", error.code())
}

fn fits(shape: &Shape, expected: &[usize]) -> bool {
    shape.len() == expected.len() && shape.iter().zip(expected).all(|(is, should)| usize::try_from(*is) == Ok(*should))
}

type Inputs = Vec<(std::borrow::Cow<'static, str>, ort::session::SessionInputValue<'static>)>;

fn inputs(look: Look) -> ort::Result<Inputs> {
    let (tokens, words) = (look.tokens.len(), look.words);
    let (places, within) = asked(words);
    let spans = within.len();
    let count = vec![i64::try_from(words).unwrap_or_default()];
    Ok(ort::inputs! {
        "input_ids" => Tensor::from_array(([1, tokens], look.tokens))?,
        "attention_mask" => Tensor::from_array(([1, tokens], vec![1_i64; tokens]))?,
        "words_mask" => Tensor::from_array(([1, tokens], look.numbers))?,
        "text_lengths" => Tensor::from_array(([1_usize, 1], count))?,
        "span_idx" => Tensor::from_array(([1, spans, 2], places))?,
        "span_mask" => Tensor::from_array(([1, spans], within))?,
    })
}

fn environment(runtime: Option<&Path>) -> Result<Environment, GlinerError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = environment.as_ref() {
        return Ok(environment.clone());
    }
    let path = library(runtime)?;
    let problem = |reason: String| GlinerError::Runtime { path: path.clone(), reason };
    let builder = ort::init_from(&path).map_err(|error| problem(error.to_string()))?;
    let silent = Arc::new(|_, _: &str, _: &str, _: &str, _: &str| {});
    let made = builder.with_telemetry(false).with_logger(silent).build().map_err(|error| problem(error.to_string()))?;
    Ok(environment.insert(made).clone())
}

/// Where the library is, as a whole path: a relative one would be looked for beside the program.
fn library(given: Option<&Path>) -> Result<PathBuf, GlinerError> {
    let named = || std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = given.map(Path::to_owned).or_else(named).ok_or(GlinerError::NoRuntime)?;
    std::fs::canonicalize(&path).map_err(|error| GlinerError::Runtime { path, reason: error.to_string() })
}
