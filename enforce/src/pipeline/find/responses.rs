//! The shape of a response: items that are no text, tools of the operator, addresses to fetch, and what the operator keeps.

use comity_dialect::Api;
use comity_upstream::Kept;

use super::{Findings, kind, tools};
use crate::document::{Document, Node};
use crate::error::CallError;

pub(super) fn structure(findings: &mut Findings, document: &Document<'_>) -> Result<(), CallError> {
    for (name, node) in document.fields() {
        match name {
            "input" => node.items().iter().for_each(|each| item(findings, each)),
            "tools" => tools::tools(findings, node, Api::Responses)?,
            "previous_response_id" => findings.refer_by("previous_response_id", node, Kept::Response),
            "conversation" => conversation(findings, node),
            _ => {}
        }
    }
    Ok(())
}

fn conversation(findings: &mut Findings, conversation: &Node<'_>) {
    match conversation {
        Node::Object(_) => conversation.all("id").for_each(|id| findings.refer_by("conversation", id, Kept::Response)),
        Node::Text(_) | Node::List(_) | Node::Bool(_) | Node::Number | Node::Null => {
            findings.refer_by("conversation", conversation, Kept::Response);
        }
    }
}

fn item(findings: &mut Findings, item: &Node<'_>) {
    let untyped = item.all("type").all(Node::is_null);
    match kind(item) {
        // A message needs no type; neither does a reference.
        None if untyped && item.all("role").next().is_some() => content(findings, item, "content"),
        None if untyped => by_id(findings, item),
        Some("message") => content(findings, item, "content"),
        Some("function_call" | "custom_tool_call") => {}
        Some("function_call_output" | "custom_tool_call_output") => content(findings, item, "output"),
        Some("reasoning") if is_sealed(item) => {}
        Some("reasoning" | "item_reference") => by_id(findings, item),
        Some("web_search_call" | "file_search_call" | "mcp_call" | "mcp_list_tools" | "mcp_approval_request" | "mcp_approval_response") => {
            by_id(findings, item);
            findings.addresses(item);
            findings.kept(item);
        }
        // Calls and results of other tools, and whatever comes later.
        Some(_) | None => {
            by_id(findings, item);
            findings.unreadable(item);
        }
    }
}

/// The operator looks the item up by its id.
fn by_id(findings: &mut Findings, item: &Node<'_>) {
    item.all("id").for_each(|id| findings.refer_by("id", id, Kept::Item));
}

/// Thoughts that come along sealed. With two seals, or an empty one, the operator may look them up all the same.
fn is_sealed(item: &Node<'_>) -> bool {
    let seals: Vec<_> = item.all("encrypted_content").collect();
    matches!(seals.as_slice(), [Node::Text(seal)] if !seal.is_empty())
}

fn content(findings: &mut Findings, item: &Node<'_>, name: &str) {
    const READABLE: [&str; 6] = ["text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"];
    for content in item.all(name) {
        match content {
            Node::Text(_) | Node::Null => {}
            Node::List(parts) => parts.iter().for_each(|part| findings.part(part, &READABLE)),
            Node::Object(_) | Node::Bool(_) | Node::Number => findings.opaque = true,
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

    #[test]
    fn plain_items_are_nothing() {
        let body = r#"{"input":[{"role":"user","content":"hi"},{"type":"message","content":[{"type":"input_text","text":"x"}]},
            {"type":"function_call","arguments":"{}"},{"type":"function_call_output","output":"ok"},
            {"type":"reasoning","id":"rs_1","encrypted_content":"x","summary":[]}],"tools":[{"type":"function","name":"f"}]}"#;
        assert_eq!(look(body), Findings::default());
    }

    #[test]
    fn what_no_detector_can_read_is_opaque() {
        for item in [
            r#"{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}"#,
            r#"{"type":"message","content":[{"type":"input_file","file_data":"AA"}]}"#,
            r#"{"type":"function_call_output","output":[{"type":"input_image","image_url":"data:,x"}]}"#,
            r#"{"type":"computer_call_output","output":{"type":"computer_screenshot"}}"#,
            r#"{"type":"hologram"}"#,
            r#"{"type":3}"#,
        ] {
            assert!(look(&format!("{{\"input\":[{item}]}}")).opaque, "{item}");
        }
        let url = look(r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x.org/a.png"}]}]}"#);
        assert_eq!((url.opaque, url.remote), (true, BTreeSet::from(["url"])));
    }

    #[test]
    fn what_the_operator_keeps_is_a_reference() {
        let refer = |field, kept| Reference { field, kept };
        let text = |text: &str| text.to_owned();
        let body = r#"{"previous_response_id":"resp_1","conversation":{"id":"conv_1"},
            "input":[{"type":"item_reference","id":"msg_1"},{"id":"msg_2"},{"type":null,"id":"msg_3"},
                     {"type":"reasoning","id":"rs_1","encrypted_content":"x","encrypted_content":null},
                     {"type":"image_generation_call","id":"ig_1"},
                     {"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}],
            "tools":[{"type":"code_interpreter","container":"cntr_1"},{"type":"code_interpreter","container":{"type":"auto","file_ids":["file_2"]}},
                     {"type":"shell","environment":{"type":"container_reference","container_id":"cntr_2"}},
                     {"type":"image_generation","input_image_mask":{"file_id":"file_3"}},
                     {"type":"file_search","vector_store_ids":["vs_1"]}]}"#;
        let expected = [
            refer("previous_response_id", Kept::Response(text("resp_1"))),
            refer("conversation", Kept::Response(text("conv_1"))),
            refer("id", Kept::Item(text("msg_1"))),
            refer("id", Kept::Item(text("msg_2"))),
            refer("id", Kept::Item(text("msg_3"))),
            refer("id", Kept::Item(text("rs_1"))),
            refer("id", Kept::Item(text("ig_1"))),
            refer("file_id", Kept::File(text("file_1"))),
            refer("container", Kept::Container(text("cntr_1"))),
            refer("file_ids", Kept::File(text("file_2"))),
            refer("container_id", Kept::Container(text("cntr_2"))),
            refer("file_id", Kept::File(text("file_3"))),
            refer("vector_store_ids", Kept::File(text("vs_1"))),
        ];
        let found = look(body);
        assert_eq!(found.refers, expected);
        assert_eq!(found.remote, BTreeSet::from(["code_interpreter", "file", "file_search", "image_generation"]));
    }
}
