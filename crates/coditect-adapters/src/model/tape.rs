//! Exchanges with models on a tape: recorded as they happen, and played back without any model. A tape is a file of JSON lines:
//! first the models, then an exchange each. It holds what was sent and answered word for word, and never a key.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::{Model, ModelError, PortError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::model::Usage;
use coditect_types::{ErrorKind, Failure, ModelReply, ModelRequest, ModelSpec};
use serde::{Deserialize, Serialize};

/// Letters of a request that are shown around the place where it is another one.
const SHOWN: usize = 40;

/// A line of a tape.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    /// The models that are asked below.
    Models { models: Vec<ModelSpec> },
    /// One call.
    Exchange { model: String, request: Box<ModelRequest>, answer: Answer },
}

/// What came of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Reply(ModelReply),
    Failed {
        failure: Failure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
}

impl Answer {
    fn of(said: &Result<ModelReply, ModelError>) -> Self {
        match said {
            Ok(reply) => Self::Reply(reply.clone()),
            Err(ModelError { error, retry_after_ms, usage }) => Self::Failed {
                failure: Failure { retry_after_ms: *retry_after_ms, ..Failure::from(error.clone()) },
                usage: *usage,
            },
        }
    }

    fn say(self) -> Result<ModelReply, ModelError> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Failed { failure: Failure { kind, cause, hint, retry_after_ms, .. }, usage } => {
                Err(ModelError { error: PortError { kind, cause, hint }, retry_after_ms, usage })
            }
        }
    }
}

/// A tape that is being written.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: Mutex<File>,
}

impl Recorder {
    /// A new tape for these models, which nobody else may read.
    ///
    /// # Errors
    ///
    /// `Invalid` where there is something at `path` already: it could be the only tape of its kind.
    pub fn create(path: &Path, models: &[ModelSpec]) -> Result<Arc<Self>, PortError> {
        let name = format!("`{}`", path.display());
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = opened.map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return PortError::new(ErrorKind::Invalid, format!("{name} exists"))
                    .with_hint("name a new file: what was recorded is not overwritten");
            }
            PortError::from_io(&name, &error)
        })?;
        let recorder = Self { path: path.to_owned(), file: Mutex::new(file) };
        recorder.put(&Line::Models { models: models.to_vec() })?;
        Ok(Arc::new(recorder))
    }

    fn put(&self, line: &Line) -> Result<(), PortError> {
        let failed =
            |error: &std::io::Error| PortError::from_io(&format!("`{}`", self.path.display()), error);
        let mut text = serde_json::to_vec(line).map_err(|error| failed(&error.into()))?;
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text).map_err(|error| failed(&error))
    }

    /// The same model; its exchanges are recorded.
    #[must_use]
    pub fn listen(self: &Arc<Self>, model: Arc<dyn Model>) -> Arc<dyn Model> {
        Arc::new(Recorded { model, tape: Arc::clone(self) })
    }
}

#[derive(Debug)]
struct Recorded {
    model: Arc<dyn Model>,
    tape: Arc<Recorder>,
}

impl Model for Recorded {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn is_shared(&self) -> bool {
        self.model.is_shared()
    }

    fn answer(
        &self,
        request: &ModelRequest,
        limits: &CallLimits,
        stop: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let said = self.model.answer(request, limits, stop, hear);
        let (model, request) = (self.name().to_owned(), Box::new(request.clone()));
        let put = self.tape.put(&Line::Exchange { model, request, answer: Answer::of(&said) });
        match (put, said) {
            (Ok(()), said) => said,
            // A tape with a gap would be found out only when it is played. What was used is paid for all the same.
            (Err(error), said) => {
                let usage = said.map_or_else(|error| error.usage, |reply| Some(reply.usage));
                Err(ModelError { error, retry_after_ms: None, usage })
            }
        }
    }
}

/// What a tape has for one request, in the order in which it was recorded.
type Answers = HashMap<(String, String), VecDeque<Answer>>;

/// A tape that is played back.
#[derive(Debug)]
pub struct Tape {
    path: PathBuf,
    models: Vec<ModelSpec>,
    answers: Mutex<Answers>,
}

impl Tape {
    /// Reads a tape.
    pub fn open(path: &Path) -> Result<Arc<Self>, PortError> {
        let name = format!("`{}`", path.display());
        let mut text = String::new();
        let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        read.map_err(|error| PortError::from_io(&name, &error))?;
        let mut tape = Self { path: path.to_owned(), models: Vec::new(), answers: Mutex::default() };
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                PortError::new(
                    ErrorKind::Invalid,
                    format!("line {} of {name} is no exchange: {error}", n + 1),
                )
                .with_hint("a tape is what `--record FILE` writes")
            })?;
            match line {
                Line::Models { models } => tape.models.extend(models),
                Line::Exchange { model, request, answer } => {
                    let answers = tape.answers.get_mut().unwrap_or_else(PoisonError::into_inner);
                    answers.entry((model, key(&request))).or_default().push_back(answer);
                }
            }
        }
        if tape.models.is_empty() {
            let cause = format!("{name} names no model");
            return Err(
                PortError::new(ErrorKind::Invalid, cause).with_hint("a tape is what `--record FILE` writes")
            );
        }
        Ok(Arc::new(tape))
    }

    /// The models that were asked, in the order in which a mission asks them.
    #[must_use]
    pub fn specs(&self) -> &[ModelSpec] {
        &self.models
    }

    /// The models, each of which answers what it answered then.
    #[must_use]
    pub fn models(self: &Arc<Self>) -> Vec<Arc<dyn Model>> {
        let of = |spec: &ModelSpec| {
            Arc::new(Replayed { name: spec.name.clone(), tape: Arc::clone(self) }) as Arc<dyn Model>
        };
        self.models.iter().map(of).collect()
    }

    fn take(&self, model: &str, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let asked = key(request);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) =
            answers.get_mut(&(model.to_owned(), asked.clone())).and_then(VecDeque::pop_front)
        {
            return answer.say();
        }
        let cause = format!("`{}` holds no answer of `{model}` to this request", self.path.display());
        let told = answers.keys().filter(|(of, _)| of == model).map(|(_, key)| difference(key, &asked));
        let hint = match told.max_by_key(|(alike, _)| *alike) {
            Some((alike, _)) if alike == asked.len() => {
                "it was asked more often than when it was recorded".into()
            }
            Some((_, difference)) => difference,
            None => format!("it holds none of `{model}` at all"),
        };
        Err(PortError::new(ErrorKind::NotFound, cause).with_hint(hint).into())
    }
}

#[derive(Debug)]
struct Replayed {
    name: String,
    tape: Arc<Tape>,
}

impl Model for Replayed {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn answer(
        &self,
        request: &ModelRequest,
        _: &CallLimits,
        _: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let reply = self.tape.take(&self.name, request)?;
        hear(&reply.text);
        Ok(reply)
    }
}

/// A request as a key.
fn key(request: &ModelRequest) -> String {
    // A request is plain data with text for keys: it can always be written.
    serde_json::to_string(request).unwrap_or_default()
}

/// How many bytes two requests have in common from the first on, and what stands behind them.
fn difference(recorded: &str, asked: &str) -> (usize, String) {
    let alike = recorded.bytes().zip(asked.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| -> String {
        let bytes = &text.as_bytes()[alike.saturating_sub(SHOWN / 2).min(text.len())..];
        String::from_utf8_lossy(bytes).chars().take(SHOWN).collect()
    };
    let told = format!("recorded was `{}`, asked is `{}`", around(recorded), around(asked));
    (alike, told)
}

#[cfg(test)]
mod tests;
