//! What code can do beyond computing, and the words by which it does, language by language: the names of the standard libraries
//! and of the packages that everybody takes for it.

use crate::languages::Language;

use super::lines::Line;

/// Something that code can do to the world around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Power {
    Network,
    Process,
    Environment,
    Deletion,
    Dynamic,
    /// Reaches for files that are no project's.
    Elsewhere,
    Tests,
}

impl Power {
    /// For people.
    pub(super) fn does(self) -> &'static str {
        match self {
            Self::Network => "opens a network connection",
            Self::Process => "starts another program",
            Self::Environment => "reads the environment of the process",
            Self::Deletion => "deletes files",
            Self::Dynamic => "runs text as code",
            Self::Elsewhere => "names files of the person or the system",
            Self::Tests => "asks whether it is being tested",
        }
    }

    /// Whether a person's words give a reason for it.
    pub(super) fn is_spoken_of(self, request: &str) -> bool {
        let words: &[&str] = match self {
            Self::Network => &[
                "http", "download", "upload", "url", "socket", "network", "fetch", "server", "client", "api",
            ],
            Self::Process => &["process", "command", "shell", "program", "spawn", "execute"],
            Self::Environment => &["environment", "env", "getenv", "configuration", "settings"],
            Self::Deletion => &["delete", "remove", "unlink", "clean", "purge", "rm"],
            Self::Dynamic => &["eval", "exec", "dynamic", "plugin", "plugins", "interpreter", "expression"],
            Self::Elsewhere => &["home", "etc", "proc", "ssh", "dotfiles", "path", "paths"],
            // No request is a reason for that.
            Self::Tests => &[],
        };
        let lower = request.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
    }

    /// Whether a test's text names a module of it, which may be in a string: what is patched for a test is.
    pub(super) fn is_named(self, text: &str) -> bool {
        let names: &[&str] = match self {
            Self::Network => {
                &["urllib", "requests.", "socket", "http.client", "fetch", "node:http", "net/http"]
            }
            Self::Process => &["subprocess", "child_process", "os/exec", "ProcessBuilder", "std::process"],
            Self::Environment => &["os.environ", "getenv", "monkeypatch.setenv", "process.env", "Setenv"],
            Self::Deletion => &["os.remove", "rmtree", "unlink", "RemoveAll", "rmSync"],
            Self::Elsewhere => PLACES,
            Self::Dynamic | Self::Tests => &[],
        };
        names.iter().any(|name| text.contains(name))
    }
}

/// The powers that a line shows, with the words that show them.
pub(super) fn of(language: Language, line: &Line) -> impl Iterator<Item = (Power, &'static str)> {
    let (code, modules) = words(language);
    let by_code = code.iter().filter(|(_, word)| holds(&line.code, word));
    // The name of a module is a string there.
    let names = move |name: &&str| {
        line.literals.iter().any(|literal| literal.strip_prefix("node:").unwrap_or(literal) == *name)
            && (language == Language::Go
                || ["require(", "import", "from"].iter().any(|w| line.code.contains(w)))
    };
    let is_elsewhere = |place: &&&str| line.literals.iter().any(|literal| literal.contains(**place));
    let by_place = PLACES.iter().filter(is_elsewhere).map(|place| (Power::Elsewhere, *place)).take(1);
    let by_module = modules.iter().filter(move |(_, name)| names(name));
    by_code.chain(by_module).copied().chain(by_place).collect::<Vec<_>>().into_iter()
}

/// Whether a line of code holds a word that begins there: `eval(` is not in `literal_eval(` nor in `model.eval(`.
fn holds(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let begins = !is_word(before) && before != Some('.') || word.starts_with('.');
        let ends = !is_word(after) || !word.ends_with(|c: char| c.is_alphanumeric());
        begins && ends
    })
}

/// Beginnings of paths that hold what is a person's own or the system's.
const PLACES: &[&str] =
    &["/etc/", "/home/", "/proc/", "/dev/tcp", "/var/run/", "~/", ".ssh/", ".aws/", "C:\\\\Users", "id_rsa"];

/// Words of a language's code, and names of its modules that stand in strings.
type Words = &'static [(Power, &'static str)];

fn words(language: Language) -> (Words, Words) {
    match language {
        Language::Python => (PYTHON, &[]),
        Language::JavaScript | Language::TypeScript | Language::Tsx => (JAVASCRIPT, JAVASCRIPT_MODULES),
        Language::Go => (GO, GO_MODULES),
        Language::Rust => (RUST, &[]),
        Language::Java => (JAVA, &[]),
    }
}

const PYTHON: Words = &[
    (Power::Network, "import socket"),
    (Power::Network, "from socket"),
    (Power::Network, "import ssl"),
    (Power::Network, "import urllib.request"),
    (Power::Network, "from urllib.request"),
    (Power::Network, "from urllib import request"),
    (Power::Network, "import http.client"),
    (Power::Network, "from http.client"),
    (Power::Network, "from http import client"),
    (Power::Network, "import requests"),
    (Power::Network, "from requests"),
    (Power::Network, "import httpx"),
    (Power::Network, "import aiohttp"),
    (Power::Network, "import ftplib"),
    (Power::Network, "import smtplib"),
    (Power::Network, "import xmlrpc"),
    (Power::Process, "import subprocess"),
    (Power::Process, "from subprocess"),
    (Power::Process, "os.system("),
    (Power::Process, "os.popen("),
    (Power::Process, "os.fork("),
    (Power::Process, "os.execl("),
    (Power::Process, "os.execlp("),
    (Power::Process, "os.execv("),
    (Power::Process, "os.execve("),
    (Power::Process, "os.execvp("),
    (Power::Process, "os.spawnl("),
    (Power::Process, "os.spawnv("),
    (Power::Process, "os.spawnvp("),
    (Power::Process, "os.posix_spawn"),
    (Power::Process, "import pty"),
    (Power::Process, "os.kill("),
    (Power::Process, "os._exit("),
    (Power::Process, "import signal"),
    (Power::Environment, "os.environ"),
    (Power::Environment, "os.getenv("),
    (Power::Environment, "from os import environ"),
    (Power::Environment, "from os import getenv"),
    (Power::Environment, "import keyring"),
    (Power::Environment, "import getpass"),
    (Power::Elsewhere, ".expanduser("),
    (Power::Elsewhere, "Path.home("),
    (Power::Deletion, "shutil.rmtree("),
    (Power::Deletion, "os.remove("),
    (Power::Deletion, "os.unlink("),
    (Power::Deletion, "os.rmdir("),
    (Power::Deletion, "os.removedirs("),
    (Power::Deletion, ".unlink(missing_ok"),
    (Power::Dynamic, "eval("),
    (Power::Dynamic, "exec("),
    (Power::Dynamic, "__import__("),
    (Power::Dynamic, "__builtins__"),
    (Power::Dynamic, "import builtins"),
    (Power::Dynamic, "import importlib"),
    (Power::Dynamic, "from importlib"),
    (Power::Dynamic, "import ctypes"),
    (Power::Dynamic, "from ctypes"),
    (Power::Dynamic, "pickle.loads("),
    (Power::Dynamic, "marshal.loads("),
    (Power::Tests, "import unittest"),
    (Power::Tests, "from unittest"),
    (Power::Tests, "import pytest"),
    (Power::Tests, "sys.modules"),
    (Power::Tests, "sys._getframe("),
    (Power::Tests, "inspect.stack("),
    (Power::Tests, "inspect.currentframe("),
];

const JAVASCRIPT: Words = &[
    (Power::Network, "fetch("),
    (Power::Network, "XMLHttpRequest"),
    (Power::Network, "WebSocket"),
    (Power::Environment, "process.env"),
    (Power::Deletion, ".unlinkSync("),
    (Power::Deletion, "fs.unlink("),
    (Power::Deletion, ".rmSync("),
    (Power::Deletion, ".rmdirSync("),
    (Power::Dynamic, "eval("),
    (Power::Dynamic, "new Function("),
    (Power::Tests, "Error().stack"),
    (Power::Tests, "jest"),
    (Power::Tests, "import.meta.vitest"),
];

const JAVASCRIPT_MODULES: Words = &[
    (Power::Network, "http"),
    (Power::Network, "https"),
    (Power::Network, "http2"),
    (Power::Network, "net"),
    (Power::Network, "tls"),
    (Power::Network, "dgram"),
    (Power::Network, "dns"),
    (Power::Network, "axios"),
    (Power::Network, "node-fetch"),
    (Power::Network, "undici"),
    (Power::Process, "child_process"),
    (Power::Process, "worker_threads"),
    (Power::Process, "cluster"),
    (Power::Dynamic, "vm"),
    (Power::Tests, "test"),
    (Power::Tests, "vitest"),
    (Power::Tests, "@jest/globals"),
];

const GO: Words = &[
    (Power::Network, "net.Dial("),
    (Power::Network, "net.DialTimeout("),
    (Power::Network, "net.Listen("),
    (Power::Environment, "os.Getenv("),
    (Power::Environment, "os.LookupEnv("),
    (Power::Environment, "os.Environ("),
    (Power::Deletion, "os.Remove("),
    (Power::Deletion, "os.RemoveAll("),
    (Power::Tests, "testing.Testing("),
    (Power::Tests, "flag.Lookup("),
    (Power::Tests, "runtime.Caller("),
    (Power::Tests, "runtime.Callers("),
];

const GO_MODULES: Words = &[
    (Power::Network, "net/http"),
    (Power::Network, "net/rpc"),
    (Power::Network, "net/smtp"),
    (Power::Process, "os/exec"),
    (Power::Process, "syscall"),
    (Power::Dynamic, "plugin"),
    (Power::Dynamic, "unsafe"),
    (Power::Tests, "testing"),
];

const RUST: Words = &[
    (Power::Network, "std::net"),
    (Power::Network, "TcpStream"),
    (Power::Network, "UdpSocket"),
    (Power::Network, "reqwest"),
    (Power::Process, "std::process::Command"),
    (Power::Process, "process::Command"),
    (Power::Process, "Command::new("),
    (Power::Environment, "std::env"),
    (Power::Environment, "env::var"),
    (Power::Deletion, "remove_dir_all("),
    (Power::Deletion, "remove_file("),
    (Power::Dynamic, "include!("),
    (Power::Tests, "cfg!(test"),
    (Power::Tests, "cfg(not(test"),
    (Power::Tests, "Backtrace"),
];

const JAVA: Words = &[
    (Power::Network, "java.net.http"),
    (Power::Network, "java.net.Socket"),
    (Power::Network, ".openConnection("),
    (Power::Network, ".openStream("),
    (Power::Network, "HttpURLConnection"),
    (Power::Network, "new Socket("),
    (Power::Process, "ProcessBuilder"),
    (Power::Process, "Runtime.getRuntime("),
    (Power::Environment, "System.getenv("),
    (Power::Deletion, "Files.delete"),
    (Power::Deletion, ".deleteIfExists("),
    (Power::Dynamic, "Class.forName("),
    (Power::Dynamic, "java.lang.reflect"),
    (Power::Dynamic, "javax.script"),
    (Power::Tests, "org.junit"),
    (Power::Tests, "getStackTrace("),
    (Power::Tests, "StackWalker"),
];
