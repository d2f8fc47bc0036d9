//! `coditect serve-model`: the process that stands over a model's server. It ends the server when whoever started it is gone,
//! whichever way: then its standard input has ended.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use coditect_adapters::model::{KEY, PORT};
use coditect_types::ErrorKind;

use super::Context;
use crate::args::ServeModelArgs;
use crate::host;
use crate::models::installed::VARIABLES;
use crate::report::{Done, Report};

/// How often it is looked whether the server has ended.
const LOOK: Duration = Duration::from_millis(100);
/// Requests that are answered at the same time. Two share what is read of the weights, which is most of the work of a token.
const PLACES: u64 = 2;

pub(crate) fn perform(cx: &Context, args: &ServeModelArgs) -> Done {
    let doing = "serving a model";
    let missing = |cause: String| Report::new(ErrorKind::Invalid, doing, cause);
    let port = cx.env.get(PORT).and_then(|port| port.to_str()).and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or_else(|| missing(format!("${PORT} holds no port")))?;
    let mut command = Command::new(&args.program);
    command.env_clear();
    command.envs(cx.env.only(VARIABLES)).envs(cx.env.only(&[KEY]));
    command.arg("--model").arg(&args.file);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    // Strands of a mission ask at the same time; each place has a window of its own.
    let window = args.context_tokens.saturating_mul(PLACES);
    command.args(["--ctx-size", &window.to_string(), "--parallel", &PLACES.to_string()]);
    command.args(["--threads", &host::cores().to_string()]);
    // A group of its own: the interrupt that a terminal sends is for us, and the server ends after us.
    let spawned = command.stdin(Stdio::null()).process_group(0).spawn();
    let mut server =
        spawned.map_err(|error| missing(format!("`{}` cannot be run: {error}", args.program.display())))?;
    let (gone, ended) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(n) if n > 0) {}
        // Nobody listens any more where the server ended first.
        gone.send(()).ok();
    });
    loop {
        match ended.recv_timeout(LOOK) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                server.kill().ok();
                server.wait()?;
                return Ok(0);
            }
        }
        if let Some(status) = server.try_wait()? {
            return Err(
                Report::new(ErrorKind::Unavailable, doing, format!("the server ended: {status}")).into()
            );
        }
    }
}
