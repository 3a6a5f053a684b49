//! The border between the detector and the tiers that find names: lists, trained models, models that the organisation brought.
//!
//! A tier is asked after all lower ones and sees what they found. It must never keep or print the text, and it must never answer
//! "nothing found" when it could not look: then it fails, and the scan fails with it.

use crate::limits::NAME_MAX;
use crate::script::is_of_word;
use crate::{Class, Detector, Finding, Kinds, ScanError, Tier};

/// A tier of detection above the patterns.
pub trait Names: Send + Sync {
    /// Which tier it is.
    fn tier(&self) -> Tier;

    /// Everything that it finds in `text`, in any order. `before` is what the lower tiers found, sorted by place. NUL parts texts that only
    /// stand together to be scanned at once: a finding across one is taken for one on either side.
    ///
    /// # Errors
    /// If it could not look at the whole text.
    fn names(&self, text: &str, before: &[Finding]) -> Result<Vec<Finding>, ScanError>;
}

/// Asks every tier in order, each with what those before it found, and merges what they find.
pub(crate) fn ask(detector: &Detector, text: &str, mut found: Vec<Finding>) -> Result<Vec<Finding>, ScanError> {
    for names in detector.names() {
        let more = names.names(text, &found)?;
        if more.iter().any(|finding| text.get(finding.start..finding.end).is_none_or(str::is_empty)) {
            return Err(ScanError { tier: names.tier(), reason: "it found something outside the text".to_owned() });
        }
        found.extend(more.into_iter().flat_map(|finding| parted(text, finding)).map(|finding| widened(text, finding)));
        found = merge(found, detector.kinds());
    }
    Ok(found)
}

/// A finding in each of the texts that NUL parts: what leaves is replaced by its spelling, and none stands in two of them.
pub(crate) fn parted(text: &str, finding: Finding) -> Vec<Finding> {
    let mut at = finding.start;
    let parts = text.get(finding.start..finding.end).unwrap_or_default().split('\0').map(|part| {
        let start = at;
        at = start + part.len() + 1;
        Finding { start, end: start + part.len(), ..finding }
    });
    parts.filter(|part| part.start < part.end).collect()
}

/// A finding of whole words: a name in the middle of one would not be replaced.
fn widened(text: &str, finding: Finding) -> Finding {
    let found = text.get(finding.start..finding.end).unwrap_or_default();
    let before = text.get(..finding.start).filter(|_| found.starts_with(is_of_word)).unwrap_or_default();
    let after = text.get(finding.end..).filter(|_| found.ends_with(is_of_word)).unwrap_or_default();
    let start = finding.start.saturating_sub(letters(before.chars().rev()));
    Finding { start, end: finding.end + letters(after.chars()), ..finding }
}

/// Bytes of the letters at the beginning. Of more than a name has, some are enough: what is longer is looked for amid words, too.
fn letters(text: impl Iterator<Item = char>) -> usize {
    text.take_while(|letter| is_of_word(*letter)).take(NAME_MAX).map(char::len_utf8).sum()
}

/// Findings that overlap become one: their union. The one whose class protects most names it, then the longest, and of equals that of the
/// highest tier, which has seen what the others found.
pub(crate) fn merge(mut found: Vec<Finding>, kinds: &Kinds) -> Vec<Finding> {
    found.sort_by_key(|finding| (finding.start, finding.end));
    let class = |finding: &Finding| match kinds.get(finding.kind).map(|info| info.class) {
        Some(Class::Secret) => 3,
        Some(Class::Health) => 2,
        Some(Class::Personal) | None => 1,
        Some(Class::Neutral) => 0,
    };
    let weight = |finding: &Finding| (class(finding), finding.end.saturating_sub(finding.start), finding.tier);
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    // The finding that names the last union.
    let mut strongest: Option<Finding> = None;
    for finding in found {
        match (merged.last_mut(), strongest.as_mut()) {
            (Some(last), Some(strongest)) if finding.start < last.end => {
                last.end = last.end.max(finding.end);
                if weight(&finding) > weight(strongest) {
                    *strongest = finding;
                    (last.kind, last.tier) = (finding.kind, finding.tier);
                }
            }
            _ => {
                merged.push(finding);
                strongest = Some(finding);
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Kind;

    /// Finds what it is told to, or fails.
    struct Told(Tier, Result<(usize, usize), &'static str>);

    impl Names for Told {
        fn tier(&self) -> Tier {
            self.0
        }

        fn names(&self, _text: &str, before: &[Finding]) -> Result<Vec<Finding>, ScanError> {
            assert_eq!(before.len(), 1, "it sees what patterns found");
            let (start, end) = self.1.map_err(|reason| ScanError { tier: self.0, reason: reason.to_owned() })?;
            Ok(vec![Finding { kind: Kind::PERSON, start, end, tier: self.0 }])
        }
    }

    const TEXT: &str = "Zoë <zoe@example.org>";

    fn scan(told: Told) -> Result<Vec<(usize, usize, Tier)>, String> {
        let found = Detector::new().unwrap().with_names(Arc::new(told)).scan(TEXT).map_err(|error| error.to_string())?;
        Ok(found.iter().map(|finding| (finding.start, finding.end, finding.tier)).collect())
    }

    #[test]
    fn findings_of_all_tiers_are_merged_in_order() {
        assert_eq!(scan(Told(Tier::Trained, Ok((0, 4)))), Ok(vec![(0, 4, Tier::Trained), (6, 21, Tier::Patterns)]));
        assert_eq!(scan(Told(Tier::Gazetteer, Ok((6, 9)))), Ok(vec![(6, 21, Tier::Patterns)]));
        assert_eq!(scan(Told(Tier::Gazetteer, Ok((0, 9)))), Ok(vec![(0, 21, Tier::Patterns)]));
        assert_eq!(scan(Told(Tier::Trained, Ok((6, 21)))), Ok(vec![(6, 21, Tier::Trained)]));
    }

    #[test]
    fn a_finding_is_of_whole_words_in_one_text() {
        let cut = |text: &str, start, end| {
            let found = parted(text, Finding { kind: Kind::PERSON, start, end, tier: Tier::Trained });
            let found = found.into_iter().map(|finding| widened(text, finding));
            found.map(|finding| text.get(finding.start..finding.end).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cut("Ada Lovelace\0Zoë", 0, 17), ["Ada Lovelace", "Zoë"]);
        assert_eq!(cut("\0Ada\0\0", 0, 6), ["Ada"]);
        assert_eq!(cut("by Adamantine9 x", 6, 9), ["Adamantine"]);
        assert_eq!(cut("私は太郎です", 6, 12), ["太郎"]);
        assert_eq!(cut("x <Ada> y", 2, 7), ["<Ada>"]);
        assert_eq!(cut(&"a".repeat(1000), 500, 501)[0].len(), 1 + 2 * NAME_MAX);
    }

    #[test]
    fn no_tier_makes_a_finding_need_less_protection() {
        let kinds = Kinds::shipped();
        let of = |class| kinds.iter().find(|(_, info)| info.class == class).unwrap().0;
        let finding = |kind, start, end, tier| Finding { kind, start, end, tier };
        for (weaker, stronger) in [(Class::Neutral, Class::Personal), (Class::Personal, Class::Health), (Class::Health, Class::Secret)] {
            let found = vec![finding(of(weaker), 0, 40, Tier::Gliner), finding(of(stronger), 4, 9, Tier::Patterns)];
            assert_eq!(merge(found, &kinds), [finding(of(stronger), 0, 40, Tier::Patterns)], "{stronger:?}");
        }
    }

    #[test]
    fn a_tier_that_fails_or_errs_fails_the_scan() {
        assert_eq!(scan(Told(Tier::Trained, Err("no memory"))), Err("the tier `trained` failed: no memory".to_owned()));
        for outside in [(0, 3), (20, 40), (4, 4), (6, 5)] {
            let error = scan(Told(Tier::Gliner, Ok(outside))).unwrap_err();
            assert_eq!(error, "the tier `gliner` failed: it found something outside the text");
        }
    }

    #[test]
    fn the_level_is_that_of_the_highest_tier() {
        let detector = Detector::new().unwrap();
        assert_eq!(detector.level(), 1);
        let detector = detector.with_names(Arc::new(Told(Tier::Trained, Ok((0, 1)))));
        assert_eq!(detector.with_names(Arc::new(Told(Tier::Gazetteer, Ok((0, 1))))).level(), 3);
    }
}
