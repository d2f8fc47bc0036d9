//! `coditect init`: writes a commented `coditect.toml`, and never over another.

use std::io::Write;

use coditect_types::ErrorKind;
use serde_json::json;

use super::Context;
use crate::args::InitArgs;
use crate::environment::directory;
use crate::report::{Done, Report};
use crate::settings::template;

pub(crate) fn perform(cx: &mut Context, args: &InitArgs) -> Done {
    let path = directory(&args.dir)?.join("coditect.toml");
    let report = |kind, cause: String| Report::new(kind, format!("writing `{}`", path.display()), cause);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = file.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            report(ErrorKind::Conflict, "it exists already".to_owned())
                .hint("change it with an editor; `coditect config` prints what holds")
        } else {
            report(ErrorKind::Unavailable, error.to_string())
        }
    })?;
    file.write_all(template().as_bytes())
        .map_err(|error| report(ErrorKind::Unavailable, error.to_string()))?;
    if cx.out.json {
        cx.out.object(&json!({ "file": path }))?;
    } else {
        cx.out.line(&format!("wrote {}; every line in it is optional", path.display()))?;
    }
    Ok(0)
}
