//! `coditect models`: which models are chosen or described, which servers of this machine answer, and what each costs.

use coditect_adapters::model::{Endpoint, offered};
use coditect_ports::Stop;
use coditect_runtime::breakers::told;
use coditect_runtime::said::breaker;
use coditect_types::breaker::{BreakerSeen, Remote, RemoteKind, Standing};
use coditect_types::limits::CallLimits;
use coditect_types::model::dollars;
use coditect_types::{ErrorKind, ModelSpec, Rung};
use serde::Serialize;
use serde_json::json;

mod install;

use super::Context;
use crate::args::{ModelsArgs, ModelsVerb};
use crate::environment::{Environment, directory};
use crate::models::installed::{self, Installed, LOCAL};
use crate::models::{self, Known, PROVIDERS, Provider, Tables};
use crate::out::{harmless, paint, painted};
use crate::report::Done;
use crate::settings;
use crate::wiring;

/// A server of this machine answers a list at once, or is none.
const HERE: CallLimits = CallLimits {
    connect_ms: 500,
    first_byte_ms: 2_000,
    idle_ms: 2_000,
    wall_ms: 3_000,
    reply_bytes: 1 << 20,
};
/// Another machine gets longer.
const THERE: CallLimits = CallLimits {
    connect_ms: 5_000,
    first_byte_ms: 10_000,
    idle_ms: 5_000,
    wall_ms: 15_000,
    reply_bytes: 1 << 20,
};
/// What a person is told of without having asked may not keep them waiting.
const IN_PASSING: CallLimits = CallLimits {
    connect_ms: 300,
    first_byte_ms: 1_000,
    idle_ms: 1_000,
    wall_ms: 1_500,
    reply_bytes: 1 << 20,
};
/// Names of a server that are shown to people.
const MOST_NAMES: usize = 8;
/// Names of a server, where nobody asked for a list.
const MOST_OFFERED: usize = 3;

/// A model that is chosen or described.
#[derive(Debug, Serialize)]
struct Described {
    name: String,
    chosen: bool,
    url: String,
    model: String,
    here: bool,
    #[serde(flatten)]
    spec: ModelSpec,
    priced: bool,
    /// Where the key is looked for; None: none is needed.
    key: Option<String>,
    /// Whether it could be asked now; None: that was not looked at.
    reachable: Option<bool>,
    /// Why not, or what else is wrong.
    trouble: Option<String>,
    /// Where its breaker stands; None: it was never moved, or is closed.
    breaker: Option<Standing>,
}

/// A server at the conventional address of a provider.
#[derive(Debug, Serialize)]
struct Found {
    provider: &'static str,
    url: &'static str,
    models: Vec<String>,
}

pub(crate) fn perform(cx: &mut Context, args: &ModelsArgs) -> Done {
    match &args.what {
        Some(ModelsVerb::Install(args)) => return install::install(cx, args),
        Some(ModelsVerb::Remove(args)) => return install::remove(cx, args),
        None => {}
    }
    let dir = directory(&args.dir)?;
    let settings = settings::load(&args.settings, &cx.env, &dir)?.settings;
    let mut names: Vec<String> = settings.models.clone();
    names.extend(settings.model.keys().filter(|name| !settings.models.contains(name)).cloned());
    let breakers = told(wiring::breakers(&cx.site()?).as_ref(), wiring::now_ms());
    let described: Vec<Described> = names
        .iter()
        .map(|name| {
            let known = describe(cx, name, &settings.model, settings.models.contains(name));
            Described { breaker: breaker_of(name, &breakers), ..known }
        })
        .collect();
    let found: Vec<Found> =
        PROVIDERS.iter().filter(|one| one.key.is_none()).filter_map(|one| look(one, &HERE)).collect();
    let here = installed::directory(&cx.env).map(|dir| installed::all(&dir)).unwrap_or_default();
    if cx.out.json {
        let providers: Vec<_> =
            PROVIDERS.iter().map(|p| json!({ "name": p.name, "url": p.url, "api_key_env": p.key })).collect();
        let catalogue = installed::CATALOGUE;
        cx.out.object(&json!({
            "models": described, "found": found, "installed": here, "catalogue": catalogue, "providers": providers,
        }))?;
        return Ok(0);
    }
    tell(cx, &described, &found, &here)
}

fn describe(cx: &Context, name: &str, tables: &Tables, chosen: bool) -> Described {
    match models::find(name, tables, &cx.env) {
        Ok(known) => {
            let (reachable, trouble) = reach(cx, &known, chosen);
            let key = known.key_command.as_ref().map(|command| format!("`{command}`"));
            let key = key.or_else(|| known.key_env.as_ref().map(|variable| format!("${variable}")));
            Described {
                name: name.to_owned(),
                chosen,
                url: known.url,
                model: known.model,
                here: known.is_here,
                spec: known.spec,
                priced: known.is_priced,
                key,
                reachable,
                trouble,
                breaker: None,
            }
        }
        Err(report) => Described {
            name: name.to_owned(),
            chosen,
            url: String::new(),
            model: String::new(),
            here: false,
            spec: ModelSpec {
                name: name.to_owned(),
                rung: Rung::LargeModel,
                context_tokens: 0,
                output_tokens: 0,
                edits: Default::default(),
                price: Default::default(),
                limits: Default::default(),
            },
            priced: false,
            key: None,
            reachable: Some(false),
            trouble: Some(report.cause),
            breaker: None,
        },
    }
}

/// Where the breaker of a model stands, where that is worth a word.
fn breaker_of(name: &str, all: &[BreakerSeen]) -> Option<Standing> {
    let of = Remote::new(RemoteKind::Model, name);
    all.iter().find(|seen| seen.remote == of).map(|seen| seen.standing)
}

/// Whether a model answers now. A server elsewhere is asked only where the person chose a model of it.
fn reach(cx: &Context, known: &Known, chosen: bool) -> (Option<bool>, Option<String>) {
    if let Some(installed) = &known.installed {
        // It is started when it is asked.
        let trouble = installed.launch(&cx.env, std::path::Path::new(""), known.spec.context_tokens).err();
        return (Some(trouble.is_none()), trouble.map(|report| report.cause));
    }
    if !known.is_here && !chosen {
        return (None, None);
    }
    let endpoint = match known.endpoint(&cx.env) {
        Ok(endpoint) => endpoint,
        Err(report) => return (Some(false), Some(report.cause)),
    };
    let limits = if known.is_here { &HERE } else { &THERE };
    match offered(&endpoint, limits, &Stop::new()) {
        Ok(names) if names.is_empty() || names.contains(&known.model) => (Some(true), None),
        // A server with one model calls it by its file's name and takes any other.
        Ok(names) if known.is_here && names.len() == 1 => (Some(true), None),
        Ok(_) => (Some(false), Some(format!("the server does not offer `{}`", known.model))),
        // Not every server has such a list.
        Err(error) if error.error.kind == ErrorKind::NotFound => (Some(true), None),
        Err(error) => (Some(false), Some(error.error.cause)),
    }
}

/// What a person could write behind `--model` without anything else: files that are installed, and models of servers that answer at
/// the conventional addresses of these providers. Nothing is sent but the request of their lists.
pub(crate) fn on_this_machine(providers: &[Provider], env: &Environment) -> Vec<String> {
    let here = installed::directory(env).map(|dir| installed::all(&dir)).unwrap_or_default();
    let here = here.into_iter().map(|model| format!("{LOCAL}/{}", model.name));
    let found: Vec<Found> = std::thread::scope(|scope| {
        let local = providers.iter().filter(|provider| provider.key.is_none());
        let asked: Vec<_> = local.map(|provider| scope.spawn(move || look(provider, &IN_PASSING))).collect();
        // Whoever broke found nothing.
        asked.into_iter().filter_map(|asked| asked.join().ok().flatten()).collect()
    });
    let of = |server: Found| {
        let names = server.models.into_iter().take(MOST_OFFERED);
        names.map(|name| format!("{}/{name}", server.provider)).collect::<Vec<_>>()
    };
    here.take(MOST_OFFERED).chain(found.into_iter().flat_map(of)).collect()
}

/// A server at the conventional address of a provider on this machine.
fn look(provider: &Provider, limits: &CallLimits) -> Option<Found> {
    let endpoint = Endpoint {
        name: provider.name.to_owned(),
        protocol: provider.protocol,
        url: provider.url.to_owned(),
        model: String::new(),
        key: Default::default(),
        context_tokens: 0,
    };
    let models = offered(&endpoint, limits, &Stop::new()).ok()?;
    Some(Found { provider: provider.name, url: provider.url, models })
}

fn tell(cx: &mut Context, described: &[Described], found: &[Found], here: &[Installed]) -> Done {
    if described.is_empty() {
        cx.out.line(
            "no model is chosen: no text leaves this machine, and what no search finds stays unsolved",
        )?;
    }
    for model in described {
        let state = match (&model.trouble, model.reachable) {
            (Some(trouble), _) => painted(paint::BAD, &harmless(trouble)),
            (None, Some(true)) => painted(paint::GOOD, "answers"),
            (None, _) => "not asked".to_owned(),
        };
        let chosen = if model.chosen { "chosen" } else { "described" };
        let alone = model.breaker.map_or_else(String::new, |standing| {
            format!("; {}", painted(paint::WARN, &breaker(standing, wiring::now_ms())))
        });
        cx.out
            .line(&format!("{}  {chosen}, {state}{alone}", painted(paint::NAME, &harmless(&model.name))))?;
        if model.url.is_empty() {
            continue;
        }
        let price = match (&model.spec.price, model.priced) {
            (_, false) => "price not known: it cannot be asked".to_owned(),
            (price, true) if price.tokens_in == 0 && price.tokens_out == 0 => "free".to_owned(),
            (price, true) => format!(
                "{} in and {} out for a million tokens",
                dollars(price.tokens_in),
                dollars(price.tokens_out)
            ),
        };
        let size = if model.spec.rung == Rung::SmallModel { "small" } else { "large" };
        let key = model.key.as_ref().map_or_else(String::new, |key| format!(", key from {key}"));
        cx.out.line(&harmless(&format!(
            "    {} at {}{key}; {size}, {} tokens with answers of {}; {price}",
            model.model, model.url, model.spec.context_tokens, model.spec.output_tokens
        )))?;
    }
    if !found.is_empty() || !here.is_empty() {
        cx.out.line("")?;
        cx.out.line(&painted(paint::LABEL, "on this machine"))?;
    }
    for model in here {
        let mb = model.bytes / 1_000_000;
        cx.out.line(&harmless(&format!("    installed, {mb} MB: --model {LOCAL}/{}", model.name)))?;
    }
    for server in found {
        let shown: Vec<String> = server
            .models
            .iter()
            .take(MOST_NAMES)
            .map(|name| format!("--model {}/{name}", server.provider))
            .collect();
        let more = server.models.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        cx.out.line(&harmless(&format!(
            "    {} at {}: {}{more}",
            server.provider,
            server.url,
            shown.join(", ")
        )))?;
    }
    cx.out.line("")?;
    let offers = installed::CATALOGUE.iter().map(|offer| offer.name).collect::<Vec<_>>().join(", ");
    cx.out.line(&format!("`coditect models install NAME` fetches {offers}"))?;
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    cx.out.line(&format!("choose one with `--model PROVIDER/MODEL`; providers are {}", names.join(", ")))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use coditect_adapters::model::Protocol;
    use coditect_testkit::provider::{Answer, Provider as Server};

    use super::*;

    #[test]
    fn what_is_here_is_offered_by_name_and_told_nothing() {
        let server = Server::start(|_, _| Answer::Says(String::new()));
        let at = |name, url: String, protocol, key| Provider { name, url: url.leak(), protocol, key };
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let providers = [
            at("llama-server", format!("http://{closed}/v1"), Protocol::Chat, None),
            at("ollama", server.url("ollama"), Protocol::Ollama, None),
            at("lmstudio", server.url("chat"), Protocol::Chat, None),
            // What needs a key is on another machine, and not asked.
            at("openai", server.url("responses"), Protocol::Responses, Some("OPENAI_API_KEY")),
        ];
        let data = tempfile::tempdir().unwrap();
        let env = Environment::of(&[("XDG_DATA_HOME", data.path().to_str().unwrap())]);
        assert_eq!(on_this_machine(&providers, &env), ["ollama/coder", "lmstudio/coder"]);
        assert!(server.asked().is_empty(), "{:?}", server.asked());

        let dir = installed::directory(&env).unwrap();
        std::fs::create_dir_all(&dir).unwrap();
        let mine = Installed {
            name: "mine".into(),
            file: "/x.gguf".into(),
            bytes: 1,
            sha256: String::new(),
            licence: None,
            context_tokens: 4_096,
        };
        std::fs::write(Installed::entry(&dir, "mine"), serde_json::to_vec(&mine).unwrap()).unwrap();
        assert_eq!(on_this_machine(&providers[..1], &env), ["local/mine"]);
    }
}
