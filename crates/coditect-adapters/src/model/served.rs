//! A model that is served on this machine for as long as this process lives: a server in a process of its own, started at the
//! first call, started again where it died, and gone with us.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::{Model, ModelError, PortError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::{ErrorKind, ModelReply, ModelRequest};

use super::{Endpoint, Protocol, Remote, Secret, offered};

/// How often it is looked whether the server answers.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of the server's last words that are looked at.
const LAST_WORDS: usize = 4 << 10;

/// How a server is started. It serves chat completions at `127.0.0.1` and the port in the variable [`PORT`], to who knows the key
/// in the variable [`KEY`], and ends when its standard input does.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The name by which missions know the model.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where what the server says goes.
    pub log: PathBuf,
    /// Tokens of prompt and answer together.
    pub context_tokens: u64,
    /// The variables that it gets beside the two: no others, so that it learns no key but its own.
    pub variables: Vec<(OsString, OsString)>,
}

/// The variable that holds the port.
pub const PORT: &str = "CODITECT_MODEL_PORT";
/// The variable that holds the key.
pub const KEY: &str = "LLAMA_API_KEY";

#[derive(Debug)]
struct Running {
    child: Child,
    endpoint: Endpoint,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its end is the end of its standard input; a server that does not see that is killed.
        drop(self.child.stdin.take());
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A model with its own server.
#[derive(Debug)]
pub struct Served {
    launch: Launch,
    running: Mutex<Option<Running>>,
}

impl Served {
    /// The model. Nothing is started yet.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        Self { launch, running: Mutex::default() }
    }

    /// The server's address, with the server running and ready.
    fn endpoint(&self, limits: &CallLimits, stop: &Stop) -> Result<Endpoint, ModelError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = running.as_mut()
            && matches!(old.child.try_wait(), Ok(None))
        {
            return Ok(old.endpoint.clone());
        }
        // What is left of it goes first: two models at once may be more than the memory holds.
        drop(running.take());
        let mut started = self.start()?;
        self.ready(&mut started, limits, stop)?;
        Ok(running.insert(started).endpoint.clone())
    }

    fn start(&self) -> Result<Running, ModelError> {
        let Launch { name, argv, log, context_tokens, variables } = &self.launch;
        let doing = format!("starting the server of `{name}`");
        let io = |error: &std::io::Error| ModelError::from(PortError::from_io(&doing, error));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| io(&error))?.port();
        let mut bytes = [0; 16];
        fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(|error| io(&error))?;
        // Other people of this machine can reach the port too.
        let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(dir) = log.parent() {
            fs::create_dir_all(dir).map_err(|error| io(&error))?;
        }
        let said = fs::File::create(log).map_err(|error| io(&error))?;
        let (program, args) = argv.split_first().ok_or_else(|| {
            ModelError::from(PortError::new(ErrorKind::Bug, format!("{doing}: there is no program")))
        })?;
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env(PORT, port.to_string())
            .env(KEY, &key)
            .stdin(Stdio::piped())
            .stdout(said.try_clone().map_err(|error| io(&error))?)
            .stderr(said)
            .spawn()
            .map_err(|error| io(&error))?;
        let endpoint = Endpoint {
            name: name.clone(),
            protocol: Protocol::Chat,
            url: format!("http://{}:{port}/v1", Ipv4Addr::LOCALHOST),
            model: name.clone(),
            key: Secret::new(&key),
            context_tokens: *context_tokens,
        };
        Ok(Running { child, endpoint })
    }

    /// Waits until the server answers: it reads gigabytes first.
    fn ready(&self, running: &mut Running, limits: &CallLimits, stop: &Stop) -> Result<(), ModelError> {
        let until = Instant::now() + Duration::from_millis(limits.first_byte_ms);
        let asking =
            CallLimits { connect_ms: 1_000, first_byte_ms: 2_000, idle_ms: 2_000, wall_ms: 3_000, ..*limits };
        loop {
            if let Ok(Some(status)) = running.child.try_wait() {
                let cause =
                    format!("the server of `{}` ended ({status}): {}", self.launch.name, self.last_words());
                return Err(PortError::new(ErrorKind::Unavailable, cause)
                    .with_hint(format!("all that it said is in `{}`", self.launch.log.display()))
                    .into());
            }
            if stop.is_wanted() {
                return Err(
                    PortError::new(ErrorKind::Interrupted, "stopped before the model was ready").into()
                );
            }
            if offered(&running.endpoint, &asking, stop).is_ok() {
                return Ok(());
            }
            if Instant::now() >= until {
                let cause = format!(
                    "the server of `{}` was not ready within {} s",
                    self.launch.name,
                    limits.first_byte_ms / 1_000
                );
                return Err(PortError::new(ErrorKind::Interrupted, cause).into());
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// The last line that the server said.
    fn last_words(&self) -> String {
        let text = fs::read(&self.launch.log).unwrap_or_default();
        let end = String::from_utf8_lossy(&text[text.len().saturating_sub(LAST_WORDS)..]).into_owned();
        let line = end.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
    }
}

impl Model for Served {
    fn name(&self) -> &str {
        &self.launch.name
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn answer(
        &self,
        request: &ModelRequest,
        limits: &CallLimits,
        stop: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let endpoint = self.endpoint(limits, stop)?;
        Remote::new(endpoint).answer(request, limits, stop, hear)
    }
}

#[cfg(test)]
mod tests;
