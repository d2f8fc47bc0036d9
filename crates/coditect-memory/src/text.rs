//! Terms of a text: words in lower case without their endings, identifiers taken apart.

/// The longest term, bytes; what is longer is no word.
const LONGEST: usize = 40;

/// Words that say nothing of what a query is about.
const STOP: &[&str] = &[
    "a", "an", "and", "as", "at", "be", "by", "can", "do", "doe", "for", "from", "get", "how", "i", "if",
    "in", "into", "is", "it", "me", "my", "not", "of", "on", "or", "please", "python", "that", "th", "the",
    "this", "to", "us", "use", "what", "when", "which", "with", "you", "your",
];

/// Words that programmers use for the same thing: names are short, and questions are not.
const ALIKE: &[&[&str]] = &[
    &["argument", "arg"],
    &["array", "list", "sequence"],
    &["attribute", "attr", "property"],
    &["average", "mean"],
    &["boolean", "bool"],
    &["callable", "func", "function"],
    &["character", "char"],
    &["check", "ensure", "test", "validate", "verify"],
    &["column", "col"],
    &["combine", "concatenate", "join", "merge"],
    &["command", "cmd"],
    &["configuration", "cfg", "config"],
    &["convert", "cast", "transform"],
    &["create", "build", "generate", "make"],
    &["database", "db"],
    &["date", "datetime", "time", "timestamp"],
    &["decimal", "float"],
    &["delete", "drop", "remove"],
    &["dictionary", "dict"],
    &["directory", "dir", "folder"],
    &["duplicate", "unique"],
    &["element", "item"],
    &["empty", "blank"],
    &["environment", "env"],
    &["equal", "identical", "same"],
    &["error", "err", "exception"],
    &["fetch", "load", "read", "retrieve"],
    &["first", "head"],
    &["image", "img", "picture"],
    &["index", "idx", "position"],
    &["integer", "int"],
    &["iterate", "each", "loop"],
    &["last", "tail"],
    &["length", "len", "size"],
    &["lower", "lowercase"],
    &["maximum", "biggest", "largest", "max"],
    &["message", "msg"],
    &["minimum", "min", "smallest"],
    &["none", "nan", "null"],
    &["number", "num", "numeric"],
    &["parameter", "param"],
    &["previous", "prev"],
    &["print", "display", "show"],
    &["process", "proc"],
    &["random", "rand"],
    &["reference", "ref"],
    &["regex", "re", "regular"],
    &["request", "req"],
    &["response", "resp"],
    &["save", "dump", "store", "write"],
    &["separate", "split"],
    &["string", "str", "text"],
    &["sum", "total"],
    &["temporary", "temp", "tmp"],
    &["upper", "capital", "uppercase"],
    &["url", "link"],
    &["variable", "var"],
    &["vector", "vec"],
];

/// Calls `each` with every term of a text, in order and with repetitions.
pub fn terms(text: &str, each: &mut dyn FnMut(&str)) {
    let mut word = String::new();
    let mut before = Kind::Other;
    let mut flush = |word: &mut String| {
        if !word.is_empty() {
            if word.len() <= LONGEST {
                stem(word);
                each(word);
            }
            word.clear();
        }
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let kind = Kind::of(c);
        let next = chars.peek().copied().map_or(Kind::Other, Kind::of);
        // `parseURL2` is parse, url, 2; `HTTPServer` is http, server.
        let begins = match (before, kind) {
            (Kind::Lower, Kind::Upper) | (Kind::Lower | Kind::Upper, Kind::Digit) => true,
            (Kind::Digit, Kind::Lower | Kind::Upper) => true,
            (Kind::Upper, Kind::Upper) => next == Kind::Lower,
            _ => false,
        };
        if begins || kind == Kind::Other {
            flush(&mut word);
        }
        if kind != Kind::Other {
            word.extend(c.to_lowercase());
        }
        before = kind;
    }
    flush(&mut word);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        if c.is_numeric() {
            Self::Digit
        } else if c.is_uppercase() {
            Self::Upper
        } else if c.is_alphabetic() {
            Self::Lower
        } else {
            Self::Other
        }
    }
}

/// Takes a word's ending off, as far as English forms of one word end alike: a light stemmer (Harman, "How Effective is
/// Suffixing?", 1991), since names of code have few forms.
fn stem(word: &mut String) {
    const ENDINGS: &[(&str, &str)] =
        &[("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")];
    if !word.is_ascii() {
        return;
    }
    for (ending, instead) in ENDINGS {
        let rest = word.len().saturating_sub(ending.len());
        if rest < 3 || !word.ends_with(ending) || (*ending == "s" && word.ends_with("ss")) {
            continue;
        }
        word.truncate(rest);
        word.push_str(instead);
        let bytes = word.as_bytes();
        let doubled = bytes.len() > 3 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2];
        // `stopping` is `stop`, and `calling` is `call`.
        if matches!(*ending, "ing" | "ed") && doubled && !b"lsz".contains(&bytes[bytes.len() - 1]) {
            word.pop();
        }
        break;
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
}

/// The terms of a query with their weights, each once: those of its words, and a little of what programmers call the same.
#[must_use]
pub fn query(text: &str) -> Vec<(String, f32)> {
    /// What a word counts that stands for another one of the query.
    const INSTEAD: f32 = 0.2;
    let mut own: Vec<String> = Vec::new();
    terms(text, &mut |term| {
        if !own.iter().any(|known| known == term) {
            own.push(term.to_owned());
        }
    });
    let says: Vec<String> = own.iter().filter(|term| !STOP.contains(&term.as_str())).cloned().collect();
    // Of a query of nothing else, what there is.
    let own = if says.is_empty() { own } else { says };
    let mut all: Vec<(String, f32)> = own.iter().map(|term| (term.clone(), 1.0)).collect();
    for group in ALIKE {
        let stems: Vec<String> = group
            .iter()
            .map(|word| {
                let mut word = (*word).to_owned();
                stem(&mut word);
                word
            })
            .collect();
        if !stems.iter().any(|stem| own.contains(stem)) {
            continue;
        }
        for stem in stems {
            if !all.iter().any(|(known, _)| *known == stem) {
                all.push((stem, INSTEAD));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        terms(text, &mut |term| all.push(term.to_owned()));
        all
    }

    #[test]
    fn identifiers_fall_into_words() {
        assert_eq!(
            of("parseURL2 HTTPServer snake_case, x.y"),
            ["pars", "url", "2", "http", "server", "snak", "cas", "x", "y"]
        );
        assert_eq!(of("Größe_über"), ["größe", "über"]);
        assert_eq!(of(&"x".repeat(100)), [] as [&str; 0]);
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        for forms in [
            &["stop", "stops", "stopped", "stopping"][..],
            &["file", "files"],
            &["query", "queries"],
            &["pass", "passes"],
        ] {
            let stems: Vec<String> = forms.iter().flat_map(|form| of(form)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{stems:?}");
        }
    }

    #[test]
    fn a_query_has_what_others_call_it_at_a_lower_weight() {
        let all = query("how to delete a directory");
        let weight = |term: &str| all.iter().find(|(known, _)| known == term).map(|(_, weight)| *weight);
        assert_eq!((weight("delet"), weight("dir"), weight("how")), (Some(1.0), Some(0.2), None));
        // Nothing else is in it.
        assert_eq!(query("how to"), [("how".to_owned(), 1.0), ("to".to_owned(), 1.0)]);
    }
}
