//! The shape of Anthropic's messages: blocks that are no text, tools and servers of the operator, addresses to fetch, and what the operator
//! keeps.

use comity_dialect::Api;
use comity_upstream::Kept;

use super::{Findings, kind, tools};
use crate::document::{Document, Node};
use crate::error::CallError;

pub(super) fn structure(findings: &mut Findings, document: &Document<'_>) -> Result<(), CallError> {
    for (name, node) in document.fields() {
        match name {
            "messages" => node.items().iter().for_each(|message| blocks(findings, message, "content")),
            "system" => list(findings, node),
            "tools" => tools::tools(findings, node, Api::Messages)?,
            "mcp_servers" if !node.items().is_empty() || !node.members().is_empty() => {
                findings.remote.insert("mcp");
            }
            "container" => container(findings, node),
            _ => {}
        }
    }
    Ok(())
}

/// A container by its id, alone or beside the skills that it is to have.
fn container(findings: &mut Findings, container: &Node<'_>) {
    match container {
        Node::Object(_) => {
            findings.remote.insert("code_interpreter");
            container.all("id").for_each(|id| findings.refer_by("container", id, Kept::Container));
            let skills = container.all("skills").flat_map(Node::items);
            // Anthropic's own skills are part of its service; any other was made by somebody.
            skills.filter(|skill| kind(skill) != Some("anthropic")).for_each(|skill| findings.kept(skill));
        }
        Node::Text(_) | Node::List(_) | Node::Bool(_) | Node::Number | Node::Null => {
            findings.refer_by("container", container, Kept::Container);
        }
    }
}

fn blocks(findings: &mut Findings, owner: &Node<'_>, name: &str) {
    owner.all(name).for_each(|content| list(findings, content));
}

fn list(findings: &mut Findings, content: &Node<'_>) {
    match content {
        Node::Text(_) | Node::Null => {}
        Node::List(items) => items.iter().for_each(|each| block(findings, each)),
        Node::Object(_) | Node::Bool(_) | Node::Number => findings.opaque = true,
    }
}

fn block(findings: &mut Findings, block: &Node<'_>) {
    match kind(block) {
        // Seals among these are long base64, which is looked up wherever it stands.
        Some("text") => findings.part(block, &["text"]),
        Some("thinking" | "redacted_thinking" | "tool_use" | "server_tool_use" | "mcp_tool_use") => {}
        Some("tool_result" | "mcp_tool_result") => blocks(findings, block, "content"),
        Some("search_result") => blocks(findings, block, "content"),
        Some("document") => document(findings, block),
        Some("web_search_tool_result" | "web_fetch_tool_result" | "tool_reference") => {
            findings.addresses(block);
            findings.kept(block);
        }
        Some(_) | None => findings.unreadable(block),
    }
}

/// A document of plain text can be read; any other cannot.
fn document(findings: &mut Findings, block: &Node<'_>) {
    for source in block.all("source") {
        match kind(source) {
            Some("text") => {}
            Some("content") => blocks(findings, source, "content"),
            Some(_) | None => findings.unreadable(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Reference;
    use super::*;

    fn look(body: &str) -> Findings {
        let mut findings = Findings::default();
        structure(&mut findings, &Document::parse(body.as_bytes()).unwrap()).unwrap();
        findings
    }

    fn user(block: &str) -> Findings {
        look(&format!("{{\"messages\":[{{\"role\":\"user\",\"content\":[{block}]}}]}}"))
    }

    #[test]
    fn plain_blocks_are_nothing() {
        for block in [
            r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}"#,
            r#"{"type":"thinking","thinking":"hm","signature":"s"}"#,
            r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#,
            r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"ok"}]}"#,
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}"#,
        ] {
            assert_eq!(user(block), Findings::default(), "{block}");
        }
        let tools = r#"{"tools":[{"name":"f","input_schema":{}},{"type":"custom","name":"g"},{"type":"bash_20250124","name":"bash"}],"system":[{"type":"text","text":"x"}]}"#;
        assert_eq!(look(tools), Findings::default());
    }

    #[test]
    fn what_no_detector_can_read_is_opaque() {
        for block in [
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}"#,
            r#"{"type":"document","source":{"type":"base64","data":"AA"}}"#,
            r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"base64","data":"AA"}}]}"#,
            r#"{"type":"container_upload","file_id":"file_1"}"#,
            r#"{"type":"hologram"}"#,
            r#"{"text":"no type"}"#,
        ] {
            assert!(user(block).opaque, "{block}");
        }
    }

    #[test]
    fn what_makes_the_operator_reach_out_is_remote() {
        let url = user(r#"{"type":"image","source":{"type":"url","url":"https://x.org/a.png"}}"#);
        assert_eq!(url.remote, BTreeSet::from(["url"]));
        let file = user(r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#);
        assert_eq!(file.refers, [Reference { field: "file_id", kept: Kept::File("file_1".to_owned()) }]);
        let body = r#"{"mcp_servers":[{"type":"url","url":"https://x"}],"container":"c1","tools":[{"type":"web_search_20250305","name":"web_search"},{"type":"web_fetch_20250910"}]}"#;
        let found = look(body);
        assert_eq!(found.remote, BTreeSet::from(["mcp", "url", "web_search"]));
        assert_eq!(found.refers, [Reference { field: "container", kept: Kept::Container("c1".to_owned()) }]);
        let unknown = Document::parse(br#"{"tools":[{"type":"teleport_1"}]}"#).unwrap();
        assert!(structure(&mut Findings::default(), &unknown).is_err());
    }
}
