//! Options of a command: a few flags and values, parsed without touching anything.

use std::ops::Range;

/// The words after the command's name, taken out one by one.
#[derive(Debug)]
pub(crate) struct Args(Vec<String>);

impl Args {
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().collect())
    }

    /// Takes out the first word, where it is no flag.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        self.0.first().filter(|word| !word.starts_with('-'))?;
        Some(self.0.remove(0))
    }

    /// Takes out a flag; true if it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes out `name VALUE` or `name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>, String> {
        let joined = |word: &String| {
            word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned)
        };
        if let Some((at, value)) = self.0.iter().enumerate().find_map(|(at, word)| Some((at, joined(word)?)))
        {
            self.0.remove(at);
            return Ok(Some(value));
        }
        let Some(at) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.0.len() {
            return Err(format!("`{name}` needs a value"));
        }
        self.0.remove(at);
        Ok(Some(self.0.remove(at)))
    }

    /// Takes out a whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{name}` needs a whole number, not `{text}`"))
    }

    /// Takes out `--seed N` (one seed) or `--seeds A..B` (`B` not included) or `--seeds N` (`0..N`).
    pub(crate) fn seeds(&mut self, default: Range<u64>) -> Result<Range<u64>, String> {
        if let Some(seed) = self.number("--seed")? {
            let end = seed.checked_add(1).ok_or("`--seed` is too large")?;
            return Ok(seed..end);
        }
        let Some(text) = self.value("--seeds")? else { return Ok(default) };
        let parse =
            |part: &str| part.parse::<u64>().map_err(|_| format!("`--seeds` needs `A..B`, not `{text}`"));
        let seeds = match text.split_once("..") {
            Some((from, to)) => parse(from)?..parse(to)?,
            None => 0..parse(&text)?,
        };
        if seeds.is_empty() { Err(format!("`--seeds {text}` names none")) } else { Ok(seeds) }
    }

    /// Nothing may be left over. `help` is printed with the complaint.
    pub(crate) fn finish(self, help: &str) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => Err(format!("`{word}` is not known here\n\n{help}")),
        }
    }

    /// Prints `help` if it was asked for; true if so.
    pub(crate) fn helped(&mut self, help: &str) -> bool {
        let asked = self.flag("--help") | self.flag("-h");
        if asked {
            println!("{help}");
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn values_and_flags_are_taken_out() {
        let mut given = args("--check --gate=85 --only tidy");
        assert!(given.flag("--check"));
        assert_eq!(given.number("--gate"), Ok(Some(85)));
        assert_eq!(given.value("--only"), Ok(Some("tidy".to_owned())));
        assert_eq!(given.finish("help"), Ok(()));
    }

    #[test]
    fn seeds_in_all_forms() {
        assert_eq!(args("--seed 7").seeds(0..1), Ok(7..8));
        assert_eq!(args("--seeds 3..9").seeds(0..1), Ok(3..9));
        assert_eq!(args("--seeds 4").seeds(0..1), Ok(0..4));
        assert_eq!(args("").seeds(0..1), Ok(0..1));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(args("--seeds x..9").seeds(0..1).is_err());
        assert!(args("--seeds 9..3").seeds(0..1).is_err() && args("--seeds 0").seeds(0..1).is_err());
        assert!(args("--gate").number("--gate").is_err());
        assert!(args("--gat 85").finish("help").is_err_and(|report| report.contains("--gat")));
    }
}
