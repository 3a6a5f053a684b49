//! What must be known of an event before its strings are looked at, wherever in the object it stands: types, indexes, ends.
//!
//! Read in a pass of its own: members have no order in JSON.

use std::borrow::Cow;

use crate::strings::{Malformed, Place, Step, strings};

/// The members of a few names, by the object that they stand in.
pub(super) struct Facts<'a> {
    /// Sorted by the byte at which the object opens.
    members: Vec<Member<'a>>,
    /// The byte at which the outermost object opens.
    outermost: usize,
    /// Whether it says that something failed.
    pub(super) has_error: bool,
}

/// A member of an object.
pub(super) struct Member<'a> {
    pub(super) object: usize,
    name: &'static str,
    pub(super) text: Cow<'a, str>,
}

const NAMES: [&str; 7] = ["type", "index", "finish_reason", "item_id", "output_index", "content_index", "summary_index"];

// === impl Facts ===

impl<'a> Facts<'a> {
    /// # Errors
    /// If the text is not JSON.
    pub(super) fn read(json: &'a str) -> Result<Self, Malformed> {
        let mut facts = Self { members: Vec::new(), outermost: 0, has_error: false };
        strings(json, &mut |place: &Place<'_, 'a>| {
            if place.is_key() {
                return;
            }
            facts.has_error |= place.path.first().and_then(Step::name) == Some("error");
            if let (Some(object), Some(name)) = (place.opens.last(), place.name().and_then(known)) {
                facts.members.push(Member { object: *object, name, text: place.text() });
            }
        })?;
        facts.members.sort_by_key(|member| member.object);
        facts.outermost = json.len() - json.trim_ascii_start().len();
        Ok(facts)
    }

    /// The text or number of a member of the object that opens at `object`.
    pub(super) fn get(&self, object: usize, name: &str) -> Option<&str> {
        let first = self.members.partition_point(|member| member.object < object);
        let siblings = self.members.get(first..)?.iter().take_while(|member| member.object == object);
        siblings.filter(|member| member.name == name).map(|member| member.text.as_ref()).last()
    }

    /// A number of the object that opens at `object`.
    pub(super) fn number(&self, object: usize, name: &str) -> Option<u64> {
        self.get(object, name)?.parse().ok()
    }

    /// A member of the outermost object.
    pub(super) fn top(&self, name: &str) -> Option<&str> {
        self.get(self.outermost, name)
    }

    pub(super) fn top_number(&self, name: &str) -> Option<u64> {
        self.number(self.outermost, name)
    }

    /// All members of that name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(move |member| member.name == name)
    }
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}
