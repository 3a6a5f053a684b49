//! OpenAI's chat completions. `top_k`, `cache_control` and the members of thoughts are not OpenAI's, but common to compatible servers.

use super::Row;
use crate::matrix::feature::Feature;

pub(super) const ROWS: &[Row] = &[
    (Feature::Text, ""),
    (Feature::Stream, r#""stream":true,"stream_options":{"include_usage":true}"#),
    (Feature::System, r#""messages":[{"role":"system","content":"Answer in one line."},{"role":"user","content":"$MARK hello"}]"#),
    (
        Feature::LateSystem,
        r#""messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"},{"role":"system","content":"Now in one line."}]"#,
    ),
    (
        Feature::ImageInline,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"image_url","image_url":{"url":"data:image/png;base64,$PNG"}}]}]"#,
    ),
    (
        Feature::ImageUrl,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]"#,
    ),
    (
        Feature::Document,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,$PDF"}}]}]"#,
    ),
    (
        Feature::Sound,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"$MARK"},{"type":"input_audio","input_audio":{"data":"$WAV","format":"wav"}}]}]"#,
    ),
    (
        Feature::Call,
        r#""messages":[{"role":"user","content":"$MARK in 'Paris'"}],"tools":[{"type":"function","function":{"name":"weather","description":"of a city","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]"#,
    ),
    (
        Feature::ParallelCalls,
        r#""stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"$MARK in 'Paris' and 'Brest'"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},{"type":"function","function":{"name":"tide","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]"#,
    ),
    (
        Feature::OneCall,
        r#""parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}},{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]"#,
    ),
    (
        Feature::ChosenTool,
        r#""tool_choice":{"type":"function","function":{"name":"tide"}},"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}},{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]"#,
    ),
    (
        Feature::Results,
        r#""messages":[{"role":"user","content":"$MARK"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}}]},{"role":"tool","tool_call_id":"call_a","content":"21 degrees"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]"#,
    ),
    (Feature::JsonSchema, r#""response_format":{"type":"json_schema","json_schema":{"name":"city","strict":true,"schema":$SCHEMA}}"#),
    (Feature::JsonObject, r#""response_format":{"type":"json_object"}"#),
    (Feature::Effort, r#""reasoning_effort":"high""#),
    (
        Feature::Thoughts,
        r#""messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello","reasoning_content":"$THOUGHT","reasoning_signature":"$SEAL"},{"role":"user","content":"$MARK"}]"#,
    ),
    (Feature::OutputLimit, r#""max_completion_tokens":300"#),
    (Feature::Stop, r#""messages":[{"role":"user","content":"$MARK before BREAK after"}],"stop":["BREAK"]"#),
    (Feature::Sampling, r#""temperature":0.50,"top_p":0.25"#),
    (Feature::TopK, r#""top_k":40"#),
    (Feature::Seed, r#""seed":7"#),
    (Feature::Penalties, r#""frequency_penalty":0.5,"presence_penalty":0.25"#),
    (Feature::EndUser, r#""user":"user-seven""#),
    (
        Feature::CacheMark,
        r#""messages":[{"role":"system","content":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#,
    ),
    (
        Feature::CacheHour,
        r#""messages":[{"role":"system","content":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":"$MARK"}]"#,
    ),
    (
        Feature::CachedUsage,
        r#""stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"system","content":[{"type":"text","text":"$LONG","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"$MARK"}]"#,
    ),
    (Feature::Several, r#""n":2"#),
    (Feature::Logprobs, r#""logprobs":true,"top_logprobs":2"#),
    (Feature::HostedTool, r#""web_search_options":{}"#),
    (Feature::StoredState, r#""store":true"#),
    (Feature::UnknownField, r#""new_here":{"deep":[1.50,2e3]}"#),
];
