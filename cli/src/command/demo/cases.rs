//! The calls of the demo: who asks, for what, with which data.
//!
//! Names and numbers in them are invented: the domain is reserved for examples, and the credential is the one that its maker's manual prints.

use comity_vocab::Classification;

use super::far_end;

/// One call.
pub(super) struct Case {
    pub(super) title: &'static str,
    /// What to look at, in one sentence.
    pub(super) story: &'static str,
    pub(super) caller: Caller,
    /// What the caller declares, if anything.
    pub(super) class: Option<Classification>,
    pub(super) question: &'static str,
    /// The offering that it asks for; any that the terms admit unless set.
    pub(super) offering: Option<&'static str>,
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
    /// Plays the far end, which hands what it gets to the model on this machine.
    FarEnd,
}

pub(super) const CASES: [Case; 7] = [
    Case {
        title: "Public data",
        story: "Anyone who contractually never trains on it may serve it, wherever they are.",
        caller: Caller::Press,
        class: None,
        question: "Summarise in one sentence: the library closes on Friday because the heating failed, and it opens again on Monday.",
        offering: None,
        tells_order: false,
    },
    Case {
        title: "Personal data",
        story: "The detector finds an e-mail address; the terms ask for protection, not for a flag.",
        caller: Caller::Casework,
        class: None,
        question: "Summarise in one sentence: Ada Brown (ada.brown@example.org) asks for a library card, because she moved here in March.",
        offering: None,
        tells_order: false,
    },
    Case {
        title: "Personal data under pseudonyms",
        story: "Somebody unknown is asked, far away: the terms admit it only if the values stay here. This machine plays the far end, to show what arrives.",
        caller: Caller::Casework,
        class: None,
        question: "What is the e-mail address in this text? Ada Brown, ada.brown@example.org, asks for a library card.",
        offering: Some(far_end::OFFERING),
        tells_order: false,
    },
    Case {
        title: "Confidential data",
        story: "Only an attested channel or the organisation's own machine may serve it.",
        caller: Caller::Casework,
        class: Some(Classification::Confidential),
        question: "Summarise in one sentence: the panel proposes to move the library to the old station in May.",
        offering: None,
        tells_order: false,
    },
    Case {
        title: "Secret data from a workload that is not cleared for it",
        story: "Not even the own machine: the caller may not send it at all.",
        caller: Caller::Casework,
        class: Some(Classification::Secret),
        question: "Summarise in one sentence: the emergency plan names the reserve site.",
        offering: None,
        tells_order: false,
    },
    Case {
        title: "A credential in the text",
        story: "Somebody pasted a cloud access key. It goes nowhere, by any means.",
        caller: Caller::Casework,
        class: None,
        question: "Why does this fail? aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        offering: None,
        tells_order: false,
    },
    Case {
        title: "A preferred offering",
        story: "The terms prefer offerings that a recognised nation certified; a preference ranks and admits nothing.",
        caller: Caller::Press,
        class: Some(Classification::Internal),
        question: "In one sentence, what makes a press release clear?",
        offering: None,
        tells_order: true,
    },
];

impl Caller {
    /// Every workload.
    pub(super) const ALL: [Self; 3] = [Self::Press, Self::Casework, Self::FarEnd];

    pub(super) const fn workload(self) -> &'static str {
        match self {
            Self::Press => "press-office",
            Self::Casework => "casework",
            Self::FarEnd => "far-end",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Press => "council/press",
            Self::Casework => "council/libraries",
            Self::FarEnd => "far-end",
        }
    }

    pub(super) const fn clearance(self) -> Classification {
        match self {
            Self::Press | Self::FarEnd => Classification::Internal,
            Self::Casework => Classification::Confidential,
        }
    }

    pub(super) const fn floor(self) -> Classification {
        match self {
            Self::Press | Self::FarEnd => Classification::Public,
            Self::Casework => Classification::Internal,
        }
    }
}
