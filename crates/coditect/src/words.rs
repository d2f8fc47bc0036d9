//! A command line in one string, taken apart as a shell would, without running anything.

/// Splits `text` into words: blanks separate, quotes and backslashes keep together. No expansion of any kind.
///
/// # Errors
/// What is wrong with it: a quote without its end, a backslash at the end, no word at all.
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('"') | None, '\\') => {
                let next = chars.next().ok_or("it ends with a backslash")?;
                word.get_or_insert_default().push(next);
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(q) = quote {
        return Err(format!("the quote {q} has no end"));
    }
    words.extend(word);
    if words.is_empty() { Err("it has no word".to_owned()) } else { Ok(words) }
}

/// `word` as a shell would read it back.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Words as one would type them.
pub(crate) fn join(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Bytes for people.
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        _ => format!("{} KiB", bytes.div_ceil(1_024)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_by_a_shell() {
        let check = |text: &str, expect: &[&str]| assert_eq!(split(text).unwrap(), expect, "{text}");
        check("python -m  pytest", &["python", "-m", "pytest"]);
        check(r#"pytest -k "a or b" 'c d'"#, &["pytest", "-k", "a or b", "c d"]);
        check(r#"a\ b "c\"d" '' e"f"g"#, &["a b", "c\"d", "", "efg"]);
        for bad in ["", "  ", "'a", "\"a", "a\\"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quoting_comes_back() {
        let words = ["a b", "it's", "", "$HOME", "plain-1.2"].map(str::to_owned);
        assert_eq!(split(&join(&words)).unwrap(), words);
    }
}
