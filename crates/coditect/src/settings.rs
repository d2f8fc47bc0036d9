//! Settings, in layers: flag, environment, project file, user file, default. Each value knows its source.
//!
//! The project file comes with the repository, so it is not trusted: it may say how its tests are run, lower
//! limits and ask for the stronger sandbox, and nothing else. What it may not do is left out, and said.

mod file;
mod keys;
mod layers;
mod table;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coditect_types::limits::{Approvals, History, SandboxChoice, Thresholds, Verdict};
use coditect_types::memory::MemoryLimits;
use coditect_types::project::{ReportFormat, ReportSource};
use coditect_types::{Budget, Delivery, ErrorKind, Focus, Limits, Policy, Rung, Tier};
use serde::Serialize;

use crate::args::{PaceFlags, SettingFlags};
use crate::environment::Environment;
use crate::models::Tables;
use crate::phrase;
use crate::report::Report;

pub(crate) use keys::{Key, ProjectMay, ServerUrl, Value};
pub(crate) use table::KEYS;
pub(crate) use template::template;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub(crate) enum Source {
    /// A flag.
    Flag {
        /// Such as `--seed`.
        name: String,
    },
    /// The environment.
    Environment {
        /// Such as `CODITECT_SEED`.
        name: String,
    },
    /// The project's `coditect.toml`.
    Project {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// The person's own file.
    User {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// Built in.
    Default,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag { name } => f.write_str(name),
            Self::Environment { name } => write!(f, "${name}"),
            Self::Project { file, line } | Self::User { file, line } => {
                write!(f, "{}:{line}", file.display())
            }
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and its source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sourced {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// What one layer says, by key.
pub(crate) type Layer = BTreeMap<&'static str, Sourced>;

/// Every setting, with a value. The total.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// How the tests are run, program first; None: found out.
    pub(crate) test_command: Option<Vec<String>>,
    /// Where that command leaves its results; None: it was not said.
    pub(crate) report: Option<ReportSource>,
    /// Where code runs.
    pub(crate) sandbox: SandboxChoice,
    /// The image of the container sandbox.
    pub(crate) image: Option<String>,
    /// Protections given up, by name.
    pub(crate) waive: Vec<String>,
    /// Time for the whole mission, s.
    pub(crate) budget_s: u64,
    /// Time for the search, s.
    pub(crate) search_s: u64,
    /// Candidates that may be tried.
    pub(crate) max_candidates: u64,
    /// Models that may be asked, by name.
    pub(crate) models: Vec<String>,
    /// What models are, by name.
    pub(crate) model: Tables,
    /// Rungs that may be stood on; empty: all.
    pub(crate) rungs: Vec<Rung>,
    /// Whether answers of models are kept.
    pub(crate) keeps_replies: bool,
    /// Calls of models.
    pub(crate) max_calls: u64,
    /// Tokens of models.
    pub(crate) max_tokens: u64,
    /// Money for models, millionths of a US dollar.
    pub(crate) max_micro_usd: u64,
    /// Time for one run of the suite, s.
    pub(crate) timeout_s: u64,
    /// Memory for one run of the suite, MiB.
    pub(crate) memory_mib: u64,
    /// Agents at work at the same time; 0: one a core.
    pub(crate) agents: u32,
    /// How long a question to a person waits, s, and what counts without an answer.
    pub(crate) ask_wait_s: u64,
    pub(crate) ask_otherwise: Verdict,
    /// How much memory may take.
    pub(crate) memory: MemoryLimits,
    /// The bucket that what is put away goes into.
    pub(crate) memory_cold: Option<String>,
    /// The model that gives memory the vectors of its texts.
    pub(crate) memory_embeddings: Option<String>,
    /// The server with a copy of the graph.
    pub(crate) graph: GraphServer,
    /// Whether a fleet does the work.
    pub(crate) fleet: bool,
    /// Whether programs that listen on its server are told what happens.
    pub(crate) announce: bool,
    /// When a contradicted expectation is acted on.
    pub(crate) thresholds: Thresholds,
    /// Seed of the search.
    pub(crate) seed: u64,
    /// Where missions are kept; None: in the state directory.
    pub(crate) nats: Option<Nats>,
}

/// A server with a copy of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphServer {
    /// Where it is; None: there is none.
    pub(crate) url: Option<String>,
    /// Its user.
    pub(crate) user: String,
    /// Its database.
    pub(crate) database: Option<String>,
}

/// The server on which missions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nats {
    /// Where it is.
    pub(crate) url: ServerUrl,
    /// The file with the credentials for it.
    pub(crate) creds: Option<PathBuf>,
    /// Its monitoring port.
    pub(crate) monitor: Option<String>,
    /// Where its processes say what they have; None: on it.
    pub(crate) redis: Option<ServerUrl>,
    /// The file with the keys of those in the fleet who are trusted; None: everybody is.
    pub(crate) trust: Option<PathBuf>,
}

impl Settings {
    /// The same where no person is there to be asked.
    pub(crate) fn unattended(&self) -> Policy {
        let approvals = Approvals { wait_ms: 0, otherwise: self.ask_otherwise };
        Policy { approvals, ..self.policy() }
    }

    /// How a mission is run under these settings.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            owner: None,
            suite: Limits {
                wall_ms: self.timeout_s * 1000,
                memory_bytes: self.memory_mib << 20,
                ..Limits::default()
            },
            budget: Budget {
                wall_ms: self.budget_s * 1000,
                search_ms: self.search_s * 1000,
                candidates: self.max_candidates,
                model_calls: self.max_calls,
                tokens: self.max_tokens,
                micro_usd: self.max_micro_usd,
            },
            sandbox: self.sandbox,
            models: Vec::new(),
            rungs: self.rungs.clone(),
            waived: self.waive.clone(),
            test_command: self.test_command.clone(),
            report: self.report.clone(),
            agents: self.agents,
            seed: self.seed,
            focus: Focus::default(),
            delivery: Delivery::default(),
            thresholds: self.thresholds,
            approvals: Approvals { wait_ms: self.ask_wait_s * 1000, otherwise: self.ask_otherwise },
            history: History::default(),
        }
    }
}

/// Settings with their sources.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The total.
    pub(crate) settings: Settings,
    /// By key, in the order of the table: the value, where there is one, and its source.
    pub(crate) values: Vec<(&'static Key, Option<Value>, Source)>,
    /// What was left out, and why, a sentence each.
    pub(crate) notes: Vec<String>,
    /// The files that were looked for: label, path, whether there was one.
    pub(crate) files: Vec<(&'static str, PathBuf, bool)>,
}

/// Reads every layer for work on `dir` (absolute) and puts them together.
pub(crate) fn load(flags: &SettingFlags, env: &Environment, dir: &Path) -> Result<Resolved, Report> {
    let user_file = env.user_settings();
    let project_file = project_file(dir);
    let mut files = Vec::new();
    let mut read = |label, path: Option<&PathBuf>, trust| -> Result<Layer, Report> {
        let Some(path) = path else { return Ok(Layer::new()) };
        let layer = file::read(path, trust)?;
        files.push((label, path.clone(), layer.is_some()));
        Ok(layer.unwrap_or_default())
    };
    let project = read("project", Some(&project_file), file::Owner::Project)?;
    let user = read("user", user_file.as_ref(), file::Owner::User)?;
    let mut notes = Vec::new();
    let layers = Layers {
        flags: layers::from_flags(flags)?,
        env: layers::from_environment(env, &mut notes)?,
        project,
        user,
    };
    let mut resolved = layers.resolve();
    notes.append(&mut resolved.notes);
    resolved.notes = notes;
    resolved.files = files;
    Ok(resolved)
}

/// How a mission is run that is like another one but for what the flags say.
pub(crate) fn over(mut policy: Policy, pace: &PaceFlags) -> Result<Policy, Report> {
    let layer = layers::from_flags(&SettingFlags { pace: pace.clone(), ..SettingFlags::default() })?;
    let says = |name: &str| layer.contains_key(name);
    let own = Layers { flags: layer.clone(), ..Layers::default() }.resolve().settings.policy();
    let (of, given) = (&mut policy.budget, &own.budget);
    let take = |name: &str, of: &mut u64, given: u64| {
        if says(name) {
            *of = given;
        }
    };
    take("budget_s", &mut of.wall_ms, given.wall_ms);
    take("search_s", &mut of.search_ms, given.search_ms);
    take("max_candidates", &mut of.candidates, given.candidates);
    take("max_calls", &mut of.model_calls, given.model_calls);
    take("max_tokens", &mut of.tokens, given.tokens);
    take("max_usd", &mut of.micro_usd, given.micro_usd);
    take("ask_wait_s", &mut policy.approvals.wait_ms, own.approvals.wait_ms);
    take("seed", &mut policy.seed, own.seed);
    if says("agents") {
        policy.agents = own.agents;
    }
    if says("rungs") {
        policy.rungs = own.rungs;
    }
    Ok(policy)
}

/// The project's file: in the directory itself, else at the top of its repository.
fn project_file(dir: &Path) -> PathBuf {
    const NAME: &str = "coditect.toml";
    let here = dir.join(NAME);
    if here.symlink_metadata().is_ok() {
        return here;
    }
    let top = dir.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok());
    match top.map(|top| top.join(NAME)) {
        Some(file) if file.symlink_metadata().is_ok() => file,
        _ => here,
    }
}

/// The layers that a person or a project wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) flags: Layer,
    pub(crate) env: Layer,
    pub(crate) project: Layer,
    pub(crate) user: Layer,
}

impl Layers {
    /// Puts the layers together.
    pub(crate) fn resolve(&self) -> Resolved {
        let mut notes = Vec::new();
        let values: Vec<_> = KEYS
            .iter()
            .map(|key| match self.pick(key, &mut notes) {
                Some(Sourced { value, source }) => (key, Some(value), source),
                None => (key, None, Source::Default),
            })
            .collect();
        let settings = total(&values);
        Resolved { settings, values, notes, files: Vec::new() }
    }

    /// The value of one key: the highest layer that has one, as far as that layer may set it.
    fn pick(&self, key: &Key, notes: &mut Vec<String>) -> Option<Sourced> {
        let of = |layer: &Layer| layer.get(key.name).cloned();
        if let Some(over) = of(&self.flags).or_else(|| of(&self.env)) {
            return Some(over);
        }
        let default = || key.default.map(|value| Sourced { value: value(), source: Source::Default });
        let persons = of(&self.user).or_else(default);
        let Some(asked) = of(&self.project) else { return persons };
        match key.project.refuses(&asked.value, persons.as_ref().map(|sourced| &sourced.value)) {
            None => Some(asked),
            Some(why) => {
                let hint = key.flag().map_or(String::new(), |flag| format!("; you may, with `{flag}`"));
                notes.push(format!("{}: `{}` is ignored: {why}{hint}", asked.source, key.name));
                persons
            }
        }
    }
}

/// The one struct at the end. Values were checked when they were read, so each has the type of its key.
fn total(values: &[(&'static Key, Option<Value>, Source)]) -> Settings {
    let get = |name: &str| {
        values.iter().find(|(key, ..)| key.name == name).and_then(|(_, value, _)| value.as_ref())
    };
    let number = |name: &str| get(name).and_then(Value::number).unwrap_or_default();
    let words = |name: &str| get(name).and_then(Value::words);
    let per_cent = |name: &str| u8::try_from(number(name)).unwrap_or(100);
    let framework = get("framework")
        .and_then(Value::word)
        .map(|framework| ["python", "-m", framework].map(str::to_owned).to_vec());
    Settings {
        test_command: words("test_command").map(<[String]>::to_vec).or(framework),
        report: report(get("test_report").and_then(Value::word), get("report_path").and_then(Value::word)),
        sandbox: match get("sandbox").and_then(Value::word) {
            Some("wasm") => SandboxChoice::Only(Tier::Wasm),
            Some("os") => SandboxChoice::Only(Tier::Os),
            Some("container") => SandboxChoice::Only(Tier::Container),
            _ => SandboxChoice::Auto,
        },
        image: get("image").and_then(Value::word).map(str::to_owned),
        waive: words("waive").map(<[String]>::to_vec).unwrap_or_default(),
        budget_s: number("budget_s"),
        search_s: number("search_s"),
        max_candidates: number("max_candidates"),
        models: words("models").map(<[String]>::to_vec).unwrap_or_default(),
        model: get("model").and_then(Value::models).cloned().unwrap_or_default(),
        rungs: rungs(words("rungs").unwrap_or_default()),
        keeps_replies: get("reply_cache").and_then(Value::word) != Some("off"),
        max_calls: number("max_calls"),
        max_tokens: number("max_tokens"),
        max_micro_usd: number("max_usd"),
        timeout_s: number("timeout_s"),
        memory_mib: number("memory_mib"),
        agents: u32::try_from(number("agents")).unwrap_or(u32::MAX),
        ask_wait_s: number("ask_wait_s"),
        ask_otherwise: match get("ask_otherwise").and_then(Value::word) {
            Some("approve") => Verdict::Approved,
            _ => Verdict::Denied,
        },
        thresholds: Thresholds { act_from: per_cent("act_from"), ignore_below: per_cent("ignore_below") },
        memory: MemoryLimits {
            warm_episodes: number("memory_warm"),
            warm_days: number("memory_warm_days"),
            cold_bytes: number("memory_cold_mib") << 20,
            unproved_days: number("memory_unproved_days"),
        },
        memory_cold: get("memory_cold").and_then(Value::word).map(str::to_owned),
        memory_embeddings: get("memory_embeddings").and_then(Value::word).map(str::to_owned),
        fleet: get("fleet").and_then(Value::word) == Some("on"),
        announce: get("announce").and_then(Value::word) == Some("on"),
        graph: GraphServer {
            url: get("graph_url").and_then(Value::word).map(str::to_owned),
            user: get("graph_user").and_then(Value::word).unwrap_or_default().to_owned(),
            database: get("graph_database").and_then(Value::word).map(str::to_owned),
        },
        seed: number("seed"),
        nats: get("nats").and_then(Value::server).map(|url| Nats {
            url: url.clone(),
            creds: get("nats_creds").and_then(Value::word).map(PathBuf::from),
            monitor: get("nats_monitor").and_then(Value::word).map(str::to_owned),
            redis: get("redis").and_then(Value::server).cloned(),
            trust: get("fleet_trust").and_then(Value::word).map(PathBuf::from),
        }),
    }
}

/// Rungs by their names; empty where it is all of them.
fn rungs(names: &[String]) -> Vec<Rung> {
    let all = [Rung::Memory, Rung::Recipe, Rung::Reflex, Rung::SmallModel, Rung::LargeModel];
    let is_named = |rung: &Rung| names.contains(&phrase::rung(*rung).replace(' ', "_"));
    let named: Vec<Rung> = all.into_iter().filter(is_named).collect();
    if named.len() == all.len() { Vec::new() } else { named }
}

/// Where the results of a test command are. A path alone says the format by its ending.
fn report(format: Option<&str>, path: Option<&str>) -> Option<ReportSource> {
    let format = match (format, path) {
        (Some("junit-xml"), _) => ReportFormat::JunitXml,
        (Some("tap"), _) => ReportFormat::Tap,
        (Some(_), _) => ReportFormat::ExitCode,
        (None, Some(path)) if path.ends_with(".xml") => ReportFormat::JunitXml,
        (None, Some(path)) if path.ends_with(".tap") => ReportFormat::Tap,
        (None, _) => return None,
    };
    Some(ReportSource { format, path: path.map(str::to_owned) })
}

/// The report of a value that cannot be.
fn bad_value(source: &Source, key: &str, cause: &str) -> Report {
    // A flag and a variable carry the name of the setting in their own.
    let key = match source {
        Source::Project { .. } | Source::User { .. } => format!("`{key}`: "),
        Source::Flag { .. } | Source::Environment { .. } | Source::Default => String::new(),
    };
    Report::new(ErrorKind::Invalid, "reading settings", format!("{source}: {key}{cause}"))
}
