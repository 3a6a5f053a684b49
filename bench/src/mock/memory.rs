//! Responses that the mock keeps for `previous_response_id` and for reading and deleting by id. In memory only, forgotten on `clear`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::call::Call;
use super::errors::{self, Complaint, JSON};
use super::fields::{list, text};
use super::responses;
use super::score::Score;

/// More than any test needs; the oldest go first.
const KEPT_MAX: usize = 1000;

#[derive(Default)]
pub(crate) struct Memory {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// Answers so far: their ids are numbered, so that they are the same in each run.
    count: u64,
    kept: BTreeMap<u64, Kept>,
}

struct Kept {
    response: Value,
    /// What the call added.
    input: Vec<Value>,
}

// === impl Memory ===

impl Memory {
    /// The number of the next answer.
    pub(crate) fn next(&self) -> u64 {
        let mut pages = self.pages();
        pages.count = pages.count.saturating_add(1);
        pages.count
    }

    pub(crate) fn keep(&self, number: u64, body: &Value, response: Value) {
        if !responses::stored(body) {
            return;
        }
        let mut pages = self.pages();
        pages.kept.insert(number, Kept { response, input: responses::input(body) });
        while pages.kept.len() > KEPT_MAX {
            pages.kept.pop_first();
        }
    }

    /// All items that led to a response, its own output last; None if any part is not kept.
    pub(crate) fn chain(&self, id: &str) -> Option<Vec<Value>> {
        let pages = self.pages();
        let mut links: Vec<Vec<Value>> = Vec::new();
        let mut next = Some(id.to_owned());
        while let Some(id) = next {
            let kept = pages.find(&id)?;
            links.push(kept.input.iter().chain(list(&kept.response, "output")).cloned().collect());
            next = kept.response.get("previous_response_id").and_then(Value::as_str).map(str::to_owned);
        }
        links.reverse();
        Some(links.into_iter().flatten().collect())
    }

    pub(crate) fn read(&self, call: &Call, id: &str) -> Score {
        let found = self.pages().find(id).map(|kept| kept.response.to_string());
        found.map_or_else(|| missing(call, id), |response| Score::whole(200, JSON, response))
    }

    pub(crate) fn input_items(&self, call: &Call, id: &str) -> Score {
        let found = self.pages().find(id).map(|kept| kept.input.clone());
        let Some(input) = found else { return missing(call, id) };
        let item = |(at, item): (usize, Value)| match item {
            Value::Object(mut fields) => {
                fields.entry("id").or_insert_with(|| json!(format!("msg_mock_input_{at}")));
                Value::Object(fields)
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => other,
        };
        // The newest comes first.
        let data: Vec<Value> = input.into_iter().enumerate().map(item).rev().collect();
        let at = |item: Option<&Value>| item.map(|item| text(item, "id").to_owned());
        let ends = (at(data.first()), at(data.last()));
        Score::whole(
            200,
            JSON,
            json!({ "object": "list", "data": data, "first_id": ends.0, "last_id": ends.1, "has_more": false }).to_string(),
        )
    }

    pub(crate) fn delete(&self, call: &Call, id: &str) -> Score {
        let gone = number(id).and_then(|number| self.pages().kept.remove(&number));
        gone.map_or_else(
            || missing(call, id),
            |_| Score::whole(200, JSON, json!({ "id": id, "object": "response", "deleted": true }).to_string()),
        )
    }

    /// Forgets all responses; their numbers are not used again.
    pub(crate) fn clear(&self) {
        self.pages().kept.clear();
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Pages ===

impl Pages {
    fn find(&self, id: &str) -> Option<&Kept> {
        self.kept.get(&number(id)?)
    }
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix("resp_mock_")?.parse().ok()
}

fn missing(call: &Call, id: &str) -> Score {
    let complaint = Complaint::status(404, format!("Response with id '{id}' not found.")).coded("not_found");
    errors::refused(call, &complaint)
}
