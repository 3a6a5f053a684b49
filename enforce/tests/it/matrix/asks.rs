//! How each surface asks for each feature: the members of its body, in its own words. `$NAME`s are filled in when the call is made; a body
//! without a word to the model gets one.

mod chat;
mod count_tokens;
mod embeddings;
mod messages;
mod responses;

use comity_dialect::Wire;

use super::feature::Feature;

/// One feature, and the members of the body that ask for it.
pub(super) type Row = (Feature, &'static str);

/// An API that clients speak: a table of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Surface {
    Chat,
    Responses,
    Messages,
    CountTokens,
    Embeddings,
}

/// A picture of one point.
pub(super) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Enough of a sound for a mock.
pub(super) const WAV: &str = "UklGRiQAAABXQVZFZm10IA==";
/// Enough of a document for a mock.
pub(super) const PDF: &str = "JVBERi0xLjQKJeLjz9MK";
/// The schema of structured answers.
pub(super) const SCHEMA: &str =
    r#"{"type":"object","properties":{"population":{"type":"integer"}},"required":["population"],"additionalProperties":false}"#;

// === impl Surface ===

impl Surface {
    pub(super) const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::CountTokens, Self::Embeddings];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    /// The wire format in which nothing is translated.
    pub(super) const fn wire(self) -> Wire {
        match self {
            Self::Chat => Wire::Chat,
            Self::Responses => Wire::Responses,
            Self::Messages => Wire::Messages,
            Self::CountTokens => Wire::CountTokens,
            Self::Embeddings => Wire::Embeddings,
        }
    }

    /// What its API has a word for.
    pub(super) const fn rows(self) -> &'static [Row] {
        match self {
            Self::Chat => chat::ROWS,
            Self::Responses => responses::ROWS,
            Self::Messages => messages::ROWS,
            Self::CountTokens => count_tokens::ROWS,
            Self::Embeddings => embeddings::ROWS,
        }
    }

    /// The members of the body that asks for a feature.
    pub(super) fn members(self, feature: Feature) -> String {
        let row = self.rows().iter().find(|(of, _)| *of == feature);
        let said = row.map(|(_, members)| *members).unwrap_or_default();
        let mut members: Vec<&str> = Vec::new();
        if self == Self::Messages && !said.contains("max_tokens") {
            members.push("\"max_tokens\":2000");
        }
        if !said.contains("$MARK") {
            members.push(match self {
                Self::Chat | Self::Messages | Self::CountTokens => r#""messages":[{"role":"user","content":"$MARK hello"}]"#,
                Self::Responses | Self::Embeddings => r#""input":"$MARK hello""#,
            });
        }
        members.extend((!said.is_empty()).then_some(said));
        members.join(",\n\t")
    }
}
