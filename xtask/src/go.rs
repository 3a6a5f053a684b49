//! Builds a Go program for tests: with the Go of this machine, else with Debian's packages, unpacked below the target folder, which needs no
//! rights. It never installs anything outside that folder, and never goes on without Go: a check that cannot run has failed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::debian::Debian;
use crate::project::Project;
use crate::shell;

/// What the programs are written for: the release in Debian 12.
const GO_MIN: (u32, u32) = (1, 19);
/// The Go team's transparency log and signed notes; older programs of Go find it below a folder `src`.
const MODULE: &str = "src/golang.org/x/mod/sumdb";
const MODULE_PACKAGE: &str = "golang-golang-x-mod-dev";
/// Where Debian's packages put modules and compilers.
const MODULES: &str = "usr/share/gocode";
const COMPILERS: &str = "usr/lib";

/// A compiler, and the folder in which it finds `golang.org/x/mod`.
struct Go {
    program: PathBuf,
    root: PathBuf,
    modules: PathBuf,
}

/// Compiles one file, a program, to `<target>/go/<name>`.
pub(crate) fn build(project: &Project, source: &str, name: &str) -> anyhow::Result<PathBuf> {
    let (go, settings) = environment(project)?;
    let program = project.target.join("go").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut build = Command::new(&go);
    build.current_dir(&project.root).envs(settings);
    shell::run(build.args(["build", "-o"]).arg(&program).arg(source)).with_context(|| format!("cannot compile `{source}`"))?;
    Ok(program)
}

/// The program `go`, and the variables with which it finds `golang.org/x/mod` and writes nothing outside the target folder.
pub(crate) fn environment(project: &Project) -> anyhow::Result<(PathBuf, Vec<(&'static str, OsString)>)> {
    let folder = project.target.join("go");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let go = of_machine(&folder).or_else(|_| of_debian(&folder)).with_context(|| {
        let (major, minor) = GO_MIN;
        format!("Go {major}.{minor} or later is needed, and could not be fetched (on Debian: apt-get install golang-go {MODULE_PACKAGE})")
    })?;
    // Without modules nothing is looked up; without cgo no C compiler is needed; and no other release of Go is fetched.
    let fixed = [("GO111MODULE", "off"), ("GOFLAGS", ""), ("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOENV", "off")];
    let places = [("GOROOT", go.root), ("GOPATH", go.modules), ("GOCACHE", folder.join("cache"))];
    let places = places.into_iter().map(|(name, path)| (name, path.into_os_string()));
    Ok((go.program, fixed.into_iter().map(|(name, value)| (name, value.into())).chain(places).collect()))
}

// === The machine's own ===

fn of_machine(folder: &Path) -> anyhow::Result<Go> {
    if !shell::has("go", "version") {
        bail!("there is no program `go`");
    }
    let version = shell::output(Command::new("go").arg("version"))?;
    if read_version(&version).is_none_or(|found| found < GO_MIN) {
        bail!("{} is too old", version.trim());
    }
    let root = PathBuf::from(shell::output(Command::new("go").args(["env", "GOROOT"]))?.trim());
    let modules = Path::new("/").join(MODULES);
    let modules = if modules.join(MODULE).is_dir() { modules } else { vendored(&root, folder)? };
    Ok(Go { program: "go".into(), root, modules })
}

/// `go version go1.19.8 linux/amd64` → (1, 19).
fn read_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split_ascii_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Every Go has the module among its own sources, because it checks downloads with it; it is copied to where programs can import it. Older
/// ones need the third package too, newer ones lack it.
fn vendored(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let modules = folder.join("modules");
    for package in ["x/mod/sumdb/note", "x/mod/sumdb/tlog", "x/crypto/ed25519"] {
        let from = root.join("src/cmd/vendor/golang.org").join(package);
        if from.is_dir() {
            copy_files(&from, &modules.join("src/golang.org").join(package))?;
        }
    }
    if !modules.join(MODULE).is_dir() {
        bail!("`{}` lacks Go's own sources", root.display());
    }
    Ok(modules)
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for file in std::fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let file = file.with_context(|| format!("cannot read `{}`", from.display()))?;
        std::fs::copy(file.path(), to.join(file.file_name())).with_context(|| format!("cannot copy `{}`", file.path().display()))?;
    }
    Ok(())
}

// === Debian's packages ===

fn of_debian(folder: &Path) -> anyhow::Result<Go> {
    let unpacked = folder.join("debian");
    if !unpacked.join(MODULES).join(MODULE).is_dir() {
        fetch(&folder.join("apt"), &unpacked)?;
    }
    let compilers = std::fs::read_dir(unpacked.join(COMPILERS)).context("the packages hold no compiler")?;
    let root = compilers.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.join("bin/go").is_file());
    let root = root.context("the packages hold no compiler")?;
    Ok(Go { program: root.join("bin/go"), root, modules: unpacked.join(MODULES) })
}

/// The module comes last: where it is, everything is.
fn fetch(apt: &Path, unpacked: &Path) -> anyhow::Result<()> {
    eprintln!("note: there is no Go: fetching Debian's packages (about 80 MB, 480 MB unpacked)");
    let debian = Debian::read(apt)?;
    let depends = debian.depends("golang-go")?;
    let compiler = depends.iter().find(|name| name.ends_with("-go")).context("Debian's package `golang-go` names no compiler")?;
    let sources = format!("{}-src", compiler.trim_end_matches("-go"));
    debian.unpack(&[compiler, &sources, MODULE_PACKAGE], unpacked)
}

#[cfg(test)]
mod tests {
    use super::read_version;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(read_version("go version go1.19.8 linux/amd64\n"), Some((1, 19)));
        assert_eq!(read_version("go version devel linux/amd64"), None);
    }
}
