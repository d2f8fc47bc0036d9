//! Projects in temporary directories, and what a run of one said.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, reason = "a test that cannot prepare has failed")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use coditect_ports::Stop;
use coditect_sandbox::wasm::{PythonWasm, WasmLimits, WasmRun};
use serde_json::{Value, json};

/// Where the compiled interpreter is kept for all test processes.
pub(crate) fn cache_dir() -> PathBuf {
    std::env::var_os("CODITECT_CACHE_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
}

/// One interpreter for all tests of a process.
pub(crate) static PYTHON: LazyLock<Arc<PythonWasm>> =
    LazyLock::new(|| Arc::new(PythonWasm::open(&cache_dir(), &mut |_| {}).expect("the interpreter opens")));

pub(crate) struct Project {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) limits: WasmLimits,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reports: Vec<Value>,
    pub(crate) run: WasmRun,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        Self { dir, limits: WasmLimits::default() }
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut WasmLimits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).expect("a file")
    }

    pub(crate) fn test(&self, request: Value) -> Outcome {
        self.request(json!({"op": "test", "root": "/project"}), request, &Stop::new(), &mut |_| {
            ControlFlow::Continue(())
        })
    }

    pub(crate) fn exec(&self, code: &str, request: Value) -> Outcome {
        let base = json!({"op": "exec", "root": "/project", "code": code});
        self.request(base, request, &Stop::new(), &mut |_| ControlFlow::Continue(()))
    }

    pub(crate) fn request(
        &self,
        mut base: Value,
        more: Value,
        stop: &Stop,
        on_report: &mut dyn FnMut(&Value) -> ControlFlow<()>,
    ) -> Outcome {
        let (Some(base_fields), Value::Object(more)) = (base.as_object_mut(), more) else {
            panic!("objects")
        };
        base_fields.extend(more);
        let scratch = tempfile::tempdir().expect("a directory");
        let mut reports = Vec::new();
        let run = PYTHON.run(
            &base.to_string(),
            self.dir.path(),
            Some(scratch.path()),
            self.limits,
            &mut |line| {
                let report: Value = serde_json::from_str(line).expect("a report is JSON");
                let flow = on_report(&report);
                reports.push(report);
                flow
            },
            stop,
        );
        Outcome { reports, run }
    }
}

impl Outcome {
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.reports.iter().filter(|report| report["e"] == kind).collect()
    }

    /// `name status` of each test, in order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let name = |id: &str| id.rsplit("::").next().unwrap_or(id).to_owned();
        self.all("end")
            .iter()
            .map(|end| {
                format!("{} {}", name(end["id"].as_str().unwrap_or("")), end["status"].as_str().unwrap_or(""))
            })
            .collect()
    }

    pub(crate) fn end_of(&self, id: &str) -> &Value {
        self.all("end")
            .into_iter()
            .find(|end| end["id"] == id)
            .unwrap_or_else(|| panic!("no end of {id}: {self:?}"))
    }

    pub(crate) fn collected(&self) -> Vec<String> {
        let all = self.all("collected");
        all[0]["tests"]
            .as_array()
            .expect("ids")
            .iter()
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.all("note").iter().map(|note| note["text"].as_str().unwrap_or("").to_owned()).collect()
    }

    pub(crate) fn exit_code(&self) -> i64 {
        self.answer()["exit_code"].as_i64().expect("an exit code")
    }

    pub(crate) fn answer(&self) -> Value {
        let text = self.run.result.as_ref().unwrap_or_else(|error| panic!("{error}: {self:?}"));
        serde_json::from_str(text).expect("an answer is JSON")
    }
}

/// `file:line function` of each frame.
pub(crate) fn frames(of: &Value) -> Vec<String> {
    let frame =
        |f: &Value| format!("{}:{} {}", f[0].as_str().unwrap_or(""), f[1], f[2].as_str().unwrap_or(""));
    of["frames"].as_array().map(|frames| frames.iter().map(frame).collect()).unwrap_or_default()
}

/// `file [lines]` of each file.
pub(crate) fn lines(of: &Value) -> Vec<String> {
    let line = |(file, lines): (&String, &Value)| format!("{file} {}", lines.to_string().replace(',', ", "));
    of["lines"].as_object().map(|files| files.iter().map(line).collect()).unwrap_or_default()
}
