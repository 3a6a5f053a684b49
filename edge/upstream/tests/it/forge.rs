//! What must not compile: a permit or receipt that nobody gave, a copy of one, one used twice.
//!
//! Each file of `tests/forge` names its errors where they must come up (`//~ CODE text`). They are compiled against the library that this
//! test is linked with; `trybuild` would build every dependency once more for it, which takes minutes.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn what_is_allowed_compiles() {
    let (compiled, messages) = compile(&file("allowed.rs"));
    assert!(compiled, "{messages}");
}

#[test]
fn permits_and_receipts_cannot_be_forged_copied_or_used_twice() {
    let mut seen = 0;
    for entry in std::fs::read_dir(file("")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("//~ ")?.split_once(' ')).collect();
        if path.ends_with("allowed.rs") {
            continue;
        }
        let (compiled, messages) = compile(&path);
        assert!(!compiled, "{} compiles", path.display());
        for (code, text) in &expected {
            let found = messages.lines().any(|line| line.starts_with(&format!("error[{code}]")) && line.contains(text));
            assert!(found, "{} without {code}: {text}\n{messages}", path.display());
        }
        let errors = messages.lines().filter(|line| line.starts_with("error[")).count();
        assert_eq!(errors, expected.len(), "{}\n{messages}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 8);
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge").join(name)
}

/// Whether a file compiles, and what the compiler says.
fn compile(path: &Path) -> (bool, String) {
    let nothing = tempfile::TempDir::new().unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--color=never", "--cap-lints=allow"])
        .arg(format!("-Ldependency={}", folder().display()))
        .arg(format!("--extern=comity_upstream={}", library().display()))
        .arg("--out-dir")
        .arg(nothing.path())
        .arg(path)
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Where this test was built, and with it everything that it needs.
fn folder() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The library that was built last: with other features there may be older ones beside it.
fn library() -> PathBuf {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libcomity_upstream-") && name.ends_with(".rlib")
    };
    files.filter(ours).max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap()).expect("the library beside the test")
}
