//! What can be asked of terms. Each property is one file below.

mod compare;
pub(crate) mod equal;
mod hygiene;
mod monotone;
mod never;
mod other_means;
mod recognise;
mod served;

pub use equal::{Given, UnknownFact};
pub use never::{Wish, WishProblem};

use std::collections::BTreeSet;

use comity_vocab::Jurisdiction;

/// A property of terms.
#[derive(Debug, Clone)]
pub enum Property {
    /// No term can fail to be evaluated.
    Errors,
    /// Every term can match.
    Vacuous,
    /// Every term makes a difference.
    Redundant,
    /// Every permit can permit, whatever the forbids say.
    Shadowed,
    /// Some offering of the catalogue serves each data class.
    Complete,
    /// Whatever the first terms permit, the second do.
    Implies,
    /// Two terms permit the same.
    Equivalent,
    /// What two terms decide differently, with an example of each difference.
    Diff,
    /// Nothing that is permitted is so.
    Never(Wish),
    /// Two offerings with the same assurances get the same decision.
    EqualTreatment(Given),
    /// Two offerings with the same assurances are equally preferred.
    EqualPreference(Given),
    /// More assurance never hurts; worse facts and more findings never help.
    Monotone,
    /// Every test of origin leaves another way.
    OtherMeans,
    /// What the other nation's bodies certified is treated as one's own.
    Recognise([Jurisdiction; 2]),
    /// Every kind of critical workload keeps an offering without these jurisdictions.
    Survives(BTreeSet<Jurisdiction>),
}

/// Which of the two answers a property has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// For every offering that can be, and for those of the catalogue.
    Both,
    /// For every offering that can be.
    Principle,
    /// For those of the catalogue.
    Catalogue,
}

// === impl Property ===

impl Property {
    pub(crate) const fn about(&self) -> About {
        match self {
            Self::Errors | Self::OtherMeans => About::Principle,
            Self::Complete | Self::Survives(_) => About::Catalogue,
            Self::Vacuous
            | Self::Redundant
            | Self::Shadowed
            | Self::Implies
            | Self::Equivalent
            | Self::Diff
            | Self::Never(_)
            | Self::EqualTreatment(_)
            | Self::EqualPreference(_)
            | Self::Monotone
            | Self::Recognise(_) => About::Both,
        }
    }

    /// Whether a violation in the catalogue alone would contradict a proof: not where terms are asked for one by one, since a term that no
    /// offering of today meets is not at fault.
    pub(crate) const fn holds_for_each(&self) -> bool {
        !matches!(self, Self::Vacuous | Self::Redundant | Self::Shadowed)
    }

    /// As on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Vacuous => "vacuous",
            Self::Redundant => "redundant",
            Self::Shadowed => "shadowed",
            Self::Complete => "complete",
            Self::Implies => "implies",
            Self::Equivalent => "equivalent",
            Self::Diff => "diff",
            Self::Never(_) => "never",
            Self::EqualTreatment(_) => "equal-treatment",
            Self::EqualPreference(_) => "equal-treatment --action prefer",
            Self::Monotone => "monotone",
            Self::OtherMeans => "other-means",
            Self::Recognise(_) => "recognise",
            Self::Survives(_) => "survives",
        }
    }

    /// What it asks, in words.
    #[must_use]
    pub fn asks(&self) -> String {
        let text = match self {
            Self::Errors => "can no term fail to be evaluated? (an error denies)",
            Self::Vacuous => "can every term match some call?",
            Self::Redundant => "does every term make a difference to some decision?",
            Self::Shadowed => "can every permit permit something that no forbid takes back?",
            Self::Complete => "does some offering of the catalogue serve each data class?",
            Self::Implies => "is whatever the first terms permit also permitted by the second?",
            Self::Equivalent => "do both terms permit the same?",
            Self::Diff => "what do the two terms decide differently?",
            Self::Never(wish) => return format!("is it never permitted that {}?", wish.text()),
            Self::EqualTreatment(given) => return format!("do two offerings with {given} get the same decision?"),
            Self::EqualPreference(given) => return format!("are two offerings with {given} equally preferred?"),
            Self::Monotone => "does more assurance never deny, and does a worse fact or one more finding never permit?",
            Self::OtherMeans => "does every test of origin leave an excluded offering another way to comply?",
            Self::Recognise([one, other]) => {
                return format!("is what bodies of {other} certified treated in {one} as its own, and in return?");
            }
            Self::Survives(without) => {
                let codes: Vec<&str> = without.iter().map(Jurisdiction::as_str).collect();
                return format!("does every kind of critical workload keep an offering without {}?", codes.join(", "));
            }
        };
        text.to_owned()
    }
}
