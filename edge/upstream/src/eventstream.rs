//! Splits Amazon's binary event streams (`application/vnd.amazon.eventstream`) into messages, wherever the network cut them.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use aws_smithy_types::str_bytes::StrBytes;
use bytes::{Bytes, BytesMut};

/// What no decoder can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadFrame {
    /// Over its bound.
    TooLarge,
    /// A checksum or length is wrong.
    Damaged,
    /// The upstream says that its stream failed, in a message without content.
    Failed,
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `:event-type`, or `:exception-type`; empty where neither stands there.
    pub(crate) kind: String,
    pub(crate) payload: Bytes,
}

/// Collects bytes and gives out whole messages.
pub(crate) struct Decoder {
    buffer: BytesMut,
    frames: MessageFrameDecoder,
    frame_bytes_max: usize,
}

impl Decoder {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), frames: MessageFrameDecoder::new(), frame_bytes_max }
    }

    /// Adds what arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or nothing until more arrives.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event>, BadFrame> {
        match self.frames.decode_frame(&mut self.buffer) {
            Ok(DecodedFrame::Complete(message)) if header(&message, ":message-type") == Some("error") => Err(BadFrame::Failed),
            Ok(DecodedFrame::Complete(message)) => Ok(Some(Event { kind: kind(&message), payload: message.payload().clone() })),
            Ok(DecodedFrame::Incomplete) if self.buffer.len() > self.frame_bytes_max => Err(BadFrame::TooLarge),
            Ok(DecodedFrame::Incomplete) => Ok(None),
            Err(_) => Err(BadFrame::Damaged),
        }
    }
}

fn kind(message: &Message) -> String {
    header(message, ":exception-type").or_else(|| header(message, ":event-type")).unwrap_or_default().to_owned()
}

fn header<'m>(message: &'m Message, wanted: &str) -> Option<&'m str> {
    let found = message.headers().iter().find(|header| header.name().as_str() == wanted)?;
    found.value().as_string().ok().map(StrBytes::as_str)
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};

    use super::*;

    fn message(header: &'static str, kind: &'static str, payload: &'static str) -> Vec<u8> {
        let message = Message::new(payload).add_header(Header::new(header, HeaderValue::String(kind.into())));
        let mut bytes = Vec::new();
        write_message_to(&message, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn messages_come_out_whole_however_they_are_cut() {
        let whole = [message(":event-type", "messageStart", "{\"a\":1}"), message(":exception-type", "throttlingException", "{}")].concat();
        for size in [1, 7, 40, whole.len()] {
            let mut decoder = Decoder::new(1024);
            let mut events = Vec::new();
            for piece in whole.chunks(size) {
                decoder.push(piece);
                while let Some(event) = decoder.next_event().unwrap() {
                    events.push((event.kind, event.payload));
                }
            }
            let event = |kind: &str, payload: &'static str| (kind.to_owned(), Bytes::from(payload));
            assert_eq!(events, [event("messageStart", "{\"a\":1}"), event("throttlingException", "{}")], "{size}");
        }
    }

    #[test]
    fn an_error_is_no_event() {
        let mut decoder = Decoder::new(1024);
        decoder.push(&message(":message-type", "error", ""));
        assert_eq!(decoder.next_event(), Err(BadFrame::Failed));
    }

    #[test]
    fn damage_is_noticed() {
        let mut bytes = message(":event-type", "messageStart", "{\"a\":1}");
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
        let mut decoder = Decoder::new(1024);
        decoder.push(&bytes);
        assert_eq!(decoder.next_event(), Err(BadFrame::Damaged));
    }
}
