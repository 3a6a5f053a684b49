//! Step 4: the facts of the call, as it came in. A declaration can only raise what the key and the detectors say.

use comity_decide::Candidates;
use comity_dialect::Api;
use comity_vocab::{Call, Classification, Data, Means, MeansSet, Places, Plain};
use http::HeaderMap;

use super::caller::Caller;
use super::find::Findings;
use super::means::{ANTHROPIC_HEADERS, OPENAI_HEADERS};
use super::state::{Chain, Seals};
use crate::asked::{Asked, StoreAsked};
use crate::clock;
use crate::config::suggestion;
use crate::detect::{Depth, Detect, scan};
use crate::error::CallError;
use crate::generation::Generation;
use crate::limits::{FEATURE_BYTES_MAX, FEATURES_BYTES_MAX, SUBJECT_BYTES_MAX};
use crate::routes::{Choice, NoChoice};

/// Names the epoch of a call's pseudonyms, in calls and answers.
pub(crate) const EPOCH: &str = "comity-pseudonym-epoch";

/// The header that names the person whom a call is about, so that what is kept of it can be erased for that person alone.
const SUBJECT: &str = "comity-data-subject";

/// What admit and rank are given about a call.
pub(crate) struct Facts<'g> {
    pub(crate) call: Call,
    /// What the gateway can do to a call; where it may be done, the catalogue says.
    pub(crate) performable: MeansSet,
    /// The offerings that the caller may mean.
    pub(crate) choice: &'g Choice,
    /// The candidates among them: all, or the one that keeps what the call continues.
    pub(crate) candidates: Candidates,
    /// The epoch of its pseudonyms, should it need any.
    pub(crate) epoch: u32,
    /// The detectors failed: nothing may leave.
    pub(crate) detectors_failed: bool,
}

/// What the caller declares about a call. It has no `Debug`: it may name a person.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The person whom the call is about.
    pub(crate) subject: Option<Plain<String>>,
    classification: Classification,
    purpose: String,
    /// The epoch of the pseudonyms of a conversation that goes on.
    epoch: Option<u32>,
}

/// What was found in a call, what it continues, and what its caller declares.
pub(crate) struct Known<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) api: Api,
    pub(crate) findings: &'a Findings,
    pub(crate) chain: &'a Chain,
    pub(crate) declared: Declared,
}

/// Joins what the key, the body, the caller and the catalogue say.
pub(crate) fn gather<'g>(generation: &'g Generation, caller: &Caller, known: Known<'_>) -> Result<Facts<'g>, CallError> {
    let Known { asked, api, findings, chain, ref declared } = known;
    let action = api.action();
    let choice = generation.routes.choose(&asked.model, action.surface()).map_err(|no| no_choice(&asked.model, api, &no))?;
    let candidates = match &chain.pinned {
        Some((pinned, _)) if choice.candidates.ids().contains(pinned) => Candidates::new(vec![pinned.clone()]),
        Some((pinned, _)) => {
            let message =
                format!("the call continues what `{pinned}` keeps, and `{}` does not lead there: ask for `{pinned}`", asked.model);
            return Err(CallError::invalid_field("model", message));
        }
        None => choice.candidates.clone(),
    };
    let mut data = if findings.failed { Data::default() } else { data(generation, findings, caller.floor.max(declared.classification)) };
    if let Some(before) = &chain.data {
        data = data.worst(before);
    }
    let call = Call { workload: caller.workload.clone(), action, data, purpose: declared.purpose.clone() };
    let epoch = epoch(declared.epoch, chain.seals, generation.config.pseudonyms.epoch(clock::now()))?;
    Ok(Facts { call, performable: performable(&known), choice, candidates, epoch, detectors_failed: findings.failed })
}

/// What the gateway can do to this call. One that must be kept cannot go unretained. One with parts that nobody can read, or that goes on with
/// what its operator keeps, cannot go under pseudonyms: nobody could take the values out there, nor put them back into the answer.
fn performable(known: &Known<'_>) -> MeansSet {
    let Known { asked, findings, chain, .. } = known;
    let may_go_unretained = asked.store != StoreAsked::Yes;
    let may_hide = !findings.failed && !findings.opaque && chain.pinned.is_none() && chain.seals != Seals::Other;
    let means = [(may_go_unretained, Means::Unretained), (may_hide, Means::Pseudonymised)];
    means.into_iter().filter(|(may, _)| *may).fold(MeansSet::NONE, |set, (_, means)| set.with(means))
}

/// Which epoch's pseudonyms the call carries: that of what it hands back sealed, the one that its caller names, or the current one.
fn epoch(declared: Option<u32>, seals: Seals, current: u32) -> Result<u32, CallError> {
    let sealed = match seals {
        Seals::Of(epoch) => Some(epoch),
        Seals::None | Seals::Other => None,
    };
    match (declared, sealed) {
        (Some(declared), _) if declared > current => {
            Err(CallError::invalid_field(EPOCH, format!("epoch {declared} of the pseudonyms has not begun: it is {current} now")))
        }
        (Some(declared), Some(sealed)) if declared != sealed => {
            Err(CallError::invalid_field(EPOCH, format!("the call hands back thoughts of epoch {sealed}: name that, or no epoch")))
        }
        (_, Some(sealed)) => Ok(sealed),
        (declared, None) => Ok(declared.unwrap_or(current)),
    }
}

fn data(generation: &Generation, findings: &Findings, at_least: Classification) -> Data {
    let groups = [
        (findings.personal, "personal"),
        (findings.secrets, "secrets"),
        (findings.opaque, "opaque"),
        (!findings.remote.is_empty(), "remote"),
    ];
    let names = groups.into_iter().filter_map(|(found, name)| found.then_some(name)).chain(findings.kinds.iter().map(String::as_str));
    Data {
        classification: at_least.max(generation.config.findings.class_of(names)),
        // What no detector can read may be anything.
        personal: findings.personal || findings.opaque,
        special_category: findings.special_category || findings.opaque,
        secrets: findings.secrets,
        opaque: findings.opaque,
        remote: findings.remote.iter().map(|kind| (*kind).to_owned()).collect(),
        detector: findings.level,
        kinds: findings.kinds.iter().cloned().collect(),
        subjects: Places::UNKNOWN,
    }
}

fn no_choice(model: &str, api: Api, no: &NoChoice) -> CallError {
    CallError::NoOffering(match no {
        NoChoice::Unknown(near) => {
            let near = near.as_ref().map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            format!("`{model}` is no route, model or offering here: {near}`GET /v1/models` lists what is")
        }
        NoChoice::OtherSurface => {
            let what = match api {
                Api::Chat | Api::Responses | Api::Messages | Api::CountTokens => "generation of text",
                Api::Embeddings => "embeddings",
            };
            format!("no offering of `{model}` serves {what}: `GET /v1/models` lists what does")
        }
    })
}

/// Whether a header that goes to the upstream holds names of features only: no detector looks at it.
fn is_features(value: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._=, ".contains(byte);
    let longest = value.split(|byte| b", ".contains(byte)).map(<[u8]>::len).max().unwrap_or_default();
    value.iter().all(is_of_name) && value.len() <= FEATURES_BYTES_MAX && longest <= FEATURE_BYTES_MAX
}

/// What the caller declares, in headers that are all in order.
pub(crate) fn declared(headers: &HeaderMap, caller: &Caller, detector: &dyn Detect) -> Result<Declared, CallError> {
    let declared = Declared::read(headers, caller)?;
    check_along(headers, detector)?;
    Ok(declared)
}

/// Refuses a call whose headers for the upstream hold what patterns know: nothing there can be replaced.
///
/// # Errors
/// The header's name, and nothing of its value; our own fault, where nobody could look.
fn check_along(headers: &HeaderMap, detector: &dyn Detect) -> Result<(), CallError> {
    let along = ANTHROPIC_HEADERS.into_iter().chain(OPENAI_HEADERS);
    for (name, value) in along.flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value))) {
        let text = value.to_str().unwrap_or_default();
        // To a trained model a version is a date; patterns know versions.
        let found = scan(detector, text, Depth::Patterns).map_err(|error| {
            tracing::error!(%error, "a detector failed on a header: the call is refused");
            CallError::Internal("a header could not be searched for personal data")
        })?;
        if !found.is_empty() {
            let message = format!("the header `{name}` holds what looks like personal data or a credential: leave it out");
            return Err(CallError::invalid_field(name, message));
        }
    }
    Ok(())
}

/// Headers of SDKs with governance meaning. They go nowhere, and nobody may believe that they did.
const GOVERNANCE_HEADERS: [(&str, &str); 2] = [
    ("openai-organization", "names the account, and with it residency and retention, which terms and catalogue decide"),
    ("openai-project", "names the account, and with it residency and retention, which terms and catalogue decide"),
];

// === impl Declared ===

impl Declared {
    /// Reads the caller's headers. One that is unknown is an error: a misspelt declaration must not be dropped.
    pub(crate) fn read(headers: &HeaderMap, caller: &Caller) -> Result<Self, CallError> {
        let mut declared = Self::default();
        if let Some((name, meaning)) = GOVERNANCE_HEADERS.into_iter().find(|(name, _)| headers.contains_key(*name)) {
            return Err(CallError::cannot_honour(name, format!("the header `{name}` {meaning}: do not send it")));
        }
        let along = ANTHROPIC_HEADERS.into_iter().chain(OPENAI_HEADERS);
        for (name, value) in along.flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value))) {
            if !is_features(value.as_bytes()) {
                return Err(CallError::invalid_field(name, format!("the header `{name}` is no list of versions or features")));
            }
        }
        for (name, value) in headers.iter().filter(|(name, _)| name.as_str().starts_with("comity-")) {
            let name = name.as_str();
            let text = value.to_str().map_err(|_| CallError::invalid_field(name, format!("the header `{name}` is not plain text")))?.trim();
            match name {
                "comity-classification" => {
                    let class = text.parse::<Classification>().map_err(|error| CallError::invalid_field(name, error))?;
                    declared.classification = declared.classification.max(class);
                }
                "comity-purpose" if declared.purpose.is_empty() || declared.purpose == text => {
                    declared.purpose = purpose(text, caller)?;
                }
                SUBJECT if declared.subject.is_none() && (1..=SUBJECT_BYTES_MAX).contains(&text.len()) => {
                    declared.subject = Some(Plain::new(text.to_owned()));
                }
                SUBJECT => {
                    let message = format!("a call is about one data subject, named in 1 to {SUBJECT_BYTES_MAX} bytes");
                    return Err(CallError::invalid_field(name, message));
                }
                EPOCH if declared.epoch.is_none() => {
                    let epoch =
                        text.parse().map_err(|_| CallError::invalid_field(name, "an epoch is the number that an answer came with"))?;
                    declared.epoch = Some(epoch);
                }
                EPOCH => return Err(CallError::invalid_field(name, "a call has one epoch of pseudonyms")),
                "comity-purpose" => return Err(CallError::invalid_field(name, "a call has one purpose")),
                _ => {
                    let hint = suggestion(name, &["comity-classification", "comity-purpose", SUBJECT, EPOCH]);
                    return Err(CallError::cannot_honour(name, format!("the header `{name}` means nothing here yet: {hint}")));
                }
            }
        }
        Ok(declared)
    }
}

fn purpose(text: &str, caller: &Caller) -> Result<String, CallError> {
    if caller.purposes.iter().any(|purpose| purpose == text) {
        return Ok(text.to_owned());
    }
    let known: Vec<&str> = caller.purposes.iter().map(String::as_str).collect();
    let message = format!("the purpose `{text}` is not in the list of this key: {}", suggestion(text, &known));
    Err(CallError::invalid_field("comity-purpose", message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use comity_redact::{Detector, Finding, Kind, Kinds, Names, ScanError, Tier};
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::detect::Tiers;
    use crate::logged::logged;

    fn read(given: &[(&'static str, &'static str)]) -> Result<Declared, CallError> {
        let headers: HeaderMap =
            given.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        let caller = Caller {
            key: None,
            workload: comity_vocab::Workload {
                id: "w".parse().unwrap(),
                unit: "u".parse().unwrap(),
                sector: String::new(),
                clearance: Classification::Public,
                critical: false,
            },
            floor: Classification::Public,
            purposes: vec!["support".to_owned()],
        };
        Declared::read(&headers, &caller)
    }

    #[test]
    fn a_conversation_keeps_its_epoch() {
        assert_eq!(epoch(None, Seals::None, 9).unwrap(), 9);
        assert_eq!(epoch(Some(7), Seals::None, 9).unwrap(), 7);
        assert_eq!(epoch(None, Seals::Of(8), 9).unwrap(), 8);
        assert_eq!(epoch(Some(8), Seals::Of(8), 9).unwrap(), 8);
        assert!(epoch(Some(10), Seals::None, 9).is_err() && epoch(Some(7), Seals::Of(8), 9).is_err());
    }

    #[test]
    fn declarations_are_read_or_refused_never_dropped() {
        let declared = read(&[("comity-classification", "secret"), ("comity-purpose", "support"), ("accept", "x")]).unwrap();
        assert!(declared.classification == Classification::Secret && declared.purpose == "support" && declared.epoch.is_none());
        assert!(matches!(read(&[("comity-classification", "top")]), Err(CallError::Invalid { .. })));
        assert!(matches!(read(&[("comity-purpose", "marketing")]), Err(CallError::Invalid { .. })));
        assert!(matches!(read(&[("comity-clasification", "secret")]), Err(CallError::CannotHonour { .. })));
        assert!(read(&[("comity-data-subject", "42")]).unwrap().subject.is_some_and(|subject| subject.expose() == "42"));
        assert!(matches!(read(&[("comity-data-subject", "")]), Err(CallError::Invalid { .. })));
        assert!(matches!(read(&[("comity-data-subject", "42"), ("comity-data-subject", "43")]), Err(CallError::Invalid { .. })));
        assert_eq!(read(&[("comity-pseudonym-epoch", "229")]).unwrap().epoch, Some(229));
        assert!(matches!(read(&[("comity-pseudonym-epoch", "last")]), Err(CallError::Invalid { .. })));
        assert!(matches!(read(&[("openai-project", "proj_eu")]), Err(CallError::CannotHonour { .. })));
        assert!(read(&[("anthropic-beta", "files-api-2025-04-14, mcp-client-2025-11-20"), ("openai-beta", "assistants=v2")]).is_ok());
        assert!(matches!(read(&[("anthropic-beta", "ada@example.org")]), Err(CallError::Invalid { .. })));
    }

    fn along(detector: &dyn Detect, (name, value): (&'static str, &'static str)) -> Result<(), CallError> {
        check_along(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]), detector)
    }

    /// Takes every text for a name, as models take versions for dates; or fails.
    struct Whole(Tier, Result<(), &'static str>);

    impl Names for Whole {
        fn tier(&self) -> Tier {
            self.0
        }

        fn names(&self, text: &str, _: &[Finding]) -> Result<Vec<Finding>, ScanError> {
            self.1.map_err(|reason| ScanError { tier: self.0, reason: reason.to_owned() })?;
            Ok(vec![Finding { kind: Kind::PERSON, start: 0, end: text.len(), tier: self.0 }])
        }
    }

    #[test]
    fn what_goes_along_holds_nothing_that_patterns_know() {
        let patterns = || Tiers::new(Detector::new().unwrap());
        let detectors = [
            patterns(),
            patterns().with_names(Arc::new(Whole(Tier::Trained, Ok(())))),
            patterns().with_names(Arc::new(Whole(Tier::Gliner, Err("slow")))),
        ];
        for detector in &detectors {
            for header in [
                ("anthropic-version", "2023-06-01"),
                ("anthropic-version", "2026-10-21"),
                ("anthropic-beta", "files-api-2025-04-14, mcp-client-2025-11-20"),
                ("openai-beta", "assistants=v2"),
            ] {
                assert!(along(detector, header).is_ok(), "{header:?}");
            }
            for header in [("anthropic-beta", "4111111111111111"), ("openai-beta", "a, 4111-1111-1111-1111")] {
                let refused = along(detector, header);
                assert!(matches!(&refused, Err(CallError::Invalid { message, .. }) if !message.contains("1111")), "{refused:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_detector_that_fails_on_a_header_is_no_fault_of_the_caller() {
        type Way = fn() -> Result<Vec<Finding>, String>;
        struct Fails(Kinds, Way);
        impl Detect for Fails {
            fn kinds(&self) -> &Kinds {
                &self.0
            }
            fn level(&self) -> u8 {
                1
            }
            fn scan(&self, _: &str, depth: Depth) -> Result<Vec<Finding>, String> {
                assert_eq!(depth, Depth::Patterns);
                (self.1)()
            }
        }
        let ways: [(Way, &str); 2] = [(|| Err("planted".to_owned()), "planted"), (|| panic!("planted"), "the detector panicked")];
        for (way, why) in ways {
            let failed = logged(async { along(&Fails(Kinds::built_in(), way), ("anthropic-version", "2023-06-01")) });
            let (refused, log) = failed.await;
            assert!(matches!(refused, Err(CallError::Internal(_))), "{refused:?}");
            assert!(log.contains("a detector failed on a header") && log.contains(why), "{log}");
        }
    }
}
