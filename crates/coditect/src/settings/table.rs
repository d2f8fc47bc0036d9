//! The table of settings.

use coditect_types::limits::Thresholds;
use coditect_types::memory::MemoryLimits;
use coditect_types::{Budget, Limits};

use super::keys::{Key, Kind, ProjectMay, Value};

/// The rungs that there are, by the names that events have for them.
const RUNGS: &[&str] = &["memory", "recipe", "reflex", "small_model", "large_model"];

/// The protections that a sandbox names when it refuses.
const PROTECTIONS: &[&str] =
    &["network", "file_reads", "file_writes", "processes", "seccomp", "memory", "limits"];

const DAY_S: u64 = 86_400;

/// Every setting, in the order in which a person meets them.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "test_command",
        kind: Kind::Command,
        project: ProjectMay::Set,
        default: None,
        doc: "How the tests are run. Without it, this is found out.",
        example: "\"python -m pytest tests\"",
    },
    Key {
        name: "framework",
        kind: Kind::Choice(&["unittest", "pytest", "doctest"]),
        project: ProjectMay::Set,
        default: None,
        doc: "Short for the test command `python -m FRAMEWORK`; `test_command` goes before it.",
        example: "\"pytest\"",
    },
    Key {
        name: "test_report",
        kind: Kind::Choice(&["junit-xml", "tap", "exit-code"]),
        project: ProjectMay::Set,
        default: None,
        doc: "How the test command tells its results test by test: JUnit's XML, TAP, or by its exit code alone.",
        example: "\"junit-xml\"",
    },
    Key {
        name: "report_path",
        kind: Kind::Pattern,
        project: ProjectMay::Set,
        default: None,
        doc: "The files with these results, below the project. TAP is read from standard output without it.",
        example: "\"build/reports/*.xml\"",
    },
    Key {
        name: "sandbox",
        kind: Kind::Choice(&["auto", "wasm", "os", "container"]),
        project: ProjectMay::Strengthen,
        default: Some(|| Value::Word("auto".to_owned())),
        doc: "Where code runs. `auto` takes WebAssembly where it can host the project, else the OS sandbox; `container` takes \
              a container of `image`.",
        example: "\"wasm\"",
    },
    Key {
        name: "image",
        kind: Kind::Image,
        project: ProjectMay::NotImage,
        default: None,
        doc: "The image of the container sandbox, by a name that Docker or Podman has. It is never pulled.",
        example: "\"python:3.13-slim\"",
    },
    Key {
        name: "waive",
        kind: Kind::Names(PROTECTIONS),
        project: ProjectMay::Not,
        default: Some(|| Value::Words(Vec::new())),
        doc: "Protections of the sandbox that you go without where they cannot be had, by name.",
        example: "[\"memory\"]",
    },
    Key {
        name: "budget_s",
        kind: Kind::Number { least: 1, most: 30 * DAY_S },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Budget::default().wall_ms / 1000)),
        doc: "Time for the whole mission, seconds.",
        example: "600",
    },
    Key {
        name: "search_s",
        kind: Kind::Number { least: 1, most: 30 * DAY_S },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Budget::default().search_ms / 1000)),
        doc: "Time for the search for a change, seconds.",
        example: "120",
    },
    Key {
        name: "max_candidates",
        kind: Kind::Number { least: 1, most: 1_000_000_000 },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Budget::default().candidates)),
        doc: "Candidates that may be tried.",
        example: "20000",
    },
    Key {
        name: "models",
        kind: Kind::Models,
        project: ProjectMay::NotModels,
        default: Some(|| Value::Words(Vec::new())),
        doc: "Language models that may be asked where no search finds a change, by name (see `coditect models`). None are asked \
              that are not named.",
        example: "[\"ollama/qwen2.5-coder\"]",
    },
    Key {
        name: "model",
        kind: Kind::ModelTables,
        project: ProjectMay::NotModels,
        default: None,
        doc: "What a model is: tables `[model.NAME]` in your own file with `provider` or `url`, `model`, `api_key_env` or \
              `api_key_command`, `context_tokens`, `usd_per_mtok_in`, `usd_per_mtok_out`.",
        example: "{ NAME = { url = \"http://127.0.0.1:8080/v1\" } }",
    },
    Key {
        name: "rungs",
        kind: Kind::Names(RUNGS),
        project: ProjectMay::NotModels,
        default: Some(|| Value::Words(RUNGS.iter().map(|rung| (*rung).to_owned()).collect())),
        doc: "Rungs of the ladder on which changes are looked for, by name.",
        example: "[\"recipe\", \"reflex\"]",
    },
    Key {
        name: "reply_cache",
        kind: Kind::Choice(&["on", "off"]),
        project: ProjectMay::Set,
        default: Some(|| Value::Word("on".to_owned())),
        doc: "Whether answers of models are kept on this machine, so that the very same request is not paid for twice.",
        example: "\"off\"",
    },
    Key {
        name: "max_calls",
        kind: Kind::Number { least: 0, most: 1_000_000 },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Budget::default().model_calls)),
        doc: "Calls of language models in one mission.",
        example: "10",
    },
    Key {
        name: "max_tokens",
        kind: Kind::Number { least: 0, most: 1_000_000_000_000 },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Budget::default().tokens)),
        doc: "Tokens of language models in one mission, of prompts and answers together.",
        example: "200000",
    },
    Key {
        name: "max_usd",
        kind: Kind::Money,
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Money(Budget::default().micro_usd)),
        doc: "Money for language models in one mission, US dollars.",
        example: "0.50",
    },
    Key {
        name: "timeout_s",
        kind: Kind::Number { least: 1, most: DAY_S },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Limits::default().wall_ms / 1000)),
        doc: "Time for one run of the test suite, seconds.",
        example: "30",
    },
    Key {
        name: "memory_mib",
        kind: Kind::Number { least: 64, most: 1 << 20 },
        project: ProjectMay::Lower { zero_is_all: false },
        default: Some(|| Value::Number(Limits::default().memory_bytes >> 20)),
        doc: "Memory for one run of the test suite, MiB.",
        example: "512",
    },
    Key {
        name: "agents",
        kind: Kind::Number { least: 0, most: 1024 },
        project: ProjectMay::Lower { zero_is_all: true },
        default: Some(|| Value::Number(0)),
        doc: "Agents at work at the same time; 0: as many as there are cores.",
        example: "2",
    },
    Key {
        name: "ask_wait_s",
        kind: Kind::Number { least: 0, most: 30 * DAY_S },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(300)),
        doc: "How long a question to a person waits for an answer, seconds; 0: nobody is asked. See `coditect approvals`.",
        example: "3600",
    },
    Key {
        name: "ask_otherwise",
        kind: Kind::Choice(&["deny", "approve"]),
        project: ProjectMay::Not,
        default: Some(|| Value::Word("deny".to_owned())),
        doc: "The answer to a question that nobody answered in time, or that nobody is asked.",
        example: "\"deny\"",
    },
    Key {
        name: "act_from",
        kind: Kind::Number { least: 0, most: 100 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(Thresholds::default().act_from.into())),
        doc: "How sure it must be that a change is wrong before it is given up without asking, per cent.",
        example: "95",
    },
    Key {
        name: "ignore_below",
        kind: Kind::Number { least: 0, most: 50 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(Thresholds::default().ignore_below.into())),
        doc: "How sure it must at least be that a change is wrong before a person is asked, per cent.",
        example: "5",
    },
    Key {
        name: "memory_warm",
        kind: Kind::Number { least: 0, most: 10_000_000 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(MemoryLimits::default().warm_episodes)),
        doc: "Episodes that memory has at hand; the others are put away, compressed. See `coditect memory`.",
        example: "5000",
    },
    Key {
        name: "memory_warm_days",
        kind: Kind::Number { least: 1, most: 36_500 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(MemoryLimits::default().warm_days)),
        doc: "Days after which an episode that nothing used is put away.",
        example: "30",
    },
    Key {
        name: "memory_cold_mib",
        kind: Kind::Number { least: 0, most: 1 << 30 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(MemoryLimits::default().cold_bytes >> 20)),
        doc: "What is put away may take so much, MiB; above it the episodes that matter least are dropped.",
        example: "512",
    },
    Key {
        name: "memory_cold",
        kind: Kind::Bucket,
        project: ProjectMay::NotServer,
        default: None,
        doc: "A bucket of an object store that speaks S3, without versions, for what is put away, in place of a folder of the state \
              directory. Address and keys are those of $AWS_ENDPOINT_URL, $AWS_REGION, $AWS_ACCESS_KEY_ID and \
              $AWS_SECRET_ACCESS_KEY. `coditect memory move` brings there what was put away before.",
        example: "\"s3://my-bucket/coditect\"",
    },
    Key {
        name: "memory_unproved_days",
        kind: Kind::Number { least: 1, most: 36_500 },
        project: ProjectMay::Not,
        default: Some(|| Value::Number(MemoryLimits::default().unproved_days)),
        doc: "Days after which an episode without a change that was proved is dropped.",
        example: "90",
    },
    Key {
        name: "memory_embeddings",
        kind: Kind::Name("model"),
        project: ProjectMay::NotModels,
        default: None,
        doc: "A model of a server with OpenAI's `/embeddings` that gives memory the vectors of its texts, by name (see `coditect \
              models`): requests, what tests said and changes go there. None: vectors are learnt from the texts themselves.",
        example: "\"ollama/nomic-embed-text\"",
    },
    Key {
        name: "graph_url",
        kind: Kind::Bolt,
        project: ProjectMay::NotServer,
        default: None,
        doc: "A server that speaks Bolt and Cypher, such as Neo4j, that has a copy of the graph and is asked in its place; for \
              builds with `--features neo4j`. Its password is that of $CODITECT_GRAPH_PASSWORD.",
        example: "\"bolt://127.0.0.1:7687\"",
    },
    Key {
        name: "graph_user",
        kind: Kind::Name("user"),
        project: ProjectMay::NotServer,
        default: Some(|| Value::Word("neo4j".to_owned())),
        doc: "The user of that server.",
        example: "\"neo4j\"",
    },
    Key {
        name: "graph_database",
        kind: Kind::Name("database"),
        project: ProjectMay::NotServer,
        default: None,
        doc: "The database of that server, where it is not its default one.",
        example: "\"coditect\"",
    },
    Key {
        name: "fleet",
        kind: Kind::Choice(&["off", "on"]),
        project: ProjectMay::NotServer,
        default: Some(|| Value::Word("off".to_owned())),
        doc: "Whether the workers of a fleet do the work, on the server of `nats`: see `coditect serve`. Snapshots of projects go there. What \
              touches the person's own directory, and models, stay here.",
        example: "\"on\"",
    },
    Key {
        name: "announce",
        kind: Kind::Choice(&["off", "on"]),
        project: ProjectMay::NotServer,
        default: Some(|| Value::Word("off".to_owned())),
        doc: "Whether what happens in missions is told to programs that listen on the server of `nats`, as \
              `crates/coditect-api/proto/coditect/v1/events.proto` says. What models and tests say goes with it.",
        example: "\"on\"",
    },
    Key {
        name: "nats",
        kind: Kind::Server,
        project: ProjectMay::NotServer,
        default: None,
        doc: "The NATS server with JetStream on which missions are kept, in place of files of the state directory. It may have a \
              user and a password; several servers of one cluster are separated by commas.",
        example: "\"nats://127.0.0.1:4222\"",
    },
    Key {
        name: "nats_creds",
        kind: Kind::File,
        project: ProjectMay::NotServer,
        default: None,
        doc: "The file with the credentials for that server, as `nsc` makes it.",
        example: "\"/home/me/team.creds\"",
    },
    Key {
        name: "nats_monitor",
        kind: Kind::Page,
        project: ProjectMay::NotServer,
        default: None,
        doc: "The monitoring port of that server: it alone tells when the server syncs its disk.",
        example: "\"http://127.0.0.1:8222\"",
    },
    Key {
        name: "redis",
        kind: Kind::Redis,
        project: ProjectMay::NotServer,
        default: None,
        doc: "The Redis on which processes that share missions on the server of `nats` say what they have under way, in place of that \
              server. No fact that is not said again within a minute is kept there. All machines name the same one, or none; several servers of one \
              cluster are separated by commas.",
        example: "\"redis://127.0.0.1:6379\"",
    },
    Key {
        name: "fleet_trust",
        kind: Kind::File,
        project: ProjectMay::NotServer,
        default: None,
        doc: "The file with the keys of those whose orders (for a worker) and outcomes (where missions are) are taken, a line each; without \
              it, of everybody who may write to the server. It is read each time: a line that is gone is gone at once.",
        example: "\"/home/me/fleet.keys\"",
    },
    Key {
        name: "seed",
        kind: Kind::Number { least: 0, most: i64::MAX as u64 },
        project: ProjectMay::Set,
        default: Some(|| Value::Number(0)),
        doc: "Seed of the search: the same seed tries the same candidates in the same order.",
        example: "7",
    },
];
