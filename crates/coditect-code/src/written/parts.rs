//! Functions that were written without the rest of their file, put into it.
//!
//! Whoever is shown a long file in part answers in part. What such an answer means is taken from the two syntax trees, and only where
//! there is one way to read it: a function takes the place of the only one of its name in the same block, what has a new name is added,
//! and what would change anything else, or something that was not shown, is refused with the reason. Nothing is moved, indented anew or
//! taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tree_sitter::{Node, Tree};

use super::Change;
use super::apply::left_out;
use crate::languages::Language;
use crate::syntax::{self, Splice, Syntax, line_end, line_start, text_of};

mod nodes;

use nodes::{
    bound, count_of, decorators, defined, imported, indent, is_dots, is_gap, is_idle, is_text, lines_of,
    names_outside_bodies, statements,
};

/// What decorators say of one of several that have a name together.
const WHICH: &[&str] = &[".setter", ".getter", ".deleter", ".register", "overload"];
/// Bytes of a line that is told in a reason.
const TOLD: usize = 60;

/// What of a file was shown to whoever answers with functions.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// All but these bytes, first and last of each.
    But(&'a [(usize, usize)]),
}

/// Whether functions of a file can be answered without the rest of it: it is Python, and can be read.
#[must_use]
pub fn may_be_in_part(path: &str, text: &str) -> bool {
    Language::of_path(path) == Some(Language::Python)
        && parsed(text).is_some_and(|tree| !tree.root_node().has_error())
}

fn parsed(text: &str) -> Option<Tree> {
    Syntax::python().and_then(|mut syntax| syntax.parse(text))
}

/// Several answers for one file that are parts of it as one, in the place of the first. What shows how something is called is none.
pub(super) fn joined(changes: &[Change], is_part: &dyn Fn(&str) -> bool) -> Vec<Change> {
    let mut joined: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        if let Change::Whole { path, text } = change
            && is_part(path)
        {
            if is_talk(text) {
                continue;
            }
            let known = joined.iter_mut().find_map(|other| match other {
                Change::Whole { path: known, text } if known == path => Some(text),
                Change::Whole { .. }
                | Change::Replace { .. }
                | Change::Hunks { .. }
                | Change::Broken { .. } => None,
            });
            if let Some(known) = known {
                known.push_str("\n\n");
                known.push_str(text);
                continue;
            }
        }
        joined.push(change.clone());
    }
    joined
}

/// Whether nothing is defined in it: `print(total([1]))`.
fn is_talk(text: &str) -> bool {
    let Some(tree) = parsed(text) else { return false };
    let is_call = |node: &Node<'_>| {
        node.kind() == "expression_statement"
            && matches!(syntax::parts(*node).as_slice(), [one] if one.kind() == "call")
    };
    let statements = syntax::parts(tree.root_node());
    !statements.is_empty() && statements.iter().all(is_call)
}

/// A Python file with the functions of `part` in it; else why it is not certain what is meant.
/// `gaps`: bytes of it that were not shown to whoever answered, first and last of each.
pub(super) fn put_in(original: &str, part: &str, gaps: &[(usize, usize)]) -> Result<String, String> {
    let (Some(old), Some(new)) = (parsed(original), parsed(part)) else {
        return Err("it cannot be read".into());
    };
    if old.root_node().has_error() {
        return Err("the file is not Python as it is".into());
    }
    if new.root_node().has_error() {
        return Err("the functions are not Python".into());
    }
    let bound = bound(original, old.root_node());
    let mut merge = Merge { original, part, gaps, bound, given: BTreeMap::new(), splices: Vec::new() };
    merge.block(old.root_node(), new.root_node(), None)?;
    let text = syntax::splice(original, &merge.splices).ok_or("its functions overlap")?;
    match parsed(&text).is_some_and(|tree| !tree.root_node().has_error()) {
        true => Ok(text),
        false => Err("with these functions it is not Python any more".into()),
    }
}

/// A statement of a block.
#[derive(Clone, Copy)]
enum Item<'t> {
    /// With its decorators, which are a part of `outer`.
    Function {
        name: &'t str,
        outer: Node<'t>,
        inner: Node<'t>,
    },
    Class {
        name: &'t str,
        outer: Node<'t>,
        inner: Node<'t>,
    },
    Import(Node<'t>),
    /// A name that is given a value.
    Constant {
        name: &'t str,
        node: Node<'t>,
    },
    /// A text, `...`, `pass`: nothing that is done.
    Idle(Node<'t>),
    Other(Node<'t>),
}

impl<'t> Item<'t> {
    fn of(text: &'t str, node: Node<'t>) -> Self {
        let inner = match node.kind() {
            "decorated_definition" => node.child_by_field_name("definition").unwrap_or(node),
            _ => node,
        };
        let name = || inner.child_by_field_name("name").map(|name| text_of(text, name));
        match inner.kind() {
            "function_definition" => {
                name().map_or(Self::Other(node), |name| Self::Function { name, outer: node, inner })
            }
            "class_definition" => {
                name().map_or(Self::Other(node), |name| Self::Class { name, outer: node, inner })
            }
            "import_statement" | "import_from_statement" | "future_import_statement" => Self::Import(node),
            "pass_statement" => Self::Idle(node),
            "expression_statement" => match syntax::parts(node).as_slice() {
                [one] if matches!(one.kind(), "string" | "concatenated_string" | "ellipsis") => {
                    Self::Idle(node)
                }
                [one] if one.kind() == "assignment" => match one.child_by_field_name("left") {
                    Some(left) if left.kind() == "identifier" => {
                        Self::Constant { name: text_of(text, left), node }
                    }
                    _ => Self::Other(node),
                },
                _ => Self::Other(node),
            },
            _ => Self::Other(node),
        }
    }

    /// The whole of it.
    fn node(&self) -> Node<'t> {
        match *self {
            Self::Function { outer, .. } | Self::Class { outer, .. } => outer,
            Self::Constant { node, .. } | Self::Import(node) | Self::Idle(node) | Self::Other(node) => node,
        }
    }

    /// What it is called.
    fn name(&self) -> Option<&'t str> {
        match *self {
            Self::Function { name, .. } | Self::Class { name, .. } | Self::Constant { name, .. } => {
                Some(name)
            }
            Self::Import(_) | Self::Idle(_) | Self::Other(_) => None,
        }
    }
}

struct Merge<'t> {
    original: &'t str,
    part: &'t str,
    /// What was not shown.
    gaps: &'t [(usize, usize)],
    /// What the file's own statements make names stand for, however deep they are: where it is from, and the name.
    bound: BTreeSet<(String, String)>,
    /// What was answered, by the class and the name, with its decorators.
    given: BTreeMap<(String, String), String>,
    splices: Vec<Splice>,
}

impl<'t> Merge<'t> {
    /// Puts the statements of one block into another one, both of a module or both of a class of this name.
    fn block(&mut self, old: Node<'t>, new: Node<'t>, class: Option<&str>) -> Result<(), String> {
        let olds: Vec<Item<'t>> =
            syntax::parts(old).into_iter().map(|node| Item::of(self.original, node)).collect();
        let mut added: Vec<Item<'t>> = Vec::new();
        for node in syntax::parts(new) {
            let item = Item::of(self.part, node);
            if self.is_given(&item, class)? {
                continue;
            }
            match item {
                Item::Idle(_) => {}
                Item::Function { name, inner, .. } if is_gap(inner) && is_named(&olds, name) => {}
                Item::Function { name, outer, inner } => match self.only(&olds, name, outer)? {
                    Some(Item::Function { outer: there, inner: there_inner, .. }) => {
                        self.function((there, there_inner), (outer, inner), name)?;
                    }
                    Some(_) => return Err(format!("`{name}` is no function in it")),
                    None => {
                        self.may_be_added(&olds, inner, (name, class))?;
                        self.is_new(&added, name, outer)?;
                        added.push(item);
                    }
                },
                Item::Class { name, outer, inner } => match self.only(&olds, name, outer)? {
                    Some(Item::Class { inner: there, outer: there_outer, .. }) => {
                        self.class((there_outer, there), (outer, inner), name)?;
                    }
                    Some(_) => return Err(format!("`{name}` is no class in it")),
                    None => {
                        self.is_free(&olds, name, class)?;
                        self.is_new(&added, name, outer)?;
                        added.push(item);
                    }
                },
                Item::Import(node) if class.is_none() => self.import(&olds, node)?,
                Item::Constant { name, node } if class.is_none() => match self.only(&olds, name, node)? {
                    Some(Item::Constant { node: there, .. }) => self.constant(there, node, name)?,
                    Some(_) => return Err(self.beside(node)),
                    None => {
                        self.is_free(&olds, name, class)?;
                        added.push(item);
                    }
                },
                Item::Import(node) | Item::Constant { node, .. } | Item::Other(node) => {
                    // How a file is begun from a shell is nothing that its tests see.
                    let is_start = text_of(self.part, node).starts_with("if __name__ ");
                    if !is_start && !self.stands(&olds, node) {
                        return Err(self.beside(node));
                    }
                }
            }
        }
        self.add((old, &olds), &added, class)
    }

    /// Whether the very same was answered before. A class may be answered method by method.
    fn is_given(&mut self, item: &Item<'t>, class: Option<&str>) -> Result<bool, String> {
        let (Item::Function { name, .. } | Item::Constant { name, .. }) = *item else { return Ok(false) };
        let text = lines_of(text_of(self.part, item.node()));
        let name_of = format!("{name} {}", decorators(self.part, item.node()));
        match self.given.insert((class.unwrap_or_default().to_owned(), name_of), text.clone()) {
            None => Ok(false),
            Some(known) if known == text => Ok(true),
            Some(_) => Err(format!("`{name}` is answered twice, and not the same way")),
        }
    }

    /// The only statement of this name in a block; of several, the only one that is decorated the same.
    fn only(&self, olds: &[Item<'t>], name: &str, like: Node<'t>) -> Result<Option<Item<'t>>, String> {
        let found: Vec<Item<'t>> = olds.iter().filter(|item| item.name() == Some(name)).copied().collect();
        let wanted = decorators(self.part, like);
        // A setter is no getter, and one of several that are chosen from by their types none of the others.
        let says_which = WHICH.iter().any(|mark| wanted.contains(mark));
        if found.len() < 2 && !(says_which && found.len() == 1) {
            return Ok(found.first().copied());
        }
        let alike: Vec<Item<'t>> =
            found.iter().filter(|item| decorators(self.original, item.node()) == wanted).copied().collect();
        match alike.as_slice() {
            [one] => Ok(Some(*one)),
            _ if found.len() == 1 => Err(format!("`{name}` is decorated otherwise in it")),
            _ => Err(format!("`{name}` stands {} times in it", found.len())),
        }
    }

    /// Whether a new function can be added.
    fn may_be_added(
        &self,
        olds: &[Item<'t>],
        function: Node<'t>,
        (name, class): (&str, Option<&str>),
    ) -> Result<(), String> {
        let first =
            function.child_by_field_name("parameters").and_then(|all| syntax::parts(all).first().copied());
        let is_method = first.is_some_and(|first| matches!(text_of(self.part, first), "self" | "cls"));
        if class.is_none() && is_method {
            return Err(format!("`{name}` is a method, and its class is not answered around it"));
        }
        self.whole(function, None, name)?;
        self.is_free(olds, name, class)
    }

    /// Whether nothing of this name is added already, but for the others of a property.
    fn is_new(&self, added: &[Item<'t>], name: &str, outer: Node<'t>) -> Result<(), String> {
        let wanted = decorators(self.part, outer);
        let is_one_of_several = WHICH.iter().any(|mark| wanted.contains(mark));
        match added.iter().any(|item| item.name() == Some(name)) && !is_one_of_several {
            true => Err(format!("`{name}` is new, and is answered twice")),
            false => Ok(()),
        }
    }

    /// Puts another value in the place of the one that stands once.
    fn constant(&mut self, old: Node<'t>, new: Node<'t>, name: &str) -> Result<(), String> {
        self.was_shown(old, name)?;
        let value = |node: Node<'t>| {
            syntax::parts(node).first().and_then(|assignment| assignment.child_by_field_name("right"))
        };
        let dots = |node| count_of(node, &|node| node.kind() == "ellipsis");
        let is_chain =
            [old, new].iter().any(|node| value(*node).is_none_or(|value| value.kind() == "assignment"));
        if is_chain
            || dots(new) > dots(old)
            || left_out(text_of(self.part, new), Some(self.original)).is_some()
        {
            return Err(format!("`{name}` is not whole: something in it stands for a part of it"));
        }
        self.replace(old, new, name)
    }

    /// Whether a name can be added: nothing has it yet. In a module nothing at all, however deep it stands or wherever it is imported from;
    /// in a class nothing of that class.
    fn is_free(&self, olds: &[Item<'t>], name: &str, class: Option<&str>) -> Result<(), String> {
        let defines = |line: &str| {
            ["def ", "async def ", "class "].iter().any(|head| defined(line, head) == Some(name))
        };
        let stands = |text: &str| text.lines().map(str::trim_start).any(defines);
        let is_taken = match class {
            None => stands(self.original) || self.bound.iter().any(|(_, bound)| bound == name),
            Some(_) => olds.iter().any(|item| match item {
                Item::Other(node) | Item::Constant { node, .. } => {
                    stands(text_of(self.original, *node))
                        || bound(self.original, *node).iter().any(|(_, bound)| bound == name)
                }
                Item::Function { .. } | Item::Class { .. } | Item::Import(_) | Item::Idle(_) => false,
            }),
        };
        match is_taken {
            true => {
                Err(format!("`{name}` stands in it within something else, which is not answered around it"))
            }
            false => Ok(()),
        }
    }

    fn function(
        &mut self,
        (old_outer, old): (Node<'t>, Node<'t>),
        (new_outer, new): (Node<'t>, Node<'t>),
        name: &str,
    ) -> Result<(), String> {
        self.was_shown(old, name)?;
        self.whole(new, Some(old), name)?;
        // Who leaves the decorators away does not take them off.
        self.replace(if new_outer == new { old } else { old_outer }, new_outer, name)?;
        self.keep_documentation(old, (new_outer, new), name)
    }

    /// Who leaves a documentation string away does not take it off either: it is longer than the function, as often as not.
    fn keep_documentation(
        &mut self,
        old: Node<'t>,
        (new_outer, new): (Node<'t>, Node<'t>),
        name: &str,
    ) -> Result<(), String> {
        let (olds, news) = (statements(old), statements(new));
        let (Some(said), Some(first)) = (olds.first().filter(|first| is_text(first)), news.first()) else {
            return Ok(());
        };
        if is_text(first) {
            return Ok(());
        }
        let own = indent(self.part, first.start_byte());
        if own != indent(self.original, said.start_byte()) || !own.trim().is_empty() {
            return Err(format!("`{name}` is indented otherwise in it"));
        }
        let at = first.start_byte() - new_outer.start_byte();
        if let Some(splice) = self.splices.last_mut() {
            splice.new.insert_str(at, &format!("{}\n{own}", text_of(self.original, *said)));
        }
        Ok(())
    }

    /// Whether whoever answers saw it.
    fn was_shown(&self, old: Node<'_>, name: &str) -> Result<(), String> {
        let is_hidden =
            self.gaps.iter().any(|(first, end)| old.start_byte() < *end && *first < old.end_byte());
        match is_hidden {
            true => Err(format!("`{name}` was not shown, so nobody can know what it is to keep")),
            false => Ok(()),
        }
    }

    /// Whether a function is all there: no part of it stands for something else.
    fn whole(&self, new: Node<'_>, old: Option<Node<'_>>, name: &str) -> Result<(), String> {
        let dots = |node: Node<'_>| count_of(node, &|node| is_dots(&node));
        let had = old.map_or(0, dots);
        let is_empty = old.is_some_and(|old| is_idle(new) && !is_idle(old));
        let text = text_of(self.part, new);
        // One that is all of dots is what others are to fill in.
        let is_stub = old.is_none() && is_gap(new);
        if (dots(new) > had && !is_stub) || is_empty || left_out(text, Some(self.original)).is_some() {
            return Err(format!("`{name}` is not whole: something in it stands for a part of it"));
        }
        Ok(())
    }

    fn class(
        &mut self,
        (old_outer, old): (Node<'t>, Node<'t>),
        (new_outer, new): (Node<'t>, Node<'t>),
        name: &str,
    ) -> Result<(), String> {
        let (Some(body), Some(part)) = (old.child_by_field_name("body"), new.child_by_field_name("body"))
        else {
            return Err(format!("the class `{name}` has no body"));
        };
        let above = |text: &str, class: Node<'_>| {
            let of = class.child_by_field_name("superclasses");
            let bare: String = of.map_or("", |of| text_of(text, of)).split_whitespace().collect();
            bare.trim_matches(['(', ')', ',']).to_owned()
        };
        let decorated = decorators(self.part, new_outer);
        let is_same = above(self.original, old) == above(self.part, new);
        if !is_same || !(decorated.is_empty() || decorated == decorators(self.original, old_outer)) {
            return Err(format!("the head of the class `{name}` is another one in it"));
        }
        if body.start_position().row == old.start_position().row {
            return Err(format!("the class `{name}` is written in one line"));
        }
        self.block(body, part, Some(name))
    }

    fn replace(&mut self, old: Node<'_>, new: Node<'_>, name: &str) -> Result<(), String> {
        if indent(self.original, old.start_byte()) != indent(self.part, new.start_byte()) {
            return Err(format!("`{name}` is indented otherwise in it"));
        }
        self.put(old.byte_range(), text_of(self.part, new).to_owned());
        Ok(())
    }

    /// An import that the file does not have goes below those that it begins with.
    fn import(&mut self, olds: &[Item<'t>], node: Node<'t>) -> Result<(), String> {
        // One that is tried, or made under a condition, is there as well.
        let new: Vec<(String, String)> =
            imported(self.part, node).into_iter().filter(|one| !self.bound.contains(one)).collect();
        if new.is_empty() {
            return Ok(());
        }
        // The same name for something else would take it from all that uses it.
        // And nobody knows what all names of a module are.
        let is_taken = |name: &str| {
            name == "*"
                || self.bound.iter().any(|(_, bound)| bound == name)
                || olds.iter().any(|item| item.name() == Some(name))
        };
        if node.kind() == "future_import_statement" || new.iter().any(|(_, bound)| is_taken(bound)) {
            return Err(self.beside(node));
        }
        let text = text_of(self.part, node);
        if self.splices.iter().any(|splice| splice.new.trim() == text) {
            return Ok(());
        }
        let is_head = |item: &&Item<'t>| matches!(item, Item::Import(_) | Item::Idle(_));
        let head: Vec<&Item<'t>> = olds.iter().take_while(is_head).collect();
        let last = head.iter().rev().find(|item| matches!(item, Item::Import(_))).or(head.last());
        let at = match (last, olds.first()) {
            (Some(last), _) => line_end(self.original, last.node().end_byte().saturating_sub(1)),
            (None, Some(first)) => self.above(first.node()),
            (None, None) => self.original.len(),
        };
        let before = if at > 0 && !self.original[..at].ends_with('\n') { "\n" } else { "" };
        self.put(at..at, format!("{before}{text}\n"));
        Ok(())
    }

    /// Puts new statements into a block: into a module above the first one that is changed, so that they are there before they are
    /// used; into a class at its end.
    fn add(
        &mut self,
        (old, olds): (Node<'t>, &[Item<'t>]),
        added: &[Item<'t>],
        class: Option<&str>,
    ) -> Result<(), String> {
        let Some(first) = added.first() else { return Ok(()) };
        let own = indent(self.part, first.node().start_byte());
        let there = olds.last().map_or("", |last| indent(self.original, last.node().start_byte()));
        if added.iter().any(|item| indent(self.part, item.node().start_byte()) != own) || own != there {
            return Err("what is new in it is indented otherwise than the rest".into());
        }
        let texts: Vec<&str> = added.iter().map(|item| text_of(self.part, item.node())).collect();
        if class.is_some() {
            let at = line_end(self.original, old.end_byte().saturating_sub(1));
            let before = if self.original[..at].ends_with('\n') { "\n" } else { "\n\n" };
            self.put(at..at, texts.iter().map(|text| format!("{before}{own}{text}\n")).collect());
            return Ok(());
        }
        let is_changed = |item: &&Item<'t>| {
            let range = item.node().byte_range();
            let within = |splice: &Splice| splice.range.start > range.start || !splice.range.is_empty();
            self.splices.iter().any(|splice| {
                within(splice)
                    && splice.range.start >= range.start
                    && splice.range.end <= line_end(self.original, range.end)
                    && !matches!(item, Item::Import(_) | Item::Idle(_))
            })
        };
        let at = match olds.iter().find(is_changed) {
            Some(changed) => self.above(changed.node()),
            None => self.original.len(),
        };
        for item in added {
            self.finds_its_names(olds, item, at)?;
        }
        let text = match at == self.original.len() {
            true => {
                let end = if self.original.is_empty() || self.original.ends_with('\n') { "" } else { "\n" };
                texts.iter().fold(end.to_owned(), |all, text| format!("{all}\n\n{text}\n"))
            }
            false => texts.iter().map(|text| format!("{text}\n\n\n")).collect(),
        };
        self.put(at..at, text);
        Ok(())
    }

    /// Whether what a new statement needs as it is defined stands above it.
    fn finds_its_names(&self, olds: &[Item<'t>], item: &Item<'t>, at: usize) -> Result<(), String> {
        let mut used = BTreeSet::new();
        names_outside_bodies(self.part, item.node(), &mut used);
        let later = |old: &&Item<'t>| {
            old.name().is_some_and(|name| used.contains(name)) && old.node().start_byte() >= at
        };
        match olds.iter().find(later).and_then(Item::name) {
            Some(name) => {
                Err(format!("`{name}` is not there yet where something new that uses it would stand"))
            }
            None => Ok(()),
        }
    }

    /// Where a statement begins, with the comments that stand right above it. What must be a file's first lines stays there.
    fn above(&self, node: Node<'_>) -> usize {
        let (mut at, mut row) = (line_start(self.original, node.start_byte()), node.start_position().row);
        let mut next = node.prev_sibling();
        while let Some(comment) = next.filter(|one| one.kind() == "comment") {
            let is_next = comment.end_position().row + 1 == row;
            let is_alone = indent(self.original, comment.start_byte()).trim().is_empty();
            let text = text_of(self.original, comment);
            let is_first =
                comment.start_position().row < 2 && (text.starts_with("#!") || text.contains("coding"));
            if !is_next || !is_alone || is_first {
                break;
            }
            (at, row) = (line_start(self.original, comment.start_byte()), comment.start_position().row);
            next = comment.prev_sibling();
        }
        at
    }

    /// Whether the same statement stands in a block.
    fn stands(&self, olds: &[Item<'_>], node: Node<'_>) -> bool {
        let wanted = lines_of(text_of(self.part, node));
        olds.iter().any(|item| lines_of(text_of(self.original, item.node())) == wanted)
    }

    fn put(&mut self, range: Range<usize>, new: String) {
        self.splices.push(Splice { range, new });
    }

    /// Why a statement is not put in.
    fn beside(&self, node: Node<'_>) -> String {
        let line = text_of(self.part, node).lines().next().unwrap_or_default();
        let end = line.floor_char_boundary(TOLD);
        format!("`{}` would change something else than a function", &line[..end])
    }
}

fn is_named(items: &[Item<'_>], name: &str) -> bool {
    items.iter().any(|item| item.name() == Some(name))
}

#[cfg(test)]
mod tests;
