//! The words and marks of a language, for cutting up and mending what its parser refuses.

mod braces;

pub(super) use self::braces::{GO, JAVA, RUST, SCRIPT};

/// What a language's text is made of. One table per language; nothing else here knows one.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// Blocks are told by indentation, and lines end statements; else they have braces.
    pub(super) indents: bool,
    /// What begins and ends a comment that goes over line breaks.
    pub(super) comment_block: Option<(&'static str, &'static str)>,
    /// A single quote may begin something that no quote ends, as `'a` in Rust.
    pub(super) lifetimes: bool,
    /// What ends a statement; `""` where nothing does.
    pub(super) end: &'static str,
    /// What begins a comment that ends with the line.
    pub(super) comments: &'static [&'static str],
    /// Quotes, longer ones first; those of several characters go over line breaks, and so does the back quote.
    pub(super) quotes: &'static [&'static str],
    /// Letters that may stand before a quote.
    pub(super) prefixes: &'static [&'static str],
    /// Marks of more than one character, longer ones first.
    pub(super) marks: &'static [&'static str],
    /// Printable characters that no program has.
    pub(super) strange: &'static [char],
    /// Words that begin a block, so that their line ends with a colon.
    pub(super) blocks: &'static [&'static str],
    /// Keywords that begin a statement.
    pub(super) statements: &'static [&'static str],
    /// Keywords that stand within one.
    pub(super) inner: &'static [&'static str],
    /// Words and marks of other languages, with what they are here, and how sure that is. An empty one is removed.
    pub(super) foreign: &'static [(&'static str, &'static str, f64)],
    /// Marks that are typed for one another.
    pub(super) confused: &'static [(&'static str, &'static str, f64)],
    /// What is forgotten between two values.
    pub(super) between: &'static [(&'static str, f64)],
}

impl Lexicon {
    /// True for quotes whose text goes over line breaks.
    pub(super) fn is_long(quote: &str) -> bool {
        quote.len() > 1 || quote == "`"
    }

    pub(super) fn is_prefix(&self, word: &str) -> bool {
        self.prefixes.iter().any(|prefix| prefix.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.statements.contains(&word) || self.inner.contains(&word)
    }
}

/// Python 3.
pub(super) const PYTHON: Lexicon = Lexicon {
    indents: true,
    comment_block: None,
    lifetimes: false,
    end: "",
    comments: &["#"],
    quotes: &["\"\"\"", "'''", "\"", "'"],
    prefixes: &["r", "b", "u", "f", "t", "rb", "br", "rf", "fr", "ur"],
    marks: &[
        "**=", "//=", ">>=", "<<=", "...", "===", "!==", "**", "//", ">>", "<<", "==", "!=", "<=", ">=",
        "->", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "&&", "||", "++", "--", "<>", "=<",
        "=>", "::",
    ],
    strange: &['$', '?', '`', '!'],
    blocks: &[
        "if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "async",
        "match", "case",
    ],
    statements: &[
        "if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "return",
        "yield", "import", "from", "raise", "assert", "global", "nonlocal", "pass", "break", "continue",
        "del", "async", "await",
    ],
    inner: &["in", "is", "not", "and", "or", "lambda", "as", "None", "True", "False", "print"],
    foreign: &[
        ("else if", "elif", 2.0),
        ("elseif", "elif", 2.0),
        ("elsif", "elif", 2.0),
        ("elsif", "elif", 2.0),
        ("otherwise", "else", 1.5),
        ("function", "def", 1.5),
        ("func", "def", 1.5),
        ("fun", "def", 1.5),
        ("fn", "def", 1.5),
        ("define", "def", 1.5),
        ("sub", "def", 1.0),
        ("void", "def", 1.0),
        ("foreach", "for", 1.5),
        ("switch", "match", 0.8),
        ("until", "while not", 0.8),
        ("unless", "if not", 0.8),
        ("catch", "except", 1.8),
        ("throw", "raise", 1.8),
        ("include", "import", 1.0),
        ("require", "import", 0.8),
        ("using", "import", 0.8),
        ("const", "", 1.5),
        ("let", "", 1.5),
        ("var", "", 1.5),
        ("int", "", 1.0),
        ("auto", "", 1.0),
        ("new", "", 1.5),
        ("then", "", 1.2),
        ("then", ":", 1.5),
        ("do", "", 1.0),
        ("do", ":", 1.2),
        ("end", "", 0.8),
        ("of", "in", 1.5),
        ("null", "None", 1.5),
        ("nil", "None", 1.5),
        ("undefined", "None", 1.0),
        ("true", "True", 1.5),
        ("false", "False", 1.5),
        ("&&", "and", 2.0),
        ("||", "or", 2.0),
        ("!", "not", 1.8),
        ("++", "+= 1", 2.0),
        ("--", "-= 1", 2.0),
        ("<>", "!=", 2.0),
        ("===", "==", 2.0),
        ("!==", "!=", 2.0),
        ("=<", "<=", 1.8),
        ("=>", ">=", 1.8),
        ("=>", ":", 1.0),
        ("=>", "=", 0.6),
        ("->", ".", 0.8),
        ("::", ".", 0.8),
        ("::", ":", 1.2),
        (":=", "=", 1.5),
        ("//", "#", 1.2),
        ("?", "", 0.8),
        ("$", "", 1.5),
        (";", "", 1.2),
        ("\\", "", 0.8),
    ],
    confused: &[
        ("=", "==", 1.5),
        ("==", "=", 0.9),
        (":", "=", 0.7),
        (":", ",", 0.6),
        (":", ";", 0.1),
        (";", ":", 1.2),
        (";", ",", 0.9),
        (",", ":", 0.8),
        (",", ".", 0.6),
        (".", ",", 0.8),
        (".", ":", 0.8),
        ("=", ":", 0.8),
        ("=", "+=", 0.2),
        ("-", "=", 0.5),
        ("-", "_", 0.4),
        ("+", "=", 0.4),
        ("*", ",", 0.1),
        ("in", "=", 0.2),
        ("(", "[", 0.4),
        ("[", "(", 0.4),
        ("{", "(", 0.5),
        ("{", "[", 0.5),
        ("(", "{", 0.3),
        ("[", "{", 0.3),
        (")", "]", 0.4),
        ("]", ")", 0.4),
        ("}", ")", 0.5),
        ("}", "]", 0.5),
        (")", "}", 0.3),
        ("]", "}", 0.3),
        ("<", "(", 0.1),
        ("is", "==", 0.2),
        ("{", ":", 0.9),
        ("\"", "", 0.2),
    ],
    between: &[
        (",", 0.9),
        (":", 0.45),
        (" =", 0.5),
        (".", 0.35),
        (" in", 0.4),
        (" +", 0.4),
        (" ==", 0.3),
        (" and", 0.3),
        (" or", 0.25),
        (" -", 0.25),
        (" *", 0.25),
        (" %", 0.2),
        (" /", 0.1),
        (" <", 0.1),
        (" >", 0.1),
        (" if", 0.2),
        (" else", 0.2),
        (" for", 0.15),
        (" as", 0.2),
        (" import", 0.3),
        (" is", 0.1),
        (" not", 0.1),
        ("(", 0.25),
        (")", 0.15),
        ("[", 0.15),
        ("]", 0.15),
    ],
};
