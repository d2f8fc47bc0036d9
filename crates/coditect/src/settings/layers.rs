//! What the flags and the environment say.

use super::{KEYS, Key, Layer, Source, Sourced, bad_value};
use crate::args::SettingFlags;
use crate::environment::Environment;
use crate::report::Report;

/// What the flags say.
pub(crate) fn from_flags(flags: &SettingFlags) -> Result<Layer, Report> {
    let waive = (!flags.waive.is_empty()).then(|| flags.waive.join(","));
    // Without any name, which is none of the models.
    let ladder = &flags.pace.ladder;
    let models = (ladder.no_model || !ladder.model.is_empty()).then(|| ladder.model.join(","));
    let mut layer = Layer::new();
    for key in KEYS {
        let text = match key.name {
            "test_command" => &flags.test_command,
            "test_report" => &flags.test_report,
            "report_path" => &flags.report_path,
            "sandbox" => &flags.sandbox,
            "image" => &flags.image,
            "waive" => &waive,
            "budget_s" => &flags.pace.budget_s,
            "search_s" => &flags.pace.search_s,
            "max_candidates" => &flags.pace.max_candidates,
            "models" => &models,
            "rungs" => &ladder.rungs,
            "reply_cache" => &ladder.reply_cache,
            "max_calls" => &ladder.max_calls,
            "max_tokens" => &ladder.max_tokens,
            "max_usd" => &ladder.max_usd,
            "timeout_s" => &flags.timeout_s,
            "memory_mib" => &flags.memory_mib,
            "agents" => &flags.pace.agents,
            "ask_wait_s" => &flags.pace.ask_wait_s,
            "seed" => &flags.pace.seed,
            "fleet" => &flags.fleet,
            "nats" => &flags.nats,
            "redis" => &flags.redis,
            _ => &None,
        };
        if let (Some(text), Some(name)) = (text, key.flag()) {
            put(&mut layer, key, text, Source::Flag { name })?;
        }
    }
    Ok(layer)
}

/// What the environment says. A variable of ours that is no setting is said, since it is likely a slip.
pub(crate) fn from_environment(env: &Environment, notes: &mut Vec<String>) -> Result<Layer, Report> {
    let mut layer = Layer::new();
    for key in KEYS {
        let name = key.variable();
        let Some(value) = env.get(&name) else { continue };
        let source = Source::Environment { name };
        let Some(text) = value.to_str() else { return Err(bad_value(&source, key.name, "it is not UTF-8")) };
        put(&mut layer, key, text, source)?;
    }
    for name in env.ours() {
        let known = [
            "CODITECT_HOME",
            "CODITECT_LOG",
            "CODITECT_LOG_FORMAT",
            "CODITECT_GRAPH_PASSWORD",
            "CODITECT_SERVER",
            "CODITECT_TOKEN",
        ]
        .contains(&name);
        if !known && !KEYS.iter().any(|key| key.variable() == name) {
            notes.push(format!("${name} is no setting; `coditect config` lists them all"));
        }
    }
    Ok(layer)
}

fn put(layer: &mut Layer, key: &'static Key, text: &str, source: Source) -> Result<(), Report> {
    let value = key.read(text).map_err(|cause| bad_value(&source, key.name, &cause))?;
    layer.insert(key.name, Sourced { value, source });
    Ok(())
}
