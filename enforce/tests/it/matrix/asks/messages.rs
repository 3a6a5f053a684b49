//! Anthropic's messages.

use super::Row;
use crate::matrix::feature::Feature;

pub(super) const ROWS: &[Row] = &[
    (Feature::Text, ""),
    (Feature::Stream, r#""stream":true"#),
    (Feature::System, r#""system":"Answer in one line.""#),
    (
        Feature::LateSystem,
        r#""messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"},{"role":"system","content":"Now in one line."}]"#,
    ),
    (Feature::ImageInline, IMAGE_INLINE),
    (Feature::ImageUrl, IMAGE_URL),
    (Feature::Document, DOCUMENT),
    (Feature::Call, CALL),
    (
        Feature::ParallelCalls,
        r#""stream":true,"messages":[{"role":"user","content":"$MARK in 'Paris' and 'Brest'"}],"tools":[{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}},{"name":"tide","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}]"#,
    ),
    (
        Feature::OneCall,
        r#""tool_choice":{"type":"auto","disable_parallel_tool_use":true},"tools":[{"name":"weather","input_schema":{"type":"object"}},{"name":"tide","input_schema":{"type":"object"}}]"#,
    ),
    (
        Feature::ChosenTool,
        r#""tool_choice":{"type":"tool","name":"tide"},"tools":[{"name":"weather","input_schema":{"type":"object"}},{"name":"tide","input_schema":{"type":"object"}}]"#,
    ),
    (Feature::Results, RESULTS),
    (Feature::FailedResult, FAILED_RESULT),
    (
        Feature::ImageResult,
        r#""messages":[{"role":"user","content":"$MARK"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_a","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_a","content":[{"type":"text","text":"21 degrees"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"$PNG"}}]}]}],"tools":[{"name":"weather","input_schema":{"type":"object"}}]"#,
    ),
    (Feature::JsonSchema, JSON_SCHEMA),
    (Feature::Effort, EFFORT),
    (Feature::Budget, r#""max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":4096}"#),
    (Feature::Thoughts, THOUGHTS),
    (Feature::OutputLimit, r#""max_tokens":300"#),
    (Feature::Stop, r#""messages":[{"role":"user","content":"$MARK before BREAK after"}],"stop_sequences":["BREAK"]"#),
    (Feature::Sampling, r#""temperature":0.50,"top_p":0.25"#),
    (Feature::TopK, r#""top_k":40"#),
    (Feature::EndUser, r#""metadata":{"user_id":"user-seven"}"#),
    (Feature::CacheMark, CACHE_MARK),
    (Feature::CacheHour, CACHE_HOUR),
    (
        Feature::CachedUsage,
        r#""stream":true,"system":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#,
    ),
    (Feature::HostedTool, HOSTED_TOOL),
    (Feature::UnknownField, UNKNOWN_FIELD),
];

// What a prompt may hold: to count it is to send it.

pub(super) const IMAGE_INLINE: &str = r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"$PNG"}}]}]"#;
pub(super) const IMAGE_URL: &str = r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"image","source":{"type":"url","url":"https://example.org/a.png"}}]}]"#;
pub(super) const DOCUMENT: &str = r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"$PDF"}}]}]"#;
pub(super) const CALL: &str = r#""messages":[{"role":"user","content":"$MARK in 'Paris'"}],"tools":[{"name":"weather","description":"of a city","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]"#;
pub(super) const RESULTS: &str = r#""messages":[{"role":"user","content":"$MARK"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_a","name":"weather","input":{"city":"Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_a","content":"21 degrees"}]}],"tools":[{"name":"weather","input_schema":{"type":"object"}}]"#;
pub(super) const FAILED_RESULT: &str = r#""messages":[{"role":"user","content":"$MARK"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_a","name":"weather","input":{"city":"Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_a","is_error":true,"content":"no such city"}]}],"tools":[{"name":"weather","input_schema":{"type":"object"}}]"#;
pub(super) const JSON_SCHEMA: &str = r#""output_config":{"format":{"type":"json_schema","schema":$SCHEMA}}"#;
pub(super) const EFFORT: &str = r#""thinking":{"type":"adaptive"},"output_config":{"effort":"high"}"#;
pub(super) const THOUGHTS: &str = r#""messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"$THOUGHT","signature":"$SEAL"},{"type":"text","text":"hello"}]},{"role":"user","content":"$MARK"}]"#;
pub(super) const CACHE_MARK: &str = r#""system":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#;
pub(super) const CACHE_HOUR: &str = r#""system":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#;
pub(super) const HOSTED_TOOL: &str = r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#;
pub(super) const UNKNOWN_FIELD: &str = r#""new_here":{"deep":[1.50,2e3]}"#;
