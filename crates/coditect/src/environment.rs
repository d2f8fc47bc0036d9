//! The environment of the process, read once, and the directories that follow from it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coditect_ports::{Embedder, Model, PortError};
use coditect_types::memory::MemoryLimits;
use coditect_types::{ErrorKind, UserName};

use crate::args::Global;
use crate::report::Report;
use crate::settings::Nats;
use crate::wiring::{BucketAt, Sampler};

/// Where things are for this person on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Where missions are kept.
    pub(crate) home: PathBuf,
    /// Where what can be made again is kept.
    pub(crate) cache: PathBuf,
    /// `PATH` as it is.
    pub(crate) path: Option<OsString>,
    /// The person's home directory.
    pub(crate) user_home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, where it is set.
    pub(crate) xdg_config: Option<PathBuf>,
    /// Where container engines may answer.
    pub(crate) engines: Vec<PathBuf>,
    /// The image of the container sandbox, where the person's settings name one.
    pub(crate) image: Option<String>,
    /// The models that were chosen, with their keys.
    pub(crate) models: Vec<Arc<dyn Model>>,
    /// How much memory may take.
    pub(crate) memory: MemoryLimits,
    /// The bucket that what memory puts away goes into, where the person's settings name one, or why it cannot be.
    pub(crate) cold: Option<Result<BucketAt, PortError>>,
    /// What gives memory the vectors of its texts, where it is not to learn them.
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    /// The user whose missions and memory are meant; None: the person's whose machine it is.
    pub(crate) owner: Option<UserName>,
    /// Where missions are kept.
    pub(crate) journal: Place,
    /// Whether the workers of a fleet do the work.
    pub(crate) fleet: bool,
    /// Whether programs that listen on the server of the journal are told what happens.
    pub(crate) announce: bool,
    /// Which traces are told.
    pub(crate) sampler: Sampler,
    /// Where toolchains keep things, by the variables that say so.
    pub(crate) toolchains: BTreeMap<String, PathBuf>,
}

/// Where missions are kept.
#[derive(Clone, Debug, Default)]
pub(crate) enum Place {
    /// In files of the state directory.
    #[default]
    Files,
    /// On a server.
    Server(Nats),
    /// The settings that say so cannot be read: nothing is looked for in the wrong place.
    Unknown(Box<Report>),
}

/// Variables that name a directory of a toolchain.
const TOOLCHAINS: &[&str] = &["CARGO_HOME", "RUSTUP_HOME", "GOMODCACHE"];

impl Site {
    /// The absolute directories of `PATH`, in order.
    pub(crate) fn search_path(&self) -> Vec<PathBuf> {
        let dirs = self.path.iter().flat_map(std::env::split_paths);
        dirs.filter(|dir| dir.is_absolute()).collect()
    }
}

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    vars: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Reads the environment.
    pub(crate) fn read() -> Self {
        Self { vars: std::env::vars_os().collect() }
    }

    #[cfg(test)]
    pub(crate) fn of(vars: &[(&str, &str)]) -> Self {
        Self { vars: vars.iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&OsString> {
        self.vars.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty())
    }

    /// These variables, as far as they are set: for a child that is told nothing else, such as the keys of models.
    pub(crate) fn only(&self, names: &[&str]) -> Vec<(OsString, OsString)> {
        names.iter().filter_map(|name| Some(((*name).into(), self.get(name)?.clone()))).collect()
    }

    /// The bucket at an address of the settings, of the store and with the keys of the standard variables.
    pub(crate) fn bucket(&self, address: &str) -> Result<BucketAt, PortError> {
        BucketAt::from_variables(address, |name| Some(self.get(name)?.to_str()?.to_owned()))
    }

    /// The names of all variables that begin with `CODITECT_`.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().filter_map(|name| name.to_str()).filter(|name| name.starts_with("CODITECT_"))
    }

    /// Where missions are kept: the flag, else `$CODITECT_HOME`, else the XDG state directory.
    pub(crate) fn home(&self, global: &Global) -> Result<PathBuf, Report> {
        let named = global.home.clone().or_else(|| self.get("CODITECT_HOME").map(PathBuf::from));
        let home = match named {
            Some(dir) => dir,
            None => self.xdg("XDG_STATE_HOME", ".local/state").ok_or_else(no_home)?,
        };
        std::path::absolute(&home).map_err(|error| {
            Report::new(
                ErrorKind::Invalid,
                "finding the state directory",
                format!("{}: {error}", home.display()),
            )
        })
    }

    /// Where what a person chose to have is kept.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        self.xdg("XDG_DATA_HOME", ".local/share")
    }

    /// The person's own settings file, which need not exist.
    pub(crate) fn user_settings(&self) -> Option<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("config.toml"))
    }

    /// Every directory that the wiring needs to know.
    pub(crate) fn site(&self, global: &Global) -> Result<Site, Report> {
        let home = self.home(global)?;
        let cache = self.xdg("XDG_CACHE_HOME", ".cache").unwrap_or_else(|| home.join("cache"));
        let dir = |name: &str| self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Site {
            home,
            cache,
            path: self.get("PATH").cloned(),
            user_home: dir("HOME"),
            xdg_config: dir("XDG_CONFIG_HOME"),
            engines: self.engines(),
            image: None,
            memory: MemoryLimits::default(),
            cold: None,
            embedder: None,
            owner: global.owner.clone(),
            journal: Place::Files,
            fleet: false,
            announce: false,
            models: Vec::new(),
            // What is wrong with it is said where telemetry begins.
            sampler: Sampler::from_variables(|name| Some(self.get(name)?.to_str()?.to_owned())).0,
            toolchains: TOOLCHAINS.iter().filter_map(|name| Some(((*name).to_owned(), dir(name)?))).collect(),
        })
    }

    /// Sockets of container engines: the one that `DOCKER_HOST` names, else where they usually are.
    fn engines(&self) -> Vec<PathBuf> {
        if let Some(host) = self.get("DOCKER_HOST") {
            // An engine elsewhere does not see the project.
            let text = host.to_string_lossy();
            return text.strip_prefix("unix://").map(PathBuf::from).into_iter().collect();
        }
        let run = self.get("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        let own = run.iter().flat_map(|run| ["docker.sock", "podman/podman.sock"].map(|name| run.join(name)));
        let all = ["/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"].map(PathBuf::from);
        own.chain(all).collect()
    }

    /// A directory by the XDG rules: a path that is not absolute does not count.
    fn xdg(&self, var: &str, below_home: &str) -> Option<PathBuf> {
        let absolute = |name: &str| self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute(var).or_else(|| absolute("HOME").map(|home| home.join(below_home)))?;
        Some(base.join("coditect"))
    }
}

fn no_home() -> Report {
    Report::new(
        ErrorKind::Invalid,
        "finding the state directory",
        "neither `CODITECT_HOME` nor `XDG_STATE_HOME` nor `HOME` is set to an absolute path",
    )
    .hint("pass `--home DIR`")
}

/// The person's directory, absolute, with its links resolved.
pub(crate) fn directory(dir: &Path) -> Result<PathBuf, Report> {
    let report = |kind, cause: String| Report::new(kind, format!("opening `{}`", dir.display()), cause);
    let path = dir.canonicalize().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            report(ErrorKind::NotFound, "there is no such directory".to_owned())
                .hint("name a directory with `-C DIR`")
        } else {
            report(ErrorKind::Invalid, error.to_string())
        }
    })?;
    if path.is_dir() {
        Ok(path)
    } else {
        Err(report(ErrorKind::Invalid, "it is not a directory".to_owned())
            .hint("name the directory that holds the project with `-C DIR`"))
    }
}
