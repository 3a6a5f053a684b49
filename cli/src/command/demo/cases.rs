//! The calls of the demo: who asks, for what, with which data.
//!
//! Names and numbers in them are invented: the domain is reserved for examples, and the credential is the one that its maker's manual prints.

use comity_vocab::Classification;

/// One call.
pub(super) struct Case {
    pub(super) title: &'static str,
    /// What to look at, in one sentence.
    pub(super) story: &'static str,
    pub(super) caller: Caller,
    /// What the caller declares, if anything.
    pub(super) class: Option<Classification>,
    pub(super) question: &'static str,
    /// Whether the case is about who comes first.
    pub(super) tells_order: bool,
}

/// A workload of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Public texts; cleared for internal.
    Press,
    /// Letters to residents; cleared for confidential.
    Casework,
}

pub(super) const CASES: [Case; 6] = [
    Case {
        title: "Public data",
        story: "Anyone who contractually never trains on it may serve it, wherever they are.",
        caller: Caller::Press,
        class: None,
        question: "Summarise in one sentence: the library closes on Friday because the heating failed, and it opens again on Monday.",
        tells_order: false,
    },
    Case {
        title: "Personal data",
        story: "The detector finds an e-mail address; the terms ask for protection, not for a flag.",
        caller: Caller::Casework,
        class: None,
        question: "Summarise in one sentence: Ada Brown (ada.brown@example.org) asks for a library card, because she moved here in March.",
        tells_order: false,
    },
    Case {
        title: "Confidential data",
        story: "Only an attested channel or the organisation's own machine may serve it.",
        caller: Caller::Casework,
        class: Some(Classification::Confidential),
        question: "Summarise in one sentence: the panel proposes to move the library to the old station in May.",
        tells_order: false,
    },
    Case {
        title: "Secret data from a workload that is not cleared for it",
        story: "Not even the own machine: the caller may not send it at all.",
        caller: Caller::Casework,
        class: Some(Classification::Secret),
        question: "Summarise in one sentence: the emergency plan names the reserve site.",
        tells_order: false,
    },
    Case {
        title: "A credential in the text",
        story: "Somebody pasted a cloud access key. It goes nowhere, by any means.",
        caller: Caller::Casework,
        class: None,
        question: "Why does this fail? aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        tells_order: false,
    },
    Case {
        title: "A preferred offering",
        story: "The terms prefer offerings that a recognised nation certified; a preference ranks and admits nothing.",
        caller: Caller::Press,
        class: Some(Classification::Internal),
        question: "In one sentence, what makes a press release clear?",
        tells_order: true,
    },
];

impl Caller {
    /// Every workload.
    pub(super) const ALL: [Self; 2] = [Self::Press, Self::Casework];

    pub(super) const fn workload(self) -> &'static str {
        match self {
            Self::Press => "press-office",
            Self::Casework => "casework",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Press => "council/press",
            Self::Casework => "council/libraries",
        }
    }

    pub(super) const fn clearance(self) -> Classification {
        match self {
            Self::Press => Classification::Internal,
            Self::Casework => Classification::Confidential,
        }
    }

    pub(super) const fn floor(self) -> Classification {
        match self {
            Self::Press => Classification::Public,
            Self::Casework => Classification::Internal,
        }
    }
}
