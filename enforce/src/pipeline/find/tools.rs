//! Who runs a tool: the caller, or the operator, who would then reach out with what is in the call.

use comity_dialect::Api;

use super::Findings;
use crate::document::Node;
use crate::error::CallError;

/// Who runs a tool.
enum Tool {
    OfCaller,
    OfOperator(&'static str),
    Unknown,
}

/// Tools of OpenAI's APIs that the operator runs, by how their types begin: operators date them (`web_search_preview_2025_03_11`).
const OPENAI_HOSTED: [(&str, &str); 7] = [
    ("web_search", "web_search"),
    ("file_search", "file_search"),
    ("code_interpreter", "code_interpreter"),
    ("computer", "computer_use"),
    ("mcp", "mcp"),
    ("image_generation", "image_generation"),
    ("shell", "code_interpreter"),
];
/// Tools of OpenAI's APIs that the caller runs.
const OPENAI_OWN: [&str; 4] = ["function", "custom", "local_shell", "apply_patch"];

/// The same for Anthropic's.
const ANTHROPIC_HOSTED: [(&str, &str); 5] = [
    ("web_search_", "web_search"),
    ("web_fetch_", "url"),
    ("code_execution_", "code_interpreter"),
    ("mcp_toolset", "mcp"),
    ("tool_search_tool_", "tool_search"),
];
/// Tools whose shape Anthropic defines and the caller runs, by how their types begin.
const ANTHROPIC_OWN: [&str; 5] = ["custom", "bash_", "text_editor_", "computer_", "memory_"];

/// Characters of an unknown type that its error repeats: longer ones are no type.
const TYPE_SHOWN_MAX: usize = 64;

/// Looks at the definitions of tools. One of an unknown type is refused: nobody can say what it would do with the call.
pub(super) fn tools(findings: &mut Findings, tools: &Node<'_>, api: Api) -> Result<(), CallError> {
    for (at, tool) in tools.items().iter().enumerate() {
        let mut kinds = tool.all("type").peekable();
        if kinds.peek().is_none() && !api.is_anthropic() {
            return Err(unknown_tool(at, "has no `type`"));
        }
        for kind in kinds {
            match kind.text().map(|kind| hosted(kind, api)) {
                Some(Tool::OfCaller) => {}
                Some(Tool::OfOperator(kind)) => {
                    findings.remote.insert(kind);
                    findings.kept(tool);
                    // A server of tools is an address by its nature.
                    if kind != "mcp" {
                        findings.addresses(tool);
                    }
                }
                Some(Tool::Unknown) => {
                    let named: String = kind.text().unwrap_or_default().chars().take(TYPE_SHOWN_MAX).collect();
                    return Err(unknown_tool(at, &format!("is of the type `{named}`, which this gateway does not know")));
                }
                None if kind.is_null() && api.is_anthropic() => {}
                None => return Err(unknown_tool(at, "has a `type` that is not text")),
            }
        }
    }
    Ok(())
}

fn hosted(kind: &str, api: Api) -> Tool {
    let (hosted, is_own): (&[(&str, &'static str)], bool) = if api.is_anthropic() {
        (&ANTHROPIC_HOSTED, ANTHROPIC_OWN.iter().any(|own| kind.starts_with(own)))
    } else {
        (&OPENAI_HOSTED, OPENAI_OWN.contains(&kind))
    };
    if is_own {
        return Tool::OfCaller;
    }
    hosted.iter().find(|(prefix, _)| kind.starts_with(prefix)).map_or(Tool::Unknown, |(_, name)| Tool::OfOperator(name))
}

fn unknown_tool(at: usize, what: &str) -> CallError {
    let param = format!("tools[{at}]");
    CallError::cannot_honour(param.clone(), format!("`{param}` {what}, so nobody can say what it would do with the call"))
}
