//! Models whose files are on this machine: those that can be fetched, those that were, and how one is served.

use std::fs;
use std::path::{Path, PathBuf};

use coditect_adapters::model::Launch;
use coditect_types::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::host;
use crate::report::Report;

/// The first part of the names of these models.
pub(crate) const LOCAL: &str = "local";
/// The program that serves a file.
pub(crate) const SERVER: &str = "llama-server";

/// Variables that the server gets: it finds its libraries by them, and is told no secret but its own key.
pub(crate) const VARIABLES: &[&str] = &["PATH", "HOME", "LD_LIBRARY_PATH", "LANG"];

/// A model that can be fetched.
#[derive(Debug, Serialize)]
pub(crate) struct Offer {
    /// Its name, behind `local/`.
    pub(crate) name: &'static str,
    /// Whose it is and what it is for.
    pub(crate) about: &'static str,
    /// The licence of its weights.
    pub(crate) licence: &'static str,
    /// The length of its file.
    pub(crate) bytes: u64,
    /// The SHA-256 of its file.
    pub(crate) sha256: &'static str,
    /// Tokens that it was trained to hold.
    pub(crate) context_tokens: u64,
    /// Where it can be had, the best first.
    pub(crate) sources: &'static [&'static str],
}

/// What can be fetched by name.
pub(crate) const CATALOGUE: &[Offer] = &[
    Offer {
        name: "qwen2.5-coder-1.5b",
        about: "Qwen2.5-Coder-1.5B-Instruct of Alibaba Cloud, quantised to 4 bits (Q4_K_M)",
        licence: "Apache-2.0",
        bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        context_tokens: 32_768,
        sources: &[
            "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            "https://modelscope.cn/models/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/master/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        ],
    },
    Offer {
        name: "qwen2.5-coder-0.5b",
        about: "Qwen2.5-Coder-0.5B-Instruct of Alibaba Cloud, quantised to 4 bits (Q4_K_M)",
        licence: "Apache-2.0",
        bytes: 491_400_064,
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        context_tokens: 32_768,
        sources: &[
            "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            "https://modelscope.cn/models/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/master/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        ],
    },
];

/// A model whose file is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installed {
    /// Its name, behind `local/`.
    pub(crate) name: String,
    /// Its file.
    pub(crate) file: PathBuf,
    /// The length of its file.
    pub(crate) bytes: u64,
    /// The SHA-256 of its file when it was installed.
    pub(crate) sha256: String,
    /// The licence of its weights, where it is known.
    pub(crate) licence: Option<String>,
    /// Tokens that it can hold.
    pub(crate) context_tokens: u64,
}

/// The directory of the models of this person.
pub(crate) fn directory(env: &Environment) -> Result<PathBuf, Report> {
    env.data().map(|dir| dir.join("models")).ok_or_else(|| {
        let cause = "neither $XDG_DATA_HOME nor $HOME says where a person's data is kept";
        Report::new(ErrorKind::Invalid, "finding the models of this machine", cause)
            .hint("set $XDG_DATA_HOME")
    })
}

/// The models that are installed, by name. What cannot be read is none.
pub(crate) fn all(dir: &Path) -> Vec<Installed> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    let mut all: Vec<Installed> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter_map(read)
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// One of them.
pub(crate) fn find(dir: &Path, name: &str) -> Result<Installed, Report> {
    if let Some(found) = all(dir).into_iter().find(|installed| installed.name == name) {
        return Ok(found);
    }
    let cause = format!("no model `{name}` is installed");
    let hint = match CATALOGUE.iter().find(|offer| offer.name == name) {
        Some(_) => format!("fetch it: `coditect models install {name}`"),
        None => format!("`coditect models install {name} --from FILE` takes a GGUF file of yours"),
    };
    Err(Report::new(ErrorKind::NotFound, format!("looking for the model `{LOCAL}/{name}`"), cause).hint(hint))
}

/// Whether a name can be a file's, too.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 100 && !name.starts_with(['.', '-']) && name.chars().all(fits)
}

impl Installed {
    /// Where it is written down.
    pub(crate) fn entry(dir: &Path, name: &str) -> PathBuf {
        dir.join(format!("{name}.json"))
    }

    /// How it is served, by this very program, which ends the server with itself.
    pub(crate) fn launch(
        &self,
        env: &Environment,
        cache: &Path,
        context_tokens: u64,
    ) -> Result<Launch, Report> {
        let doing = format!("serving the model `{LOCAL}/{}`", self.name);
        if !self.file.is_file() {
            let cause = format!("its file `{}` is gone", self.file.display());
            return Err(Report::new(ErrorKind::NotFound, doing, cause).hint("install it again"));
        }
        let server = host::on_path(env, SERVER).ok_or_else(|| {
            let cause = format!("there is no program `{SERVER}` in $PATH");
            Report::new(ErrorKind::NotFound, &*doing, cause).hint(
                "it is a part of llama.cpp (https://github.com/ggml-org/llama.cpp), which many systems have as a package",
            )
        })?;
        let myself = std::env::current_exe().map_err(|error| {
            Report::new(ErrorKind::Unavailable, &*doing, format!("finding myself: {error}"))
        })?;
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| {
                let cause = format!("the path `{}` is not UTF-8", path.display());
                Report::new(ErrorKind::Invalid, &*doing, cause)
            })
        };
        let argv = vec![
            text(&myself)?,
            "serve-model".into(),
            "--program".into(),
            text(&server)?,
            "--file".into(),
            text(&self.file)?,
            "--context-tokens".into(),
            context_tokens.to_string(),
        ];
        let name = format!("{LOCAL}/{}", self.name);
        Ok(Launch {
            name,
            argv,
            log: cache.join("models").join(format!("{}.log", self.name)),
            context_tokens,
            variables: env.only(VARIABLES),
        })
    }
}
