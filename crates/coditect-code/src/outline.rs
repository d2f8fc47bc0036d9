//! The map of a project that a model gets in place of files that do not fit: the files that matter most first, and of each the
//! heads of its functions and types.
//!
//! Files are ranked by PageRank (Brin and Page 1998) over who uses the names that others define, with the restart at the files
//! that share words with what is wanted, as Haveliwala (2002) biases it. Nothing is run for it.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Tree};

use crate::languages::{Language, is_function};
use crate::repair::Source;
use crate::syntax::{children, text_of};

/// Bytes of sources that are looked at, and of one of them.
const MOST_BYTES: usize = 16 << 20;
const ONE_BYTES: usize = 512 << 10;
/// The part of the weight that a file hands on to those that it uses; the rest goes back to where the search began.
const HANDED_ON: f64 = 0.85;
/// Rounds, after which the weights of real projects do not move any more.
const ROUNDS: usize = 30;
/// A name that more files than this define says nothing of which one is meant.
const MOST_DEFINERS: usize = 4;
/// Letters of a name, below which it is a mere letter.
const LETTERS: usize = 3;
/// Bytes of one head, and heads of one file.
const HEAD_BYTES: usize = 160;
const MOST_HEADS: usize = 60;

/// A file in a few lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its path, as that of the source.
    pub path: String,
    /// The heads of its functions and types, as they stand, a line each.
    pub heads: String,
    /// Heads that were left out.
    pub left_out: usize,
    /// How much it matters beside the others; all together weigh 1.
    pub weight: f64,
}

/// What a file has to do with others.
struct File<'s> {
    source: &'s Source,
    heads: Vec<Head<'s>>,
    uses: BTreeSet<&'s str>,
}

/// The head of a function or a type.
struct Head<'s> {
    name: &'s str,
    text: String,
}

/// The outlines of a project's files, those that matter most for what is `wanted` first.
#[must_use]
pub fn outlines(sources: &[Source], wanted: &str) -> Vec<Outline> {
    let mut taken = 0;
    let fits = |source: &&Source| {
        taken += source.text.len();
        taken <= MOST_BYTES && source.text.len() <= ONE_BYTES
    };
    let files: Vec<File<'_>> = sources.iter().filter(fits).filter_map(File::of).collect();
    let mut definers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        let names: BTreeSet<&str> = file.heads.iter().map(|head| head.name).collect();
        names.into_iter().for_each(|name| definers.entry(name).or_default().push(at));
    }
    definers.retain(|name, at| at.len() <= MOST_DEFINERS && name.chars().count() >= LETTERS);
    let weights = ranked(&files, &definers, &restart(&files, wanted));
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &files {
        file.uses.iter().for_each(|name| *used.entry(name).or_default() += 1);
    }
    let words = words(wanted);
    let matters = |head: &Head<'_>| {
        let named = words.contains(&head.name.to_lowercase());
        (named, used.get(head.name).copied().unwrap_or(0))
    };
    let mut all: Vec<Outline> =
        files.iter().zip(weights).map(|(file, weight)| file.outline(weight, &matters)).collect();
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.path.cmp(&b.path)));
    all
}

impl<'s> File<'s> {
    fn of(source: &'s Source) -> Option<Self> {
        let language = Language::of_path(&source.path)?;
        let tree = language.syntax()?.parse(&source.text)?;
        let (heads, uses) = look(&source.text, &tree);
        Some(Self { source, heads, uses })
    }

    fn outline(&self, weight: f64, matters: &impl Fn(&Head<'_>) -> (bool, usize)) -> Outline {
        let mut order: Vec<usize> = (0..self.heads.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(matters(&self.heads[*at])));
        let shown: BTreeSet<usize> = order.into_iter().take(MOST_HEADS).collect();
        let lines: Vec<&str> = shown.iter().map(|at| self.heads[*at].text.as_str()).collect();
        Outline {
            path: self.source.path.clone(),
            heads: lines.join("\n"),
            left_out: self.heads.len() - lines.len(),
            weight,
        }
    }
}

/// The heads of a file in their order, and every name that stands in it.
fn look<'s>(text: &'s str, tree: &Tree) -> (Vec<Head<'s>>, BTreeSet<&'s str>) {
    let (mut heads, mut uses) = (Vec::new(), BTreeSet::new());
    let mut open = vec![(tree.root_node(), false)];
    while let Some((node, in_body)) = open.pop() {
        if node.kind().ends_with("identifier") {
            uses.insert(text_of(text, node));
        }
        if !in_body && let Some(head) = head(text, node) {
            heads.push(head);
        }
        let inside = in_body || is_function(node.kind());
        open.extend(children(node).into_iter().rev().map(|child| (child, inside)));
    }
    (heads, uses)
}

/// The head of a node that defines a function or a type.
fn head<'s>(text: &'s str, node: Node<'_>) -> Option<Head<'s>> {
    let kind = node.kind();
    let is_type = matches!(
        kind,
        "class_definition"
            | "class_declaration"
            | "abstract_class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "type_alias_declaration"
            | "struct_item"
            | "enum_item"
            | "trait_item"
            | "impl_item"
            | "function_signature_item"
            | "type_spec"
    );
    if !is_type && !is_function(kind) {
        return None;
    }
    // A function without a name is called as what it is given to.
    let whole = match node.child_by_field_name("name") {
        None if !is_type => node.parent().filter(|parent| parent.child_by_field_name("name").is_some())?,
        _ => node,
    };
    let name = ["name", "type"].iter().find_map(|field| whole.child_by_field_name(field))?;
    let start = whole.start_byte();
    let first_line =
        || text[start..].find('\n').map_or(node.end_byte(), |at| (start + at).min(node.end_byte()));
    let end = node.child_by_field_name("body").map_or_else(first_line, |body| body.start_byte());
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[line..start];
    let indent = if indent.trim().is_empty() { indent } else { "" };
    let words: Vec<&str> = text[start..end].split_whitespace().collect();
    let mut said = format!("{indent}{}", words.join(" ").trim_end_matches(['{', ':', ' ']));
    if said.len() > HEAD_BYTES {
        let cut = (0..=HEAD_BYTES).rev().find(|at| said.is_char_boundary(*at)).unwrap_or(0);
        said.truncate(cut);
        said.push('…');
    }
    Some(Head { name: text_of(text, name), text: said })
}

/// Words by which files are found, in lower case.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.chars().count() >= LETTERS).map(str::to_lowercase).collect()
}

/// Where the search begins: at files that share words with what is wanted, each word worth more the fewer files have it; at all
/// alike where none does. All together weigh 1.
fn restart(files: &[File<'_>], wanted: &str) -> Vec<f64> {
    let wanted = words(wanted);
    let known: Vec<BTreeSet<String>> = files
        .iter()
        .map(|file| {
            let mut known = words(&file.source.path);
            for name in &file.uses {
                known.insert(name.to_lowercase());
                known.extend(name.split('_').map(str::to_lowercase));
            }
            known
        })
        .collect();
    let mut weights = vec![0.0; files.len()];
    for word in &wanted {
        let having: Vec<usize> = (0..files.len()).filter(|at| known[*at].contains(word)).collect();
        #[expect(clippy::cast_precision_loss, reason = "files are far fewer than 2^52")]
        let share = 1.0 / (having.len() as f64).powi(2);
        having.into_iter().for_each(|at| weights[at] += share);
    }
    let sum: f64 = weights.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "files are far fewer than 2^52")]
    let alike = 1.0 / files.len().max(1) as f64;
    weights.into_iter().map(|weight| if sum > 0.0 { weight / sum } else { alike }).collect()
}

/// The weight of each file.
fn ranked(files: &[File<'_>], definers: &BTreeMap<&str, Vec<usize>>, restart: &[f64]) -> Vec<f64> {
    let leads: Vec<BTreeMap<usize, f64>> =
        files.iter().enumerate().map(|(at, file)| leads(at, file, definers)).collect();
    let mut weights = restart.to_vec();
    for _ in 0..ROUNDS {
        let mut next: Vec<f64> = restart.iter().map(|weight| weight * (1.0 - HANDED_ON)).collect();
        for (weight, leads) in weights.iter().zip(&leads) {
            let sum: f64 = leads.values().sum();
            if sum > 0.0 {
                leads.iter().for_each(|(to, part)| next[*to] += weight * HANDED_ON * part / sum);
            } else {
                // One that uses nothing of the others hands its weight back.
                next.iter_mut().zip(restart).for_each(|(to, part)| *to += weight * HANDED_ON * part);
            }
        }
        weights = next;
    }
    weights
}

/// The files whose names a file uses; a name that several define counts for each of them a part.
fn leads(own: usize, file: &File<'_>, definers: &BTreeMap<&str, Vec<usize>>) -> BTreeMap<usize, f64> {
    let mut leads = BTreeMap::new();
    for at in file.uses.iter().filter_map(|name| definers.get(name)).filter(|at| !at.contains(&own)) {
        #[expect(clippy::cast_precision_loss, reason = "a handful at most")]
        let part = 1.0 / at.len() as f64;
        at.iter().for_each(|to| *leads.entry(*to).or_insert(0.0) += part);
    }
    leads
}

#[cfg(test)]
mod tests;
