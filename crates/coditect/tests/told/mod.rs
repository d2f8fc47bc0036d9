//! What a run of the real program says, as snapshots keep it.

use std::path::Path;

use assert_cmd::Command;

/// Exit code, standard output and standard error, with the paths below `top` taken out.
pub(crate) fn told(command: &mut Command, top: &Path) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let all = format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    );
    all.replace(&top.canonicalize().unwrap().display().to_string(), "/tmp/world")
        .replace(&format!(" {} ", env!("CARGO_PKG_VERSION")), " VERSION ")
}

macro_rules! snapshot {
    ($name:literal, $world:expr, $args:expr) => {
        insta::assert_snapshot!($name, $world.run($args))
    };
}
pub(crate) use snapshot;
