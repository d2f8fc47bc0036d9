//! What is a test and not the product: files by their path, and in Rust parts of product files.

use super::{Language, Node, Range, Tree, children, text_of};

/// True where a file belongs to the tests, by the customs of its language: it is read and never edited. Files of no
/// known language belong to them where a directory says so.
#[must_use]
pub fn is_test_path(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or_default();
    let within = |folders: &[&str]| folder.split('/').any(|part| folders.contains(&part));
    match Language::of_path(path) {
        Some(Language::Python) => crate::python::is_test_path(path),
        Some(Language::Rust) => {
            within(&["tests", "benches"])
                || matches!(stem, "tests" | "test")
                || stem.ends_with("_test")
                || stem.ends_with("_tests")
        }
        Some(Language::JavaScript | Language::TypeScript | Language::Tsx) => {
            within(&["test", "tests", "__tests__", "__mocks__", "__fixtures__", "spec", "e2e", "cypress"])
                || name
                    .split('.')
                    .skip(1)
                    .any(|part| matches!(part, "test" | "tests" | "spec" | "e2e" | "cy"))
                || matches!(stem, "test" | "tests" | "spec")
                || stem.starts_with("test-")
                || ["-test", "_test", "-spec", "_spec"].iter().any(|end| stem.ends_with(end))
                || (matches!(stem, "jest" | "vitest" | "karma") && name.split('.').count() > 2)
        }
        Some(Language::Go) => name.ends_with("_test.go") || within(&["testdata"]),
        Some(Language::Java) => {
            let product = format!("/{folder}/").contains("/src/main/");
            let source_set = folder
                .split('/')
                .zip(folder.split('/').skip(1))
                .any(|(outer, set)| outer == "src" && (set.ends_with("Test") || set.starts_with("test")));
            !product
                && (source_set
                    || within(&["test", "tests"])
                    || ["Test", "Tests", "TestCase", "IT"].iter().any(|end| stem.ends_with(end))
                    || (stem.starts_with("Test") && stem[4..].starts_with(char::is_uppercase)))
        }
        None => within(&["test", "tests", "__tests__", "__snapshots__", "testdata"]),
    }
}

/// Parts of a product file that are tests, in order, none within another. Only Rust keeps them there: items under `#[cfg(test)]`, and
/// functions under `#[test]` and its like.
#[must_use]
pub fn test_regions(text: &str, tree: &Tree, language: Language) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if language == Language::Rust {
        // Code may be nested deeper than any stack is.
        let mut open = vec![tree.root_node()];
        while let Some(node) = open.pop() {
            items(text, node, &mut found, &mut open);
        }
        found.sort_by_key(|region| (region.start, std::cmp::Reverse(region.end)));
        let mut end = 0;
        found.retain(|region| {
            let is_new = region.end > end;
            end = end.max(region.end);
            is_new
        });
    }
    found
}

/// True where bytes `range` of a file belong to a test: by the file's path, or by the part that they touch. Parses
/// the file; for many ranges of one file, use [`test_regions`].
#[must_use]
pub fn is_test_code(path: &str, text: &str, range: Range<usize>) -> bool {
    if is_test_path(path) {
        return true;
    }
    let Some(language) = Language::of_path(path).filter(|language| *language == Language::Rust) else {
        return false;
    };
    let tree = language.syntax().and_then(|mut syntax| syntax.parse(text));
    tree.is_some_and(|tree| {
        let regions = test_regions(text, &tree, language);
        regions.iter().any(|region| region.start <= range.end && range.start < region.end)
    })
}

/// Test items among the children of `node`; modules, `impl` blocks and the like are to be looked into as well.
fn items<'t>(text: &str, node: Node<'t>, found: &mut Vec<Range<usize>>, open: &mut Vec<Node<'t>>) {
    let mut attributes_from = None;
    for child in children(node) {
        match child.kind() {
            "inner_attribute_item" => {
                if is_for_tests(text_of(text, child)) {
                    found.push(node.byte_range());
                    return;
                }
            }
            "attribute_item" => {
                let (start, before) = attributes_from.unwrap_or((child.start_byte(), false));
                attributes_from = Some((start, before || is_for_tests(text_of(text, child))));
            }
            "line_comment" | "block_comment" => {}
            _ => match attributes_from.take() {
                Some((start, true)) => found.push(start..child.end_byte()),
                _ if matches!(child.kind(), "mod_item" | "impl_item" | "trait_item") => {
                    open.extend(child.child_by_field_name("body"));
                }
                _ => {}
            },
        }
    }
}

/// True for `#[test]`, `#[tokio::test]`, `#[bench]`, `#[cfg(test)]`, `#[cfg(all(test, unix))]`, not for
/// `#[cfg(not(test))]`.
fn is_for_tests(attribute: &str) -> bool {
    let inner = attribute.trim_start_matches(['#', '!', '[']).trim_end_matches(']').trim();
    let (name, arguments) = inner.split_once('(').unwrap_or((inner, ""));
    let name = name.trim();
    if name != "cfg" {
        return matches!(
            name.rsplit("::").next(),
            Some("test" | "bench" | "rstest" | "test_case" | "quickcheck")
        );
    }
    let words = arguments.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.clone().any(|word| word == "test") && !words.clone().any(|word| matches!(word, "not" | "any"))
}
