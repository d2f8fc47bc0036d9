//! Finding the toolchains of other languages: what of them must be visible inside, and what they need to be told.
//!
//! As with Python nothing is run to find them. What a toolchain keeps for the person (packages that were fetched) is
//! shown read-only; what may hold a token (cargo's and npm's settings) is not.

use std::fs;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_ports::sandbox::TOOL_CACHE;
use coditect_types::ErrorKind;
use coditect_types::project::Toolchain;

use super::{bind, is_system};
use crate::os::Settings;
use crate::os::plan::{Access, Entry, Raw};

/// A toolchain as it is seen inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::os) struct Tools {
    /// What must be visible beside the system's own directories.
    pub(in crate::os) entries: Vec<Entry>,
    /// Directories for `PATH`, first one first.
    pub(in crate::os) folders: Vec<PathBuf>,
    /// What it needs of the environment.
    pub(in crate::os) env: Vec<(String, String)>,
}

/// Where packages are inside, by toolchain.
const CARGO_HOME: &str = "/cargo";
const GO_MODULES: &str = "/gomod";
const MAVEN: &str = "/m2";
const GRADLE: &str = "/gradle";

/// Finds a toolchain for a project in `view`.
pub(in crate::os) fn find(settings: &Settings, view: &Path, which: Toolchain) -> Result<Tools, PortError> {
    let search = Search { settings, view, found: Tools::default() };
    match which {
        Toolchain::Rust => search.rust(),
        Toolchain::Node => search.node(),
        Toolchain::Go => search.go(),
        Toolchain::Java => search.java(),
    }
}

struct Search<'a> {
    settings: &'a Settings,
    view: &'a Path,
    found: Tools,
}

impl Search<'_> {
    fn rust(mut self) -> Result<Tools, PortError> {
        if let Some(toolchain) = self.rustup() {
            self.see(&toolchain, "bin/cargo")?;
            self.found.folders.push(toolchain.join("bin"));
        } else {
            self.program("cargo", "lib/rustlib")?;
        }
        let home = self.place("CARGO_HOME", ".cargo");
        // Package sources, and the index that says what there is. Not the settings, which may hold tokens.
        for name in ["registry", "git"] {
            self.lend(home.as_deref().map(|home| home.join(name)), &format!("{CARGO_HOME}/{name}"));
        }
        self.tell("CARGO_HOME", CARGO_HOME);
        self.tell("CARGO_NET_OFFLINE", "true");
        self.tell("CARGO_TERM_COLOR", "never");
        self.tell("CARGO_TARGET_DIR", &format!("{TOOL_CACHE}/target"));
        // Nobody looks at debug information here, and without it a build takes half the time.
        self.tell("CARGO_PROFILE_DEV_DEBUG", "0");
        self.tell("CARGO_PROFILE_TEST_DEBUG", "0");
        Ok(self.found)
    }

    /// The toolchain that rustup would start for the project.
    fn rustup(&self) -> Option<PathBuf> {
        let home = self.place("RUSTUP_HOME", ".rustup")?;
        let toolchains = home.join("toolchains");
        let installed: Vec<String> = fs::read_dir(&toolchains)
            .ok()?
            .flatten()
            .filter(|entry| entry.path().join("bin/cargo").exists())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        let named = |channel: &str| {
            installed.iter().find(|name| *name == channel || name.starts_with(&format!("{channel}-")))
        };
        let asked = ["rust-toolchain.toml", "rust-toolchain"].iter().find_map(|name| {
            let text = fs::read_to_string(self.view.join(name)).ok()?;
            value_of(&text, "channel").or_else(|| text.lines().next().map(|line| line.trim().to_owned()))
        });
        let default = || value_of(&fs::read_to_string(home.join("settings.toml")).ok()?, "default_toolchain");
        let chosen = asked
            .and_then(|channel| named(&channel))
            .or_else(|| default().and_then(|name| named(&name)))
            .or_else(|| named("stable"))
            .or_else(|| installed.first())?;
        Some(toolchains.join(chosen))
    }

    fn node(mut self) -> Result<Tools, PortError> {
        self.program("node", "bin")?;
        self.tell("NO_COLOR", "1");
        self.tell("CI", "true");
        self.tell("npm_config_offline", "true");
        Ok(self.found)
    }

    fn go(mut self) -> Result<Tools, PortError> {
        self.program("go", "src/runtime")?;
        let modules = self.place("GOMODCACHE", "go/pkg/mod");
        self.lend(modules, GO_MODULES);
        for (name, value) in [
            ("GOMODCACHE", GO_MODULES),
            ("GOCACHE", &format!("{TOOL_CACHE}/go-build")),
            ("GOPATH", "/tmp/home/go:/usr/share/gocode"),
            ("GOFLAGS", "-buildvcs=false"),
            ("GOPROXY", "off"),
            ("GOSUMDB", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOTELEMETRY", "off"),
        ] {
            self.tell(name, value);
        }
        Ok(self.found)
    }

    fn java(mut self) -> Result<Tools, PortError> {
        self.program("javac", "lib/modules")?;
        let repository = self.settings.home.as_ref().map(|home| home.join(".m2/repository"));
        self.lend(repository, MAVEN);
        let gradle = self.place("GRADLE_USER_HOME", ".gradle");
        self.lend(gradle.map(|home| home.join("caches/modules-2/files-2.1")), GRADLE);
        Ok(self.found)
    }

    /// A program on the person's `PATH` with the installation around it, which has `proof` in it.
    fn program(&mut self, name: &str, proof: &str) -> Result<(), PortError> {
        let outside = self.settings.search_path.iter().map(|folder| folder.join(name));
        let Some(end) = outside.filter_map(|file| fs::canonicalize(file).ok()).find(|file| file.is_file())
        else {
            let cause = format!("there is no `{name}` on PATH");
            return Err(PortError::new(ErrorKind::NotFound, cause)
                .with_hint(format!("install `{name}`, or name another command in `--test-command`")));
        };
        let Some(folder) = end.parent() else { return Ok(()) };
        if !is_system(&end) {
            let top = folder.parent().unwrap_or(folder);
            self.see(&top.to_path_buf(), proof)?;
        }
        self.found.folders.push(folder.to_owned());
        Ok(())
    }

    /// Shows a directory at its own path, unless that would show what is a person's own.
    fn see(&mut self, top: &PathBuf, proof: &str) -> Result<(), PortError> {
        let holds_home = self.settings.home.as_ref().is_some_and(|home| home.starts_with(top));
        if holds_home || top.components().count() < 3 || !top.join(proof).exists() {
            let cause = format!("`{}` holds more than a toolchain", top.display());
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("install the toolchain in a directory of its own"));
        }
        self.found.entries.push(bind(top, Access::Toolchain));
        Ok(())
    }

    /// Shows what was fetched, where there is anything.
    fn lend(&mut self, from: Option<PathBuf>, at: &str) {
        let Some(from) = from.filter(|from| from.is_dir()) else { return };
        self.found.entries.push(Entry::Bind {
            source: Raw::new(from),
            target: Raw::new(at),
            access: Access::Toolchain,
        });
    }

    /// What a variable names, or else a directory below the person's home.
    fn place(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let named = self.settings.variables.get(variable).cloned();
        named.or_else(|| Some(self.settings.home.as_ref()?.join(below_home)))
    }

    fn tell(&mut self, name: &str, value: &str) {
        self.found.env.push((name.to_owned(), value.to_owned()));
    }
}

/// The text of `key = "..."` in a file of settings.
fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
        let top = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let home = top.path().join("home");
        let settings = Settings {
            home: Some(home.clone()),
            ..Settings::this_program(vec![home.join(".cargo/bin"), top.path().join("opt/node/bin")], None)
        };
        (top, settings)
    }

    #[test]
    fn rustup_s_choice_is_read_and_settings_with_tokens_are_not_shown() {
        let (top, settings) = machine(&[
            ("home/.rustup/settings.toml", "default_toolchain = \"stable-x\"\n"),
            ("home/.rustup/toolchains/stable-x/bin/cargo", ""),
            ("home/.rustup/toolchains/1.70.0-x/bin/cargo", ""),
            ("home/.cargo/credentials.toml", "token"),
            ("home/.cargo/registry/index/x", ""),
            ("view/rust-toolchain.toml", "[toolchain]\nchannel = \"1.70.0\"\n"),
            ("plain/Cargo.toml", ""),
        ]);
        let tools = find(&settings, &top.path().join("view"), Toolchain::Rust).unwrap();
        assert_eq!(tools.folders, [top.path().join("home/.rustup/toolchains/1.70.0-x/bin")]);
        let tools = find(&settings, &top.path().join("plain"), Toolchain::Rust).unwrap();
        assert_eq!(tools.folders, [top.path().join("home/.rustup/toolchains/stable-x/bin")]);
        let shown: Vec<String> = tools.entries.iter().map(|entry| format!("{entry:?}")).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown.iter().all(|entry| !entry.contains("credentials")));
    }

    #[test]
    fn an_installation_that_holds_the_home_directory_is_refused() {
        let (top, mut settings) = machine(&[("opt/node/bin/node", ""), ("opt/node/home/x", "")]);
        let found = find(&settings, top.path(), Toolchain::Node).unwrap();
        assert_eq!(found.folders, [top.path().join("opt/node/bin")]);
        settings.home = Some(top.path().join("opt/node/home"));
        assert_eq!(find(&settings, top.path(), Toolchain::Node).unwrap_err().kind, ErrorKind::Invalid);
        settings.search_path.clear();
        assert_eq!(find(&settings, top.path(), Toolchain::Go).unwrap_err().kind, ErrorKind::NotFound);
    }
}
