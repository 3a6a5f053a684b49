//! Debian's packages below a folder, for machines that lack a program which the tests need: lists of its own, a download, an unpacking.
//! It never needs root's rights, never changes the system's lists or packages, and runs nothing of what it unpacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::shell;

/// Fresh lists of packages in a folder of their own, which is gone once the packages are unpacked.
pub(crate) struct Debian {
    apt: PathBuf,
}

impl Debian {
    /// Reads the lists of the archives that this machine knows.
    pub(crate) fn read(apt: &Path) -> anyhow::Result<Debian> {
        for part in ["lists/partial", "archives/partial"] {
            std::fs::create_dir_all(apt.join(part)).with_context(|| format!("cannot make `{}`", apt.display()))?;
        }
        let debian = Debian { apt: apt.to_owned() };
        shell::run(debian.command("apt-get").args(["-qq", "update"])).context("cannot read Debian's lists of packages")?;
        Ok(debian)
    }

    /// The packages on which this one depends, each alternative among them.
    pub(crate) fn depends(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let depends = shell::output(self.command("apt-cache").args(["depends", name]))?;
        Ok(depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect())
    }

    /// The package and all that it needs and `apt` does not: where `apt` runs, the rest is there, and of the right release.
    pub(crate) fn lacking(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let there = self.closure("apt")?;
        let mut names = self.closure(name)?;
        names.retain(|name| !there.contains(name));
        Ok(names)
    }

    /// What would be installed for this package where nothing is yet; nothing is installed.
    fn closure(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let mut command = self.command("apt-get");
        command.args(["-qq", "--simulate", "--no-install-recommends", "-o", "Dir::State::status=/dev/null", "install", name]);
        Ok(installed(&shell::output(&mut command)?))
    }

    /// Downloads the packages and unpacks them in the order given.
    pub(crate) fn unpack(self, names: &[&str], to: &Path) -> anyhow::Result<()> {
        shell::run(self.command("apt-get").current_dir(&self.apt).args(["-qq", "download"]).args(names))?;
        for name in names {
            shell::run(Command::new("dpkg-deb").arg("-x").arg(self.downloaded(name)?).arg(to))?;
        }
        std::fs::remove_dir_all(&self.apt).with_context(|| format!("cannot remove `{}`", self.apt.display()))
    }

    fn command(&self, program: &str) -> Command {
        let folders = [
            ("Dir::State::Lists", "lists"),
            ("Dir::Cache::Archives", "archives"),
            ("Dir::Cache::pkgcache", ""),
            ("Dir::Cache::srcpkgcache", ""),
        ];
        let mut command = Command::new(program);
        for (option, part) in folders {
            let place = if part.is_empty() { String::new() } else { self.apt.join(part).display().to_string() };
            command.args(["-o", &format!("{option}={place}")]);
        }
        // Its own user could not write below the target folder, and the system's lock is not ours to take.
        command.args(["-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1"]);
        command
    }

    fn downloaded(&self, name: &str) -> anyhow::Result<PathBuf> {
        let files = std::fs::read_dir(&self.apt).with_context(|| format!("cannot read `{}`", self.apt.display()))?;
        let mut paths = files.filter_map(Result::ok).map(|entry| entry.path());
        let is_it = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}_")));
        paths.find(is_it).with_context(|| format!("Debian's package `{name}` was not downloaded"))
    }
}

/// `Inst libcln6 (1.3.6-4 Debian:12.15/oldstable [amd64])` → `libcln6`.
fn installed(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_ascii_whitespace().next());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::installed;

    #[test]
    fn what_would_be_installed_is_read() {
        let text = "Inst libc6 (2.36-9 Debian:12 [amd64]) []\nInst cvc5 (1.0.3-1 Debian:12 [amd64])\nConf libc6 (2.36-9)\n";
        assert_eq!(installed(text), ["libc6", "cvc5"]);
    }
}
