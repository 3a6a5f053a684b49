//! Step 8: apply the means that the permit names, and the few edits that the way to the upstream needs. All else leaves byte for byte.

use bytes::Bytes;
use comity_decide::Permit;
use comity_upstream::{Prepared, UsageFrames};
use comity_vocab::{Action, Means};

use crate::asked::Asked;
use crate::config::{UnretainedBy, UsageInStream};
use crate::edit::{Edit, add_field, apply};
use crate::generation::Target;

/// A means that the permit names and nobody here can perform: the call fails.
#[derive(Debug)]
pub(crate) struct CannotPerform(pub(crate) Means);

/// The call as it came in.
pub(crate) struct Original<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) action: Action,
    pub(crate) body: &'a Bytes,
}

/// Makes the call that leaves for one offering. `upstream_model` is the name that its upstream knows.
pub(crate) fn prepare(original: &Original<'_>, permit: &Permit, target: &Target, upstream_model: &str) -> Result<Prepared, CannotPerform> {
    let mut edits = Vec::new();
    if original.asked.model != upstream_model {
        let text = serde_json::Value::from(upstream_model).to_string();
        edits.push(Edit { place: original.asked.model_place.clone(), text });
    }
    let stream = original.asked.stream.as_ref().map(|stream| {
        if target.usage_in_stream == UsageInStream::Ask {
            edits.extend(stream.ask_usage.clone());
        }
        if stream.wants_usage { UsageFrames::Keep } else { UsageFrames::Strip }
    });
    for means in permit.means().iter() {
        match means {
            Means::Unretained => edits.extend(unretained(original, target)),
            Means::Pseudonymised | Means::Attested | Means::Sealed => return Err(CannotPerform(means)),
        }
    }
    Ok(Prepared {
        decision: permit.decision(),
        offering: permit.offering().clone(),
        means: permit.means(),
        surface: original.action.surface(),
        stream,
        body: apply(original.body, edits),
    })
}

/// Asks for no retention, where the contract does not cover every call anyway.
fn unretained(original: &Original<'_>, target: &Target) -> Option<Edit> {
    match (target.unretained, &original.asked.store_place) {
        (UnretainedBy::Contract, _) => None,
        (UnretainedBy::StoreFalse, Some(place)) => Some(Edit { place: place.clone(), text: "false".to_owned() }),
        (UnretainedBy::StoreFalse, None) => Some(add_field(original.body, "store", "false")),
    }
}
