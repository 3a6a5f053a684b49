//! Which API a caller uses, and which wire format an upstream speaks.

use comity_vocab::Action;

/// An API of the gateway that carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// OpenAI's `POST /v1/chat/completions`.
    Chat,
    /// OpenAI's `POST /v1/responses`, and what it keeps under an id.
    Responses,
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// Anthropic's `POST /v1/messages/count_tokens`: it ships the prompt, so it is governed like any call.
    CountTokens,
    /// OpenAI's `POST /v1/embeddings`.
    Embeddings,
}

/// The wire format of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wire {
    /// OpenAI's chat completions, and everything compatible.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Anthropic's count of tokens.
    CountTokens,
    /// OpenAI's embeddings.
    Embeddings,
    /// Google's `generateContent`.
    Gemini,
    /// Amazon's `Converse`.
    Bedrock,
}

// === impl Api ===

impl Api {
    /// Every API.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::CountTokens, Self::Embeddings];

    /// What the terms call it.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Chat | Self::Responses | Self::Messages | Self::CountTokens => Action::Infer,
            Self::Embeddings => Action::Embed,
        }
    }

    /// Its name in metrics, errors and the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
        }
    }

    /// Whether its callers expect Anthropic's shapes of errors and lists.
    #[must_use]
    pub const fn is_anthropic(self) -> bool {
        match self {
            Self::Messages | Self::CountTokens => true,
            Self::Chat | Self::Responses | Self::Embeddings => false,
        }
    }

    /// The wire format in which a call needs no translation.
    #[must_use]
    pub const fn wire(self) -> Wire {
        match self {
            Self::Chat => Wire::Chat,
            Self::Responses => Wire::Responses,
            Self::Messages => Wire::Messages,
            Self::CountTokens => Wire::CountTokens,
            Self::Embeddings => Wire::Embeddings,
        }
    }
}
