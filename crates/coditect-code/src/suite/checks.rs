//! Commands that check the code and can mend what they object to: linters and formatters.

/// How a tool is told to mend.
enum Mends {
    /// A word more.
    With(&'static str),
    /// These words away, with this one in their place.
    Without(&'static [&'static str], &'static str),
}

/// Tools by name, with the words that must stand behind it first.
const TOOLS: &[(&str, &[&str], Mends)] = &[
    ("ruff", &["check"], Mends::With("--fix")),
    ("ruff", &["format"], Mends::Without(&["--check", "--diff"], "")),
    ("black", &[], Mends::Without(&["--check", "--diff"], "")),
    ("isort", &[], Mends::Without(&["--check", "--check-only", "-c", "--diff"], "")),
    ("eslint", &[], Mends::With("--fix")),
    ("standard", &[], Mends::With("--fix")),
    ("prettier", &[], Mends::Without(&["--check", "-c", "--list-different", "-l"], "--write")),
    ("biome", &["check"], Mends::With("--write")),
    ("biome", &["lint"], Mends::With("--write")),
    ("biome", &["format"], Mends::With("--write")),
    ("dprint", &["check"], Mends::Without(&["check"], "fmt")),
    ("cargo", &["fmt"], Mends::Without(&["--check"], "")),
    ("cargo", &["clippy"], Mends::With("--fix --allow-dirty --allow-staged --allow-no-vcs")),
];

/// The command that mends what `command` checks, where it is one of a tool that can: `ruff check src` is `ruff check --fix
/// src`. Programs that start others (`npx`, `python3 -m`, `uv run`) are seen through.
#[must_use]
pub fn mending(command: &[String]) -> Option<Vec<String>> {
    let at = tool_at(command)?;
    let tool = base(&command[at]);
    let rest = &command[at + 1..];
    let fits = |words: &[&str]| words.len() <= rest.len() && words.iter().zip(rest).all(|(a, b)| a == b);
    let (_, first, how) = TOOLS.iter().find(|(name, first, _)| *name == tool && fits(first))?;
    let mut mends = command[..=at].to_vec();
    match how {
        Mends::With(words) => {
            mends.extend(rest[..first.len()].iter().cloned());
            mends.extend(words.split(' ').map(str::to_owned));
            mends.extend(rest[first.len()..].iter().filter(|word| *words != word.as_str()).cloned());
        }
        Mends::Without(words, instead) => {
            let is_check = |word: &String| words.contains(&word.as_str());
            // Without it, the tool mends already, and running it is no check.
            if !rest.iter().any(is_check) {
                return None;
            }
            if !instead.is_empty() {
                mends.push((*instead).to_owned());
            }
            mends.extend(rest.iter().filter(|word| !is_check(word)).cloned());
            // `cargo fmt -- --check` has nothing behind the dashes any more.
            mends.pop_if(|word| word == "--");
        }
    }
    Some(mends)
}

/// Where the tool's name stands, behind what starts it.
fn tool_at(command: &[String]) -> Option<usize> {
    let word = |at: usize| command.get(at).map(|word| base(word));
    let mut at = 0;
    loop {
        let name = word(at)?;
        at += match name {
            "npx" | "bunx" | "uvx" | "pnpx" => {
                1 + command[at + 1..].iter().take_while(|word| word.starts_with('-')).count()
            }
            "uv" | "poetry" | "pipenv" | "hatch" if word(at + 1) == Some("run") => 2,
            "pnpm" | "npm" | "yarn" if word(at + 1) == Some("exec") => 2,
            python if python.starts_with("python") && word(at + 1) == Some("-m") => 2,
            _ => return Some(at),
        };
    }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::mending;

    fn of(command: &str) -> Option<String> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        mending(&words).map(|words| words.join(" "))
    }

    #[test]
    fn a_check_is_turned_into_what_mends() {
        for (check, mends) in [
            ("ruff check src", "ruff check --fix src"),
            ("ruff check --fix src", "ruff check --fix src"),
            ("python3 -m ruff format --check .", "python3 -m ruff format ."),
            (".venv/bin/black --check --diff pkg", ".venv/bin/black pkg"),
            (
                "npx --no-install eslint . --max-warnings 0",
                "npx --no-install eslint --fix . --max-warnings 0",
            ),
            ("node_modules/.bin/prettier --check .", "node_modules/.bin/prettier --write ."),
            ("cargo fmt --all -- --check", "cargo fmt --all"),
            ("cargo fmt --check", "cargo fmt"),
            (
                "cargo clippy -- -D warnings",
                "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs -- -D warnings",
            ),
            ("uv run ruff check .", "uv run ruff check --fix ."),
            ("dprint check", "dprint fmt"),
        ] {
            assert_eq!(of(check).as_deref(), Some(mends), "{check}");
        }
    }

    #[test]
    fn what_is_no_check_is_left_alone() {
        for command in [
            "python3 -m pytest",
            "make test",
            "black pkg",
            "cargo test",
            "ruff",
            "npx",
            "sh -c ruff",
            "uv run",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }
}
