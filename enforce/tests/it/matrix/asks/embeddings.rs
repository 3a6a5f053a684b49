//! OpenAI's embeddings.

use super::Row;
use crate::matrix::feature::Feature;

pub(super) const ROWS: &[Row] = &[
    (Feature::Text, ""),
    (Feature::Texts, r#""input":["$MARK","second"]"#),
    (Feature::Tokens, r#""user":"$MARK","input":[[1,2,3],[4]]"#),
    (Feature::Dimensions, r#""dimensions":3"#),
    (Feature::Encoding, r#""encoding_format":"base64""#),
    (Feature::EndUser, r#""user":"user-seven""#),
    (Feature::UnknownField, r#""new_here":{"deep":[1.50,2e3]}"#),
];
