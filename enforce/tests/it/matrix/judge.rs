//! What a cell is. There are four ways to be right; everything else is a sentence that says what is wrong.

use comity_bench::Seen;

use super::feature::Feature;
use super::{Played, answer, trace};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The upstream saw the body byte for byte, but for the name of the model.
    Same,
    /// The upstream saw the feature in its own words.
    Translated,
    /// The upstream does it without being asked.
    Unasked,
    /// The caller got an error that names this field, and the upstream never saw the call.
    No(String),
}

/// `seal` is the signature of thoughts, which must come back to the upstream whole.
pub(super) fn judge(played: &Played, seen: &[Seen], seal: &str) -> Result<Verdict, String> {
    let (reply, mark) = (&played.reply, played.cell.mark());
    let seen: Vec<_> = seen.iter().filter(|seen| contains(seen, &mark)).collect();
    match (reply.status, seen.as_slice()) {
        (200, [seen]) => answered(played, seen, seal),
        (400 | 404 | 422, []) => refused(played),
        (status, seen) => Err(format!("status {status}, sent {} times: {}", seen.len(), reply.text())),
    }
}

/// Without the numbers that the mock gives to its answers.
pub(super) fn masked(answer: &str) -> String {
    let mut pieces = answer.split("_mock_");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + "_mock_" + piece.trim_start_matches(|c: char| c.is_ascii_digit()))
}

pub(super) fn contains(seen: &Seen, mark: &str) -> bool {
    seen.body.windows(mark.len()).any(|window| window == mark.as_bytes())
}

fn refused(played: &Played) -> Result<Verdict, String> {
    let error = &played.reply.json()["error"];
    let code = match played.reply.status {
        422 => "cannot_honour",
        404 => "unknown_id",
        _ => "invalid_request",
    };
    match error["param"].as_str() {
        Some(field) if error["code"] == code => Ok(Verdict::No(field.to_owned())),
        Some(_) | None => Err(format!("the error names no field: {error}")),
    }
}

fn answered(played: &Played, seen: &Seen, seal: &str) -> Result<Verdict, String> {
    let cell = played.cell;
    let wire = trace::wire(seen).ok_or_else(|| format!("sent to {}", seen.path))?;
    answer::check(&played.reply, cell.surface, cell.feature)?;
    if wire == cell.surface.wire() {
        let expected = played.body.replace(&cell.column.offering(), cell.column.model);
        return if seen.body == expected { Ok(Verdict::Same) } else { Err(format!("not byte for byte: {}", text(seen))) };
    }
    if cell.feature == Feature::Effort && wire == comity_dialect::Wire::Messages && !answer::has_thoughts(&played.reply, cell.surface) {
        return Err(format!("no thoughts in the answer: {}", played.reply.text()));
    }
    if trace::is_done_unasked(cell.feature, wire) {
        return Ok(Verdict::Unasked);
    }
    let Some(pieces) = trace::pieces(cell.feature, wire) else { return Err(format!("dropped without a word: {}", text(seen))) };
    let sealed = (cell.feature == Feature::Thoughts).then_some(seal);
    match pieces.iter().copied().chain(sealed).find(|piece| !text(seen).contains(piece)) {
        None => Ok(Verdict::Translated),
        Some(piece) => Err(format!("the upstream did not see `{piece}`: {}", text(seen))),
    }
}

/// Address and body, without white space that means nothing.
fn text(seen: &Seen) -> String {
    format!("{} {}", seen.path, seen.json())
}
