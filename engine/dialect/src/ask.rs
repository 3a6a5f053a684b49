//! What a call asks for, in no dialect. Every piece remembers where it stood in the caller's body, so that whoever cannot say it in another
//! dialect can name the field.

use serde_json::{Map, Number, Value};

use crate::error::CannotHonour;

/// A value and the field that the caller wrote it in: `messages[2].content[0]`, `top_k`.
#[derive(Debug, Clone, PartialEq)]
pub struct Said<T> {
    /// The field, as a path in the caller's dialect.
    pub field: String,
    /// What it says.
    pub value: T,
}

/// One call for text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// Instructions that stand before the conversation: system and developer messages, `instructions`. Text only.
    pub system: Vec<Said<Part>>,
    /// The conversation in order. Neighbours may have the same role: a writer joins them where its dialect wants turns to alternate.
    pub turns: Vec<Turn>,
    /// Functions that the caller runs.
    pub tools: Vec<Said<Tool>>,
    /// Which of them the model may or must use.
    pub tool_choice: Option<Said<ToolChoice>>,
    /// Whether several functions may be called at once; the dialect's default where nothing is said.
    pub parallel_tool_calls: Option<Said<bool>>,
    /// JSON that the answer must be.
    pub output_format: Option<Said<OutputFormat>>,
    /// Length and randomness.
    pub sampling: Sampling,
    /// How hard to think.
    pub reasoning: Option<Said<Reasoning>>,
    /// An opaque id of the end user, for the operator's abuse checks (`user`, `safety_identifier`, `metadata.user_id`).
    /// OpenAI takes 64 characters: a longer one is said there as its SHA-256 in hex.
    pub end_user: Option<Said<String>>,
    /// Whether the answer comes as events.
    pub stream: bool,
}

/// Length and randomness of an answer. Numbers keep the text that they were written with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// The most tokens of the answer, thinking included.
    pub output_tokens_max: Option<Said<u64>>,
    /// 0 to 2 at OpenAI and Gemini, 0 to 1 at Anthropic.
    pub temperature: Option<Said<Number>>,
    /// Nucleus sampling.
    pub top_p: Option<Said<Number>>,
    /// Only the k most likely tokens.
    pub top_k: Option<Said<u64>>,
    /// Texts that end the answer.
    pub stop: Option<Said<Vec<String>>>,
    /// Reproducible draws.
    pub seed: Option<Said<i64>>,
    /// Less of what was said often.
    pub frequency_penalty: Option<Said<Number>>,
    /// Less of what was said at all.
    pub presence_penalty: Option<Said<Number>>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The application or its user; results of functions too.
    User,
    /// The model.
    Assistant,
    /// Instructions in mid-conversation, text only. Those at the beginning are in [`Ask::system`].
    System,
}

/// What one side says at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who.
    pub role: Role,
    /// What, in order.
    pub parts: Vec<Said<Part>>,
}

/// A piece of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Everything up to here may be cached.
        cache: Option<CacheMark>,
    },
    /// A picture.
    Image {
        /// The picture.
        media: Media,
        /// Everything up to here may be cached.
        cache: Option<CacheMark>,
    },
    /// A document: PDF or text.
    File {
        /// The document.
        media: Media,
        /// Its name.
        name: Option<String>,
        /// Everything up to here may be cached.
        cache: Option<CacheMark>,
    },
    /// Sound.
    Audio(Media),
    /// What the model thought, handed back to it.
    Thinking {
        /// The text, or its summary; may be empty.
        text: String,
        /// The operator's proof that the text is its own.
        signature: Option<String>,
    },
    /// What the model thought, which only its operator can read.
    RedactedThinking {
        /// Base64.
        data: String,
    },
    /// The model refused.
    Refusal {
        /// Its words.
        text: String,
    },
    /// The model calls a function.
    ToolCall {
        /// Links the call with its result.
        id: String,
        /// The function.
        name: String,
        /// A JSON object as text, as the model wrote it; may be no JSON at all.
        arguments: String,
        /// Everything up to here may be cached.
        cache: Option<CacheMark>,
    },
    /// What the function gave.
    ToolResult {
        /// Of which call.
        id: String,
        /// Text, pictures and documents.
        content: Vec<Said<Part>>,
        /// The function failed.
        is_error: bool,
        /// Everything up to here may be cached.
        cache: Option<CacheMark>,
    },
}

/// A wish to cache what stands before. Operators that cache by themselves honour [`CacheMark::Short`] without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMark {
    /// For some minutes: the default.
    Short,
    /// For an hour.
    Hour,
}

/// Bytes of a known kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `image/png`; nothing where the caller did not say, which only an address allows.
    pub kind: Option<String>,
    /// Where they are.
    pub source: MediaSource,
    /// How closely a picture is to be looked at (`low`, `high`, `auto`), where the caller said so.
    pub detail: Option<String>,
}

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// In the call, as base64.
    Base64(String),
    /// In the call, as plain text (Anthropic's text documents).
    Text(String),
    /// At an address that the operator would fetch.
    Url(String),
    /// Kept by the operator: no other operator has it.
    FileId(String),
}

/// A function that the caller runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments; nothing for a function without any.
    pub parameters: Option<Value>,
    /// Whether arguments must fit the schema.
    pub strict: Option<bool>,
    /// Everything up to here may be cached.
    pub cache: Option<CacheMark>,
}

/// Which function the model may or must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
}

/// JSON that the answer must be.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON of this schema.
    Schema {
        /// Its name; some dialects want one.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// JSON Schema.
        schema: Value,
        /// Whether the answer must fit exactly.
        strict: Option<bool>,
    },
}

/// How hard to think.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Thinking is switched off by name.
    pub off: bool,
    /// As a word.
    pub effort: Option<Effort>,
    /// As a number of tokens.
    pub budget_tokens: Option<u64>,
    /// The model decides for itself when and how much (Anthropic's `adaptive`).
    pub adaptive: bool,
    /// Whether the caller wants to read a summary of the thoughts; the dialect's default where nothing is said.
    pub summary: Option<bool>,
}

/// Effort as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the APIs")]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

// === impl Ask ===

impl Ask {
    /// What is said of the choice among functions where there are none: it is moot, or it is wrong.
    pub(crate) fn check_choice_without_tools(&self) -> Result<(), CannotHonour> {
        match &self.tool_choice {
            None | Some(Said { value: ToolChoice::Auto | ToolChoice::None, .. }) => Ok(()),
            Some(Said { value: ToolChoice::Required | ToolChoice::Function(_), field }) => {
                Err(CannotHonour::invalid(field, "wants a function to be called, but the call names none"))
            }
        }
    }
}

// === impl Said ===

impl<T> Said<T> {
    /// `value`, said in `field`.
    pub fn new(field: impl Into<String>, value: T) -> Self {
        Self { field: field.into(), value }
    }

    /// The error for something that the other dialect cannot say: `why` completes "`field` …".
    pub fn cannot(&self, why: &str) -> CannotHonour {
        CannotHonour::new(&self.field, why)
    }
}

// === impl Role ===

impl Role {
    /// As OpenAI, Anthropic and Amazon write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::System => "system",
        }
    }
}

// === impl Part ===

impl Part {
    /// Text without a wish to cache.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: None }
    }

    /// Whether it is thoughts without a text and without a seal, which say nothing.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Thinking { text, .. } if text.is_empty()) && self.seal().is_none()
    }

    /// The operator's proof that thoughts are its own. Empty ones are none: some clients must write one.
    pub(crate) const fn seal(&self) -> Option<&str> {
        match self {
            Self::Thinking { signature: Some(signature), .. } if !signature.is_empty() => Some(signature.as_str()),
            Self::RedactedThinking { data } => Some(data.as_str()),
            Self::Thinking { .. }
            | Self::Text { .. }
            | Self::Image { .. }
            | Self::File { .. }
            | Self::Audio(_)
            | Self::Refusal { .. }
            | Self::ToolCall { .. }
            | Self::ToolResult { .. } => None,
        }
    }

    /// The wish to cache up to here.
    #[must_use]
    pub const fn cache(&self) -> Option<CacheMark> {
        match self {
            Self::Text { cache, .. }
            | Self::Image { cache, .. }
            | Self::File { cache, .. }
            | Self::ToolCall { cache, .. }
            | Self::ToolResult { cache, .. } => *cache,
            Self::Audio(_) | Self::Thinking { .. } | Self::RedactedThinking { .. } | Self::Refusal { .. } => None,
        }
    }

    /// What a function gave; nothing in any other part.
    pub(crate) fn result(&self) -> &[Said<Self>] {
        match self {
            Self::ToolResult { content, .. } => content,
            Self::Text { .. }
            | Self::Image { .. }
            | Self::File { .. }
            | Self::Audio(_)
            | Self::Thinking { .. }
            | Self::RedactedThinking { .. }
            | Self::Refusal { .. }
            | Self::ToolCall { .. } => &[],
        }
    }

    /// Where a wish to cache up to here stands, if the part can bear one.
    pub(crate) const fn cache_mut(&mut self) -> Option<&mut Option<CacheMark>> {
        match self {
            Self::Text { cache, .. }
            | Self::Image { cache, .. }
            | Self::File { cache, .. }
            | Self::ToolCall { cache, .. }
            | Self::ToolResult { cache, .. } => Some(cache),
            Self::Audio(_) | Self::Thinking { .. } | Self::RedactedThinking { .. } | Self::Refusal { .. } => None,
        }
    }
}

// === impl Media ===

impl Media {
    /// The name of a document that has none, for dialects that insist: the model reads it, so it says what the kind says and no more.
    pub(crate) fn plain_name(&self) -> &'static str {
        match (self.kind.as_deref(), &self.source) {
            (Some("application/pdf"), _) => "document.pdf",
            (Some("text/plain"), _) | (None, MediaSource::Text(_)) => "document.txt",
            (_, MediaSource::Base64(_) | MediaSource::Text(_) | MediaSource::Url(_) | MediaSource::FileId(_)) => "document",
        }
    }
}

// === impl OutputFormat ===

impl OutputFormat {
    /// The name of a schema that has none, for dialects that insist.
    pub(crate) const NAME: &str = "structured_output";
}

// === impl Effort ===

impl Effort {
    /// Every word, least first.
    pub const ALL: [Self; 6] = [Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// As OpenAI and Anthropic write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The word, if it is one; `none` is not an effort but [`Reasoning::off`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }
}

// === impl Tool ===

impl Tool {
    /// Its schema, where a dialect wants one for functions without arguments too.
    #[must_use]
    pub fn schema_or_empty(&self) -> Value {
        let empty = || Value::Object(Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), Map::new().into())]));
        self.parameters.clone().unwrap_or_else(empty)
    }
}
