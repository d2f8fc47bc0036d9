//! A repository with a function that is yet to be written, and a person who chose a model for it.

use std::path::{Path, PathBuf};

use coditect_testkit::provider::{Answer, Provider};
use serde_json::Value;

use super::World;

pub(crate) const KEY: &str = "sk-planted-key-4711";
pub(crate) const WISH: &str = "implement the functions marked TODO so that the tests pass";
pub(crate) const ROMAN: &str = "def to_roman(n):\n    raise NotImplementedError  # TODO\n";
pub(crate) const TESTS: &str = "\
import unittest
from roman import to_roman


class T(unittest.TestCase):
    def test_small(self):
        self.assertEqual(to_roman(3), 'III')

    def test_four(self):
        self.assertEqual(to_roman(4), 'IV')
";
pub(crate) const WRONG: &str = "roman.py\n```python\ndef to_roman(n):\n    return 'I' * n\n```\n";
pub(crate) const RIGHT: &str = "\
roman.py
```python
def to_roman(n):
    text = ''
    for value, letters in [(5, 'V'), (4, 'IV'), (1, 'I')]:
        while n >= value:
            text, n = text + letters, n - value
    return text
```
";

/// Answers each call with the next of `answers`, and with the last one from then on.
pub(crate) fn server(answers: &'static [&'static str]) -> Provider {
    Provider::start(move |n, _| Answer::Says(answers[n.min(answers.len() - 1)].into()))
}

/// The repository, and a person whose settings file chooses `mine` at this address; `more` are lines of its table.
pub(crate) fn world(url: &str, more: &str) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    std::fs::write(world.path("project/roman.py"), ROMAN).unwrap();
    std::fs::write(world.path("project/test_roman.py"), TESTS).unwrap();
    let settings = format!(
        "reply_cache = \"off\"\nmodels = [\"mine\"]\n[model.mine]\nurl = \"{url}\"\napi_key_command = \"echo {KEY}\"\nusd_per_mtok_in = 1.0\n\
         usd_per_mtok_out = 10.0\n{more}\n"
    );
    person(&world, &settings);
    world
}

/// Writes the person's own settings file.
pub(crate) fn person(world: &World, settings: &str) {
    std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
    std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
}

/// The end of a mission on [`WISH`], and the exit code.
pub(crate) fn completed(world: &World, flags: &[&str]) -> (Value, i32) {
    asked(world, WISH, flags)
}

/// The end of a mission on another request, and the exit code.
pub(crate) fn asked(world: &World, wish: &str, flags: &[&str]) -> (Value, i32) {
    let output = world.coditect(&[&["run", "--json", wish], flags].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (serde_json::from_str(last).unwrap(), output.status.code().unwrap())
}

/// A file below `dir` that holds the text.
pub(crate) fn holds(dir: &Path, text: &str) -> Option<PathBuf> {
    std::fs::read_dir(dir).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|part| part == text.as_bytes()).then_some(path)
    })
}
