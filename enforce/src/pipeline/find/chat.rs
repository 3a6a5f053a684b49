//! The shape of a chat completion: parts that are no text, tools of the operator, addresses to fetch, and what the operator keeps.

use comity_dialect::Api;
use comity_upstream::Kept;

use super::{Findings, tools};
use crate::document::{Document, Node};
use crate::error::CallError;

pub(super) fn structure(findings: &mut Findings, document: &Document<'_>) -> Result<(), CallError> {
    for (name, node) in document.fields() {
        match name {
            "messages" => node.items().iter().for_each(|each| message(findings, each)),
            "tools" => tools::tools(findings, node, Api::Chat)?,
            // OpenAI's, xAI's and Qwen's ways to have the operator search.
            "web_search_options" | "search_parameters" | "enable_search" if !matches!(node, Node::Null | Node::Bool(false)) => {
                findings.remote.insert("web_search");
            }
            // Azure's: the operator asks an address of the caller's.
            "data_sources" if !node.is_null() => {
                findings.remote.insert("url");
            }
            _ => {}
        }
    }
    Ok(())
}

fn message(findings: &mut Findings, message: &Node<'_>) {
    for content in message.all("content") {
        match content {
            Node::Text(_) | Node::Null => {}
            Node::List(parts) => parts.iter().for_each(|part| findings.part(part, &["text", "input_text", "output_text", "refusal"])),
            Node::Object(_) | Node::Bool(_) | Node::Number => findings.opaque = true,
        }
    }
    // An answer in sound that the operator keeps, referred to by its id.
    for audio in message.all("audio").filter(|audio| !audio.is_null()) {
        findings.opaque = true;
        audio.all("id").for_each(|id| findings.refer_by("audio.id", id, Kept::Item));
    }
}
