//! From a job to a plan.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use coditect_ports::sandbox::{Reports, TOOL_CACHE, TOOL_FILES, Tool};
use coditect_ports::{Job, PortError, Program, Writes};
use coditect_types::ErrorKind;
use coditect_types::project::Toolchain;

use crate::os::identity::Chosen;
use crate::os::plan::{Access, Entry, GuestLimits, PROJECT, Plan, REPORT_FD, RUNNER, Raw};
use crate::os::{OsSandbox, sys, toolchain};

/// Most of the memory limit that the scratch file system may take where no cgroup counts it, bytes.
const SCRATCH_UNCOUNTED: u64 = 256 << 20;
/// Address space that libraries reserve without ever touching it, bytes.
const RESERVED: u64 = 512 << 20;
/// The same for Node: each memory of WebAssembly, which its own parsers use, reserves ten gigabytes. What is really
/// used is still added up and kept to its limit.
const RESERVED_BY_NODE: u64 = 256 << 30;

/// A plan and what goes with it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) chosen: Chosen,
    pub(super) stdin: OwnedFd,
    pub(super) limits: coditect_types::Limits,
    pub(super) reports: Reports,
}

/// Makes the plan of a job.
pub(super) fn prepare(sandbox: &OsSandbox, job: &Job<'_>) -> Result<Prepared, PortError> {
    let view = checked_view(job.view)?;
    let directory = checked_directory(job.directory)?;
    let settings = &sandbox.settings;
    let python = match job.program {
        Program::Python { interpreter, .. } => {
            let name = interpreter.as_deref().unwrap_or(Path::new("python3"));
            Some(toolchain::resolve(settings, &view, name)?)
        }
        Program::Command { argv, .. } => command_python(sandbox, &view, argv)?,
        // Some packages' tests and builds start one.
        Program::Tool(_) => toolchain::resolve(settings, &view, Path::new("python3")).ok(),
    };
    let tools = match job.program {
        Program::Tool(tool) => Some(toolchain::find(settings, &view, tool.toolchain)?),
        Program::Python { .. } | Program::Command { .. } => None,
    };
    let mut env = vec![
        ("PATH".to_owned(), toolchain::search_path(python.as_ref(), tools.as_ref())),
        ("HOME".into(), "/tmp/home".into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("TMPDIR".into(), "/tmp".into()),
    ];
    let mut entries = sandbox.base().to_vec();
    entries.extend(toolchain::chosen(&settings.toolchains));
    let Start { argv, stdin, reports } =
        start(job, directory, python.as_ref(), tools.as_ref(), &mut env, &mut entries)?;
    entries.extend(tools.into_iter().flat_map(|found| found.entries));
    entries.extend(python.into_iter().flat_map(|found| found.entries));
    entries.push(view_entry(&view, job.writes)?);
    if let Program::Tool(tool) = job.program {
        entries.extend(lent_entries(tool, &view, directory)?);
    }
    let io = |error: std::io::Error| PortError::from_io("preparing the sandbox", &error);
    let stdin = sys::sealed_memory(c"stdin", &stdin).map_err(io)?;
    let chosen = sandbox.identities.choose(&view, &settings.launcher).map_err(io)?;
    let limits = job.limits;
    let counted = sandbox.cgroups().is_some();
    let plan = Plan {
        host: std::process::id().cast_signed(),
        identity: chosen.identity,
        entries,
        scratch_bytes: if counted {
            limits.memory_bytes
        } else {
            SCRATCH_UNCOUNTED.min(limits.memory_bytes / 4)
        },
        directory: Raw::new(Path::new(PROJECT).join(directory)),
        argv,
        env: env.into_iter().map(|(name, value)| (Raw::new(name), Raw::new(value))).collect(),
        waived: job.waived.to_vec(),
        limits: GuestLimits {
            address_space: (!counted).then(|| limits.memory_bytes.saturating_add(reserved(job.program))),
            processes: limits.processes.into(),
            file_bytes: limits.file_bytes,
        },
        reports: reports == Reports::Channel,
        mapped: chosen.userns.is_some(),
    };
    Ok(Prepared { plan, chosen, stdin, limits: limits.clone(), reports })
}

/// What the first process is, what it reads, and where its reports are.
struct Start {
    argv: Vec<Raw>,
    stdin: Vec<u8>,
    reports: Reports,
}

/// How a program is started, and what it needs in its environment and its root.
fn start(
    job: &Job<'_>,
    directory: &Path,
    python: Option<&toolchain::Interpreter>,
    tools: Option<&toolchain::Tools>,
    env: &mut Vec<(String, String)>,
    entries: &mut Vec<Entry>,
) -> Result<Start, PortError> {
    Ok(match job.program {
        Program::Python { request, .. } => {
            entries.push(Entry::Runner);
            env.push(("CODITECT_REPORT_FD".into(), REPORT_FD.to_string()));
            let program = python.map(|found| Raw::new(&found.program)).unwrap_or_default();
            // Isolated (`-I`): neither the project's directory nor its environment has a say in how the
            // interpreter starts. `-B`: nothing is written beside the sources.
            let argv = vec![program, Raw::new("-I"), Raw::new("-B"), Raw::new(RUNNER)];
            Start { argv, stdin: request_inside(request, directory)?.into_bytes(), reports: Reports::Channel }
        }
        Program::Command { argv, env: named } => {
            env.retain(|(name, _)| named.iter().all(|(other, _)| other != name));
            env.extend(named.iter().cloned());
            let mut argv: Vec<Raw> = argv.iter().map(Raw::new).collect();
            let is_name = argv.first().is_some_and(|first| matches!(first.bytes(), b"python" | b"python3"));
            if let (true, Some(found)) = (is_name, python) {
                argv[0] = Raw::new(&found.program);
            }
            Start { argv, stdin: job.stdin.to_vec(), reports: Reports::None }
        }
        Program::Tool(tool) => {
            let known = tools.into_iter().flat_map(|tools| &tools.env);
            env.extend(known.filter(|(name, _)| tool.env.iter().all(|(other, _)| other != name)).cloned());
            env.retain(|(name, _)| tool.env.iter().all(|(other, _)| other != name));
            env.extend(tool.env.iter().cloned());
            if tool.reports == Reports::Channel {
                env.push(("CODITECT_REPORT_FD".into(), REPORT_FD.to_string()));
            }
            entries.extend(tool_entries(tool));
            let argv = tool.argv.iter().map(Raw::new).collect();
            Start { argv, stdin: job.stdin.to_vec(), reports: tool.reports }
        }
    })
}

/// How the view is shown.
fn view_entry(view: &Path, writes: Writes<'_>) -> Result<Entry, PortError> {
    let bound = |access| Entry::Bind { source: Raw::new(view), target: Raw::new(PROJECT), access };
    let over = match writes {
        Writes::Refused => return Ok(bound(Access::Read)),
        Writes::Kept => return Ok(bound(Access::Write)),
        Writes::Dropped { over } => over.map(checked_view).transpose()?.map(Raw::new),
    };
    Ok(Entry::Overlay { view: Raw::new(view), over })
}

fn reserved(program: &Program) -> u64 {
    match program {
        Program::Tool(tool) if tool.toolchain == Toolchain::Node => RESERVED_BY_NODE,
        Program::Python { .. } | Program::Command { .. } | Program::Tool(_) => RESERVED,
    }
}

/// The files and the directory for builds of a tool.
fn tool_entries(tool: &Tool) -> Vec<Entry> {
    let file = |(name, content): &(String, String)| Entry::File {
        target: Raw::new(Path::new(TOOL_FILES).join(name)),
        content: Raw::new(content),
    };
    let cache = tool.cache.iter().map(|cache| Entry::Bind {
        source: Raw::new(&cache.path),
        target: Raw::new(TOOL_CACHE),
        access: if cache.writable { Access::Write } else { Access::Read },
    });
    cache.chain(tool.files.iter().map(file)).collect()
}

/// Directories that are lent to the project. They are attached within the view, so what leads there must be plain
/// directories: a link of the project's could lead the mount elsewhere.
fn lent_entries(tool: &Tool, view: &Path, directory: &Path) -> Result<Vec<Entry>, PortError> {
    let mut entries = Vec::new();
    for lent in &tool.lent {
        let below = directory.join(checked_directory(&lent.at)?);
        let mut at = view.to_owned();
        for part in below.components() {
            at.push(part);
            if !at.symlink_metadata().is_ok_and(|kind| kind.is_dir()) {
                let cause = format!("`{}` is not a plain directory of the project", below.display());
                return Err(PortError::new(ErrorKind::Invalid, cause));
            }
        }
        entries.push(Entry::Bind {
            source: Raw::new(&lent.from),
            target: Raw::new(Path::new(PROJECT).join(below)),
            access: Access::Read,
        });
    }
    Ok(entries)
}

/// The real path of the view, which must not be a directory that holds the system.
pub(crate) fn checked_view(view: &Path) -> Result<PathBuf, PortError> {
    let view = std::fs::canonicalize(view)
        .map_err(|error| PortError::from_io(&format!("looking at `{}`", view.display()), &error))?;
    let top = ["/proc", "/sys", "/dev", "/run"].iter().any(|folder| view.starts_with(folder));
    if top || view.parent().is_none() {
        let cause = format!("`{}` cannot be a view: it would show the machine", view.display());
        return Err(
            PortError::new(ErrorKind::Denied, cause).with_hint("name a directory of the project alone")
        );
    }
    Ok(view)
}

/// A path below the view, by its text. (Links within the view are resolved inside, where they harm nobody.)
pub(crate) fn checked_directory(directory: &str) -> Result<&Path, PortError> {
    let path = Path::new(directory);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path);
    }
    Err(PortError::new(ErrorKind::Invalid, format!("`{directory}` is not a directory below the project")))
}

/// For a command, the interpreter that its `python3` is. Only a command that begins with Python needs one.
fn command_python(
    sandbox: &OsSandbox,
    view: &Path,
    argv: &[String],
) -> Result<Option<toolchain::Interpreter>, PortError> {
    let first = argv.first().ok_or_else(|| PortError::new(ErrorKind::Invalid, "the command is empty"))?;
    let resolve = |name: &str| toolchain::resolve(&sandbox.settings, view, Path::new(name));
    let file = first.rsplit('/').next().unwrap_or(first);
    if first == "python" {
        return resolve("python").or_else(|_| resolve("python3")).map(Some);
    }
    if first == "python3" || (first.contains('/') && file.starts_with("python")) {
        return resolve(first).map(Some);
    }
    // A program of a virtual environment (`.venv/bin/ruff`) is seen with all of it.
    let beside = Path::new(first).with_file_name("python");
    if first.contains('/') && view.join(&beside).exists() {
        return toolchain::resolve(&sandbox.settings, view, &beside).map(Some);
    }
    Ok(resolve("python3").ok())
}

/// The request with its `root` as the guest sees it.
pub(crate) fn request_inside(request: &str, directory: &Path) -> Result<String, PortError> {
    let invalid =
        |why: String| PortError::new(ErrorKind::Invalid, format!("the request for the runner: {why}"));
    let mut value: serde_json::Value =
        serde_json::from_str(request).map_err(|error| invalid(error.to_string()))?;
    let object = value.as_object_mut().ok_or_else(|| invalid("it is no object".into()))?;
    let root = Path::new(PROJECT).join(directory);
    object.insert("root".into(), root.to_string_lossy().trim_end_matches('/').into());
    serde_json::to_string(&value).map_err(|error| invalid(error.to_string()))
}
