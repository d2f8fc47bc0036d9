//! What investigations found out that whoever is asked next must know. It is told a model that has not answered yet: one that has
//! is told what became of its answer.

use coditect_types::outcome::{Halved, HarmfulPart};

/// Findings that are kept; older ones make room.
const MOST: usize = 8;
/// Bytes of one.
const BYTES: usize = 1_200;

/// One thing that was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, in a sentence.
    pub says: String,
    /// What shows it: text of the project or of a model. Data.
    pub shown: String,
}

/// Takes note of parts of a refused change that break something.
pub(crate) fn add(findings: &mut Vec<Finding>, halved: &Halved) {
    let of_part = |part: &HarmfulPart| Finding {
        says: format!("An earlier change was refused. Of it, {}:", part.says()),
        shown: part.text[..part.text.floor_char_boundary(BYTES)].to_owned(),
    };
    findings.extend(halved.parts.iter().map(of_part));
    let over = findings.len().saturating_sub(MOST);
    findings.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_findings_are_kept_and_long_ones_cut() {
        let mut findings = Vec::new();
        for n in 0..MOST + 3 {
            let part = HarmfulPart {
                places: vec![format!("a.py:{n}")],
                text: "é".repeat(BYTES),
                breaks: vec!["t".into()],
            };
            add(&mut findings, &Halved { parts: vec![part], runs: 1, ..Halved::default() });
        }
        assert_eq!(findings.len(), MOST);
        assert!(findings[MOST - 1].says.contains(&format!("`a.py:{}` breaks `t`", MOST + 2)));
        assert!(findings.iter().all(|finding| finding.shown.len() <= BYTES));
    }
}
