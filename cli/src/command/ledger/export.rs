//! `comity ledger export`: the published ledger as static files (C2SP tlog-tiles), in a folder or in S3-compatible storage.
//!
//! Tiles and entries are written before the checkpoint that needs them, and an export over an older one only adds what is new. It never writes
//! a leaf that no checkpoint covers.

#[cfg(feature = "s3")]
mod bucket;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use comity_ledger::{BundleAt, Served, SignedCheckpoint, TileAt, new_bundles, new_tiles};
use comity_store::Reader;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::checkpoint::key_of;
use super::given::{published, signed};
use crate::exit::{Exit, Failure};
use crate::invocation::shell_quoted;
use crate::output::{self, Output, harmless};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity ledger export ./log
  comity ledger export ./log          again: adds what is new; delete its file `checkpoint` to
                                      have all written again
  comity ledger export s3://bucket/ledger   (builds with the feature `s3`; AWS_* variables say
                                             who and where, AWS_ENDPOINT_URL which service)";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A folder, new or of an earlier export, or `s3://bucket/prefix`
    #[arg(value_name = "DIR|URL")]
    target: String,
    #[command(flatten)]
    place: Place,
}

const S3: &str = "s3://";
const ANOTHER_FOLDER: &str = "name a new folder, or one of an earlier export";
/// What lies at the top of an export that was cut off: it is written again, from the first leaf on.
const CUT_OFF: [&str; 3] = ["tile", "log.vkey", DRAFT];
const DRAFT: &str = ".draft";

/// Where the files go.
trait Target {
    /// The bytes of a file; none when there is no such file.
    fn get(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>>;

    /// Writes a file, whole or not at all.
    fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()>;

    /// Keeps other exports away until it is dropped, where that can be done.
    fn hold(&self) -> anyhow::Result<Option<File>> {
        Ok(None)
    }

    /// Names of what lies there.
    fn names(&self) -> anyhow::Result<Vec<String>>;
}

/// A folder.
struct Folder(PathBuf);

/// Exports.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    if args.target.is_empty() {
        return Err(Failure::new(Exit::Usage, "no place to export to is named").hint("for the current folder, say `.`").into());
    }
    let reader = args.place.reader()?;
    let checkpoint = signed(&published(&reader)?)?;
    let target = target(&args.target)?;
    let _held = target.hold()?;
    let old = earlier(target.as_ref(), (&reader, &checkpoint))?;
    let written = write(target.as_ref(), &reader, (old, &checkpoint))?;
    let size = checkpoint.unverified().size();
    let unpublished = reader.size().map_err(place::failure)?.saturating_sub(size);
    match output {
        Output::Json => output::json(&json!({
            "origin": checkpoint.unverified().origin(), "size": size, "root": checkpoint.unverified().root(), "before": old, "files": written,
            "unpublished": unpublished,
        }))?,
        Output::Human => {
            output::data(&format!("{size} leaves of {}, {written} files written", checkpoint.unverified().origin()))?;
            if unpublished > 0 {
                output::say(&format!("{unpublished} more are not published yet: a running gateway does that every second."));
            }
            if !args.target.starts_with(S3) {
                output::say(&format!("\nVerify: comity ledger verify {} --key VKEY", shell_quoted(Path::new(&args.target))));
            }
        }
    }
    Ok(Exit::Ok)
}

fn target(place: &str) -> anyhow::Result<Box<dyn Target>> {
    match place.strip_prefix(S3) {
        #[cfg(feature = "s3")]
        Some(_) => Ok(Box::new(bucket::Bucket::open(place)?)),
        #[cfg(not(feature = "s3"))]
        Some(_) => Err(Failure::new(Exit::Usage, "this program was built without S3")
            .hint("build it with `--features s3`, or export into a folder and copy that")
            .into()),
        None => Ok(Box::new(Folder(PathBuf::from(place)))),
    }
}

/// How many leaves are there from an earlier export, which must be of the same log and its beginning.
fn earlier(target: &dyn Target, (reader, new): (&Reader, &SignedCheckpoint)) -> anyhow::Result<u64> {
    let Some(bytes) = target.get("checkpoint")? else {
        return match target.names()?.iter().find(|name| !CUT_OFF.contains(&name.as_str())) {
            None => Ok(0),
            Some(name) => {
                Err(Failure::new(Exit::Usage, format!("other files lie there, such as `{}`", harmless(name))).hint(ANOTHER_FOLDER).into())
            }
        };
    };
    let refused = |what: String| Failure::new(Exit::Failed, format!("{what}: nothing was written")).hint("name another place");
    let old = SignedCheckpoint::from_bytes(&bytes).map_err(|_| refused("the file `checkpoint` there is something else".to_owned()))?;
    let (old, new) = (old.unverified(), new.unverified());
    if old.origin() != new.origin() {
        return Err(refused(format!("the log there is `{}`, not `{}`", old.origin(), new.origin())).into());
    }
    if old.size() > new.size() || reader.root(old.size()).map_err(place::failure)? != old.root() {
        let failure = Failure::new(Exit::VerificationFailed, "what was exported before is not the beginning of this ledger");
        return Err(failure.hint("keep both: this store was restored from a backup, or its past was changed").into());
    }
    Ok(old.size())
}

fn write(target: &dyn Target, reader: &Reader, (old, checkpoint): (u64, &SignedCheckpoint)) -> anyhow::Result<u64> {
    let (size, minimum) = (checkpoint.unverified().size(), reader.minimum().map_err(place::failure)?);
    let bundles: Vec<BundleAt> = new_bundles(old, size).filter(|at| !at.is_pruned_below(minimum)).collect();
    let tiles: Vec<TileAt> = new_tiles(old, size).filter(|at| !at.is_pruned_below(minimum)).collect();
    let files = u64::try_from(bundles.len().saturating_add(tiles.len()))?;
    let bar = ProgressBar::new(files);
    bar.set_style(ProgressStyle::with_template("exporting {bar:30} {human_pos}/{human_len} files")?);
    let failed = |reason: String| Failure::new(Exit::Failed, reason);
    for at in bundles {
        target.put(&at.to_string(), &Served::entries(reader, at).map_err(failed)?)?;
        bar.inc(1);
    }
    for at in tiles {
        target.put(&at.to_string(), &reader.tile(at).map_err(failed)?)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    match key_of(reader, checkpoint.unverified().origin()) {
        Some(key) => target.put("log.vkey", format!("{key}\n").as_bytes())?,
        None => output::say("No `log.vkey` was written: the master key or its passphrase is not here."),
    }
    // INVARIANT: last, so that whoever reads the checkpoint finds all that it covers.
    target.put("checkpoint", checkpoint.to_string().as_bytes())?;
    Ok(files.saturating_add(2))
}

// === impl Folder ===

impl Target for Folder {
    /// Two at once would write their drafts over each other.
    #[cfg(unix)]
    fn hold(&self) -> anyhow::Result<Option<File>> {
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Failed, format!("cannot write to `{}`: {error}", self.0.display())).hint(ANOTHER_FOLDER)
        };
        std::fs::create_dir_all(&self.0).map_err(|error| cannot(&error))?;
        let folder = File::open(&self.0).map_err(|error| cannot(&error))?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(folder)),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(Failure::new(Exit::Failed, format!("another export writes to `{}`", self.0.display())).hint("wait for it").into())
            }
            Err(std::fs::TryLockError::Error(error)) => Err(cannot(&error).into()),
        }
    }

    fn get(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.0.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(Exit::Failed, format!("cannot read `{}`: {error}", path.display())).hint(ANOTHER_FOLDER).into()),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.0.join(path);
        let folder = path.parent().unwrap_or(&self.0);
        let draft = folder.join(DRAFT);
        let write = || {
            std::fs::create_dir_all(folder)?;
            let mut file = File::create(&draft)?;
            file.write_all(bytes)?;
            // A later export takes files for whole because the checkpoint is there.
            file.sync_all()?;
            std::fs::rename(&draft, &path)
        };
        Ok(write().map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write `{}`: {error}", path.display()))
                .hint("free some space, or name a folder that you may write; what was exported before stays as it was")
        })?)
    }

    fn names(&self) -> anyhow::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let failure = Failure::new(Exit::Failed, format!("cannot read `{}`: {error}", self.0.display()));
                return Err(failure.hint(ANOTHER_FOLDER).into());
            }
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}
