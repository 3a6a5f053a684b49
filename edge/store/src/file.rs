//! Files that appear whole or not at all, readable by their owner only.
//!
//! Never open the database itself here: closing any handle to it in this process would drop SQLite's locks (POSIX).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::limits::WRITE_AGAIN_BYTES;

/// `path` with `suffix` after its whole name: `ledger.db` and `.lock` give `ledger.db.lock`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates a file that only its owner may read; an existing one is an error.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Writes `bytes` durably to a new private file.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a file's bytes over themselves and flushes them and its name, whatever the system believes to be on the disk already. No file is
/// fine.
pub(crate) fn write_again(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return sync_folder(path),
        file => file?,
    };
    let mut part = Vec::with_capacity(WRITE_AGAIN_BYTES);
    let mut at = 0;
    loop {
        part.clear();
        let read = (&file).take(WRITE_AGAIN_BYTES.try_into().unwrap_or(u64::MAX)).read_to_end(&mut part)?;
        if read == 0 {
            file.sync_all()?;
            return sync_folder(path);
        }
        file.seek(io::SeekFrom::Start(at))?;
        file.write_all(&part)?;
        at = file.stream_position()?;
    }
}

/// Gives the finished file `draft` its name, durably; when the name is taken by then, what is there stays.
pub(crate) fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Ok(()) => fs::remove_file(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return fs::remove_file(draft),
        // File systems without hard links.
        Err(_) => fs::rename(draft, path)?,
    }
    sync_folder(path)
}

/// A name for a draft beside `path` that no other process uses.
pub(crate) fn draft_of(path: &Path) -> PathBuf {
    let mut random = [0; 8];
    // Without randomness the process id alone tells drafts apart; `create_private` refuses a name that is taken.
    let _ = aws_lc_rs::rand::fill(&mut random);
    beside(path, &format!(".draft-{}-{}", std::process::id(), hex::encode(random)))
}

/// The folder of `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// A new name lasts only once its folder is flushed.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}
