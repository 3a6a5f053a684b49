//! Reads a GGUF file: typed metadata and tensors.
//!
//! The file's author is not trusted: every number is checked before it sizes anything.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};

use super::LocalError;
use super::limits;

/// What a model file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// `general.name`, or else the file's name without its ending.
    pub name: String,
    /// `general.architecture`.
    pub architecture: String,
    /// `general.size_label`, such as `135M`.
    pub size: Option<String>,
    /// `general.license`.
    pub license: Option<String>,
    /// Tokens of prompt and answer together for which the model was trained.
    pub context_tokens: usize,
}

/// Reads what a model file says about itself, and whether this crate can run it. Loads no weights.
///
/// # Errors
/// The file is missing, not GGUF, damaged, or of a kind that the demonstration model cannot run.
pub fn inspect(path: &Path) -> Result<ModelInfo, LocalError> {
    let gguf = Gguf::open(path)?;
    let tokens = super::Tokens::read(&gguf)?;
    super::Template::read(&gguf, &tokens)?.end_of_answer(&gguf, tokens.control())?;
    gguf.info()
}

pub(super) struct Gguf {
    path: PathBuf,
    reader: BufReader<File>,
    content: Content,
}

// === impl Gguf ===

impl Gguf {
    pub(super) fn open(path: &Path) -> Result<Gguf, LocalError> {
        let read = |source| LocalError::Read { path: path.to_owned(), source };
        let damaged = |problem: &str| LocalError::Damaged { path: path.to_owned(), problem: problem.to_owned() };
        let mut reader = BufReader::new(File::open(path).map_err(read)?);
        let mut magic = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut magic).map_err(read)?;
        if magic != b"GGUF" {
            return Err(damaged("it does not begin with `GGUF`"));
        }
        reader.rewind().map_err(read)?;
        let content = Content::read(&mut reader).map_err(|error| damaged(&one_line(&error)))?;
        let gguf = Gguf { path: path.to_owned(), reader, content };
        match gguf.text("general.architecture") {
            Some("llama") => Ok(gguf),
            Some(other) => Err(gguf.unsupported(format!("its architecture is `{other}`, not `llama`"))),
            None => Err(damaged("it does not name its architecture")),
        }
    }

    pub(super) fn info(&self) -> Result<ModelInfo, LocalError> {
        let owned = |key| self.text(key).map(str::to_owned);
        let stem = || self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(ModelInfo {
            name: owned("general.name").unwrap_or_else(stem),
            architecture: owned("general.architecture").unwrap_or_default(),
            size: owned("general.size_label"),
            license: owned("general.license"),
            context_tokens: self.size("llama.context_length")?,
        })
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.content.metadata.get(key)?.to_string().ok().map(String::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.content.metadata.get(key)?.to_bool().ok()
    }

    pub(super) fn float(&self, key: &str) -> Option<f32> {
        self.content.metadata.get(key)?.to_f32().ok()
    }

    pub(super) fn integer(&self, key: &str) -> Option<u32> {
        integer(self.content.metadata.get(key)?)
    }

    /// A number that must be there and positive.
    pub(super) fn size(&self, key: &str) -> Result<usize, LocalError> {
        let size = self.integer(key).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        if size == 0 { Err(self.damaged(format!("`{key}` is missing or not a positive number"))) } else { Ok(size) }
    }

    pub(super) fn list(&self, key: &str) -> Result<&[Value], LocalError> {
        let list = self.content.metadata.get(key).and_then(|value| value.to_vec().ok());
        let list = list.ok_or_else(|| self.damaged(format!("`{key}` is missing or not a list")))?;
        if list.len() > limits::VOCABULARY_MAX {
            return Err(self.unsupported(format!("`{key}` has {} entries, more than {}", list.len(), limits::VOCABULARY_MAX)));
        }
        Ok(list)
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>, LocalError> {
        let texts = self.list(key)?.iter().map(|value| value.to_string().map(String::as_str));
        texts.collect::<Result<_, _>>().map_err(|_| self.damaged(format!("`{key}` holds more than texts")))
    }

    /// A list of numbers.
    pub(super) fn integers(&self, key: &str) -> Result<Vec<u32>, LocalError> {
        let integers: Option<Vec<u32>> = self.list(key)?.iter().map(integer).collect();
        integers.ok_or_else(|| self.damaged(format!("`{key}` holds more than numbers from 0")))
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A tensor of whatever type as 32-bit floats, rows after each other. `dims` is `[rows, columns]` or `[columns]`.
    pub(super) fn tensor(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, LocalError> {
        let info = self.content.tensor_infos.get(name).ok_or_else(|| self.damaged(format!("tensor `{name}` is missing")))?;
        if info.shape.dims() != dims {
            return Err(self.damaged(format!("tensor `{name}` has shape {:?}, not {dims:?}", info.shape.dims())));
        }
        let read = self.content.tensor(&mut self.reader, name, &Device::Cpu);
        let floats = read.and_then(|tensor| tensor.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>());
        floats.map_err(|error| self.damaged(format!("tensor `{name}`: {}", one_line(&error))))
    }

    pub(super) fn damaged(&self, problem: impl Into<String>) -> LocalError {
        LocalError::Damaged { path: self.path.clone(), problem: problem.into() }
    }

    pub(super) fn unsupported(&self, problem: impl Into<String>) -> LocalError {
        LocalError::Unsupported { path: self.path.clone(), problem: problem.into() }
    }
}

/// A number from 0, however wide the file's author made it.
fn integer(value: &Value) -> Option<u32> {
    let wide = match value {
        Value::U8(number) => i64::from(*number),
        Value::I8(number) => i64::from(*number),
        Value::U16(number) => i64::from(*number),
        Value::I16(number) => i64::from(*number),
        Value::U32(number) => i64::from(*number),
        Value::I32(number) => i64::from(*number),
        Value::U64(number) => i64::try_from(*number).ok()?,
        Value::I64(number) => *number,
        Value::F32(_) | Value::F64(_) | Value::Bool(_) | Value::String(_) | Value::Array(_) => return None,
    };
    u32::try_from(wide).ok()
}

/// candle's errors may carry a backtrace below their first line.
fn one_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_lowercase()
}
