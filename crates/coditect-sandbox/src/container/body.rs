//! What an engine is asked for, whole: everything that keeps a guest in is here, and is compared with what was made of it.

use coditect_types::Limits;
use serde_json::{Map, Value, json};

use super::engine::Ready;
use super::guard::LABEL;
use super::order::{Order, Shown};

/// CPUs that one run may use at once.
const CPUS: i64 = 2;
/// Shared memory, bytes. It counts as memory of the run as well.
const SHARED: i64 = 64 << 20;

/// The container of an order.
pub(super) fn body(
    order: &Order,
    limits: &Limits,
    ready: &Ready,
    filter: Option<&str>,
    label: &str,
) -> Value {
    json!({
        "Image": ready.image,
        "Entrypoint": order.argv[..1],
        "Cmd": order.argv[1..],
        "Env": order.env,
        "WorkingDir": order.directory,
        "User": format!("{}:{}", order.user.0, order.user.1),
        "Hostname": "sandbox",
        "NetworkDisabled": true,
        // Nothing that the image says may run beside the program.
        "Healthcheck": {"Test": ["NONE"]},
        "AttachStdin": true,
        "AttachStdout": true,
        "AttachStderr": true,
        "OpenStdin": true,
        "StdinOnce": true,
        "Tty": false,
        "Labels": {LABEL: label},
        "HostConfig": host_config(order, limits, ready, filter),
    })
}

fn host_config(order: &Order, limits: &Limits, ready: &Ready, filter: Option<&str>) -> Value {
    let memory = i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX);
    let mut options = vec!["no-new-privileges".to_owned()];
    options.extend(filter.map(|filter| format!("seccomp={filter}")));
    json!({
        "NetworkMode": "none",
        "ReadonlyRootfs": true,
        "CapDrop": ["ALL"],
        "SecurityOpt": options,
        "Privileged": false,
        "IpcMode": "private",
        "UsernsMode": ready.userns_mode().unwrap_or_default(),
        "Memory": memory,
        "MemorySwap": memory,
        // The program itself counts too.
        "PidsLimit": i64::from(limits.processes) + 1,
        "NanoCpus": CPUS.min(ready.cpus.max(1)) * 1_000_000_000,
        "Ulimits": ulimits(limits),
        "ShmSize": SHARED,
        "Tmpfs": scratch(order, limits, ready),
        "Mounts": order.shown.iter().map(mount).collect::<Vec<_>>(),
        // What a guest prints is read from the attached stream, and must not fill the engine's disk.
        "LogConfig": {"Type": "none"},
    })
}

fn ulimits(limits: &Limits) -> Vec<Value> {
    let files = i64::try_from(limits.file_bytes).unwrap_or(i64::MAX);
    let all = [
        ("core", 0, 0),
        ("fsize", files, files),
        ("memlock", 64 << 10, 64 << 10),
        ("msgqueue", 0, 0),
        ("nofile", 1024, 4096),
        ("rtprio", 0, 0),
        ("stack", 8 << 20, 64 << 20),
    ];
    all.map(|(name, soft, hard)| json!({"Name": name, "Soft": soft, "Hard": hard})).to_vec()
}

/// The scratch directory, and the image's own volumes, which would be directories of the disk without a limit.
fn scratch(order: &Order, limits: &Limits, ready: &Ready) -> Map<String, Value> {
    let mut options = format!("rw,nosuid,nodev,exec,mode=1777,size={}", limits.memory_bytes);
    if !ready.is_podman() {
        // Runtimes give it the mode that the image has there, so the guest owns it as well.
        let (uid, gid) = order.user;
        options.push_str(&format!(",nr_inodes=262144,uid={uid},gid={gid}"));
    }
    let places = ready.volumes.iter().map(String::as_str).chain(["/tmp"]);
    places.map(|place| (place.to_owned(), options.clone().into())).collect()
}

fn mount(shown: &Shown) -> Value {
    json!({
        "Type": "bind",
        "Source": shown.source,
        "Target": shown.target,
        "ReadOnly": !shown.writable,
        "BindOptions": {"Propagation": "rprivate"},
    })
}

/// Protections that were asked for and that the engine made nothing of, by name, each with what it has instead.
pub(super) fn lacking(asked: &Value, got: &Value, podman: bool) -> Vec<(&'static str, String)> {
    let mut lacking = Vec::new();
    let mut need = |protection, holds: bool, has: String| {
        if !holds {
            lacking.push((protection, has));
        }
    };
    let words = |what: &Value| -> Vec<String> {
        what.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let limit = |name: &str| (got[name] == asked[name], format!("`{name}` of {}", got[name]));
    need("network", got["NetworkMode"] == "none", format!("a network `{}`", got["NetworkMode"]));
    need("file_writes", got["ReadonlyRootfs"] == true, "a root that can be written".to_owned());
    let (holds, has) = limit("Memory");
    need("memory", holds, has);
    let (holds, has) = limit("PidsLimit");
    need("limits", holds, has);
    need("processes", got["Privileged"] != true, "a privileged container".to_owned());
    // Podman names each capability and option in words of its own.
    if !podman {
        let all = words(&got["CapDrop"]).iter().any(|cap| cap.eq_ignore_ascii_case("all"));
        need("processes", all && words(&got["CapAdd"]).is_empty(), "capabilities".to_owned());
        let has = |of: &Value, what: &str| words(of).iter().any(|option| option.starts_with(what));
        let options = &got["SecurityOpt"];
        need("processes", has(options, "no-new-privileges"), "new privileges".to_owned());
        let wanted = has(&asked["SecurityOpt"], "seccomp=");
        need("seccomp", !wanted || has(options, "seccomp="), "no system call filter of ours".to_owned());
    }
    lacking
}
