//! Gets packages, each by the ordinary client of its registry, and makes them ready to be tested offline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::natively::Room;
use super::packages::{Client, Package};
use crate::Done;
use crate::process::output;

/// For one command that may fetch something.
const LIMIT: Duration = Duration::from_secs(900);

/// Fetches a package to `top`, unless it is there. It is in its place once all of it is.
pub(super) fn fetch(package: &Package, top: &Path, scratch: &Path, python: &Path) -> Done {
    if top.is_dir() {
        return Ok(());
    }
    eprintln!("fetching {} {}", package.name, package.version);
    let fresh = scratch.join("fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|error| oops(&fresh, &error))?;
    }
    fs::create_dir_all(&fresh).map_err(|error| oops(&fresh, &error))?;
    let found = match package.from {
        Client::Cargo => crate_of(package, &fresh)?,
        Client::Pip => sdist(package, &fresh, python)?,
        Client::Npm => tarball(package, &fresh)?,
        Client::Apt => source(package, &fresh)?,
    };
    depend(package, &found, python)?;
    ignore_made(&found)?;
    let room = Room { top: found.clone(), scratch: scratch.to_owned(), python: python.to_owned() };
    if room.run(&package.setup, "", LIMIT)? != super::natively::End::Green {
        return Err(format!("`{}` could not be set up:\n{}", package.name, room.last_said()));
    }
    fs::rename(&found, top).map_err(|error| oops(top, &error))
}

fn oops(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn client(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null());
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// A crate as it was published, by way of `cargo vendor`.
fn crate_of(package: &Package, fresh: &Path) -> Result<PathBuf, String> {
    let manifest = format!(
        "[package]\nname = \"fetches\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n\
         [dependencies]\n{} = \"={}\"\n",
        package.name, package.version
    );
    write(&fresh.join("Cargo.toml"), &manifest)?;
    write(&fresh.join("lib.rs"), "")?;
    let mut vendor = client("cargo", fresh);
    vendor.args(["vendor", "--quiet", "--versioned-dirs", "vendor"]);
    output(vendor)?;
    Ok(fresh.join("vendor").join(format!("{}-{}", package.name, package.version)))
}

/// A source distribution.
fn sdist(package: &Package, fresh: &Path, python: &Path) -> Result<PathBuf, String> {
    let mut download = client(&python.to_string_lossy(), fresh);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    download.args(["--no-binary", ":all:", &format!("{}=={}", package.name, package.version)]);
    output(download)?;
    fetched(fresh)
}

fn tarball(package: &Package, fresh: &Path) -> Result<PathBuf, String> {
    let mut pack = client("npm", fresh);
    pack.args(["pack", "--silent", &format!("{}@{}", package.name, package.version)]);
    output(pack)?;
    fetched(fresh)
}

/// What Debian packages, as its authors published it: the original archive, without what Debian adds.
fn source(package: &Package, fresh: &Path) -> Result<PathBuf, String> {
    let mut get = client("apt-get", fresh);
    get.args(["source", "--download-only", "--quiet", &format!("{}={}", package.name, package.version)]);
    let said = output(get);
    let name_of = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    // Debian's own part may be missing from a mirror; it is not needed.
    let is_original = |path: &PathBuf| {
        name_of(path).is_some_and(|name| name.contains(".orig.tar.") && !name.ends_with(".asc"))
    };
    let Some(original) = files(fresh)?.into_iter().find(is_original) else {
        return Err(format!(
            "{}\n`apt-get source` needs `deb-src` among apt's sources, and `apt-get update`",
            said.err().unwrap_or_default()
        ));
    };
    unpacked(fresh, &original)
}

/// The one archive that a client fetched.
fn fetched(fresh: &Path) -> Result<PathBuf, String> {
    let archive = files(fresh)?.into_iter().next().ok_or("the client fetched nothing")?;
    unpacked(fresh, &archive)
}

/// The one directory of an archive.
fn unpacked(fresh: &Path, archive: &Path) -> Result<PathBuf, String> {
    let inside = fresh.join("unpacked");
    fs::create_dir(&inside).map_err(|error| oops(&inside, &error))?;
    let mut tar = client("tar", &inside);
    // As root, it would give files to the users whose numbers are in the archive.
    tar.args(["--no-same-owner", "-xf"]).arg(archive);
    output(tar)?;
    let top = fs::read_dir(&inside).map_err(|error| oops(&inside, &error))?.flatten().next();
    Ok(top.ok_or("the archive is empty")?.path())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).map_err(|error| oops(directory, &error))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

/// What its tests need, so that they run offline.
fn depend(package: &Package, top: &Path, python: &Path) -> Done {
    match package.from {
        Client::Cargo => {
            let manifest = top.join("Cargo.toml");
            let text = fs::read_to_string(&manifest).map_err(|error| oops(&manifest, &error))?;
            if !text.contains("[workspace]") {
                // It may be put below another workspace, to which it does not belong.
                write(&manifest, &format!("{text}\n[workspace]\n"))?;
            }
            let mut fetch = client("cargo", top);
            fetch.args(["fetch", "--quiet"]);
            output(fetch).map(drop)
        }
        Client::Pip => {
            if !package.needs.is_empty() {
                pip_install(python, &package.needs)?;
            }
            // Tasks stand apart from the shared one, and a person who works on the package has one beside it.
            let own = self::python(&top.join(".venv"))?;
            if package.needs.is_empty() { Ok(()) } else { pip_install(&own, &package.needs) }
        }
        Client::Npm => npm_install(package, top),
        Client::Apt => Ok(()),
    }
}

/// Installs what a package itself needs and what its tests need, in a directory of its own: npm leaves out a test's runner
/// where the package names it among its own tools for development, of which there may be hundreds.
fn npm_install(package: &Package, top: &Path) -> Done {
    let described = top.join("package.json");
    let text = fs::read_to_string(&described).map_err(|error| oops(&described, &error))?;
    let about: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", described.display()))?;
    let aside = top.join("installs");
    fs::create_dir(&aside).map_err(|error| oops(&aside, &error))?;
    let own = json!({ "private": true, "dependencies": about.get("dependencies").unwrap_or(&json!({})) });
    write(&aside.join("package.json"), &own.to_string())?;
    let mut install = client("npm", &aside);
    install.args(["install", "--silent", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
    install.arg("--no-package-lock").args(&package.needs);
    output(install)?;
    let (from, to) = (aside.join("node_modules"), top.join("node_modules"));
    fs::rename(&from, &to).map_err(|error| oops(&from, &error))?;
    fs::remove_dir_all(&aside).map_err(|error| oops(&aside, &error))
}

/// What is built or installed is no part of the source.
fn ignore_made(top: &Path) -> Done {
    let path = top.join(".gitignore");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    for line in ["node_modules/", "target/", "__pycache__/", ".venv/"] {
        if !text.lines().any(|known| known.trim_matches('/') == line.trim_matches('/')) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    write(&path, &text)
}

pub(super) fn write(path: &Path, text: &str) -> Done {
    fs::write(path, text).map_err(|error| oops(path, &error))
}

/// A virtual environment with pytest, made once.
pub(super) fn python(directory: &Path) -> Result<PathBuf, String> {
    let python = directory.join("bin/python");
    if !python.exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(directory);
        output(make)?;
        pip_install(&python, &["pytest".to_owned()])?;
    }
    Ok(python)
}

fn pip_install(python: &Path, names: &[String]) -> Done {
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(names);
    output(install).map(drop)
}
