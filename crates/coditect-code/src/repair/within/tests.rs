use std::sync::Arc;

use super::*;
use crate::repair::{Edit, EditKind};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn edit_at(path: &str, at: usize) -> Candidate {
    let edit = Edit { path: Arc::from(path), range: at..at + 1, new: "x".to_owned() };
    Candidate { edits: vec![edit], kind: EditKind::Name, score: 1.0, places: Vec::new() }
}

#[test]
fn only_the_named_functions_may_change() {
    let python = "def a():\n    return 1\n\n\nclass B:\n    def a(self):\n        return 2\n\n    def c(self):\n        pass\n";
    let go = "package p\n\nfunc (l *Ledger) Total() int {\n\treturn 0\n}\n";
    let sources = [source("m.py", python), source("m.go", go)];
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let check = |asked: &[&str], path: &str, at: &str, expect: bool| {
        let (within, unknown) = Within::functions(&sources, &names(asked));
        assert_eq!(unknown, Vec::<String>::new(), "{asked:?}");
        let text = if path == "m.py" { python } else { go };
        assert_eq!(within.allows(&edit_at(path, text.find(at).unwrap())), expect, "{asked:?} {at}");
    };
    check(&["a"], "m.py", "1", true);
    check(&["a"], "m.py", "2", true);
    check(&["a"], "m.py", "pass", false);
    check(&["B.a"], "m.py", "1", false);
    check(&["B.a"], "m.py", "2", true);
    check(&["Ledger.Total"], "m.go", "0", true);
    check(&["Total"], "m.py", "1", false);
    let (within, unknown) = Within::functions(&sources, &names(&["a", "nothing"]));
    assert_eq!(unknown, ["nothing"]);
    assert!(within.touches("m.py") && !within.touches("m.go"));
}
