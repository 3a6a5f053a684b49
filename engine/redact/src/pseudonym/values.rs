//! The values of one call, found in text: the leftmost, and of those the longest.
//!
//! A value found once is replaced wherever it stands. Only names have edges: `Ada` is not replaced in `Adamant`.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, StartKind};

use crate::limits::NAME_MAX;
use crate::script::is_of_word;

/// The values, searchable. It has no `Debug`.
pub(super) struct Values {
    automaton: Option<AhoCorasick>,
    sought: Vec<Sought>,
}

/// What is known of one value.
struct Sought {
    length: usize,
    edges: Edges,
    /// The longest other value that it begins with, to fall back on where its edges do not hold.
    shorter: Option<usize>,
}

/// Where a value stands.
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its number in the order given.
    pub(super) value: usize,
}

/// On which sides no letter may stand. A digit may: detectors part it from letters, and so may people (`Lovelace99`).
#[derive(Clone, Copy)]
struct Edges {
    before: bool,
    after: bool,
}

// === impl Values ===

impl Values {
    /// Takes values that are sorted, different and not empty; nothing if they are more than an automaton can hold.
    pub(super) fn new(values: &[&str]) -> Option<Self> {
        let automaton = match values {
            [] => None,
            [_, ..] => Some(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .start_kind(StartKind::Unanchored)
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .build(values)
                    .ok()?,
            ),
        };
        let sought = |(value, shorter): (&&str, _)| Sought { length: value.len(), edges: Edges::of(value), shorter };
        Some(Self { automaton, sought: values.iter().zip(shorter(values)).map(sought).collect() })
    }

    /// The first value that stands wholly within `from..to`. What stands right at `from`, behind another value or its pseudonym, needs no
    /// edge there.
    pub(super) fn next(&self, text: &str, from: usize, to: usize) -> Option<Place> {
        let automaton = self.automaton.as_ref()?;
        let (edge, mut from) = (from, from);
        while from < to {
            let found = automaton.find(Input::new(text).range(from..to))?;
            let start = found.start();
            let mut candidate = Some(found.pattern().as_usize());
            while let Some((value, sought)) = candidate.and_then(|value| Some((value, self.sought.get(value)?))) {
                let end = start + sought.length;
                if sought.edges.hold(text, (start, end), edge) {
                    return Some(Place { start, end, value });
                }
                candidate = sought.shorter;
            }
            from = text.ceil_char_boundary(start + 1);
        }
        None
    }
}

/// Sorted values stand behind those that they begin with.
fn shorter(values: &[&str]) -> Vec<Option<usize>> {
    let (mut open, mut shorter): (Vec<(usize, &str)>, _) = (Vec::new(), Vec::with_capacity(values.len()));
    for (index, value) in values.iter().enumerate() {
        while open.last().is_some_and(|(_, beginning)| !value.starts_with(beginning)) {
            open.pop();
        }
        shorter.push(open.last().map(|(index, _)| *index));
        open.push((index, *value));
    }
    shorter
}

// === impl Edges ===

impl Edges {
    /// A name has no digit and no `@`, and is not longer than names are: a longer text does not stand inside a word by chance,
    /// and every place where edges do not hold costs one more search.
    fn of(value: &str) -> Self {
        let name = value.len() <= NAME_MAX && !value.chars().any(|letter| letter.is_numeric() || letter == '@');
        let edge = |letter: Option<char>| name && letter.is_some_and(is_of_word);
        Self { before: edge(value.chars().next()), after: edge(value.chars().next_back()) }
    }

    fn hold(self, text: &str, (start, end): (usize, usize), edge: usize) -> bool {
        let before = || text.get(..start).and_then(|before| before.chars().next_back()).is_some_and(is_of_word);
        let after = || text.get(end..).and_then(|after| after.chars().next()).is_some_and(is_of_word);
        !(self.before && start > edge && before() || self.after && after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a text, in brackets.
    fn check(values: &[&str], expected: &str) {
        let text = expected.replace(['[', ']'], "");
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let values = Values::new(&sorted).unwrap();
        let (mut marked, mut at) = (String::new(), 0);
        while let Some(place) = values.next(&text, at, text.len()) {
            assert_eq!(text.get(place.start..place.end), Some(sorted[place.value]));
            marked += &format!("{}[{}]", text.get(at..place.start).unwrap(), sorted[place.value]);
            at = place.end;
        }
        assert_eq!(marked + text.get(at..).unwrap(), expected);
    }

    #[test]
    fn names_stand_alone_and_anything_else_everywhere() {
        check(&["Ada"], "[Ada], Adams, LAda, 1[Ada], [Ada]1, ÉAda, [Ada]'s, _[Ada]_");
        check(&["Ada"], "私は[Ada]です, 김[Ada]는, พบ[Ada]ที่");
        check(&["太郎", "김철수"], "山田[太郎]さん, x[太郎]x, [김철수]는");
        check(&["x@y.z", "B52"], "a[x@y.z]a, [B52]3, X[B52]X");
        check(&["(Ada"], "x[(Ada], (Adam");
        check(&["Ada", "x@y.z"], "[x@y.z][Ada] AdaAda Ada[x@y.z]");
        check(&["Ада"], "[Ада], Адам, xАда");
    }

    #[test]
    fn the_leftmost_longest_is_found_and_a_shorter_one_where_its_edges_fail() {
        check(&["Ada", "Ada Love", "Ada Lovelace"], "[Ada Lovelace] [Ada Love] [Ada] Lov, [Ada] Lovelaces, [Ada Love]");
        check(&["Ada Love", "Love 7"], "[Ada Love] 7, BAda [Love 7]00");
        check(&["Love letter", "ve 7"], "Lo[ve 7]");
        check(&["ab", "b@"], "xa[b@]");
        check(&["é", "éa"], "[éa] [é] éab");
    }

    #[test]
    fn no_values_are_nowhere() {
        check(&[], "Ada");
    }
}
