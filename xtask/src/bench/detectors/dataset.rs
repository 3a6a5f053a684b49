//! Reads the annotated texts that both sides are measured on: presidio-research's JSON, IOB2 of Universal NER, brat. Read once and given to
//! both, so that nobody reads another text than the other. Offsets are in characters, as all three formats have them. Changes no text.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::labels::{Format, SetSpec};

/// One data set.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) texts: Vec<Text>,
}

#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) gold: Vec<Gold>,
}

/// What people say stands there. Offsets in characters; `start < end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gold {
    pub(super) label: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

// === impl Set ===

impl Set {
    /// Reads a set, and holds that each label stands in a row.
    pub(super) fn read(folder: &Path, spec: &SetSpec) -> anyhow::Result<Set> {
        let path = folder.join(&spec.path);
        let texts = match spec.format {
            Format::PresidioResearch => presidio_research(&read(&path)?)?,
            Format::Iob2 => iob2(&read(&path)?)?,
            Format::Brat => brat(&path)?,
        };
        for gold in texts.iter().flat_map(|text| &text.gold) {
            ensure!(spec.row_of(&gold.label).is_some(), "label `{}` of `{}` stands in no row of labels.toml", gold.label, spec.name);
        }
        ensure!(!texts.is_empty(), "`{}` holds no text", path.display());
        Ok(Set { name: spec.name.clone(), language: spec.language.clone(), texts })
    }

    pub(super) fn plain_texts(&self) -> Vec<&str> {
        self.texts.iter().map(|text| text.text.as_str()).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.text.len()).sum()
    }

    pub(super) fn characters(&self) -> usize {
        self.texts.iter().map(|text| text.text.chars().count()).sum()
    }
}

// === impl Text ===

impl Text {
    /// The words that a span covers.
    pub(super) fn value(&self, gold: &Gold) -> String {
        self.text.chars().skip(gold.start).take(gold.end.saturating_sub(gold.start)).collect()
    }
}

// === Formats ===

#[derive(Deserialize)]
struct Sentence {
    full_text: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    entity_type: String,
    start_position: usize,
    end_position: usize,
}

fn presidio_research(json: &str) -> anyhow::Result<Vec<Text>> {
    let sentences: Vec<Sentence> = serde_json::from_str(json).context("not as presidio-research writes")?;
    let gold = |span: Span| Gold { label: span.entity_type, start: span.start_position, end: span.end_position };
    Ok(sentences
        .into_iter()
        .map(|sentence| Text { text: sentence.full_text, gold: sentence.spans.into_iter().map(gold).collect() })
        .collect())
}

/// Sentences apart by empty lines; `# text = ` is the sentence as it was written, a line of a token is number, form, tag and more.
fn iob2(text: &str) -> anyhow::Result<Vec<Text>> {
    let mut texts = Vec::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let written = block.lines().find_map(|line| line.strip_prefix("# text = ")).context("a sentence without `# text = `")?;
        let tokens = block.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let mut fields = line.split('\t').skip(1);
            Some((fields.next()?, fields.next()?))
        });
        texts.push(align(written, tokens)?);
    }
    Ok(texts)
}

/// Finds each token in the sentence, in order. An entity ends where its last token ends.
fn align<'a>(written: &str, tokens: impl Iterator<Item = (&'a str, &'a str)>) -> anyhow::Result<Text> {
    let mut gold: Vec<Gold> = Vec::new();
    let mut rest = written;
    let mut at: usize = 0;
    for (form, tag) in tokens {
        let Some((before, after)) = rest.split_once(form) else { bail!("token {form:?} is not in its sentence") };
        let start = at.saturating_add(before.chars().count());
        let end = start.saturating_add(form.chars().count());
        (rest, at) = (after, end);
        match (tag.split_once('-'), gold.last_mut()) {
            (Some(("I", label)), Some(last)) if last.label == label => last.end = end,
            (Some((_, label)), _) => gold.push(Gold { label: label.to_owned(), start, end }),
            (None, _) => {}
        }
    }
    Ok(Text { text: written.to_owned(), gold })
}

/// A folder with `x.txt` and `x.ann`, as MEDDOCAN has them: no span in parts.
fn brat(folder: &Path) -> anyhow::Result<Vec<Text>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ann"));
    files.sort();
    files.iter().map(|path| Ok(Text { text: read(&path.with_extension("txt"))?, gold: annotations(&read(path)?)? })).collect()
}

/// `T1<tab>LABEL 10 14<tab>words`; lines that begin with another letter are no spans.
fn annotations(text: &str) -> anyhow::Result<Vec<Gold>> {
    let mut gold = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('T')) {
        let mut fields = line.split('\t').nth(1).context("an annotation without a span")?.split(' ');
        let mut next = || fields.next().context("an annotation without a span");
        let label = next()?.to_owned();
        let (start, end) = (next()?.parse()?, next()?.parse().context("a span in parts")?);
        gold.push(Gold { label, start, end });
    }
    Ok(gold)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gold(label: &str, start: usize, end: usize) -> Gold {
        Gold { label: label.to_owned(), start, end }
    }

    #[test]
    fn tokens_are_found_in_the_sentence_as_it_was_written() {
        let block = "# text = Zoë met Ann Lee.\n1\tZoë\tB-PER\t-\n2\tmet\tO\t-\n3\tAnn\tB-PER\t-\n4\tLee\tI-PER\t-\n5\t.\tO\t-\n\n";
        let texts = iob2(block).unwrap();
        assert_eq!(texts[0].gold, [gold("PER", 0, 3), gold("PER", 8, 15)]);
        assert_eq!(texts[0].value(&texts[0].gold[1]), "Ann Lee");
        assert!(iob2("# text = a\n1\tb\tO\n").is_err());
    }

    #[test]
    fn spans_of_brat_and_of_presidio_research_are_read() {
        assert_eq!(annotations("T1\tPAIS 3 6\tPeru\nA1\tNegation T1\n").unwrap(), [gold("PAIS", 3, 6)]);
        assert!(annotations("T1\tPAIS 3 6;8 9\tx\n").is_err());
        let json = r#"[{"full_text": "Ann", "spans": [{"entity_type": "PERSON", "start_position": 0, "end_position": 3}]}]"#;
        assert_eq!(presidio_research(json).unwrap()[0].gold, [gold("PERSON", 0, 3)]);
    }
}
