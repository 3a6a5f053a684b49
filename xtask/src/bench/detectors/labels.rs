//! The table of labels (`bench/detectors/labels.toml`): the data sets, the rows of the report, and what each row is called on both sides.
//! It is data, so that nobody changes the scorer to change a score.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub(super) presidio_threshold: f64,
    pub(super) set: Vec<SetSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetSpec {
    pub(super) name: String,
    /// Below the folder of data.
    pub(super) path: String,
    pub(super) format: Format,
    pub(super) language: String,
    /// Texts of the same kind, below the folder of data, for the tier that is trained.
    pub(super) train: Option<String>,
    pub(super) row: Vec<Row>,
}

/// Of the annotations, as the detectors' readers call it.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    PresidioResearch,
    Iob2,
    Brat,
}

/// One line of the report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) title: String,
    pub(super) group: Group,
    pub(super) labels: Vec<String>,
    pub(super) comity: Vec<String>,
    pub(super) presidio: Vec<String>,
    /// The kind under which values of this row go into the list of names.
    pub(super) gazetteer: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Group {
    Structured,
    Names,
    Other,
}

/// Whose names a finding has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Comity,
    Presidio,
}

// === impl Labels ===

impl Labels {
    /// Names of Comity's kinds, patterns aside, that the detectors do not know.
    pub(super) fn unknown<'a>(&'a self, kinds: &[String]) -> Vec<&'a str> {
        let rows = self.set.iter().flat_map(|set| &set.row);
        let mut names: Vec<&str> = rows.flat_map(|row| &row.comity).map(String::as_str).collect();
        names.retain(|name| !name.contains('*') && !kinds.iter().any(|kind| kind == name));
        names.sort_unstable();
        names.dedup();
        names
    }
}

// === impl SetSpec ===

impl SetSpec {
    pub(super) fn row_of(&self, label: &str) -> Option<&Row> {
        self.row.iter().find(|row| row.labels.iter().any(|known| known == label))
    }
}

// === impl Row ===

impl Row {
    /// Does a finding of that name mean what this row is about?
    pub(super) fn means(&self, side: Side, name: &str) -> bool {
        let names = match side {
            Side::Comity => &self.comity,
            Side::Presidio => &self.presidio,
        };
        names.iter().any(|pattern| matches(pattern, name))
    }
}

/// `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut left) = (pattern.chars(), name.chars());
    match wanted.next() {
        None => name.is_empty(),
        Some('*') => matches(wanted.as_str(), name) || (left.next().is_some() && matches(pattern, left.as_str())),
        Some(c) => left.next().is_some_and(|found| c == found) && matches(wanted.as_str(), left.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, wanted) in [
            ("email", "email", true),
            ("email", "emails", false),
            ("*date*", "birth_date", true),
            ("*post*code", "ca_postal_code", true),
            ("*post*code", "gb_postcode", true),
            ("*post*code", "postcodes", false),
            ("ip*", "zip", false),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn the_table_of_this_repository_is_read() {
        let labels: Labels = toml::from_str(include_str!("../../../../bench/detectors/labels.toml")).unwrap();
        for set in &labels.set {
            let mut names: Vec<&String> = set.row.iter().flat_map(|row| &row.labels).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), all, "a label of {} stands in two rows", set.name);
        }
        let unknown = labels.unknown(&["email".to_owned()]);
        assert!(unknown.contains(&"iban") && !unknown.contains(&"email"));
    }

    /// `comity detect eval` and training have a table of their own, of one kind for a label; a row may name more, never others.
    #[test]
    fn a_row_means_what_the_detectors_table_says_of_its_labels() {
        #[derive(Deserialize)]
        struct Family {
            labels: BTreeMap<String, String>,
        }
        let detectors: BTreeMap<String, Family> =
            toml::from_str(include_str!("../../../../engine/redact/src/dataset/labels.toml")).unwrap();
        let kinds: BTreeMap<String, String> = detectors.into_values().flat_map(|family| family.labels).collect();
        let labels: Labels = toml::from_str(include_str!("../../../../bench/detectors/labels.toml")).unwrap();
        let mut without = Vec::new();
        for row in labels.set.iter().flat_map(|set| &set.row) {
            for label in &row.labels {
                match kinds.get(label) {
                    Some(kind) => assert!(row.means(Side::Comity, kind), "`{label}` means `{kind}`, not what `{}` names", row.title),
                    None => without.push(label.as_str()),
                }
            }
        }
        assert_eq!(without, ["TITLE"], "these mean no kind there");
    }
}
