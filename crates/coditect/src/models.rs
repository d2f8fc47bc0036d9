//! Models by name: what the person's own file says of them, and what is known of providers. Nothing is sent to a model that
//! the person has not chosen by name; a key is looked for only then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coditect_adapters::model::{Endpoint, Protocol, Recorder, Secret, Tape, is_loopback, remote, served};
use coditect_ports::{Model, PortError};
use coditect_types::limits::CallLimits;
use coditect_types::model::{EditForm, ModelSpec, Price};
use coditect_types::{ErrorKind, Policy, Rung};
use serde::{Deserialize, Serialize};

pub(crate) mod installed;
mod printed;
mod vectors;

use installed::Installed;
use printed::printed;
pub(crate) use vectors::Vectors;

use crate::args::TapeFlags;
use crate::environment::{Environment, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::settings::Settings;
use crate::words;

/// Tokens of prompt and answer together that an installed model is given, where nothing else is said.
const WINDOW: u64 = 16_384;
/// How long the command of a key may take: it asks a store of this machine, and nobody who would have to type.
const KEY_LIMIT: Duration = Duration::from_secs(30);
/// Below the state directory: answers that are kept.
const REPLIES: &str = "replies";

/// What the person's file says of a model, in `[model.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Table {
    /// A provider of [`PROVIDERS`]: its address, protocol and variable are taken where nothing else is said.
    pub(crate) provider: Option<String>,
    /// The address up to the version.
    pub(crate) url: Option<String>,
    /// One of [`Protocol::ALL`].
    pub(crate) protocol: Option<String>,
    /// The provider's own name of it; the table's name where it is not said.
    pub(crate) model: Option<String>,
    /// The variable that holds the key.
    pub(crate) api_key_env: Option<String>,
    /// The command that prints the key.
    pub(crate) api_key_command: Option<String>,
    /// The account below which the desktop's keyring has the key, of the service `coditect`.
    pub(crate) api_key_keyring: Option<String>,
    /// Tokens of prompt and answer together that it can hold.
    pub(crate) context_tokens: Option<u64>,
    /// Tokens of one answer at most.
    pub(crate) output_tokens: Option<u64>,
    /// `small` or `large`.
    pub(crate) size: Option<String>,
    /// `whole` or `search-replace`.
    pub(crate) edits: Option<String>,
    /// Seconds until an answer begins, at most.
    pub(crate) first_byte_s: Option<u64>,
    /// Seconds between two pieces of an answer, at most.
    pub(crate) idle_s: Option<u64>,
    /// Seconds for a whole call, at most.
    pub(crate) call_s: Option<u64>,
    /// US dollars for a million tokens of prompts.
    pub(crate) usd_per_mtok_in: Option<f64>,
    /// The same where the provider has them cached.
    pub(crate) usd_per_mtok_cached: Option<f64>,
    /// US dollars for a million tokens of answers.
    pub(crate) usd_per_mtok_out: Option<f64>,
}

/// A provider as everyone knows it.
#[derive(Debug)]
pub(crate) struct Provider {
    /// The first part of a model's name.
    pub(crate) name: &'static str,
    /// Its address.
    pub(crate) url: &'static str,
    /// How it is spoken to.
    pub(crate) protocol: Protocol,
    /// The variable in which people keep its key; None: it needs none, and its models run here and cost nothing.
    pub(crate) key: Option<&'static str>,
}

impl Provider {
    const fn here(name: &'static str, url: &'static str) -> Self {
        Self { name, url, protocol: Protocol::Chat, key: None }
    }

    const fn chat(name: &'static str, url: &'static str, key: &'static str) -> Self {
        Self { name, url, protocol: Protocol::Chat, key: Some(key) }
    }
}

/// Providers, those on this machine first, at their conventional addresses.
pub(crate) const PROVIDERS: &[Provider] = &[
    Provider::here("llama-server", "http://127.0.0.1:8080/v1"),
    Provider { name: "ollama", url: "http://127.0.0.1:11434", protocol: Protocol::Ollama, key: None },
    Provider::here("lmstudio", "http://127.0.0.1:1234/v1"),
    Provider::here("vllm", "http://127.0.0.1:8000/v1"),
    Provider {
        name: "anthropic",
        url: "https://api.anthropic.com/v1",
        protocol: Protocol::Anthropic,
        key: Some("ANTHROPIC_API_KEY"),
    },
    Provider {
        name: "openai",
        url: "https://api.openai.com/v1",
        protocol: Protocol::Responses,
        key: Some("OPENAI_API_KEY"),
    },
    Provider {
        name: "gemini",
        url: "https://generativelanguage.googleapis.com/v1beta",
        protocol: Protocol::Gemini,
        key: Some("GEMINI_API_KEY"),
    },
    Provider::chat("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    Provider::chat("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    Provider::chat("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
];

/// A model as far as it is known without its key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What the mission is told of it.
    pub(crate) spec: ModelSpec,
    /// How it is spoken to.
    protocol: Protocol,
    /// Its address.
    pub(crate) url: String,
    /// The provider's own name of it.
    pub(crate) model: String,
    /// The variable that holds the key.
    pub(crate) key_env: Option<String>,
    /// The command that prints the key.
    pub(crate) key_command: Option<String>,
    /// It is on this machine, and costs nothing.
    pub(crate) is_here: bool,
    /// What it costs is known.
    pub(crate) is_priced: bool,
    /// Its file, where we serve it ourselves.
    pub(crate) installed: Option<Installed>,
}

/// What the person's file says, by name.
pub(crate) type Tables = BTreeMap<String, Table>;

fn wrong(name: &str, cause: impl Into<String>) -> Report {
    Report::new(ErrorKind::Invalid, format!("reading what the model `{name}` is"), cause)
}

/// What is known of a model by its name: a table's, or `PROVIDER/MODEL`.
pub(crate) fn known(name: &str, tables: &Tables) -> Result<Known, Report> {
    let nothing = Table::default();
    let table = tables.get(name).unwrap_or(&nothing);
    let (prefix, rest) = name.split_once('/').unwrap_or((name, ""));
    let by_name = PROVIDERS.iter().find(|provider| provider.name == prefix);
    let provider = match &table.provider {
        Some(named) => Some(PROVIDERS.iter().find(|provider| provider.name == named).ok_or_else(|| {
            let all: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
            wrong(name, format!("there is no provider `{named}`"))
                .hint(format!("known are {}", all.join(", ")))
        })?),
        None => by_name,
    };
    let Some(url) = table.url.clone().or_else(|| provider.map(|provider| provider.url.to_owned())) else {
        return Err(wrong(name, "no table and no provider has this name").hint(
            "name it PROVIDER/MODEL, such as `ollama/qwen2.5-coder`, or write a table `[model.NAME]` with its `url`; \
             `coditect models` lists the providers",
        ));
    };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(wrong(name, format!("`{url}` is no address")).hint("it begins with http:// or https://"));
    }
    let is_here = is_loopback(&url);
    if url.starts_with("http://")
        && !is_here
        && (table.api_key_env.is_some() || table.api_key_command.is_some() || table.api_key_keyring.is_some())
    {
        return Err(
            wrong(name, "a key would go to another machine unencrypted").hint("use an https:// address")
        );
    }
    let protocol = protocol(name, table, provider, &url)?;
    let own = if rest.is_empty() { name } else { rest };
    let model = table
        .model
        .clone()
        .unwrap_or_else(|| if by_name.is_some() { own.to_owned() } else { name.to_owned() });
    let key_command = table
        .api_key_command
        .clone()
        .or_else(|| table.api_key_keyring.as_ref().map(|account| keyring(account)));
    let key_env = table.api_key_env.clone().or_else(|| match &key_command {
        Some(_) => None,
        // The key of a provider does not go to an address that is not its own.
        None if table.url.is_some() => None,
        None => provider.and_then(|provider| provider.key).map(str::to_owned),
    });
    let (spec, is_priced) = spec(name, table, is_here)?;
    Ok(Known { spec, protocol, url, model, key_env, key_command, is_here, is_priced, installed: None })
}

/// What is known of an installed model, which may have a table of its own beside.
fn local(name: &str, installed: Installed, tables: &Tables) -> Result<Known, Report> {
    let nothing = Table::default();
    let table = tables.get(name).unwrap_or(&nothing);
    let (mut spec, is_priced) = spec(name, table, true)?;
    if table.context_tokens.is_none() {
        // Its cache of what it read grows with the window.
        spec.context_tokens = installed.context_tokens.min(WINDOW);
        spec.output_tokens = spec.output_tokens.min(spec.context_tokens);
    }
    Ok(Known {
        spec,
        protocol: Protocol::Chat,
        url: installed.file.display().to_string(),
        model: installed.name.clone(),
        key_env: None,
        key_command: None,
        is_here: true,
        is_priced,
        installed: Some(installed),
    })
}

/// What is known of a model by its name, installed ones included.
pub(crate) fn find(name: &str, tables: &Tables, env: &Environment) -> Result<Known, Report> {
    let has_place = tables.get(name).is_some_and(|table| table.url.is_some() || table.provider.is_some());
    match name.split_once('/') {
        Some((installed::LOCAL, rest)) if !has_place => {
            local(name, installed::find(&installed::directory(env)?, rest)?, tables)
        }
        _ => known(name, tables),
    }
}

/// The command that prints a key of the desktop's keyring: the system's own, which asks the person where it must.
fn keyring(account: &str) -> String {
    let words = match cfg!(target_os = "macos") {
        true => {
            ["security", "find-generic-password", "-w", "-s", "coditect", "-a", account].as_slice().to_vec()
        }
        false => ["secret-tool", "lookup", "service", "coditect", "account", account].as_slice().to_vec(),
    };
    words::join(&words.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

/// How a model is spoken to.
fn protocol(name: &str, table: &Table, provider: Option<&Provider>, url: &str) -> Result<Protocol, Report> {
    let Some(said) = table.protocol.as_deref() else {
        let usual = provider.map_or(Protocol::Chat, |provider| provider.protocol);
        // The address of Ollama's completions, which other programs want of it.
        let speaks_chat = usual == Protocol::Ollama && url.trim_end_matches('/').ends_with("/v1");
        return Ok(if speaks_chat { Protocol::Chat } else { usual });
    };
    let known = Protocol::ALL.iter().find(|(of, _)| *of == said);
    known.map(|(_, protocol)| *protocol).ok_or_else(|| {
        let all: Vec<_> = Protocol::ALL.iter().map(|(name, _)| *name).collect();
        wrong(name, format!("`{said}` is none of the protocols {}", all.join(", ")))
    })
}

/// What a mission is told of a model, and whether its price is known.
fn spec(name: &str, table: &Table, is_here: bool) -> Result<(ModelSpec, bool), Report> {
    let rung = match table.size.as_deref() {
        None if is_here => Rung::SmallModel,
        None | Some("large") => Rung::LargeModel,
        Some("small") => Rung::SmallModel,
        Some(other) => return Err(wrong(name, format!("`size` is `{other}`, and neither small nor large"))),
    };
    let edits = match table.edits.as_deref() {
        None if rung == Rung::SmallModel => EditForm::Whole,
        None | Some("search-replace") => EditForm::SearchReplace,
        Some("whole") => EditForm::Whole,
        Some(other) => {
            return Err(wrong(name, format!("`edits` is `{other}`, and neither whole nor search-replace")));
        }
    };
    let (context, output) = if is_here { (8_192, 2_048) } else { (128_000, 8_192) };
    let (context_tokens, output_tokens) =
        (table.context_tokens.unwrap_or(context), table.output_tokens.unwrap_or(output));
    if context_tokens < 1_024 || output_tokens < 64 || output_tokens > context_tokens {
        return Err(wrong(
            name,
            format!("a window of {context_tokens} tokens with answers of {output_tokens} leaves no room"),
        )
        .hint("`context_tokens` is 1024 at least, and `output_tokens` a part of it"));
    }
    let price = |usd: Option<f64>| match usd {
        None => Ok(0),
        Some(usd) if (0.0..=1e6).contains(&usd) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in the range just checked"
            )]
            let micro = (usd * 1e6).round() as u64;
            Ok(micro)
        }
        Some(usd) => Err(wrong(name, format!("{usd} is no price"))),
    };
    let tokens_in = price(table.usd_per_mtok_in)?;
    let price = Price {
        tokens_in,
        tokens_cached: if table.usd_per_mtok_cached.is_some() {
            price(table.usd_per_mtok_cached)?
        } else {
            tokens_in
        },
        tokens_out: price(table.usd_per_mtok_out)?,
    };
    let is_priced = is_here || (table.usd_per_mtok_in.is_some() && table.usd_per_mtok_out.is_some());
    let spec = ModelSpec {
        name: name.to_owned(),
        rung,
        context_tokens,
        output_tokens,
        edits,
        price,
        limits: limits(name, table)?,
    };
    Ok((spec, is_priced))
}

/// How long one call may take.
fn limits(name: &str, table: &Table) -> Result<CallLimits, Report> {
    let usual = CallLimits::default();
    let ms = |key: &str, said: Option<u64>, usual: u64| match said {
        None => Ok(usual),
        Some(s @ 1..=86_400) => Ok(s * 1_000),
        Some(s) => Err(wrong(name, format!("`{key}` is {s}, and not from 1 to 86400"))),
    };
    let wall_ms = ms("call_s", table.call_s, usual.wall_ms)?;
    let first_byte_ms = ms("first_byte_s", table.first_byte_s, usual.first_byte_ms)?.min(wall_ms);
    let idle_ms = ms("idle_s", table.idle_s, usual.idle_ms)?.min(wall_ms);
    Ok(CallLimits { connect_ms: usual.connect_ms.min(wall_ms), first_byte_ms, idle_ms, wall_ms, ..usual })
}

impl Known {
    /// Whether its server gives texts their vectors as OpenAI defines it.
    fn has_vectors(&self) -> bool {
        match self.protocol {
            Protocol::Chat | Protocol::Responses | Protocol::Ollama => true,
            Protocol::Anthropic | Protocol::Gemini => false,
        }
    }

    /// The model with its key, which is read now.
    pub(crate) fn endpoint(&self, env: &Environment) -> Result<Endpoint, Report> {
        Ok(Endpoint {
            name: self.spec.name.clone(),
            protocol: self.protocol,
            url: self.url.clone(),
            model: self.model.clone(),
            key: self.key(env)?,
            context_tokens: self.spec.context_tokens,
        })
    }

    fn key(&self, env: &Environment) -> Result<Secret, Report> {
        if self.key_command.is_some() || self.key_env.is_some() {
            host::leave_no_core();
        }
        let name = &self.spec.name;
        let missing =
            |cause: String| Report::new(ErrorKind::Denied, format!("reading the key of `{name}`"), cause);
        if let Some(command) = &self.key_command {
            let argv =
                words::split(command).map_err(|why| wrong(name, format!("`api_key_command`: {why}")))?;
            let key =
                Secret::new(&printed(&argv, KEY_LIMIT).map_err(|why| {
                    missing(why).hint(format!("see what it says: run `{command}` by itself"))
                })?);
            if key == Secret::default() {
                return Err(missing(format!("`{}` gave no key", argv[0])));
            }
            return Ok(key);
        }
        let Some(variable) = &self.key_env else { return Ok(Secret::default()) };
        match env.get(variable) {
            Some(key) => Ok(Secret::new(&key.to_string_lossy())),
            None => Err(missing(format!("the variable `{variable}` is not set")).hint(format!(
                "set it, or name a command that prints the key: `api_key_command` in `[model.{name}]`"
            ))),
        }
    }
}

/// What decides which models a mission asks, and how they are reached.
pub(crate) struct Choice<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) tapes: &'a TapeFlags,
    /// Where is kept what can be made anew.
    pub(crate) cache: &'a Path,
    /// Where missions are, and the answers of models beside them: they hold whole prompts, and go when something is forgotten.
    pub(crate) home: &'a Path,
    pub(crate) env: &'a Environment,
}

impl<'a> Choice<'a> {
    /// What is chosen by these, for missions of a site.
    pub(crate) fn at(
        site: &'a Site,
        env: &'a Environment,
        (settings, tapes): (&'a Settings, &'a TapeFlags),
    ) -> Self {
        Self { settings, tapes, cache: &site.cache, home: &site.home, env }
    }

    /// The models that a mission may ask, by name, with their keys. A price that is not known would make the budget of money
    /// a word only.
    pub(crate) fn of(&self, names: &[String], policy: &mut Policy) -> Result<Vec<Arc<dyn Model>>, Report> {
        if let Some(path) = &self.tapes.replay {
            let tape = Tape::open(path).doing("reading what was recorded")?;
            policy.models = tape.specs().to_vec();
            return Ok(tape.models());
        }
        let replies = self.home.join(REPLIES);
        let kept = self.settings.keeps_replies.then_some(replies.as_path());
        let mut models = Vec::new();
        for name in names {
            let known = find(name, &self.settings.model, self.env)?;
            if !known.is_priced {
                return Err(wrong(name, "what it costs is not known, so no budget of money could be kept").hint(format!(
                    "write `usd_per_mtok_in` and `usd_per_mtok_out` into `[model.\"{name}\"]` of your settings file \
                     (`coditect config` says where it is); 0 where it is free"
                )));
            }
            models.push(match &known.installed {
                Some(installed) => {
                    let launch = installed.launch(self.env, self.cache, known.spec.context_tokens)?;
                    served(launch, &installed.sha256, kept)
                }
                None => remote(known.endpoint(self.env)?, kept),
            });
            policy.models.push(known.spec);
        }
        // A small model is asked before a large one; those of one size in the order in which they were named.
        policy.models.sort_by_key(|spec| spec.rung);
        let cheap = [Rung::Recipe, Rung::Reflex];
        if !cheap
            .into_iter()
            .chain(policy.models.iter().map(|model| model.rung))
            .any(|rung| policy.allows(rung))
        {
            let cause = "of the rungs that are left, none can be stood on: no model of that size is chosen";
            return Err(Report::new(ErrorKind::Invalid, "choosing the rungs", cause)
                .hint("choose a model with `--model NAME`, or allow `recipe` and `reflex` with `--rungs`"));
        }
        let Some(path) = &self.tapes.record else { return Ok(models) };
        let recorder = Recorder::create(path, &policy.models).doing("recording what models say")?;
        Ok(models.into_iter().map(|model| recorder.listen(model)).collect())
    }
}

/// Removes the answers that are kept, and with them the prompts that they were given to; also those of a version that kept them in the
/// cache.
pub(crate) fn forget_replies(site: &Site) -> Result<(), PortError> {
    let failed =
        |error: std::io::Error| PortError::from_io("removing the answers of models that are kept", &error);
    let is_there = |error: &std::io::Error| error.kind() != std::io::ErrorKind::NotFound;
    for dir in [site.home.join(REPLIES), site.cache.join(REPLIES)] {
        let files = match std::fs::read_dir(&dir) {
            Ok(files) => files,
            Err(error) if is_there(&error) => return Err(failed(error)),
            Err(_) => continue,
        };
        for file in files.flatten() {
            // Another process may remove the oldest.
            std::fs::remove_file(file.path())
                .or_else(|error| if is_there(&error) { Err(failed(error)) } else { Ok(()) })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
