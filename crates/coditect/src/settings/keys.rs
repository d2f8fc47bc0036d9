//! The table of settings, and how a value of each is read.

use coditect_types::model::dollars;
use serde::Serialize;

use crate::models::Tables;
use crate::words;

/// The address of a NATS server or a Redis, which may have a password in it: whoever prints it prints none.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(String);

impl ServerUrl {
    /// The address with what is secret, for whoever connects.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::wiring::redacted_server(&self.0))
    }
}

impl std::fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A value, checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// A list of words.
    Words(Vec<String>),
    /// One word.
    Word(String),
    /// A number.
    Number(u64),
    /// Money, millionths of a US dollar.
    Money(u64),
    /// What models are, by name.
    Models(Tables),
    /// Where a server is.
    Server(ServerUrl),
}

impl Value {
    pub(crate) fn server(&self) -> Option<&ServerUrl> {
        if let Self::Server(url) = self { Some(url) } else { None }
    }

    pub(crate) fn words(&self) -> Option<&[String]> {
        if let Self::Words(words) = self { Some(words) } else { None }
    }

    pub(crate) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        if let Self::Number(number) | Self::Money(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn models(&self) -> Option<&Tables> {
        if let Self::Models(models) = self { Some(models) } else { None }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words(list) if list.is_empty() => f.write_str("none"),
            Self::Words(list) => f.write_str(&words::join(list)),
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => write!(f, "{number}"),
            Self::Money(micro_usd) => f.write_str(&dollars(*micro_usd)),
            Self::Server(url) => write!(f, "{url}"),
            Self::Models(tables) => f.write_str(&tables.keys().cloned().collect::<Vec<_>>().join(", ")),
        }
    }
}

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A command line, or its words.
    Command,
    /// One of these.
    Choice(&'static [&'static str]),
    /// The name of an image.
    Image,
    /// Some of these names, separated by commas, or a list.
    Names(&'static [&'static str]),
    /// A path below the project, with `*`, `**` and `?` for names.
    Pattern,
    /// Names of models, separated by commas, or a list.
    Models,
    /// The name of such a thing, one word.
    Name(&'static str),
    /// The address of a server that speaks Bolt.
    Bolt,
    /// A bucket of an object store.
    Bucket,
    /// What models are: a table for each.
    ModelTables,
    /// US dollars.
    Money,
    /// The address of a NATS server, or of several of one system.
    Server,
    /// The address of a Redis, or of several of one cluster.
    Redis,
    /// The address of a page.
    Page,
    /// A file of the person's.
    File,
    /// A whole number within these.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
}

/// How far a project's file may set a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProjectMay {
    /// To anything that keeps to the project.
    Set,
    /// To a smaller number than the person's; 0 counts as no limit where `zero_is_all`.
    Lower {
        /// The key's 0 means "as many as there are".
        zero_is_all: bool,
    },
    /// To the stronger sandbox.
    Strengthen,
    /// Not at all.
    Not,
    /// Not at all: it is what its code runs in.
    NotImage,
    /// Not at all: its text would go there, and money.
    NotModels,
    /// Not at all: what missions hold would go there.
    NotServer,
}

impl ProjectMay {
    /// The same in a word: what a project's own file may do with a setting.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Lower { .. } => "lower",
            Self::Strengthen => "strengthen",
            Self::Not | Self::NotImage | Self::NotModels | Self::NotServer => "not",
        }
    }

    /// Why a project may not ask for this, given the person's value; None: it may.
    pub(crate) fn refuses(self, asked: &Value, persons: Option<&Value>) -> Option<String> {
        match self {
            Self::Set => asked.words().and_then(outside),
            Self::Lower { zero_is_all } => {
                let rank = |n: u64| if zero_is_all && n == 0 { u64::MAX } else { n };
                let (asked, persons) =
                    (asked.number().unwrap_or(0), persons.and_then(Value::number).unwrap_or(0));
                (rank(asked) > rank(persons))
                    .then(|| format!("a project may lower it and not raise it above your {persons}"))
            }
            Self::Strengthen => (asked.word() != Some("wasm") && Some(asked) != persons)
                .then(|| "a project may ask for the stronger sandbox only (`wasm`)".to_owned()),
            Self::Not => Some("a project may not give up protections".to_owned()),
            Self::NotModels => Some("a project may not choose who is sent its text".to_owned()),
            Self::NotServer => Some("a project may not choose where missions are kept".to_owned()),
            Self::NotImage => Some("a project may not choose the image that its code runs in".to_owned()),
        }
    }
}

/// Why a project's test command does not keep to the project.
fn outside(command: &[String]) -> Option<String> {
    let program = command.first()?;
    let leaves = program.starts_with(['/', '~']) || program.split('/').any(|part| part == "..");
    leaves.then(|| format!("a project may not choose a program outside of it (`{program}`)"))
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in files; the flag and the variable follow from it.
    pub(crate) name: &'static str,
    /// What a value must look like.
    pub(crate) kind: Kind,
    /// How far a project's file may set it.
    pub(crate) project: ProjectMay,
    /// The default, where there is one.
    pub(crate) default: Option<fn() -> Value>,
    /// What it is, in a sentence.
    pub(crate) doc: &'static str,
    /// A value as it could stand in a file.
    pub(crate) example: &'static str,
}

impl Key {
    /// Its variable in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("CODITECT_{}", self.name.to_uppercase())
    }

    /// Its flag, where it has one.
    pub(crate) fn flag(&self) -> Option<String> {
        match self.name {
            "framework"
            | "model"
            | "ask_otherwise"
            | "act_from"
            | "ignore_below"
            | "memory_warm"
            | "memory_warm_days"
            | "memory_cold_mib"
            | "memory_cold"
            | "memory_unproved_days"
            | "memory_embeddings"
            | "graph_url"
            | "graph_user"
            | "graph_database"
            | "announce"
            | "nats_creds"
            | "nats_monitor"
            | "fleet_trust" => None,
            "models" => Some("--model".to_owned()),
            name => Some(format!("--{}", name.replace('_', "-"))),
        }
    }

    /// Reads a value from a flag or a variable.
    pub(crate) fn read(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Command => words::split(text).map(Value::Words),
            Kind::Names(known) => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                all_known(names.map(str::to_owned).collect(), known)
            }
            Kind::Image if is_image(text) => Ok(Value::Word(text.to_owned())),
            Kind::Image => Err(format!("`{}` is no name of an image", text.escape_default())),
            Kind::Choice(choices) if choices.contains(&text) => Ok(Value::Word(text.to_owned())),
            Kind::Choice(choices) => Err(format!("`{text}` is none of {}", choices.join(", "))),
            Kind::Pattern => pattern(text),
            Kind::Models => models(
                text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            ),
            Kind::Name(of) => match is_name(text) {
                true => Ok(Value::Word(text.to_owned())),
                false => Err(format!("`{}` is no name of a {of}", text.escape_default())),
            },
            Kind::Bolt => match is_bolt(text) {
                true => Ok(Value::Word(text.to_owned())),
                // What is wrong with it may be a password.
                false => {
                    Err("it is no address like `bolt://127.0.0.1:7687`, without a user or a password"
                        .to_owned())
                }
            },
            Kind::Bucket => match crate::wiring::check_bucket(text) {
                Ok(()) => Ok(Value::Word(text.trim().to_owned())),
                Err(error) => {
                    Err(error.hint.map_or(error.cause.clone(), |hint| format!("{}; {hint}", error.cause)))
                }
            },
            Kind::ModelTables => Err("it is a table: write it into your settings file".to_owned()),
            Kind::Money => money(text).map(Value::Money),
            Kind::Server => match crate::wiring::check_server(text.trim()) {
                Ok(()) => Ok(Value::Server(ServerUrl(text.trim().to_owned()))),
                Err(error) => {
                    Err(error.hint.map_or(error.cause.clone(), |hint| format!("{}; {hint}", error.cause)))
                }
            },
            Kind::Redis => match crate::wiring::check_redis(text) {
                Ok(()) => {
                    let one = |one: &str| match one.trim() {
                        one if one.contains("://") => one.to_owned(),
                        one => format!("redis://{one}"),
                    };
                    let all: Vec<String> = text.split(',').map(one).collect();
                    Ok(Value::Server(ServerUrl(all.join(","))))
                }
                Err(error) => {
                    Err(error.hint.map_or(error.cause.clone(), |hint| format!("{}; {hint}", error.cause)))
                }
            },
            Kind::Page if is_page(text) => Ok(Value::Word(text.to_owned())),
            Kind::Page => {
                Err(format!("`{}` is no address like `http://127.0.0.1:8222`", text.escape_default()))
            }
            Kind::File if !text.is_empty() && !text.contains(char::is_control) => {
                Ok(Value::Word(text.to_owned()))
            }
            Kind::File => Err(format!("`{}` is no name of a file", text.escape_default())),
            Kind::Number { least, most } => match text.trim().parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(Value::Number(number)),
                _ => Err(format!("`{text}` is not a whole number from {least} to {most}")),
            },
        }
    }

    /// Reads a value from a file.
    pub(crate) fn read_toml(&self, value: &toml::Value) -> Result<Value, String> {
        match (self.kind, value) {
            (Kind::Command | Kind::Names(_) | Kind::Models, toml::Value::Array(list)) => {
                let words: Option<Vec<_>> =
                    list.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                match words {
                    Some(words) if words.is_empty() && matches!(self.kind, Kind::Command) => {
                        Err("it has no word".to_owned())
                    }
                    Some(words) => match self.kind {
                        Kind::Names(known) => all_known(words, known),
                        Kind::Models => models(words),
                        Kind::ModelTables
                        | Kind::Name(_)
                        | Kind::Bolt
                        | Kind::Bucket
                        | Kind::Money
                        | Kind::Command
                        | Kind::Choice(_)
                        | Kind::Server
                        | Kind::Redis
                        | Kind::Page
                        | Kind::File
                        | Kind::Image
                        | Kind::Pattern
                        | Kind::Number { .. } => Ok(Value::Words(words)),
                    },
                    None => Err("every word of it must be a string".to_owned()),
                }
            }
            (Kind::Number { .. } | Kind::Money, toml::Value::Integer(number)) => {
                self.read(&number.to_string())
            }
            (Kind::Money, toml::Value::Float(number)) => self.read(&number.to_string()),
            (Kind::ModelTables, toml::Value::Table(table)) => {
                let tables: Result<Tables, _> = table.clone().try_into();
                tables.map(Value::Models).map_err(|error| error.message().to_owned())
            }
            (
                Kind::Command
                | Kind::Names(_)
                | Kind::Models
                | Kind::Name(_)
                | Kind::Bolt
                | Kind::Bucket
                | Kind::Choice(_)
                | Kind::Server
                | Kind::Redis
                | Kind::Page
                | Kind::File
                | Kind::Image
                | Kind::Pattern,
                toml::Value::String(text),
            ) => self.read(text),
            (kind, other) => {
                let wants = wanted(kind);
                Err(format!("it must be {wants}, not {}", article(other.type_str())))
            }
        }
    }
}

/// What a value of a file must be.
fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Command | Kind::Names(_) | Kind::Models => "a string or a list of strings",
        Kind::ModelTables => "a table",
        Kind::Money => "a number",
        Kind::Choice(_)
        | Kind::Name(_)
        | Kind::Bolt
        | Kind::Bucket
        | Kind::Server
        | Kind::Redis
        | Kind::Page
        | Kind::File
        | Kind::Image
        | Kind::Pattern => "a string",
        Kind::Number { .. } => "a whole number",
    }
}

/// A path that stays below the project.
fn pattern(text: &str) -> Result<Value, String> {
    let text = text.trim().trim_start_matches("./");
    if text.is_empty() || text.starts_with(['/', '~']) || text.split('/').any(|part| part == "..") {
        return Err(format!("`{text}` is no path below the project"));
    }
    Ok(Value::Word(text.to_owned()))
}

/// Names of models, without repetition.
fn models(names: Vec<String>) -> Result<Value, String> {
    if let Some(bad) = names.iter().find(|name| !is_name(name)) {
        return Err(format!("`{}` is no name of a model", bad.escape_default()));
    }
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    Ok(Value::Words(once))
}

/// US dollars with up to six digits behind the point, as millionths.
fn money(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no sum of US dollars from 0 to 1000000");
    let text = text.trim().trim_start_matches('$');
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 6 || (whole.is_empty() && rest.is_empty()) {
        return Err(wrong());
    }
    let dollars: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let micro: u64 = format!("{rest:0<6}").parse().map_err(|_| wrong())?;
    let sum = dollars.checked_mul(1_000_000).and_then(|sum| sum.checked_add(micro)).ok_or_else(wrong)?;
    if sum > 1_000_000_000_000 { Err(wrong()) } else { Ok(sum) }
}

/// Whether this can be the address of a page of a server, without anything secret.
fn is_page(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'@';
    rest.is_some_and(|rest| !rest.is_empty() && rest.len() <= 255 && rest.bytes().all(fits))
}

/// Whether this is one word.
fn is_name(text: &str) -> bool {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && c != ',';
    !text.is_empty() && text.len() <= 200 && text.chars().all(fits)
}

/// Whether this is the address of a server that speaks Bolt.
fn is_bolt(text: &str) -> bool {
    let rest = text.split_once("://").filter(|(scheme, _)| {
        let (scheme, safety) = scheme.split_once('+').unwrap_or((scheme, "s"));
        ["bolt", "neo4j"].contains(&scheme) && ["s", "ssc"].contains(&safety)
    });
    rest.is_some_and(|(_, rest)| is_name(rest) && !rest.contains('@'))
}

/// Whether this can be a name, a digest or an id of an image.
fn is_image(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(letter) && !text.starts_with(['-', '/', '.'])
}

fn article(noun: &str) -> String {
    let an = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if an { "an" } else { "a" })
}

fn all_known(names: Vec<String>, known: &[&str]) -> Result<Value, String> {
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("`{name}` is none of {}", known.join(", "))),
        None => Ok(Value::Words(names)),
    }
}
