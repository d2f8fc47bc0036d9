//! `coditect config`: each value and where it comes from.

use serde_json::json;

use super::Context;
use crate::args::{ConfigArgs, SettingFlags};
use crate::environment::directory;
use crate::out::{harmless, paint, painted};
use crate::report::Done;
use crate::settings::{self, Resolved, Source};

pub(crate) fn perform(cx: &mut Context, args: &ConfigArgs) -> Done {
    let dir = directory(&args.dir)?;
    let home = cx.site()?.home;
    let flags = SettingFlags {
        nats: cx.global.nats.clone(),
        redis: cx.global.redis.clone(),
        ..args.settings.clone()
    };
    let resolved = settings::load(&flags, &cx.env, &dir)?;
    if cx.out.json {
        cx.out.object(&object(&resolved, &home))?;
        return Ok(0);
    }
    for (key, value, source) in &resolved.values {
        let shown = value.as_ref().map_or_else(|| "not set".to_owned(), ToString::to_string);
        let name = painted(paint::NAME, &format!("{:<15}", key.name));
        let style = if *source == Source::Default { paint::DIM } else { paint::LABEL };
        let from = painted(style, &harmless(&source.to_string()));
        cx.out.line(&format!("{name} {:<28} {from}", harmless(&shown)))?;
    }
    cx.out.line("")?;
    cx.out.line(&format!("missions in     {}", home.display()))?;
    for (label, path, found) in &resolved.files {
        let found = if *found { "" } else { " (there is none)" };
        cx.out.line(&format!("{:<15} {}{found}", format!("{label} file"), path.display()))?;
    }
    for note in &resolved.notes {
        cx.note(note);
    }
    Ok(0)
}

fn object(resolved: &Resolved, home: &std::path::Path) -> serde_json::Value {
    let settings: Vec<_> = resolved
        .values
        .iter()
        .map(|(key, value, source)| {
            json!({
                "key": key.name, "value": value, "source": source, "doc": key.doc, "variable": key.variable(),
                "flag": key.flag(), "default": key.default.map(|of| of().to_string()), "example": key.example,
                "project": key.project.says(),
            })
        })
        .collect();
    let files: Vec<_> = resolved
        .files
        .iter()
        .map(|(label, path, found)| json!({ "owner": label, "file": path, "found": found }))
        .collect();
    json!({ "settings": settings, "home": home, "files": files, "notes": resolved.notes })
}
