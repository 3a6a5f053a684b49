//! Names found by a model that is trained here, on letters made for it and on texts that nobody here wrote: clinical records of MEDDOCAN
//! (CC BY 4.0) and web text of UNER. The ceilings are a little above what was measured, so that a change that finds less is seen.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixture and says what it measured")]

use std::sync::Arc;

use comity_redact::{Detector, Document, Kinds, Labels, Names as _, TrainOptions, Trained, Training, evaluate, read_brat, read_iob2};

use crate::fixture::of_others;

#[test]
fn little_leaks_in_clinical_records_of_others() {
    let (Some(train), Some(dev)) = (meddocan("meddocan-train-sample"), meddocan("meddocan-dev")) else { return };
    let detector = Detector::new().unwrap();
    let labels = Labels::known(detector.kinds()).unwrap();
    let patterns = evaluate(&detector, &labels, &dev).unwrap();
    let model = Trained::load(&train_on(&detector, &train, TrainOptions::default()), detector.kinds()).unwrap();
    assert_eq!((model.info().documents, model.info().languages.len()), (250, 0));
    let report = evaluate(&detector.with_names(Arc::new(model)), &labels, &dev).unwrap();
    eprintln!("patterns alone: {:?}", patterns.total);
    for measure in report.labels.iter().chain(&report.kinds).chain([&report.total]) {
        eprintln!("{measure:?}");
    }
    assert!(report.unknown_labels.is_empty(), "every label counts: {:?}", report.unknown_labels);
    assert!(report.total.leak_rate <= 0.04, "the target of the project: {}", report.total.leak_rate);
    assert!(report.total.leak_rate <= LEAK_MAX, "{} of {} leak", report.total.leaked, report.total.entities);
    assert!(report.total.strict_f1 >= STRICT_F1_MIN, "strict F1 {}", report.total.strict_f1);
    assert!(patterns.total.leak_rate > 0.5, "patterns find no names: {}", patterns.total.leak_rate);
}

const LEAK_MAX: f64 = 0.025;
const STRICT_F1_MIN: f64 = 0.92;

#[test]
fn a_small_general_model_misses_many_names_in_web_text_of_others() {
    let Some(path) = of_others("uner-en-dev.iob2") else { return };
    let sentences = read_iob2("uner", &std::fs::read_to_string(path).unwrap()).unwrap();
    let part = |held_out: bool| -> Vec<Document> {
        let chosen = sentences.iter().enumerate().filter(|(index, _)| (index % 5 == 0) == held_out);
        chosen.map(|(_, sentence)| sentence.clone()).collect()
    };
    let detector = Detector::new().unwrap();
    let labels = Labels::known(detector.kinds()).unwrap();
    let bytes = train_on(&detector, &part(false), TrainOptions::default());
    let measure = |certainty: f32| {
        let model = Trained::load(&bytes, detector.kinds()).unwrap().with_certainty(certainty);
        evaluate(&detector.clone().with_names(Arc::new(model)), &labels, &part(true)).unwrap().total
    };
    let (even, careful) = (measure(0.5), measure(0.95));
    eprintln!("{even:?}\n{careful:?}");
    assert!(even.strict_f1 >= 0.55 && careful.leak_rate <= 0.15, "{} {}", even.strict_f1, careful.leak_rate);
    assert!(careful.leak_rate < even.leak_rate, "more certainty leaks less");
}

/// Letters that follow one form, so that a model can learn them without any fixture.
fn letters() -> Vec<Document> {
    let names = ["Ada Lima", "Bo Nordmann", "Chen Akande", "Dora Svensson", "Emeka Obi", "Farah Haddad", "Goro Tanaka", "Hana Novak"];
    let letter = |(index, name): (usize, &&str)| {
        let text = format!("To: {name}\nRef {index}\nDear {name}, please call us about the matter of last week.\n");
        let at = 4 + name.len() + 5 + index.to_string().len() + 1 + 5;
        let annotations = format!("T1\tperson 4 {}\t{name}\nT2\tperson {at} {}\t{name}\n", 4 + name.len(), at + name.len());
        read_brat(&format!("letter {index}"), &text, &annotations).unwrap()
    };
    names.iter().enumerate().map(letter).collect()
}

fn train_on(detector: &Detector, documents: &[Document], options: TrainOptions) -> Vec<u8> {
    let labels = Labels::known(detector.kinds()).unwrap();
    Training { documents, labels: &labels, detector, options }.run(&mut |_| ()).unwrap()
}

#[test]
fn training_is_deterministic_and_its_model_finds_new_names_everywhere() {
    let detector = Detector::new().unwrap();
    let options = TrainOptions { languages: vec!["en".to_owned()], ..TrainOptions::default() };
    let bytes = train_on(&detector, &letters(), options.clone());
    assert_eq!(bytes, train_on(&detector, &letters(), options));
    assert!(!String::from_utf8_lossy(&bytes).contains("Nordmann"), "no word of the texts is in the file");
    let model = Trained::load(&bytes, detector.kinds()).unwrap();
    assert_eq!((model.info().languages.as_slice(), model.info().documents), (["en".to_owned()].as_slice(), 8));
    let text = "To: Ines Quispe\nRef 77\nDear Ines Quispe, please call us.\nThe file calls her Quispe, or QUISPE; it was\nInes\nQuispe who wrote.\n";
    let found = detector.with_names(Arc::new(model)).scan(text).unwrap();
    let found: Vec<&str> = found.iter().map(|finding| &text[finding.start..finding.end]).collect();
    assert!(found.iter().filter(|value| **value == "Ines Quispe").count() >= 2, "{found:?}");
}

#[test]
fn wrong_files_are_refused_with_what_to_do() {
    let detector = Detector::new().unwrap();
    let bytes = train_on(&detector, &letters(), TrainOptions { epochs: 1, ..TrainOptions::default() });
    let refused = |bytes: &[u8]| Trained::load(bytes, detector.kinds()).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(refused(b"lCRF"), "this is not a model of names; `comity detect train` makes one");
    for cut in (13..bytes.len()).step_by(997) {
        assert!(refused(&bytes[..cut]).starts_with("the model is damaged: "), "cut at {cut}");
        let mut changed = bytes.clone();
        changed[cut] ^= 1;
        assert!(refused(&changed).starts_with("the model is damaged: "), "changed at {cut}");
    }
    let kinds = Kinds::built_in();
    assert!(Trained::load(&bytes, &kinds).is_ok());
    let mut labels = Labels::known(detector.kinds()).unwrap();
    labels.map("person", "date").unwrap();
    let training = Training { documents: &letters(), labels: &labels, detector: &detector, options: TrainOptions::default() };
    let error = Trained::load(&training.run(&mut |_| ()).unwrap(), &kinds).err().unwrap().to_string();
    assert_eq!(error, "the model finds kind `date`, which is not known; load the file of kinds that it was trained with");
}

#[test]
fn nothing_to_learn_is_said() {
    let detector = Detector::new().unwrap();
    let labels = Labels::known(detector.kinds()).unwrap();
    let documents = read_iob2("a", "Ada B-MISC\n").unwrap();
    let training = Training { documents: &documents, labels: &labels, detector: &detector, options: TrainOptions::default() };
    let error = training.run(&mut |_| ()).err().unwrap().to_string();
    assert_eq!(error, "the documents have no annotation whose label means a kind; map labels with `--map LABEL=kind`");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_text_findings_are_in_it_and_always_the_same(text in "\\PC{0,40}(Dear |To: |\n|\u{301}|東){0,4}\\PC{0,40}") {
        let model = model();
        let found = model.names(&text, &[]).unwrap();
        assert!(found.iter().all(|finding| !text[finding.start..finding.end].is_empty()));
        assert_eq!(found, model.names(&text, &[]).unwrap());
    }
}

fn model() -> &'static Trained {
    static MODEL: std::sync::LazyLock<Trained> = std::sync::LazyLock::new(|| {
        let detector = Detector::new().unwrap();
        let bytes = train_on(&detector, &letters(), TrainOptions { certainty: 0.99, ..TrainOptions::default() });
        Trained::load(&bytes, detector.kinds()).unwrap()
    });
    &MODEL
}

fn meddocan(part: &str) -> Option<Vec<Document>> {
    let mut texts: Vec<_> = std::fs::read_dir(of_others(part)?).unwrap().map(|entry| entry.unwrap().path()).collect();
    texts.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    texts.sort();
    let read = |path: &std::path::PathBuf| {
        let annotations = std::fs::read_to_string(path.with_extension("ann")).unwrap();
        let document = read_brat("record", &std::fs::read_to_string(path).unwrap(), &annotations).unwrap();
        Document { language: "es".to_owned(), ..document }
    };
    Some(texts.iter().map(read).collect())
}
