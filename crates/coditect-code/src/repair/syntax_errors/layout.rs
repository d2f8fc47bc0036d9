//! Lines at the wrong depth, blocks without a body, tabs among spaces.

use std::ops::Range;

use super::fixes::Fixes;
use super::page::Page;
use crate::syntax::Splice;

/// Rows of a block that are moved together at most.
const MOST_ROWS: usize = 400;
/// Blocks that are cut off after so many rows are tried.
const MOST_CUTS: usize = 8;
/// Depths that are tried for one row.
const MOST_DEPTHS: usize = 8;

pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    if page.of_braces || !page.has_code(row) {
        return;
    }
    let word = page.first_word(row);
    let branch = matches!(word, "else" | "elif" | "except" | "finally" | "case");
    let sure = match (fixes.complaint.is_layout(), fixes.complaint.says("outside ")) {
        (true, _) => 1.5,
        (false, true) => 1.3,
        (false, false) if branch => 1.0,
        (false, false) => 0.15,
    };
    let extents = extents(page, row);
    for (depth, fit) in depths(page, row, branch) {
        for (rows, share) in &extents {
            fixes.several(shifted(page, rows.clone(), row, &depth), sure * fit * share);
        }
    }
    body(fixes, row);
}

/// The step of a block in this file.
pub(super) fn unit(page: &Page<'_>) -> String {
    let mut counts: [usize; 9] = [0; 9];
    let mut tabs = 0;
    let mut before = 0;
    for row in (0..page.lines.len()).filter(|row| page.has_code(*row)).take(2_000) {
        let indent = page.indent(row);
        tabs += usize::from(indent.starts_with('\t'));
        let step = indent.len().saturating_sub(before);
        if (1..9).contains(&step) && indent.starts_with(' ') {
            counts[step] += 1;
        }
        before = indent.len();
    }
    if tabs > counts.iter().sum::<usize>() {
        return "\t".to_owned();
    }
    let most = (2..9).max_by_key(|step| (counts[*step], *step == 4)).unwrap_or(4);
    " ".repeat(if counts[most] == 0 { 4 } else { most })
}

/// Depths that the row may have, as white space, with how well each fits.
fn depths(page: &Page<'_>, row: usize, branch: bool) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let own = page.indent(row);
    let mut add = |depth: String, fit: f64| {
        if depth != own && !found.iter().any(|(known, _)| *known == depth) {
            found.push((depth, fit));
        }
    };
    let unit = unit(page);
    if let Some(above) = page.above(row) {
        let opens = page.last(above) == ":";
        if opens && !branch {
            add(format!("{}{unit}", page.indent(above)), 1.4);
        }
        // A line between two of the same depth most likely has theirs.
        let below = page.below(row).map(|below| page.indent(below));
        if below == Some(page.indent(above)) && !branch && !opens {
            add(page.indent(above).to_owned(), 1.4);
        }
        let mut narrowest = usize::MAX;
        let mut rank = 0;
        let mut at = Some(above);
        while let Some(up) = at.filter(|_| rank < MOST_DEPTHS) {
            let indent = page.indent(up);
            if indent.len() < narrowest {
                narrowest = indent.len();
                let partner = branch
                    && matches!(
                        page.first_word(up),
                        "if" | "elif" | "for" | "while" | "try" | "except" | "match"
                    );
                let fit = if partner { 1.3 } else { 1.1 };
                add(indent.to_owned(), fit / (1.0 + 0.2 * f64::from(rank as u32)));
                rank += 1;
            }
            if narrowest == 0 {
                break;
            }
            at = page.above(up);
        }
        if !opens {
            add(format!("{}{unit}", page.indent(above)), 0.25);
        }
    }
    if let Some(below) = page.below(row) {
        add(page.indent(below).to_owned(), 1.2);
    }
    add(String::new(), 0.4);
    found.truncate(MOST_DEPTHS);
    found
}

/// What moves with the row: it alone, its body, the rest of its block.
fn extents(page: &Page<'_>, row: usize) -> Vec<(Range<usize>, f64)> {
    let depth = page.indent(row).len();
    let until = |least: usize| {
        let end = (row + 1..page.lines.len())
            .take(MOST_ROWS)
            .find(|below| page.has_code(*below) && page.indent(*below).len() < least);
        end.unwrap_or((row + 1 + MOST_ROWS).min(page.lines.len()))
    };
    let (body, block) = (until(depth + 1), until(depth));
    let heads = page.last(row) == ":";
    let mut found = vec![(row..row + 1, if heads { 0.6 } else { 1.0 })];
    let mut add = |rows: Range<usize>, fit: f64| {
        if !found.iter().any(|(known, _)| *known == rows) {
            found.push((rows, fit));
        }
    };
    add(row..body, if heads { 1.0 } else { 0.7 });
    add(row..block, if depth == 0 { 0.3 } else { 0.85 });
    let cuts: Vec<usize> = (row + 2..block).filter(|end| page.has_code(end - 1)).take(MOST_CUTS).collect();
    for end in cuts {
        add(row..end, 0.6);
    }
    found
}

/// Rows moved so that `row` stands at `depth`, each by the same.
fn shifted(page: &Page<'_>, rows: Range<usize>, row: usize, depth: &str) -> Vec<Splice> {
    let own = page.indent(row);
    let mut splices = Vec::new();
    for n in rows.filter(|n| page.has_code(*n)) {
        let indent = page.indent(n);
        let start = page.lines[n].range.start;
        let new = match indent.strip_prefix(own) {
            Some(rest) => format!("{depth}{rest}"),
            None => depth.to_owned(),
        };
        splices.push(Splice { range: start..start + indent.len(), new });
    }
    splices
}

/// A block without a body gets one that does nothing, or is no block.
fn body(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    if !fixes.complaint.says("expected an indented block") || page.last(row) != ":" {
        return;
    }
    let line = &page.lines[row];
    let pass = format!("{}{}{}pass", page.eol(), page.indent(row), unit(page));
    fixes.insert(line.range.end, pass, 1.0);
    fixes.put(line.code_end - 1..line.code_end, "", 0.3);
}

/// Tabs and spaces mixed: all to the one or to the other, or one line to what its neighbours have.
pub(super) fn tabs(fixes: &mut Fixes<'_>) {
    let page = fixes.page;
    if page.of_braces || !(0..page.lines.len()).any(|row| page.indent(row).contains('\t')) {
        return;
    }
    let sure = if fixes.complaint.says("tabs") || fixes.complaint.is_layout() { 1.6 } else { 0.3 };
    for (width, fit) in [(4, 1.0), (8, 0.9), (2, 0.5)] {
        let mut splices = Vec::new();
        for row in 0..page.lines.len() {
            let indent = page.indent(row);
            if indent.contains('\t') {
                let start = page.lines[row].range.start;
                splices.push(Splice { range: start..start + indent.len(), new: spaced(indent, width) });
            }
        }
        fixes.several(splices, sure * fit);
    }
    let unit = unit(page);
    if unit == "\t" {
        let mut splices = Vec::new();
        for row in 0..page.lines.len() {
            let indent = page.indent(row);
            if indent.contains(' ') {
                let start = page.lines[row].range.start;
                let width = spaced(indent, 4).len();
                splices
                    .push(Splice { range: start..start + indent.len(), new: "\t".repeat(width.div_ceil(4)) });
            }
        }
        fixes.several(splices, 1.2 * sure);
    }
}

/// White space with every tab as so many columns.
fn spaced(indent: &str, width: usize) -> String {
    let mut columns = 0_usize;
    for c in indent.chars() {
        columns = if c == '\t' { (columns / width + 1) * width } else { columns + 1 };
    }
    " ".repeat(columns)
}
