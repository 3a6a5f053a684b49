//! Request bodies of an exact size, of plain public English, so that detectors read real text and find nothing.

use bytes::Bytes;

const SENTENCES: [&str; 6] = [
    "The council publishes its meeting papers five working days in advance. ",
    "Residents may borrow up to twelve books at a time from any branch of the library. ",
    "Recycling is collected every second week; garden waste only from March to November. ",
    "A parking permit is valid for one year and can be renewed a month before it ends. ",
    "The swimming pool closes early on public holidays and opens again the next morning. ",
    "Street lights on main roads are dimmed after midnight to save energy. ",
];

/// A chat request of exactly `size` bytes (at least the bare request's), for the given model.
#[must_use]
pub fn chat_body(model: &str, size: usize, stream: bool) -> Bytes {
    let stream = streaming(stream);
    let head = format!(
        "{{\"model\":\"{model}\"{stream},\"messages\":[{{\"role\":\"system\",\"content\":\"Summarise in one sentence.\"}},{{\"role\":\"user\",\"content\":\""
    );
    filled(&head, "\"}]}", size)
}

/// The same for a path: of Messages or Responses where the path ends so, else of Chat Completions.
#[must_use]
pub fn body_for(path: &str, model: &str, size: usize, stream: bool) -> Bytes {
    let with = streaming(stream);
    let system = "Summarise in one sentence.";
    if path.ends_with("/messages") {
        let head = format!(
            "{{\"model\":\"{model}\"{with},\"max_tokens\":1000,\"system\":\"{system}\",\"messages\":[{{\"role\":\"user\",\"content\":\""
        );
        return filled(&head, "\"}]}", size);
    }
    if path.ends_with("/responses") {
        let head = format!("{{\"model\":\"{model}\"{with},\"instructions\":\"{system}\",\"input\":\"");
        return filled(&head, "\"}", size);
    }
    chat_body(model, size, stream)
}

fn streaming(stream: bool) -> &'static str {
    if stream { ",\"stream\":true" } else { "" }
}

fn filled(head: &str, tail: &str, size: usize) -> Bytes {
    let room = size.saturating_sub(head.len().saturating_add(tail.len()));
    let text = SENTENCES.iter().cycle().flat_map(|sentence| sentence.chars()).take(room);
    Bytes::from(head.chars().chain(text).chain(tail.chars()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_exact_and_the_text_json() {
        for (size, stream) in [(1024, false), (1024, true), (32 * 1024, false)] {
            for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses"] {
                let body = body_for(path, "m", size, stream);
                assert_eq!(body.len(), size);
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(json["stream"].as_bool().unwrap_or_default(), stream);
            }
        }
    }
}
