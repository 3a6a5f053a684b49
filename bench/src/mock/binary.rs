//! Event stream messages as AWS frames them (Smithy specification, `application/vnd.amazon.eventstream`). Content comes from elsewhere.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::Value;

pub(crate) use crate::cassette::EVENT_STREAM;

/// One event of a stream.
pub(crate) fn event(kind: &str, body: &Value) -> Bytes {
    message(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], body)
}

/// An error that ends a stream.
pub(crate) fn exception(kind: &str, body: &Value) -> Bytes {
    message(&[(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")], body)
}

fn message(headers: &[(&str, &str)], body: &Value) -> Bytes {
    let mut message = Message::new(Bytes::from(body.to_string()));
    for (name, value) in headers {
        message = message.add_header(Header::new((*name).to_owned(), HeaderValue::String((*value).to_owned().into())));
    }
    let mut bytes = Vec::new();
    // Fails only for a message beyond 16 MiB, which nothing here makes; an empty frame then fails every reader.
    let _too_long = write_message_to(&message, &mut bytes);
    Bytes::from(bytes)
}
