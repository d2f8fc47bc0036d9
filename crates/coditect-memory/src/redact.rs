//! Secrets in a text are blotted out before the text is kept: keys by the form that their makers give them, values of names that
//! say what they are, passwords in addresses, private keys, and long random-looking words.
//!
//! The forms are those that the makers publish for scanners (GitHub's and GitLab's token prefixes, AWS access key ids, Google API
//! keys, JSON Web Tokens of RFC 7519, PEM of RFC 7468). Lines stay lines, so that a diff stays a diff.

/// What stands in a secret's place.
pub const BLOT: &str = "[redacted]";

/// How keys begin, and the letters that follow at least.
const KEYS: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 10),
    ("rk_live_", 10),
    ("pk_live_", 10),
    ("sk_test_", 10),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("npm_", 30),
    ("pypi-", 30),
    ("hf_", 20),
    ("SG.", 20),
    ("dop_v1_", 30),
    ("eyJ", 30),
];
/// Parts of names whose values are secret.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "credential",
    "accountkey",
    "account_key",
    "sharedaccesskey",
    "sessionid",
];
/// Addresses that let in whoever knows them.
const ADDRESSES: &[&str] = &["hooks.slack.com/services/", "discord.com/api/webhooks/"];
/// Letters of a value, below which it is a sample.
const LEAST: usize = 6;
/// The same of one that stands without quotes.
const BARE: usize = 8;
/// Letters and bits a letter from which on a word is too random to be one.
const RANDOM: usize = 32;
const BITS: f64 = 4.2;
/// Digits, below which it may be a name of many words.
const DIGITS: usize = 4;

/// The text without its secrets.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        let begin = line.find("-----BEGIN ").filter(|_| line.contains("PRIVATE KEY"));
        let end = line.find("-----END ").filter(|_| line.contains("PRIVATE KEY"));
        match (begin, end) {
            (Some(begin), Some(end)) if begin < end => {
                // All of it in one line, as settings in JSON have it.
                let from =
                    line[begin..end].find("KEY-----").map_or(begin, |at| begin + at + "KEY-----".len());
                redact_line(&line[..begin], &mut out);
                out.push_str(&line[begin..from.min(end)]);
                out.push_str(BLOT);
                out.push_str(&line[end..]);
                in_key = false;
            }
            (_, None) if in_key => {
                out.extend(line.chars().next().filter(|mark| matches!(mark, '+' | '-' | ' ')));
                out.push_str(BLOT);
                out.push_str(&line[line.trim_end_matches(['\r', '\n']).len()..]);
            }
            (Some(begin), None) => {
                in_key = true;
                // Where line ends are written as letters, the key stands behind it.
                let head = line[begin..].find("KEY-----").map_or(begin, |at| begin + at + "KEY-----".len());
                let end = line.trim_end_matches(['\r', '\n']).len().max(head);
                redact_line(&line[..begin], &mut out);
                out.push_str(&line[begin..head]);
                if end > head {
                    out.push_str(BLOT);
                }
                out.push_str(&line[end..]);
            }
            (_, end) => {
                in_key &= end.is_none();
                redact_line(line, &mut out);
            }
        }
    }
    out
}

fn redact_line(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let said = &line[..line.len() - from.len()];
        let mut word = &from[..from.find(|c| !is_of_word(c)).unwrap_or(from.len())];
        let quote = said.chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`'));
        // A value in quotes ends where they do, whatever is in it.
        if let Some(quote) = quote
            && is_named_secret(said.trim_end_matches(quote)).is_some()
            && let Some(end) = from.find(quote)
            && end > word.len()
        {
            word = &from[..end];
        }
        if let Some(end) = password_of_address(said, from) {
            word = &from[..end];
            out.push_str(BLOT);
        } else {
            out.push_str(if is_secret(word, said, &from[word.len()..]) { BLOT } else { word });
        }
        rest = &from[word.len()..];
    }
    out.push_str(rest);
}

/// Letters of keys and passwords; not those that end a value.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '~' | '!' | '#' | '$' | '%' | '^' | '*')
}

/// Whether a word is a secret, by its form or by what stands around it.
fn is_secret(word: &str, before: &str, after: &str) -> bool {
    let bare = word.trim_matches(['.', '/', '+', '-', '!', '*']);
    let has_form = KEYS.iter().any(|(begin, least)| {
        bare.strip_prefix(begin)
            .is_some_and(|rest| rest.len() >= *least && rest.bytes().any(|b| b.is_ascii_digit()))
    });
    let is_address = ADDRESSES.iter().any(|address| word.contains(address) || before.ends_with(address));
    has_form
        || is_address
        || is_random(bare)
        || is_value(word, before, after)
        || is_bearer(word, before)
        || is_of_command(word, before)
}

/// `curl -u admin:hunter22`, `mysql -phunter22`: what commands are given to get in.
fn is_of_command(word: &str, before: &str) -> bool {
    let last = before.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
    // The name stands before the colon, which is not of a word.
    let of_user = before.strip_suffix(':').and_then(|before| {
        let mut words = before.rsplit(char::is_whitespace);
        words.next().filter(|name| !name.is_empty())?;
        words.next()
    });
    let is_login = matches!(of_user, Some("-u" | "--user")) && word.len() >= LEAST;
    let of_client = word.strip_prefix("-p").is_some_and(|rest| rest.len() >= LEAST && !rest.starts_with('-'))
        && ["mysql", "mariadb", "mysqldump"].iter().any(|client| before.contains(client))
        && last != "--";
    is_login || of_client
}

/// `password = "hunter22"`, `API_TOKEN=x81kd9`, `"secret": "..."`: a text for a name that says what it is.
fn is_value(word: &str, before: &str, after: &str) -> bool {
    if word.len() < LEAST || word == BLOT {
        return false;
    }
    let is_quoted = before.ends_with(['"', '\'', '`']);
    let Some(name) = is_named_secret(before.trim_end_matches(['"', '\'', '`'])) else { return false };
    // In code, what is not a text is a name or a number; in a file of settings it is the value, which has digits.
    let is_setting = name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase);
    // Base64 may end so.
    let is_whole = after
        .trim_start_matches('=')
        .chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || matches!(c, '&' | ',' | ';' | '"' | '\''));
    let looks_so = word.len() >= BARE && is_whole && word.bytes().any(|b| b.is_ascii_digit());
    // A line that is nothing else is one of a file of settings. A name of code would be short of a sign behind it.
    let own = before.trim_start_matches(['+', '-', ' ']);
    let is_line =
        own.strip_suffix('=').is_some_and(|own| own == name || own.strip_prefix("export ") == Some(name))
            && word.len() >= BARE
            && after.trim().is_empty();
    is_quoted || is_setting || looks_so || is_line
}

/// The name that stands before a value, where it says that the value is a secret.
fn is_named_secret(before: &str) -> Option<&str> {
    let before = before.trim_end();
    let word_of = |text: &'_ str| {
        text.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)))
            .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))
    };
    let name = match before.strip_suffix([':', '=']) {
        Some(name) => name.trim_end_matches([':', '=', '!']).trim_end().trim_end_matches(['"', '\'', ']']),
        // `--password hunter22`
        None => before.get(word_of(before)..).filter(|word| word.starts_with("--")).map(|_| before)?,
    };
    let name = &name[word_of(name)..];
    let low = name.to_lowercase();
    let part = |known: &str| low.split(['_', '-', '.']).any(|part| part == known);
    (NAMES.iter().any(|known| low.contains(known)) || part("pwd") || part("pass")).then_some(name)
}

/// `https://me:secret@host`: the bytes from here to the last at sign of the address, where its password begins here.
fn password_of_address(before: &str, from: &str) -> Option<usize> {
    let at = before.rfind("://")?;
    let user = before[at + 3..].strip_suffix(':')?;
    if !user.chars().all(is_of_word) || user.contains('/') {
        return None;
    }
    let end = from.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(from.len());
    from[..end].rfind('@').filter(|at| *at > 0)
}

/// What follows `Bearer` or `Basic` in a head of HTTP.
fn is_bearer(word: &str, before: &str) -> bool {
    let schemes = ["Bearer ", "Basic ", "bearer ", "Authorization: token ", "Authorization: Token "];
    word.len() >= LEAST && schemes.iter().any(|scheme| before.ends_with(scheme))
}

/// Long, of small and large letters and digits, and without a pattern. A hash in hex is none: it tells nothing.
fn is_random(word: &str) -> bool {
    let has = |of: fn(&u8) -> bool| word.as_bytes().iter().any(of);
    if word.len() < RANDOM
        || !(has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && word.bytes().filter(u8::is_ascii_digit).count() >= DIGITS)
        || word.contains(['.', '/']) && word.split(['.', '/']).all(|part| part.len() < RANDOM)
    {
        return false;
    }
    let mut counts = [0_u32; 256];
    word.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = word.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum();
    entropy >= BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_blotted_out() {
        for (text, secret) in [
            ("key ghp_16C7e42F292c6912E7710c838347Ae178B4a is bad", "16C7e42F292c6912E7710c838347Ae178B4a"),
            ("aws AKIAIOSFODNN7EXAMPLE1 x", "AKIAIOSFODNN7EXAMPLE1"),
            ("password = \"hunter22\"", "hunter22"),
            ("+    db_password='correct-horse'", "correct-horse"),
            ("{\"api_key\": \"abc123def\"}", "abc123def"),
            ("settings[\"SECRET_KEY\"] = 'django-insecure-1'", "django-insecure-1"),
            ("STRIPE_TOKEN=tok3n-value", "tok3n-value"),
            ("git clone https://me:s3cr3tpw@example.org/x", "s3cr3tpw"),
            ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJB\n-----END RSA PRIVATE KEY-----", "MIIBOgIBAAJB"),
            ("k Zq8Xv2Lm9Rt4Wy7Bn3Kp6Hs1Jd5Gf0Ca", "Zq8Xv2Lm9Rt4Wy7Bn3Kp6Hs1Jd5Gf0Ca"),
            ("password: hunter22x", "hunter22x"),
            ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
            ("password = \"pa@ss w0rd99\"", "w0rd99"),
            ("Authorization: token abcdef123456", "abcdef123456"),
            ("run --password hunter33x now", "hunter33x"),
            ("GET /x?token=abc123tok&a=1", "abc123tok"),
            ("redis://:s3cr3tpw1@h/0", "s3cr3tpw1"),
            ("postgres://u:pa@ss1w0rd@h", "ss1w0rd"),
            ("pwd = 'hunter44'", "hunter44"),
            ("db_pass = \"hunter55\"", "hunter55"),
            ("{\"k\": \"-----BEGIN PRIVATE KEY-----\\nMIIBOg\\n-----END PRIVATE KEY-----\\n\"}", "MIIBOg"),
            ("sk-proj-abcdef0123456789abcd", "abcdef0123456789abcd"),
            ("see https://hooks.slack.com/services/T0AB/B0CD/abcDEFghij for it", "abcDEFghij"),
            ("EndpointSuffix=x;AccountKey=abc123DEF==", "abc123DEF"),
            ("Cookie: sessionid=ab12cd34ef", "ab12cd34ef"),
            ("db_password=correcthorse\n", "correcthorse"),
            ("+export db_password=correcthorse", "correcthorse"),
            ("curl -u admin:correcthorse https://h", "correcthorse"),
            ("mysql -h h -pcorrecthorse shop", "correcthorse"),
            ("k = -----BEGIN PRIVATE KEY-----\\nMIIBOgIB\\nAAJB", "MIIBOgIB"),
        ] {
            let clean = redact(text);
            assert!(!clean.contains(secret) && clean.contains(BLOT), "{text}: {clean}");
        }
    }

    #[test]
    fn code_and_prose_stay_as_they_are() {
        for text in [
            "def next_token(self, tokens): return tokens[self.index - 1]",
            "token = tokens[i]\n-    return token\n+    return self.token",
            "assert password_strength(value) == 3",
            "commit 0123456789abcdef0123456789abcdef01234567",
            "tests/test_shop.py::TestBasket::test_the_price_of_goods_is_their_sum_with_tax",
            "https://example.org/a:b/c and http://localhost:8080/x",
            "if token == ':': pass",
            "src/main/java/org/example/Abstract2SingletonProxyFactoryBean.java",
            "def check(token: string, password: String) -> bool: pass",
            "let token = tokens2[1]; pass_count = total12 + 1",
            "ask-the-user-for-something-to-do-1",
            "connect(user=name, password=password_of(name))",
            "    db_password=settings_password,",
            "grep -u a.b:c; cp -preserve x y",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    proptest! {
        /// Whatever it is, lines stay lines, and once is enough.
        #[test]
        fn lines_stay_lines(text in "[-+ a-zA-Z0-9=:\"'@/.\n]{0,200}") {
            let once = redact(&text);
            prop_assert_eq!(once.lines().count(), text.lines().count());
            prop_assert_eq!(redact(&once), once);
        }
    }
}
