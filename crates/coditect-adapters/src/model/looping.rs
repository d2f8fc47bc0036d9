//! Answers that go round: small models fall into writing the same again and again, and would do so up to the last token that they may
//! have, which takes minutes and helps nobody.

/// Bytes at the end of an answer that are looked at, and how long the part may be that they repeat: it is there five times.
const TAIL: usize = 1_500;
const PERIOD: usize = TAIL / 5;
/// An answer is looked at again after so many bytes more.
const LOOK_EVERY: usize = 256;

/// Looks at an answer as it grows.
#[derive(Debug, Default)]
pub(super) struct Looping {
    looked_at: usize,
}

impl Looping {
    /// Whether the answer, which only grows, goes round by now.
    pub(super) fn is_in(&mut self, text: &str) -> bool {
        if text.len() < self.looked_at + LOOK_EVERY {
            return false;
        }
        self.looked_at = text.len();
        text.len().checked_sub(TAIL).is_some_and(|from| period(&text.as_bytes()[from..]) <= PERIOD)
    }
}

/// The shortest part that a text repeats from its beginning to its end (Knuth, Morris, Pratt, "Fast Pattern Matching in Strings",
/// 1977: the length without the longest border).
fn period(text: &[u8]) -> usize {
    let mut borders = vec![0_usize; text.len()];
    for at in 1..text.len() {
        let mut border = borders[at - 1];
        while border > 0 && text[border] != text[at] {
            border = borders[border - 1];
        }
        borders[at] = border + usize::from(text[border] == text[at]);
    }
    text.len() - borders.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(text: &str) -> bool {
        // As it comes, a few bytes at a time.
        let mut looping = Looping::default();
        (1..=text.len()).filter(|end| text.is_char_boundary(*end)).any(|end| looping.is_in(&text[..end]))
    }

    #[test]
    fn what_is_said_again_and_again_is_noticed() {
        let call = ".replace(\"(\", \"\").replace(\")\", \"\").replace(\"[\", \"\").replace(\"é\", \"\")";
        assert!(loops(&format!("def luhn(text):\n    return text{}", call.repeat(40))));
        assert!(loops(&"    x = 1\n".repeat(400)));
        assert_eq!(period(b"abcabcabca"), 3);
        assert_eq!(period(b""), 0);
    }

    #[test]
    fn code_that_is_only_alike_is_none() {
        let table: String = (0..400).map(|n| format!("    {n}: \"{}\",\n", n * 7)).collect();
        assert!(!loops(&table));
        let verses: String = (0..60)
            .map(|n| format!("This is the malt\nThat lay in the house that Jack built. {n}\n"))
            .collect();
        assert!(!loops(&verses));
        assert!(
            !loops(&"short\n".repeat(100)),
            "a part that is there a few hundred bytes long is no loop yet"
        );
    }
}
