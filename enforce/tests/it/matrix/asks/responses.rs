//! OpenAI's responses.

use super::Row;
use crate::matrix::feature::Feature;

pub(super) const ROWS: &[Row] = &[
    (Feature::Text, ""),
    (Feature::Stream, r#""stream":true"#),
    (Feature::System, r#""instructions":"Answer in one line.""#),
    (
        Feature::LateSystem,
        r#""input":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"},{"role":"developer","content":"Now in one line."}]"#,
    ),
    (
        Feature::ImageInline,
        r#""input":[{"role":"user","content":[{"type":"input_text","text":"$MARK"},{"type":"input_image","image_url":"data:image/png;base64,$PNG"}]}]"#,
    ),
    (
        Feature::ImageUrl,
        r#""input":[{"role":"user","content":[{"type":"input_text","text":"$MARK"},{"type":"input_image","image_url":"https://example.org/a.png"}]}]"#,
    ),
    (
        Feature::Document,
        r#""input":[{"role":"user","content":[{"type":"input_text","text":"$MARK"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,$PDF"}]}]"#,
    ),
    (
        Feature::Call,
        r#""input":"$MARK in 'Paris'","tools":[{"type":"function","name":"weather","description":"of a city","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]"#,
    ),
    (
        Feature::ParallelCalls,
        r#""stream":true,"input":"$MARK in 'Paris' and 'Brest'","tools":[{"type":"function","name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}},{"type":"function","name":"tide","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]"#,
    ),
    (
        Feature::OneCall,
        r#""parallel_tool_calls":false,"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}},{"type":"function","name":"tide","parameters":{"type":"object"}}]"#,
    ),
    (
        Feature::ChosenTool,
        r#""tool_choice":{"type":"function","name":"tide"},"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}},{"type":"function","name":"tide","parameters":{"type":"object"}}]"#,
    ),
    (
        Feature::Results,
        r#""input":[{"role":"user","content":"$MARK"},{"type":"function_call","call_id":"call_a","name":"weather","arguments":"{\"city\":\"Paris\"}"},{"type":"function_call_output","call_id":"call_a","output":"21 degrees"}],"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}]"#,
    ),
    (
        Feature::ImageResult,
        r#""input":[{"role":"user","content":"$MARK"},{"type":"function_call","call_id":"call_a","name":"weather","arguments":"{}"},{"type":"function_call_output","call_id":"call_a","output":[{"type":"input_text","text":"21 degrees"},{"type":"input_image","image_url":"data:image/png;base64,$PNG"}]}],"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}]"#,
    ),
    (Feature::JsonSchema, r#""text":{"format":{"type":"json_schema","name":"city","strict":true,"schema":$SCHEMA}}"#),
    (Feature::JsonObject, r#""text":{"format":{"type":"json_object"}}"#),
    (Feature::Effort, r#""reasoning":{"effort":"high"}"#),
    (
        Feature::Thoughts,
        r#""input":[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_a","summary":[{"type":"summary_text","text":"$THOUGHT"}],"encrypted_content":"$SEAL"},{"role":"assistant","content":[{"type":"output_text","text":"hello"}]},{"role":"user","content":"$MARK"}]"#,
    ),
    (Feature::OutputLimit, r#""max_output_tokens":300"#),
    (Feature::Sampling, r#""temperature":0.50,"top_p":0.25"#),
    (Feature::EndUser, r#""safety_identifier":"user-seven""#),
    (
        Feature::CacheMark,
        r#""input":[{"role":"system","content":[{"type":"input_text","text":"$LONG","prompt_cache_breakpoint":{"mode":"explicit"}}]},{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#,
    ),
    (
        Feature::CachedUsage,
        r#""stream":true,"input":[{"role":"system","content":[{"type":"input_text","text":"$LONG","prompt_cache_breakpoint":{"mode":"explicit"}}]},{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#,
    ),
    (Feature::Logprobs, r#""top_logprobs":2,"include":["message.output_text.logprobs"]"#),
    (Feature::HostedTool, r#""tools":[{"type":"web_search"}]"#),
    (Feature::StoredState, r#""previous_response_id":"$PREVIOUS""#),
    (Feature::UnknownField, r#""new_here":{"deep":[1.50,2e3]}"#),
];
