//! What must be visible in what the upstream saw, in the words of its dialect. Several ways to say a thing are allowed only where they are
//! listed: this is where a feature that was dropped on the way is found out.

use comity_bench::Seen;
use comity_dialect::Wire;

use super::feature::Feature;

/// The wire format of a call, by its address.
pub(super) fn wire(seen: &Seen) -> Option<Wire> {
    let path = seen.path.split('?').next().unwrap_or_default();
    let ends = [
        ("/chat/completions", Wire::Chat),
        ("/responses", Wire::Responses),
        ("/messages", Wire::Messages),
        ("/messages/count_tokens", Wire::CountTokens),
        ("/embeddings", Wire::Embeddings),
        (":generateContent", Wire::Gemini),
        (":streamGenerateContent", Wire::Gemini),
        ("/converse", Wire::Bedrock),
        ("/converse-stream", Wire::Bedrock),
    ];
    ends.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, wire)| wire)
}

/// Pieces of address and body that all must be there; nothing where the dialect has no word for the feature.
pub(super) fn pieces(feature: Feature, wire: Wire) -> Option<&'static [&'static str]> {
    let words = match wire {
        Wire::Chat => CHAT,
        Wire::Responses => RESPONSES,
        Wire::Messages => MESSAGES,
        Wire::Gemini => GEMINI,
        Wire::Bedrock => BEDROCK,
        Wire::CountTokens | Wire::Embeddings => return None,
    };
    words.iter().find(|(features, _)| features.contains(&feature)).map(|(_, pieces)| *pieces)
}

/// Operators that cache by themselves need not be asked to.
pub(super) const fn is_done_unasked(feature: Feature, wire: Wire) -> bool {
    matches!((feature, wire), (Feature::CacheMark, Wire::Chat | Wire::Responses | Wire::Gemini))
}

/// Features, and the pieces that show them.
type Words = &'static [(&'static [Feature], &'static [&'static str])];

const IMAGE: &str = super::asks::PNG;
const SOUND: &str = super::asks::WAV;
const DOCUMENT: &str = super::asks::PDF;

const CHAT: Words = &[
    (&[Feature::Text, Feature::CachedUsage], &[r#""role":"user""#]),
    (&[Feature::Stream], &[r#""stream":true"#]),
    (&[Feature::System], &[r#""role":"system""#, "Answer in one line."]),
    (&[Feature::ImageInline], &[r#""type":"image_url""#, IMAGE]),
    (&[Feature::ImageUrl], &[r#""type":"image_url""#, "https://example.org/a.png"]),
    (&[Feature::Document], &[r#""file_data":"data:application/pdf;base64,"#, r#""filename":"a.pdf""#, DOCUMENT]),
    (&[Feature::Call], &[r#""name":"weather""#, r#""description":"of a city""#, r#""city""#]),
    (&[Feature::ParallelCalls], &[r#""name":"weather""#, r#""name":"tide""#, r#""stream":true"#]),
    (&[Feature::OneCall], &[r#""parallel_tool_calls":false"#]),
    (&[Feature::ChosenTool], &[r#""tool_choice":{"#, r#""function":{"name":"tide"}"#]),
    (&[Feature::Results], &[r#""role":"tool""#, r#""tool_call_id""#, r#""content":"21 degrees""#]),
    (&[Feature::FailedResult], &[r#""role":"tool""#, r#""content":"Error: no such city""#]),
    (&[Feature::JsonSchema], &[r#""type":"json_schema""#, r#""population""#, r#""strict":true"#]),
    (&[Feature::JsonObject], &[r#""response_format":{"type":"json_object"}"#]),
    (&[Feature::Effort], &[r#""reasoning_effort":"high""#]),
    (&[Feature::Budget], &[r#""reasoning_effort":"low""#]),
    (&[Feature::Thoughts], &[r#""reasoning_content":"The question"#, r#""reasoning_signature":"#]),
    (&[Feature::OutputLimit], &[r#""max_completion_tokens":300"#]),
    (&[Feature::Stop], &[r#""stop":["BREAK"]"#]),
    (&[Feature::Sampling], &[r#""temperature":0.5"#, r#""top_p":0.25"#]),
    (&[Feature::Seed], &[r#""seed":7"#]),
    (&[Feature::Penalties], &[r#""frequency_penalty":0.5"#, r#""presence_penalty":0.25"#]),
    (&[Feature::EndUser], &[r#""user":"user-seven""#]),
    (&[Feature::LateSystem], &[r#""role":"system""#, "Now in one line."]),
    (&[Feature::Sound], &[r#""input_audio":{"#, r#""format":"wav""#, SOUND]),
];

const RESPONSES: Words = &[
    (&[Feature::Text, Feature::CachedUsage], &[r#""role":"user""#, r#""store":false"#]),
    (&[Feature::Stream], &[r#""stream":true"#]),
    (&[Feature::System], &[r#""instructions":"Answer in one line.""#]),
    (&[Feature::ImageInline], &[r#""type":"input_image""#, IMAGE]),
    (&[Feature::ImageUrl], &[r#""type":"input_image""#, "https://example.org/a.png"]),
    (&[Feature::Document], &[r#""file_data":"data:application/pdf;base64,"#, r#""filename":"a.pdf""#, DOCUMENT]),
    (&[Feature::Call], &[r#""name":"weather""#, r#""description":"of a city""#, r#""city""#]),
    (&[Feature::ParallelCalls], &[r#""name":"weather""#, r#""name":"tide""#, r#""stream":true"#]),
    (&[Feature::OneCall], &[r#""parallel_tool_calls":false"#]),
    (&[Feature::ChosenTool], &[r#""tool_choice":{"#, r#""name":"tide""#]),
    (&[Feature::Results], &[r#""type":"function_call_output""#, r#""call_id""#, r#""output":"21 degrees""#]),
    (&[Feature::FailedResult], &[r#""type":"function_call_output""#, r#""output":"Error: no such city""#]),
    (&[Feature::Budget], &[r#""effort":"low""#]),
    (&[Feature::JsonSchema], &[r#""type":"json_schema""#, r#""population""#, r#""strict":true"#]),
    (&[Feature::JsonObject], &[r#""format":{"type":"json_object"}"#]),
    (&[Feature::Effort], &[r#""effort":"high""#]),
    (&[Feature::Thoughts], &[r#""type":"reasoning""#, r#""text":"The question"#, r#""encrypted_content":"#]),
    (&[Feature::OutputLimit], &[r#""max_output_tokens":300"#]),
    (&[Feature::Sampling], &[r#""temperature":0.5"#, r#""top_p":0.25"#]),
    (&[Feature::EndUser], &[r#""safety_identifier":"user-seven""#]),
    (&[Feature::LateSystem], &[r#""role":"system""#, "Now in one line."]),
    (&[Feature::Sound], &[r#""input_audio":{"#, r#""format":"wav""#, SOUND]),
    (&[Feature::ImageResult], &[r#""type":"function_call_output""#, r#""type":"input_image""#, IMAGE]),
];

const MESSAGES: Words = &[
    (&[Feature::Text], &[r#""role":"user""#, r#""max_tokens":"#]),
    (&[Feature::Stream], &[r#""stream":true"#]),
    (&[Feature::System], &[r#""system":[{"#, "Answer in one line."]),
    (&[Feature::ImageInline], &[r#""type":"image""#, r#""media_type":"image/png""#, IMAGE]),
    (&[Feature::ImageUrl], &[r#""type":"image""#, "https://example.org/a.png"]),
    (&[Feature::Document], &[r#""type":"document""#, r#""media_type":"application/pdf""#, r#""title":"a.pdf""#, DOCUMENT]),
    (&[Feature::Call], &[r#""name":"weather""#, r#""description":"of a city""#, r#""input_schema""#, r#""city""#]),
    (&[Feature::ParallelCalls], &[r#""name":"weather""#, r#""name":"tide""#, r#""stream":true"#]),
    (&[Feature::OneCall], &[r#""disable_parallel_tool_use":true"#]),
    (&[Feature::ChosenTool], &[r#""tool_choice":{"type":"tool","name":"tide"}"#]),
    (&[Feature::Results], &[r#""type":"tool_result""#, r#""tool_use_id""#, "21 degrees"]),
    (&[Feature::FailedResult], &[r#""type":"tool_result""#, r#""is_error":true"#, "no such city"]),
    (&[Feature::JsonSchema], &[r#""type":"json_schema""#, r#""population""#]),
    (&[Feature::Effort], &[r#""type":"adaptive""#, r#""effort":"high""#]),
    (&[Feature::Budget], &[r#""budget_tokens":4096"#]),
    (&[Feature::Thoughts], &[r#""type":"thinking""#, r#""thinking":"The question"#, r#""signature":"#]),
    (&[Feature::OutputLimit], &[r#""max_tokens":300"#]),
    (&[Feature::Stop], &[r#""stop_sequences":["BREAK"]"#]),
    (&[Feature::Sampling], &[r#""temperature":0.5"#, r#""top_p":0.25"#]),
    (&[Feature::TopK], &[r#""top_k":40"#]),
    (&[Feature::EndUser], &[r#""metadata":{"user_id":"user-seven"}"#]),
    (&[Feature::CacheMark, Feature::CachedUsage], &[r#""cache_control":{"type":"ephemeral"}"#]),
    (&[Feature::CacheHour], &[r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#]),
    (&[Feature::LateSystem], &[r#""role":"system""#, "Now in one line."]),
    (&[Feature::ImageResult], &[r#""type":"tool_result""#, r#""type":"image""#, IMAGE]),
];

const GEMINI: Words = &[
    (&[Feature::Text, Feature::CachedUsage], &[r#""role":"user""#]),
    (&[Feature::Stream], &[":streamGenerateContent?alt=sse"]),
    (&[Feature::System], &[r#""systemInstruction":{"#, "Answer in one line."]),
    (&[Feature::ImageInline], &[r#""inlineData":{"#, r#""mimeType":"image/png""#, IMAGE]),
    (&[Feature::ImageUrl], &[r#""fileUri":"https://example.org/a.png""#]),
    (&[Feature::Document], &[r#""inlineData":{"#, r#""mimeType":"application/pdf""#, r#""displayName":"a.pdf""#, DOCUMENT]),
    (&[Feature::Call], &[r#""functionDeclarations":["#, r#""name":"weather""#, r#""description":"of a city""#, r#""city""#]),
    (&[Feature::ParallelCalls], &[r#""name":"weather""#, r#""name":"tide""#, ":streamGenerateContent"]),
    (&[Feature::ChosenTool], &[r#""allowedFunctionNames":["tide"]"#]),
    (&[Feature::Results], &[r#""functionResponse":{"#, r#""name":"weather""#, r#""output":"21 degrees""#]),
    (&[Feature::FailedResult], &[r#""functionResponse":{"#, r#""error":"no such city""#]),
    (&[Feature::JsonSchema], &[r#""responseMimeType":"application/json""#, r#""responseJsonSchema":{"#, r#""population""#]),
    (&[Feature::JsonObject], &[r#""responseMimeType":"application/json""#]),
    (&[Feature::Effort], &[r#""thinkingLevel":"HIGH""#]),
    (&[Feature::Budget], &[r#""thinkingBudget":4096"#]),
    (&[Feature::Thoughts], &[r#""thought":true"#, r#""text":"The question"#, r#""thoughtSignature":"#]),
    (&[Feature::OutputLimit], &[r#""maxOutputTokens":300"#]),
    (&[Feature::Stop], &[r#""stopSequences":["BREAK"]"#]),
    (&[Feature::Sampling], &[r#""temperature":0.5"#, r#""topP":0.25"#]),
    (&[Feature::TopK], &[r#""topK":40"#]),
    (&[Feature::Seed], &[r#""seed":7"#]),
    (&[Feature::Penalties], &[r#""frequencyPenalty":0.5"#, r#""presencePenalty":0.25"#]),
    (&[Feature::Sound], &[r#""mimeType":"audio/wav""#, SOUND]),
    (&[Feature::ImageResult], &[r#""functionResponse":{"#, r#""inlineData":{"#, IMAGE]),
];

const BEDROCK: Words = &[
    (&[Feature::Text], &[r#""role":"user""#]),
    (&[Feature::Stream], &["/converse-stream"]),
    (&[Feature::System], &[r#""system":[{"#, "Answer in one line."]),
    (&[Feature::ImageInline], &[r#""image":{"#, r#""format":"png""#, IMAGE]),
    (&[Feature::Document], &[r#""document":{"#, r#""format":"pdf""#, r#""name":"a-pdf""#, DOCUMENT]),
    (&[Feature::Call], &[r#""toolSpec":{"#, r#""name":"weather""#, r#""description":"of a city""#, r#""city""#]),
    (&[Feature::ParallelCalls], &[r#""name":"weather""#, r#""name":"tide""#, "/converse-stream"]),
    (&[Feature::ChosenTool], &[r#""toolChoice":{"tool":{"name":"tide"}}"#]),
    (&[Feature::Results], &[r#""toolResult":{"#, r#""toolUseId""#, r#""text":"21 degrees""#]),
    (&[Feature::FailedResult], &[r#""toolResult":{"#, r#""status":"error""#, r#""text":"no such city""#]),
    (&[Feature::JsonSchema], &[r#""textFormat":{"#, "population"]),
    (&[Feature::Effort], &[r#""type":"enabled""#, r#""budget_tokens":16384"#]),
    (&[Feature::Budget], &[r#""budget_tokens":4096"#]),
    (&[Feature::Thoughts], &[r#""reasoningText":{"#, r#""text":"The question"#, r#""signature":"#]),
    (&[Feature::OutputLimit], &[r#""maxTokens":300"#]),
    (&[Feature::Stop], &[r#""stopSequences":["BREAK"]"#]),
    (&[Feature::Sampling], &[r#""temperature":0.5"#, r#""topP":0.25"#]),
    (&[Feature::TopK], &[r#""top_k":40"#]),
    (&[Feature::EndUser], &[r#""requestMetadata":{"user_id":"user-seven"}"#]),
    (&[Feature::CacheMark, Feature::CachedUsage], &[r#""cachePoint":{"type":"default"}"#]),
    (&[Feature::CacheHour], &[r#""cachePoint":{"type":"default","ttl":"1h"}"#]),
    (&[Feature::LateSystem], &[r#""role":"system""#, "Now in one line."]),
    (&[Feature::Sound], &[r#""audio":{"#, r#""format":"wav""#, SOUND]),
    (&[Feature::ImageResult], &[r#""toolResult":{"#, r#""image":{"#, IMAGE]),
];
