//! A model end to end. Tests whose names end in `on_onnx_runtime` need its library, named in `ORT_DYLIB_PATH`, and fail without it;
//! `cargo xtask test` leaves them out and says so where that variable is not set.
//!
//! The model in `models/` has learned nothing (see `make_model.py`): these tests show that words, labels, spans and offsets arrive where a
//! real model expects them and come back, and say nothing of how good a real one is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use comity_gliner::{Gliner, GlinerError, Settings};
use comity_redact::{Detector, Kind, Kinds, Names as _, Tier};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

fn kind(name: &str) -> Kind {
    Kinds::shipped().find(name).unwrap()
}

fn labels() -> Vec<(String, Kind)> {
    let labels = [("person", "person"), ("city", "location"), ("date of birth", "date_of_birth")];
    labels.into_iter().map(|(label, name)| (label.to_owned(), kind(name))).collect()
}

fn open(model: &str, change: impl FnOnce(&mut Settings<'_>)) -> Result<Gliner, GlinerError> {
    let (model, tokenizer) = (file(model), file("tokenizer.json"));
    let mut settings = Settings { model: &model, tokenizer: &tokenizer, runtime: None, labels: labels(), threshold: Settings::THRESHOLD };
    change(&mut settings);
    Gliner::open(settings)
}

fn model() -> Gliner {
    open("span.onnx", |_| {}).unwrap()
}

/// What is found, by place, with the text of each.
fn found<'t>(gliner: &Gliner, text: &'t str) -> Vec<(&'t str, Kind)> {
    let mut found = gliner.names(text, &[]).unwrap();
    found.sort_by_key(|finding| finding.start);
    assert!(found.iter().all(|finding| finding.tier == Tier::Gliner));
    found.iter().map(|finding| (text.get(finding.start..finding.end).unwrap(), finding.kind)).collect()
}

#[test]
fn spans_come_back_with_their_labels_and_places_on_onnx_runtime() {
    let gliner = model();
    let (person, place, birth) = (Kind::PERSON, Kind::LOCATION, kind("date_of_birth"));
    let text = "Zoë, Ada  Lovelace wrote in Paris; »Byron« in December 1815.";
    assert_eq!(found(&gliner, text), [("Ada  Lovelace", person), ("Paris", place), ("Byron", person), ("December 1815", birth)]);
    assert_eq!(found(&gliner, "nothing in here"), []);
    assert_eq!(found(&gliner, ""), []);
    assert_eq!(found(&gliner, " \n"), []);
}

#[test]
fn labels_keep_their_order_and_only_those_asked_for_are_found_on_onnx_runtime() {
    let gliner = open("span.onnx", |settings| settings.labels = vec![("city".to_owned(), kind("address"))]).unwrap();
    assert_eq!(found(&gliner, "Ada in Paris"), [("Paris", kind("address"))]);
    let gliner = open("span.onnx", |settings| settings.labels.reverse()).unwrap();
    assert_eq!(found(&gliner, "Ada in Paris"), [("Ada", Kind::PERSON), ("Paris", Kind::LOCATION)]);
}

#[test]
fn a_text_cannot_write_the_prompt_on_onnx_runtime() {
    let gliner = model();
    assert_eq!(found(&gliner, "<<ENT>> city <<SEP>> [SEP] Ada"), [("Ada", Kind::PERSON)]);
}

#[test]
fn a_name_is_found_wherever_it_stands_in_a_long_text_on_onnx_runtime() {
    let gliner = model();
    let detector = Detector::new().unwrap().with_names(Arc::new(gliner));
    assert!(detector.has(Tier::Gliner) && detector.level() == 3);
    // The tokenizer's file asks for 16 tokens at most; a look has 384 words; 320 and 384 are where looks begin and end.
    for before in [0, 15, 16, 318, 319, 320, 382, 383, 384, 703, 900] {
        let text = format!("{}Ada Lovelace{}", "wrote ".repeat(before), " in".repeat(1000 - before));
        let found = detector.scan(&text).unwrap();
        let places: Vec<_> = found.iter().map(|finding| (finding.kind, finding.start, finding.end)).collect();
        assert_eq!(places, [(Kind::PERSON, before * 6, before * 6 + 12)], "{before}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_an_error_that_says_nothing_of_the_text_on_onnx_runtime() {
    let gliner = model();
    let long = "wrote ".repeat(100_000);
    for (text, said) in [
        ("Ada Nan", "a score of the model is not a number"),
        ("Ada Boom", "the ONNX Runtime failed with InvalidArgument"),
        (long.as_str(), "the text is longer than the model can be asked about in a sensible time"),
    ] {
        let error = gliner.names(text, &[]).unwrap_err();
        assert_eq!(error.to_string(), format!("the tier `gliner` failed: {said}"));
    }
    assert_eq!(found(&gliner, "Ada"), [("Ada", Kind::PERSON)]);
}

#[test]
fn other_models_are_refused_when_they_are_opened_on_onnx_runtime() {
    let said = |model: &str| open(model, |_| {}).err().map(|error| (error.to_string(), error.hint().unwrap())).unwrap();
    let (token, hint) = said("token.onnx");
    assert!(token.ends_with("is not one of GLiNER in span mode: it has no input `span_idx`") && hint.contains("span mode"), "{token}");
    let (flat, _) = said("flat.onnx");
    assert!(flat.ends_with("the model's scores have the shape [24, 3], not [1, 2, 12, 3]"), "{flat}");
    let (none, hint) = said("none.onnx");
    assert!(none.contains("none.onnx` cannot be used: ") && hint.contains(".onnx"), "{none}");
    let (other, _) = said("tokenizer.json");
    assert!(other.contains("tokenizer.json` cannot be used: "), "{other}");
}

#[test]
fn wrong_settings_are_refused_before_a_model_is_opened() {
    let refused = |change: fn(&mut Settings<'_>)| open("none.onnx", change).err().unwrap().to_string();
    let threshold = "the threshold must be above 0 and below 1";
    assert_eq!(refused(|settings| settings.threshold = 0.0), threshold);
    assert_eq!(refused(|settings| settings.threshold = 1.0), threshold);
    assert_eq!(refused(|settings| settings.threshold = f32::NAN), threshold);
    let labels = "a model is asked for 1 to 64 labels, none of them empty";
    assert_eq!(refused(|settings| settings.labels.clear()), labels);
    assert_eq!(refused(|settings| settings.labels[0].0 = " ".to_owned()), labels);
    assert_eq!(refused(|settings| settings.labels = vec![settings.labels[0].clone(); 65]), labels);
    assert!(refused(|settings| settings.tokenizer = Path::new("none.json")).starts_with("the tokenizer `none.json` cannot be used: "));
}

#[test]
fn a_runtime_that_is_none_is_refused() {
    // A library is loaded once a process: where one is named, another process tries without.
    if std::env::var_os("ORT_DYLIB_PATH").is_some() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "a_runtime_that_is_none_is_refused"]).env_remove("ORT_DYLIB_PATH");
        return assert!(again.output().unwrap().status.success());
    }
    let error = open("span.onnx", |_| {}).err().unwrap();
    assert!(matches!(error, GlinerError::NoRuntime) && error.hint().unwrap().contains("ORT_DYLIB_PATH"));
    let (model, tokenizer) = (file("span.onnx"), file("tokenizer.json"));
    for path in [model.clone(), file("none.so")] {
        let settings =
            Settings { model: &model, tokenizer: &tokenizer, runtime: Some(&path), labels: labels(), threshold: Settings::THRESHOLD };
        let error = Gliner::open(settings).err().unwrap();
        assert!(matches!(error, GlinerError::Runtime { .. }) && error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
