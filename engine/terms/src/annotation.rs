//! Annotations of a term: `@id`, `@goal` and `@reason` are required, `@basis` is optional, anything else is refused.

use std::fmt;
use std::str::FromStr;

use cedar_policy::Policy;
use comity_vocab::TermId;

/// What a term is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// Protects people.
    Privacy,
    /// Protects systems and secrets.
    Security,
    /// Keeps service when somebody fails or cuts it off.
    Resilience,
    /// Follows a law or contract.
    Legal,
    /// Favours an industry.
    Industrial,
    /// Lets data flow.
    Openness,
}

const GOALS: [(&str, Goal); 6] = [
    ("privacy", Goal::Privacy),
    ("security", Goal::Security),
    ("resilience", Goal::Resilience),
    ("legal", Goal::Legal),
    ("industrial", Goal::Industrial),
    ("openness", Goal::Openness),
];
const KEYS: [&str; 4] = ["id", "goal", "reason", "basis"];

impl Goal {
    /// The name that terms use.
    #[must_use]
    pub fn name(self) -> &'static str {
        GOALS.iter().find(|(_, goal)| *goal == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Goal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        GOALS.iter().find(|(name, _)| *name == text).map(|(_, goal)| *goal).ok_or(())
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The annotations of one term, read and checked.
pub(crate) struct Annotations {
    pub(crate) id: TermId,
    pub(crate) goal: Goal,
    pub(crate) reason: String,
    pub(crate) basis: Option<String>,
}

/// What is wrong with an annotation: the text to point at, the message and the hint.
pub(crate) struct Fault {
    pub(crate) needle: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

pub(crate) fn read(policy: &Policy) -> Result<Annotations, Vec<Fault>> {
    let mut faults: Vec<Fault> =
        policy.annotations().filter(|(key, _)| !KEYS.contains(key)).map(|(key, _)| unknown_annotation(key)).collect();
    let name = policy.annotation("id").map_or_else(|| "a term".to_owned(), |id| format!("term `{id}`"));
    let mut required = |key: &str, example: &str| {
        let value = policy.annotation(key).filter(|value| !value.trim().is_empty());
        if value.is_none() {
            faults.push(Fault {
                needle: String::new(),
                message: format!("{name} has no `@{key}`"),
                hint: format!("write `@{key}(\"{example}\")` above it"),
            });
        }
        value
    };
    let id = required("id", "my-term");
    let goal = required("goal", "privacy");
    let reason = required("reason", "one sentence that a refused caller can understand");
    let id = id.and_then(|text| text.parse().map_err(|error| faults.push(bad_value("id", text, &format!("{error}")))).ok());
    let goal = goal.and_then(|text| text.parse().map_err(|()| faults.push(unknown_goal(&name, text))).ok());
    match (id, goal, reason) {
        (Some(id), Some(goal), Some(reason)) if faults.is_empty() => {
            Ok(Annotations { id, goal, reason: reason.to_owned(), basis: policy.annotation("basis").map(str::to_owned) })
        }
        _ => Err(faults),
    }
}

fn unknown_annotation(key: &str) -> Fault {
    let hint = closest(key, KEYS)
        .map_or_else(|| "use `@id`, `@goal`, `@reason` and `@basis`".to_owned(), |near| format!("did you mean `@{near}`?"));
    Fault { needle: format!("@{key}"), message: format!("unknown annotation `@{key}`"), hint }
}

fn unknown_goal(name: &str, text: &str) -> Fault {
    let names = GOALS.map(|(name, _)| name);
    let hint = closest(text, names).map_or_else(|| format!("use one of {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
    Fault { needle: "@goal".to_owned(), message: format!("{name} has unknown goal `{text}`"), hint }
}

fn bad_value(key: &str, text: &str, message: &str) -> Fault {
    Fault { needle: format!("@{key}"), message: message.to_owned(), hint: format!("rename `{text}`, for example to `my-term`") }
}

/// The candidate nearest to `text`, when it is near enough to be meant.
pub(crate) fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.into_iter().map(|c| (strsim::damerau_levenshtein(text, c), c)).min()?;
    (near.0 <= 2).then_some(near.1)
}
