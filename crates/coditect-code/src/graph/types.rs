//! Types as they are written, made into names that can be looked up.

/// What holds a value of its one argument, so that what is asked of it is mostly asked of that.
const WRAPPERS: &[&str] = &["Option", "Optional", "Box", "Arc", "Rc", "Promise", "Awaited", "Readonly"];

/// Wrappers within one another that are looked into.
const WRAPPED: usize = 8;

/// The name or path of a written type: `Ledger` of `&mut Ledger`, `: Ledger | null`, `Option<Ledger>`, `"Ledger"`, `*Ledger`.
/// None: it is no name.
pub(super) fn named(written: &str) -> Option<&str> {
    let mut written = written;
    for _ in 0..WRAPPED {
        let (head, rest) = split(written);
        let last = head.rsplit(['.', ':']).next().unwrap_or(head);
        match rest.strip_prefix(['<', '[']).filter(|_| WRAPPERS.contains(&last)) {
            Some(inner) => written = inner.trim_end_matches(['>', ']', ' ']),
            None => {
                let is_path = head.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    && head.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '$'));
                return is_path.then_some(head);
            }
        }
    }
    None
}

/// A written type up to where its name ends, and the rest.
fn split(written: &str) -> (&str, &str) {
    let mut text = written.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ':' | '"' | '\'' | '&' | '*' | '-' | '>' | '?')
    });
    loop {
        let shorter = ["mut ", "dyn ", "impl ", "const ", "final ", "readonly "]
            .iter()
            .find_map(|word| text.strip_prefix(word));
        let shorter = shorter
            .or_else(|| text.strip_prefix('\'').and_then(|rest| rest.split_once(' ')).map(|(_, rest)| rest));
        let Some(shorter) = shorter else { break };
        text = shorter.trim_start_matches(['&', '*', ' ']);
    }
    let end = text.find(['<', '[', '|', ' ', '(', '{', ',', '+', '?', '\n']).unwrap_or(text.len());
    text.split_at(end)
}

/// True where a name is that of a type by the customs of all six languages.
pub(super) fn is_type_name(name: &str) -> bool {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    last.trim_start_matches('_').starts_with(char::is_uppercase)
}
