//! Anthropic's count of tokens: a prompt of `messages`, without an answer.

use super::{Row, messages};
use crate::matrix::feature::Feature;

pub(super) const ROWS: &[Row] = &[
    (Feature::Text, ""),
    (Feature::System, r#""system":"Answer in one line.""#),
    (Feature::ImageInline, messages::IMAGE_INLINE),
    (Feature::ImageUrl, messages::IMAGE_URL),
    (Feature::Document, messages::DOCUMENT),
    (Feature::Call, messages::CALL),
    (Feature::Results, messages::RESULTS),
    (Feature::FailedResult, messages::FAILED_RESULT),
    (Feature::JsonSchema, messages::JSON_SCHEMA),
    (Feature::Effort, messages::EFFORT),
    (Feature::Budget, r#""thinking":{"type":"enabled","budget_tokens":4096}"#),
    (Feature::Thoughts, messages::THOUGHTS),
    (Feature::CacheMark, messages::CACHE_MARK),
    (Feature::CacheHour, messages::CACHE_HOUR),
    (Feature::HostedTool, messages::HOSTED_TOOL),
    (Feature::UnknownField, messages::UNKNOWN_FIELD),
];
