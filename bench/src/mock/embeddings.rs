//! Embeddings in the OpenAI and the Gemini shape. The vectors depend on the text alone.

use base64::Engine as _;
use serde_json::{Value, json};

use super::errors::{Complaint, JSON};
use super::fields::{list, number, text, words};
use super::score::Score;

const DIMENSIONS: usize = 8;
const DIMENSIONS_MAX: usize = 4096;

pub(crate) fn openai(body: &Value, model: &str) -> Score {
    let inputs: Vec<String> = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let dimensions = dimensions(number(body, "dimensions"));
    let base64 = text(body, "encoding_format") == "base64";
    let mut data = Vec::new();
    for (index, text) in inputs.iter().enumerate() {
        let vector = vector(text, dimensions);
        let embedding = if base64 { encoded(&vector) } else { json!(vector) };
        data.push(json!({ "object": "embedding", "index": index, "embedding": embedding }));
    }
    let tokens: u64 = inputs.iter().map(|text| words(text)).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    Score::whole(200, JSON, json!({ "object": "list", "model": model, "data": data, "usage": usage }).to_string())
}

/// `embedContent`: one text, one vector.
pub(crate) fn gemini(body: &Value) -> Result<Score, Complaint> {
    Ok(Score::whole(200, JSON, json!({ "embedding": content(body)? }).to_string()))
}

/// `batchEmbedContents`: a list of such calls.
pub(crate) fn gemini_batch(body: &Value) -> Result<Score, Complaint> {
    let all: Result<Vec<Value>, Complaint> = list(body, "requests").iter().map(content).collect();
    Ok(Score::whole(200, JSON, json!({ "embeddings": all? }).to_string()))
}

fn content(request: &Value) -> Result<Value, Complaint> {
    let parts = request.get("content").map(|content| list(content, "parts")).unwrap_or_default();
    if parts.is_empty() {
        return Err(Complaint::bad("* EmbedContentRequest.content: contents is not specified\n"));
    }
    let texts: Vec<&str> = parts.iter().map(|part| text(part, "text")).collect();
    Ok(json!({ "values": vector(&texts.join(" "), dimensions(number(request, "outputDimensionality"))) }))
}

fn dimensions(asked: Option<u64>) -> usize {
    asked.and_then(|n| usize::try_from(n).ok()).unwrap_or(DIMENSIONS).clamp(1, DIMENSIONS_MAX)
}

/// Numbers in -1..1 that depend on the text's bytes only.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let high = u16::try_from(state >> 16).unwrap_or_default();
        f32::from(high) / 32_768.0 - 1.0
    };
    (0..dimensions).map(|_| next()).collect()
}

fn encoded(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::score::Step;
    use super::*;

    fn bytes(score: &Score) -> Vec<u8> {
        let chunk = |step: &Step| if let Step::Chunk(bytes) = step { bytes.to_vec() } else { Vec::new() };
        score.body.iter().flat_map(chunk).collect()
    }

    #[test]
    fn embeddings_depend_on_the_text_alone_and_come_in_both_encodings() {
        let of = |format: &str| {
            let body = json!({ "model": "m", "input": ["a", "b"], "encoding_format": format, "dimensions": 3 });
            serde_json::from_slice::<Value>(&bytes(&openai(&body, "m"))).unwrap()
        };
        let (float, base64) = (of("float"), of("base64"));
        assert_eq!(float["data"][0]["embedding"].as_array().unwrap().len(), 3);
        assert_ne!(float["data"][0]["embedding"], float["data"][1]["embedding"]);
        let raw = base64::engine::general_purpose::STANDARD.decode(base64["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(raw.len(), 12);
    }
}
