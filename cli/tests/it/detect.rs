//! `comity detect`: what it shows, what it refuses, and that a model trained here finds names there.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Machine, snapshot, text};

const LETTER: &str = "Dear Zoë,\nwrite to ada@example.org\nor pay to GB82 WEST 1234 5698 7654 32.\n";

#[test]
fn a_text_with_its_findings() {
    let machine = Machine::new();
    machine.file("letter.txt", LETTER);
    machine.file("staff.txt", "# staff\nZoë\n");
    snapshot!("detect_letter", machine.seen(&["detect", "letter.txt"]));
    machine.file("long.txt", "Zoë\nX\n");
    let long = machine.run(&["detect", "--gazetteer", "person=long.txt", "letter.txt"]);
    assert!(text(&long.stderr).contains("warning: lines of the lists that are too short or too long for a name, and not looked for: 1"));
    snapshot!("detect_letter_with_list", machine.seen(&["detect", "--gazetteer", "person=staff.txt", "letter.txt"]));
    machine.file("empty.txt", "nothing here\n");
    assert_eq!(machine.run(&["detect", "--fail-if-found", "empty.txt"]).status.code(), Some(0));
    assert_eq!(machine.run(&["detect", "--fail-if-found", "letter.txt"]).status.code(), Some(1));
}

#[test]
fn json_holds_the_text_only_if_asked() {
    let machine = Machine::new();
    let detect = |args: &[&str]| -> Value {
        let mut command = machine.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(LETTER.as_bytes()).unwrap();
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
    };
    let plain = detect(&["detect", "-", "--output", "json"]);
    assert!(!plain.to_string().contains("ada@"));
    let email = &plain["findings"][0];
    assert_eq!(
        (email["kind"].as_str(), email["tier"].as_str(), email["class"].as_str()),
        (Some("email"), Some("patterns"), Some("personal"))
    );
    assert_eq!((email["line"].as_u64(), email["column"].as_u64(), email["start"].as_u64()), (Some(2), Some(10), Some(20)));
    assert_eq!(detect(&["detect", "-", "--output", "json", "--with-text"])["findings"][0]["text"], "ada@example.org");
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let machine = Machine::new();
    machine.file("letter.txt", LETTER);
    std::fs::write(machine.folder().join("latin1.txt"), b"Zo\xeb").unwrap();
    std::fs::write(machine.folder().join("picture.png"), b"\x89PNG\0").unwrap();
    machine.file("nobody.txt", "# staff\n\nX\n");
    machine.file("bad/a.txt", "Ada");
    machine.file("bad/a.ann", "T1\tPER 0 9\tAda\n");
    machine.file("alone/a.txt", "Ada");
    let refused: Vec<String> = [
        &["detect"][..],
        &["detect", "none.txt"],
        &["detect", "latin1.txt"],
        &["detect", "picture.png"],
        &["detect", "--model", "letter.txt", "letter.txt"],
        &["detect", "--gazetteer", "human=letter.txt", "letter.txt"],
        &["detect", "--gazetteer", "person=nobody.txt", "letter.txt"],
        &["detect", "eval", "bad"],
        &["detect", "eval", "alone"],
        &["detect", "train", "letter.txt", "--out", "m"],
        &["detect", "kinds", "--country", "ZZ"],
    ]
    .iter()
    .map(|args| machine.seen(args))
    .collect();
    snapshot!("detect_refused", refused.join("\n"));
    assert!(!machine.folder().join("m").exists());
}

#[test]
fn a_model_trained_here_finds_names_there() {
    let machine = Machine::new();
    let names = ["Ada Lima", "Bo Nordmann", "Chen Akande", "Dora Svensson", "Emeka Obi", "Farah Haddad", "Goro Tanaka", "Hana Novak"];
    for at in 0..24 {
        let name = names[at % names.len()];
        machine.file(&format!("texts/{at}.txt"), &format!("To: {name}\nRef {at}\nplease call us.\n"));
        machine.file(&format!("texts/{at}.ann"), &format!("T1\tSENDER 4 {}\t{name}\n", 4 + name.len()));
    }
    machine.file("new.txt", "To: Ines Quispe\nRef 77\nplease call us.\n");
    let train = ["detect", "train", "texts", "--map", "SENDER=person", "--languages", "en", "--out", "names.crf", "--output", "json"];
    let summary: Value = serde_json::from_slice(&machine.run(&train).stdout).unwrap();
    assert_eq!((summary["documents"].as_u64(), summary["entities"]["person"].as_u64()), (Some(24), Some(24)));
    assert_eq!(summary["held_out"]["total"]["entities"], 2);
    let seen = text(&machine.run(&["detect", "--model", "names.crf", "new.txt", "--output", "json", "--with-text"]).stdout);
    assert!(seen.contains("\"Ines Quispe\"") && seen.contains("\"trained\""), "{seen}");
    snapshot!("detect_eval", machine.seen(&["detect", "eval", "texts", "--map", "SENDER=person", "--model", "names.crf"]));
    snapshot!("detect_eval_unmapped", machine.seen(&["detect", "eval", "texts", "--languages", "en"]));
}

/// Every line is a case of its own: what is wrong is said with its place, and none of it in the words of the text.
#[test]
fn annotations_that_are_not_in_order_are_refused() {
    let machine = Machine::new();
    let data = [
        ("shifted", "\u{feff}Ada Lovelace wrote.", "T1\tPER 0 12\tAda Lovelace\n"),
        ("garbage", "Ada Lovelace wrote.", "TAda Lovelace\nwrote it\n"),
        ("unmarked", "Ada Lovelace wrote.", ""),
    ];
    for (folder, text, annotations) in data {
        machine.file(&format!("{folder}/a.txt"), text);
        machine.file(&format!("{folder}/a.ann"), annotations);
    }
    let seen: Vec<String> = data.iter().map(|(folder, ..)| machine.seen(&["detect", "eval", folder])).collect();
    assert!(!seen.concat().contains("Ada"));
    snapshot!("detect_annotations", seen.join("\n"));
}

/// Training takes long: where nothing can be written, that is known before; and no file that is not a model is lost.
#[test]
fn a_place_for_a_model_is_looked_at_before_training() {
    let machine = Machine::new();
    machine.file("texts/a.txt", "To: Ada Lima\n");
    machine.file("texts/a.ann", "T1\tPER 4 12\tAda Lima\n");
    machine.file("letter.txt", LETTER);
    let train = |out: &'static str| ["detect", "train", "texts", "--out", out];
    let seen: Vec<String> = ["letter.txt", "none/names.crf", "texts"].iter().map(|out| machine.seen(&train(out))).collect();
    snapshot!("detect_train_place", seen.join("\n"));
    let written = |out: &str| std::fs::read(machine.folder().join(out)).unwrap();
    assert_eq!(written("letter.txt"), LETTER.as_bytes());
    machine.file("empty.crf", "");
    for args in
        [&train("new.crf")[..], &train("new.crf"), &train("empty.crf"), &["detect", "train", "texts", "--out", "letter.txt", "--force"]]
    {
        assert_eq!(machine.run(args).status.code(), Some(0), "{args:?}");
    }
    assert!(written("letter.txt") == written("new.crf") && written("empty.crf") == written("new.crf"));
}

#[test]
fn values_that_an_argument_does_not_take_are_refused_with_its_name() {
    let machine = Machine::new();
    let train = |more: [&'static str; 2]| [&["detect", "train", "texts", "--out", "m"][..], &more].concat();
    let seen = [
        machine.seen(&["detect", "kinds", "--country"]),
        machine.seen(&train(["--certainty", "2"])),
        machine.seen(&train(["--epochs", "0"])),
        machine.seen(&train(["--languages", "en,xx-klingon-zzz"])),
    ];
    snapshot!("detect_values", seen.join("\n"));
}

const OUR_KINDS: &str = r#"
[[kind]]
name = "our_file"
label = "OFL"
title = "our file number"
class = "personal"
words = ["file"]
source = "our handbook"
finds = ["file «F1234567»", "File: «F7654321»", '{"file": "«F0000001»"}']
passes = ["F1234567", "file F12", "file XF1234567"]

[[kind.pattern]]
pattern = 'F\d{7}'
needs = "word"
"#;

#[test]
fn the_sentences_of_ones_own_kinds_are_tried() {
    let machine = Machine::new();
    machine.file("ours.toml", OUR_KINDS);
    machine.file("wrong.toml", &OUR_KINDS.replace("{7}", "{6}").replace("\"F1234567\", \"file F12\"", "\"file «F12»\""));
    machine.file("short.toml", &OUR_KINDS.replace(r"F\d{7}", "."));
    std::fs::write(machine.folder().join("binary.toml"), b"\xff\0").unwrap();
    let kinds = |file: &'static str| {
        let output = machine.run(&["detect", "kinds", "--country", "BR", "--kinds", file]);
        format!("{file} {}\n{}", output.status.code().unwrap(), text(&output.stderr))
    };
    snapshot!("detect_own_kinds", ["ours.toml", "wrong.toml", "short.toml", "binary.toml"].map(kinds).join("\n"));
}

#[test]
fn kinds_are_listed() {
    let machine = Machine::new();
    let kinds: Value = serde_json::from_slice(&machine.run(&["detect", "kinds", "--output", "json"]).stdout).unwrap();
    let email = kinds.as_array().unwrap().iter().find(|kind| kind["kind"] == "email").unwrap();
    assert_eq!((email["label"].as_str(), email["country"].as_str()), (Some("EML"), None));
    assert!(text(&machine.run(&["detect", "kinds"]).stdout).contains("payment card number"));
}
