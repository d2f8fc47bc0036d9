//! Code that is still to be written: heads of functions and classes with nothing below them.

/// What a head begins with.
const HEADS: [&str; 3] = ["def ", "async def ", "class "];
/// What quotes a documentation string.
const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// Whether nothing of a file of Python does anything yet: there is a function or a class, and none of them has more than a documentation string
/// and `pass`, `...` or an error that says so. False of a file in another language.
#[must_use]
pub fn is_blank(path: &str, text: &str) -> bool {
    if !path.ends_with(".py") {
        return false;
    }
    let mut has_head = false;
    // Brackets that are open in a head that goes on.
    let mut head: Option<usize> = None;
    for line in code(text) {
        if head.is_none() && HEADS.iter().any(|word| line.starts_with(word)) {
            (has_head, head) = (true, Some(0));
        }
        let rest = match head.map(|open| behind_head(line, open)) {
            None => line,
            Some(Ok(rest)) => rest,
            Some(Err(open)) => {
                head = Some(open);
                continue;
            }
        };
        head = None;
        if !rest.is_empty() && !is_nothing(rest) {
            return false;
        }
    }
    has_head && head.is_none()
}

/// What stands behind the colon at which a head ends, or how many brackets are open where the line ends before that.
fn behind_head(line: &str, mut open: usize) -> Result<&str, usize> {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(begun), _) => quote = Some(begun).filter(|begun| *begun != c),
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => break,
            (None, '(' | '[' | '{') => open += 1,
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            (None, ':') if open == 0 => {
                return Ok(line[at + 1..].split('#').next().unwrap_or_default().trim());
            }
            (None, _) => {}
        }
    }
    Err(open)
}

/// A line that does nothing by itself.
fn is_nothing(line: &str) -> bool {
    let line = line.split_once(" #").map_or(line, |(code, _)| code.trim());
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    // What tests import by name stands in many drafts, for somebody to fill in.
    let is_constant = line.split_once('=').is_some_and(|(name, value)| {
        let name = name.trim();
        !name.is_empty() && name.chars().all(is_name) && value.trim() == "None"
    });
    is_constant
        || ["pass", "..."].contains(&line)
        || ["raise NotImplementedError", "import ", "from ", "@"].iter().any(|word| line.starts_with(word))
}

/// The lines of a text without comments, documentation strings and what is empty.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut quote: Option<&str> = None;
    text.lines().map(str::trim).filter(move |line| {
        if let Some(open) = quote {
            if line.contains(open) {
                quote = None;
            }
            return false;
        }
        if let Some(open) = QUOTES.into_iter().find(|open| line.starts_with(open)) {
            if !line[open.len()..].contains(open) {
                quote = Some(open);
            }
            return false;
        }
        !line.is_empty() && !line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::is_blank;

    #[test]
    fn what_is_still_to_be_written_is_blank() {
        for text in [
            "def f(a, b):\n    pass\n",
            "class A:\n    pass\n\n\nclass B(Exception):\n    \"\"\"Said when it goes wrong.\n\n    code: one.\n    \"\"\"\n    def __init__(self, code):\n        pass\n",
            "import re\n\n# Yours\nSUBLIST = None\n\ndef f(\n    a,\n    b,\n):\n    '''Does it.'''\n    raise NotImplementedError(\"TODO\")\n",
            "@cached\nasync def f():\n    ...\n",
            "def f():\n    pass  # TODO\n",
            "def f(a: dict = {1: ':'}) -> int: ...\n\n\nclass E(Exception): pass  # yours\n",
        ] {
            assert!(is_blank("a/b.py", text), "{text}");
        }
    }

    #[test]
    fn what_does_something_is_not() {
        for text in [
            "",
            "import re\n",
            "def f():\n    return 1\n",
            "def f():\n    pass\n\ndef g():\n    x = 1\n",
            "def f(): return 1\n",
            "def total(prices):  # in cents\n    return sum(prices) - 1\n\nclass Cart:\n    pass\n",
            "def one(): return 1\n\ndef two():\n    pass\n",
            "def f(a, b): return {\n    'sum': a - b,\n}\n\ndef g():\n    ...\n",
            "def f(\n    a,\n",
            "LIMIT = 3\n\ndef f():\n    pass\n",
            "def f():\n    \"\"\"Says it.\"\"\"\n    print('pass')\n",
        ] {
            assert!(!is_blank("a.py", text), "{text}");
        }
        assert!(!is_blank("a.js", "def f():\n    pass\n"));
    }
}
