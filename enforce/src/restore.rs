//! Step 10: pseudonyms in an answer become the values that they stand for, as the answer streams.
//!
//! Nothing is collected: a frame in is a frame out, and only the end of a text that may begin a pseudonym waits for the next frame, be
//! it the last letter of `help`.
//! What nothing changes in passes byte for byte. Never gives out anything from the frame on that names a pseudonym which the call does
//! not have, and never logs or quotes what it reads.

mod channels;
mod chat;
mod facts;
mod frame;
mod messages;
mod passage;
mod responses;
mod rule;
mod watch;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use comity_dialect::Api;
use comity_redact::{Form, OutputError, Pseudonyms, Restorer, UnknownPseudonym};

use self::channels::{Channels, Closes, Id};
use self::facts::Facts;
use self::frame::Data;
use self::passage::Passage;
use self::rule::Way;
use crate::edit::{self, Edit};
use crate::strings::{Malformed, Piece, Place, Step, escape, quoted, strings};

pub(crate) use self::watch::Watch;

/// How the answers to one call are restored. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Restoring {
    /// Nothing where the call went out as it came in.
    pseudonyms: Option<Arc<Pseudonyms>>,
    /// Nothing where nobody looks at answers.
    watch: Option<Watch>,
    api: Api,
    text: Form,
}

/// Restores the events of one answer.
pub(crate) struct EventRestorer {
    restoring: Restoring,
    channels: Channels,
    stopped: Option<Unrestorable>,
}

/// Why an answer cannot go on. Says nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unrestorable {
    #[error("the answer names a pseudonym that this call does not have")]
    UnknownPseudonym,
    #[error("the answer is not what its API gives")]
    Malformed,
    /// It has something that may not be given out, or could not be looked at.
    #[error(transparent)]
    Found(#[from] OutputError),
    /// We broke down over it.
    #[error("the work on the answer broke off")]
    BrokeOff,
}

/// The events end here: the caller gets what stands before, and then an error.
pub(crate) struct Stopped {
    /// Whole frames that are in order.
    pub(crate) before: Bytes,
    pub(crate) why: Unrestorable,
}

// === impl Restoring ===

impl Restoring {
    /// `api` is that of the caller. `text` is how values are written into what the model says: as JSON where the caller asked for that.
    pub(crate) fn new(pseudonyms: Option<Arc<Pseudonyms>>, (api, text): (Api, Form)) -> Self {
        Self { pseudonyms, watch: None, api, text }
    }

    /// Looks at answers, too.
    pub(crate) fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Restores a complete answer in the caller's dialect.
    ///
    /// # Errors
    /// If it is not JSON, or names a pseudonym that the call does not have.
    pub(crate) fn whole(&self, body: Bytes) -> Result<Bytes, Unrestorable> {
        // No text comes back, and a list of vectors is long.
        if matches!(self.api, Api::Embeddings | Api::CountTokens) || body.is_empty() {
            return Ok(body);
        }
        let json = std::str::from_utf8(&body).map_err(|_| Unrestorable::Malformed)?;
        let facts = Facts::read(json)?;
        let edits = edits(json, &mut |place| match self.way(&facts, place) {
            Way::Leave => Ok(self.left(place)),
            Way::Whole(form) | Way::Piece(_, form) => self.restored(place, form),
        })?;
        Ok(edit::apply(&body, edits))
    }

    /// Restores what an upstream says of a call that it refuses, whatever the API.
    ///
    /// # Errors
    /// As [`Restoring::whole`].
    pub(crate) fn refusal(&self, body: &Bytes) -> Result<Bytes, Unrestorable> {
        let json = std::str::from_utf8(body).map_err(|_| Unrestorable::Malformed)?;
        let edits = edits(json, &mut |place| if place.is_number() { Ok(None) } else { self.restored(place, Form::Text) })?;
        Ok(edit::apply(body, edits))
    }

    /// Restores a sentence of an upstream.
    ///
    /// # Errors
    /// As [`Restoring::whole`].
    pub(crate) fn sentence(&self, text: &str) -> Result<String, Unrestorable> {
        let mut passage = Passage::new(self, Form::Text);
        Ok(passage.push(text)? + &passage.finish()?)
    }

    /// Restores events in the caller's dialect.
    pub(crate) fn events(&self) -> EventRestorer {
        EventRestorer { restoring: self.clone(), channels: Channels::default(), stopped: None }
    }

    /// What happens to the string at a place.
    fn way(&self, facts: &Facts<'_>, place: &Place<'_, '_>) -> Way {
        match self.api {
            Api::Chat => chat::way(facts, place, self.text),
            Api::Responses => responses::way(facts, place, self.text),
            Api::Messages => messages::way(facts, place, self.text),
            Api::CountTokens | Api::Embeddings => Way::Leave,
        }
    }

    /// Which channels end with an event.
    fn closes(&self, facts: &Facts<'_>) -> Closes {
        match self.api {
            Api::Chat => chat::closes(facts),
            Api::Responses => responses::closes(facts),
            Api::Messages => messages::closes(facts),
            Api::CountTokens | Api::Embeddings => Closes::Nothing,
        }
    }

    /// A frame with the end of a channel, made after the last one that the channel had. What else stands in it is restored and looked at as
    /// in every other frame.
    fn end_of_channel(&self, id: &Id, last: &[u8], end: &str) -> Result<String, Unrestorable> {
        let data = Data::of(last).ok_or(Malformed)?;
        let made = match self.api {
            Api::Chat => chat::end_of_channel(id, &data.text()?, end)?,
            Api::Responses => responses::end_of_channel(&data.text()?, end)?,
            Api::Messages => messages::end_of_channel(id, end),
            Api::CountTokens | Api::Embeddings => return Err(Unrestorable::Malformed),
        };
        let facts = Facts::read(&made)?;
        let edits = edits(&made, &mut |place| match self.way(&facts, place) {
            Way::Leave => Ok(self.left(place)),
            Way::Whole(form) => self.restored(place, form),
            // The end itself went through its channel.
            Way::Piece(..) => Ok(None),
        })?;
        let json = edit::apply_text(&made, edits);
        let facts = Facts::read(&json)?;
        Ok(match facts.top("type") {
            // It would end the line.
            Some(name) if name.contains(['\n', '\r']) => return Err(Unrestorable::Malformed),
            Some(name) => format!("event: {name}\ndata: {json}\n\n"),
            None => format!("data: {json}\n\n"),
        })
    }

    fn restorer(&self, form: Form) -> Option<Restorer> {
        self.pseudonyms.as_ref().map(|pseudonyms| pseudonyms.restorer(form))
    }

    /// What becomes of a string that stays as it is: tokens beside a text tell all of it before it was looked at, so they go.
    fn left(&self, place: &Place<'_, '_>) -> Option<String> {
        let tells = |name: &str| place.path.iter().any(|step| matches!(step, Step::Name(member) if member == name));
        let goes = self.watch.as_ref().is_some_and(Watch::holds) && !place.is_key() && tells("logprobs");
        match place.is_number() {
            _ if !goes => None,
            true => tells("bytes").then(|| "0".to_owned()),
            false => Some("\"\"".to_owned()),
        }
    }

    /// The JSON string or number at a place as it goes on; nothing if it stays as it is.
    fn restored(&self, place: &Place<'_, '_>, form: Form) -> Result<Option<String>, Unrestorable> {
        if self.watch.is_none() {
            return self.with_values(place, form);
        }
        let mut passage = Passage::new(self, form);
        if place.is_number() {
            let new = passage.push(place.raw)? + &passage.finish()?;
            return Ok((new != place.raw).then(|| if is_number(&new) { new } else { quoted(&new) }));
        }
        let new = last_through(&mut passage, place)?;
        Ok(new.filter(|new| new.strip_prefix('"').and_then(|new| new.strip_suffix('"')) != Some(place.raw)))
    }

    /// The JSON string or number at a place with its values; nothing if it stays as it is.
    fn with_values(&self, place: &Place<'_, '_>, form: Form) -> Result<Option<String>, Unrestorable> {
        let Some(pseudonyms) = &self.pseudonyms else { return Ok(None) };
        if place.is_number() {
            return Ok(match pseudonyms.restore(place.raw, form)? {
                Cow::Borrowed(_) => None,
                Cow::Owned(new) => Some(if is_number(&new) { new } else { quoted(&new) }),
            });
        }
        rewritten(place, |piece| match piece {
            Piece::Text(text) => Ok(match pseudonyms.restore(text, form)? {
                Cow::Borrowed(_) => None,
                Cow::Owned(new) => Some(new),
            }),
            Piece::Half(_) => Ok(None),
        })
    }
}

/// Not everything in digits is one: JSON has none that begins with a zero.
fn is_number(text: &str) -> bool {
    let mut found = false;
    strings(text, &mut |place| found = place.is_number() && place.path.is_empty()).is_ok() && found
}

/// The edits that `each` asks for, which gives the new JSON string of a place.
fn edits(json: &str, each: &mut impl FnMut(&Place<'_, '_>) -> Result<Option<String>, Unrestorable>) -> Result<Vec<Edit>, Unrestorable> {
    let mut edits = Vec::new();
    let mut failed = None;
    strings(json, &mut |place| {
        if failed.is_some() {
            return;
        }
        match each(place) {
            Ok(Some(text)) => edits.push(Edit { place: place.range.clone(), text }),
            Ok(None) => {}
            Err(why) => failed = Some(why),
        }
    })?;
    failed.map_or(Ok(edits), Err)
}

/// A piece of a text on its way; nothing if it stays as it is.
fn through(passage: &mut Passage, place: &Place<'_, '_>) -> Result<Option<String>, Unrestorable> {
    rewritten(place, |piece| match piece {
        Piece::Text(text) => passage.push(text).map(Some),
        Piece::Half(_) => passage.half().map(Some),
    })
}

/// The last piece of a text, with what was held.
fn last_through(passage: &mut Passage, place: &Place<'_, '_>) -> Result<Option<String>, Unrestorable> {
    let new = through(passage, place)?;
    let end = passage.finish()?;
    Ok(if end.is_empty() { new } else { Some(joined(new.as_deref(), place, &end)) })
}

/// The JSON string at a place with what `each` puts for its texts, and before its halves of characters; nothing if it stays as it is.
fn rewritten(
    place: &Place<'_, '_>,
    mut each: impl FnMut(&Piece<'_>) -> Result<Option<String>, Unrestorable>,
) -> Result<Option<String>, Unrestorable> {
    if !place.raw.contains('\\') {
        // Most strings are one piece that stays as it is.
        let new = each(&Piece::Text(Cow::Borrowed(place.raw)))?;
        return Ok(new.filter(|new| new != place.raw).map(|new| quoted(&new)));
    }
    let mut changed = false;
    let mut raw = String::new();
    for piece in place.pieces() {
        let new = each(&piece)?;
        match &piece {
            Piece::Text(text) => {
                changed |= new.as_ref().is_some_and(|new| new != text);
                escape(new.as_deref().unwrap_or(text), &mut raw);
            }
            Piece::Half(half) => {
                changed |= new.as_ref().is_some_and(|new| !new.is_empty());
                escape(new.as_deref().unwrap_or_default(), &mut raw);
                raw.push_str(half);
            }
        }
    }
    Ok(changed.then(|| format!("\"{raw}\"")))
}

// === impl EventRestorer ===

impl EventRestorer {
    /// Takes whole frames as they come, and gives out as many.
    ///
    /// # Errors
    /// With what is in order, at a frame that names an unknown pseudonym or is damaged. Nothing goes on after that.
    pub(crate) fn push(&mut self, frames: Bytes) -> Result<Bytes, Stopped> {
        if let Some(why) = self.stopped.clone() {
            return Err(Stopped { before: Bytes::new(), why });
        }
        let mut changed: Option<BytesMut> = None;
        let mut from = 0;
        while let Some(end) = frame::end(&frames, from) {
            let frame = frames.slice(from..end);
            let before = |changed: Option<BytesMut>| changed.map_or_else(|| frames.slice(..from), BytesMut::freeze);
            match self.frame(&frame) {
                Ok(None) => changed.iter_mut().for_each(|out| out.extend_from_slice(&frame)),
                Ok(Some(new)) => {
                    let out = changed.get_or_insert_with(|| BytesMut::from(frames.get(..from).unwrap_or_default()));
                    out.extend_from_slice(&new);
                }
                Err(why) => {
                    self.stopped = Some(why.clone());
                    return Err(Stopped { before: before(changed), why });
                }
            }
            from = end;
        }
        Ok(changed.map_or(frames, BytesMut::freeze))
    }

    /// The stream ended, be it too early: gives out what was still held. A part of a pseudonym is nobody's data.
    ///
    /// # Errors
    /// If that is an unknown pseudonym, or an error ended the events before.
    pub(crate) fn finish(&mut self) -> Result<Bytes, Unrestorable> {
        if let Some(why) = self.stopped.clone() {
            return Err(why);
        }
        let held = self.close(&Closes::All).inspect_err(|why| self.stopped = Some(why.clone()))?;
        Ok(Bytes::from(held))
    }

    /// What one frame becomes; nothing if it stays as it is.
    fn frame(&mut self, frame: &Bytes) -> Result<Option<Bytes>, Unrestorable> {
        let Some(data) = Data::of(frame) else { return Ok(None) };
        let json = data.text()?;
        let (closes, edits) = match json.trim_ascii() {
            "" => (Closes::Nothing, Vec::new()),
            "[DONE]" => (Closes::All, Vec::new()),
            _ => self.event(&json, frame)?,
        };
        let before = self.close(&closes)?;
        if before.is_empty() && edits.is_empty() {
            return Ok(None);
        }
        let edits = edits.into_iter().map(|edit| Edit { place: data.place(&edit.place), ..edit }).collect();
        let mut out = before.into_bytes();
        out.extend_from_slice(&edit::apply(frame, edits));
        Ok(Some(Bytes::from(out)))
    }

    /// What an event closes, and the edits of it.
    fn event(&mut self, json: &str, frame: &Bytes) -> Result<(Closes, Vec<Edit>), Unrestorable> {
        let Self { restoring, channels, .. } = self;
        let facts = Facts::read(json)?;
        let closes = restoring.closes(&facts);
        let edits = edits(json, &mut |place| match restoring.way(&facts, place) {
            Way::Leave => Ok(restoring.left(place)),
            Way::Whole(form) => restoring.restored(place, form),
            Way::Piece(id, form) => {
                let is_last = closes.ends(&id);
                let channel = channels.open(id, frame, || Passage::new(restoring, form)).ok_or(Unrestorable::Malformed)?;
                if is_last { last_through(&mut channel.passage, place) } else { through(&mut channel.passage, place) }
            }
        })?;
        Ok((closes, edits))
    }

    /// Frames with what the channels held that end now.
    fn close(&mut self, closes: &Closes) -> Result<String, Unrestorable> {
        let mut frames = String::new();
        for mut channel in self.channels.take(closes) {
            let end = channel.passage.finish()?;
            if !end.is_empty() {
                frames.push_str(&self.restoring.end_of_channel(&channel.id, &channel.last, &end)?);
            }
        }
        Ok(frames)
    }
}

/// A JSON string, new or as it stood, with more text at its end.
fn joined(new: Option<&str>, place: &Place<'_, '_>, end: &str) -> String {
    let before = new.map_or(place.raw, |new| new.strip_prefix('"').and_then(|new| new.strip_suffix('"')).unwrap_or_default());
    let mut out = format!("\"{before}");
    escape(end, &mut out);
    out.push('"');
    out
}

// === impl Unrestorable ===

impl From<UnknownPseudonym> for Unrestorable {
    fn from(_: UnknownPseudonym) -> Self {
        Self::UnknownPseudonym
    }
}

impl From<Malformed> for Unrestorable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests;
