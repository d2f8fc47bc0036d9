use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Applied, Change, apply, needs, read};

const AREA: &str = "def area(w, h):\n    return w + h\n\n\ndef edge(w, h):\n    return 2 * (w + h)\n";

fn known(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// What `text` makes of files.
fn made(text: &str, files: &[(&str, &str)]) -> Applied {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    apply(&read(text, &files.keys().cloned().collect()), &|path| files.get(path).cloned())
}

#[track_caller]
fn becomes(text: &str, path: &str, before: &str, after: &str) {
    let applied = made(text, &[(path, before)]);
    assert_eq!(applied.refused, [], "{text}");
    assert_eq!(applied.files.get(path).map(String::as_str), Some(after), "{text}");
}

#[track_caller]
fn is_refused(text: &str, files: &[(&str, &str)], why: &str) {
    let applied = made(text, files);
    assert!(applied.files.is_empty(), "{applied:?}");
    let said: Vec<&str> = applied.refused.iter().map(|refused| refused.why.as_str()).collect();
    assert!(said.iter().any(|said| said.contains(why)), "{said:?}");
}

#[test]
fn a_path_stands_above_the_block_in_its_fence_or_in_its_first_line() {
    let after = "x = 2\n";
    for text in [
        "src/a.py\n```python\nx = 2\n```\n",
        "src/a.py\n<text>\nx = 2\n</text>\n",
        " src/a.py\n<code>\nx = 2\n</code>\nThat is all.\n",
        "Here it is.\n\n**src/a.py**\n\n```python\nx = 2\n```\nDone.\n",
        "### `src/a.py`:\n```\nx = 2\n```",
        "File: src/a.py\n~~~py\nx = 2\n~~~\n",
        "The updated `src/a.py` is below:\n\n```python\nx = 2\n```\n",
        "```python:src/a.py\nx = 2\n```",
        "```src/a.py\nx = 2\n```",
        "```python title=\"src/a.py\"\nx = 2\n```",
        "```python\n# src/a.py\nx = 2\n```",
        "1. Change src/a.py:\n   ```python\nx = 2\n   ```",
        "./src/a.py\n```\nx = 2\n```",
        "```\nsrc/a.py\n```\n```\nx = 2\n```",
        "```python\nsrc/a.py\nx = 2\n```",
        "b.md\n```\n\nsrc/a.py\nx = 2\n```",
    ] {
        becomes(text, "src/a.py", "x = 1\n", after);
    }
    // Without any, the only file is meant; of two, none.
    becomes("```python\nx = 2\n```", "src/a.py", "x = 1\n", after);
    let two = [("src/a.py", "x = 1\n"), ("src/b.py", "x = 1\n")];
    assert_eq!(made("```python\nx = 2\n```", &two), Applied::default());
    assert_eq!(made("Run it:\n```sh\npython a.py\n```", &two[..1]), Applied::default());
}

#[test]
fn a_file_with_fences_of_its_own_is_whole() {
    let text = "README.md\n````markdown\n# Use\n```sh\nrun\n```\n````\n";
    becomes(text, "README.md", "# Old\n", "# Use\n```sh\nrun\n```\n");
}

#[test]
fn new_files_and_several_at_once() {
    let text = "src/a.py\n```\nx = 2\n```\n\nsrc/new.py\n```\ny = 1\n```\n";
    let applied = made(text, &[("src/a.py", "x = 1\n")]);
    let files: Vec<&str> = applied.files.keys().map(String::as_str).collect();
    assert_eq!((files, applied.refused.len()), (vec!["src/a.py", "src/new.py"], 0));
}

#[test]
fn search_and_replace() {
    let after = AREA.replace("w + h\n\n", "w * h\n\n");
    for text in [
        "area.py\n```python\n<<<<<<< SEARCH\n    return w + h\n=======\n    return w * h\n>>>>>>> REPLACE\n```\n",
        "area.py\n<<<<<<< SEARCH\n    return w + h\n=======\n    return w * h\n>>>>>>> REPLACE\n",
        "```\narea.py\n<<<<<<< SEARCH\n    return w + h\n=======\n    return w * h\n>>>>>>> REPLACE\n```\n",
        // Blanks at the end, empty lines around, another indentation.
        "area.py\n<<<<<<< SEARCH\n    return w + h   \n=======\n    return w * h\n>>>>>>> REPLACE\n",
        "area.py\n<<<<<<< SEARCH\n\n    return w + h\n\n=======\n\n    return w * h\n\n>>>>>>> REPLACE\n",
        "area.py\n<<<<<<< SEARCH\nreturn w + h\n=======\nreturn w * h\n>>>>>>> REPLACE\n",
        "area.py\n<<<<<<< SEARCH\n        return w + h\n=======\n        return w * h\n>>>>>>> REPLACE\n",
    ] {
        becomes(text, "area.py", AREA, &after);
    }
    let gone = "area.py\n<<<<<<< SEARCH\ndef area(w, h):\n    return w + h\n\n\n=======\n>>>>>>> REPLACE\n";
    becomes(gone, "area.py", AREA, "\n\ndef edge(w, h):\n    return 2 * (w + h)\n");
}

#[test]
fn what_is_not_certain_is_refused_with_the_reason() {
    let twice = "a = 1\nb = 2\na = 1\n";
    let block = |search: &str| format!("a.py\n<<<<<<< SEARCH\n{search}=======\nc = 3\n>>>>>>> REPLACE\n");
    is_refused(&block("a = 1\n"), &[("a.py", twice)], "stand 2 times");
    is_refused(&block("z = 1\n"), &[("a.py", twice)], "`z = 1` on, do not stand in it");
    is_refused(&block(""), &[("a.py", twice)], "the search is empty");
    is_refused(&block("a = 1\n"), &[("b.py", twice)], "no such file");
    is_refused("a.py\n```\na = 1\nb = ", &[("a.py", twice)], "ended before the block did");
    is_refused("a.py\n<<<<<<< SEARCH\na = 1\n", &[("a.py", twice)], "ended before the block did");
    for line in ["# ... rest of the code", "// ... existing code ...", "    # ... other methods ..."] {
        is_refused(
            &format!("a.py\n```\nz = 1\n{line}\n```\n"),
            &[("a.py", twice)],
            "stands for a part of it",
        );
    }
    // Where the file has such a line itself, it is one like others.
    becomes(
        "a.py\n```\nz = 1\n# ... rest of the code\n```",
        "a.py",
        "# ... rest of the code\n",
        "z = 1\n# ... rest of the code\n",
    );
}

#[test]
fn unified_diffs_with_wrong_numbers_and_lost_blanks() {
    let after = AREA.replace("w + h\n\n", "w * h\n\n");
    for text in [
        "```diff\n--- a/area.py\n+++ b/area.py\n@@ -1,2 +1,2 @@\n def area(w, h):\n-    return w + h\n+    return w * h\n```\n",
        "--- area.py\n+++ area.py\n@@ -40,9 +40,7 @@ def area\n def area(w, h):\n-    return w + h\n+    return w * h\n\n",
        "area.py\n```diff\n@@ @@\n-    return w + h\n+    return w * h\n```\n",
    ] {
        becomes(text, "area.py", AREA, &after);
    }
    let two = "--- a/area.py\n+++ b/area.py\n@@ -1,2 +1,3 @@\n def area(w, h):\n+    # of a rectangle\n     return w + h\n@@ -5,2 +6,2 @@\n def edge(w, h):\n-    return 2 * (w + h)\n+    return 2 * w + 2 * h\n";
    let after = AREA
        .replace("h):\n    return w", "h):\n    # of a rectangle\n    return w")
        .replace("2 * (w + h)", "2 * w + 2 * h");
    becomes(two, "area.py", AREA, &after);
    let new = "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n";
    assert_eq!(made(new, &[("a.py", "")]).files.get("new.py").map(String::as_str), Some("x = 1\ny = 2\n"));
}

#[test]
fn a_line_of_three_dashes_starts_a_file_only_with_its_second_head_line() {
    // A comment of SQL or Lua that a diff takes away looks like a head line.
    let diff = "```diff\n--- a/x.sql\n+++ b/x.sql\n@@ -1,3 +1,2 @@\n select 1;\n--- old\n select 2;\n```\n";
    becomes(diff, "x.sql", "select 1;\n-- old\nselect 2;\n", "select 1;\nselect 2;\n");
    // The block ends behind it.
    let cut = made("```\n--- a/x.py\n+++ b/x.py\n--- a/x.py\n```\n", &[("x.py", "x\n")]);
    assert!(cut.files.is_empty(), "{cut:?}");
}

#[test]
fn the_file_keeps_its_line_ends_its_mark_and_its_last_line() {
    let whole = "a.py\n```\nx = 2\ny = 2\n```\n";
    becomes(whole, "a.py", "x = 1\r\ny = 2\r\n", "x = 2\r\ny = 2\r\n");
    becomes(whole, "a.py", "\u{feff}x = 1\ny = 2\n", "\u{feff}x = 2\ny = 2\n");
    becomes(whole, "a.py", "x = 1\ny = 2", "x = 2\ny = 2");
    let block = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n";
    becomes(block, "a.py", "x = 1\r\ny = 2\r\n", "x = 2\r\ny = 2\r\n");
    becomes(block, "a.py", "y = 2\nx = 1", "y = 2\nx = 2");
}

#[test]
fn what_is_asked_for_is_read_off_lines_of_its_own() {
    let text = "NEED src/a.py\n- `NEED ./b.py`\nNEED: src/a.py\nI NEED more.\nNEED\nNEED two words\n";
    assert_eq!(needs(text), ["src/a.py", "b.py"]);
    assert!(needs("def f():\n    return 1\n").is_empty());
}

#[test]
fn what_changes_nothing_is_no_change() {
    assert_eq!(made("a.py\n```\nx = 1\n```", &[("a.py", "x = 1\n")]), Applied::default());
    assert_eq!(read("I cannot do that.", &known(&["a.py"])), []);
    assert_eq!(read("", &known(&[])), []);
}

proptest! {
    /// Whatever is answered, reading and applying it ends, and nothing is made of what is no change.
    #[test]
    fn any_text_is_read(text in "(?s)(```|<<<<<<< SEARCH|=======|>>>>>>> REPLACE|--- a/x.py|\\+\\+\\+ b/x.py|@@ -1 \\+1 @@|[ +-]x|x.py|\n|.){0,60}") {
        let files = [("x.py", "x\ny\nx\n")];
        made(&text, &files);
    }

    /// A whole file in a fence that is longer than any within comes out as it went in.
    #[test]
    fn whole_files_come_out_as_they_went_in(lines in prop::collection::vec("[ -~]{0,20}", 1..12)) {
        let text = format!("{}\n", lines.join("\n"));
        prop_assume!(!lines.iter().any(|line| line.contains("....") || line.contains("``````") || line.starts_with("<<<<<<<") || line.starts_with("--- ") || line.contains("...")));
        prop_assume!(!lines[0].trim_start().starts_with(['#', '/', '-', ';', '<']));
        let answer = format!("src/x.py\n``````python\n{text}``````\n");
        let expected = Change::Whole { path: "src/x.py".into(), text };
        prop_assert_eq!(read(&answer, &known(&["src/x.py", "y.py"])), [expected]);
    }
}

#[test]
fn what_is_quoted_in_tags_is_no_change_beside_one() {
    let before = "a = 1\nb = 1\n";
    // A fence within tags, and an excerpt that is quoted before the change.
    becomes("src/a.py\n<code>\n```python\nx = 2\n```\n</code>\n", "src/a.py", before, "x = 2\n");
    let quoted = "src/a.py (a part)\n<text>\nb = 1\n</text>\n\nsrc/a.py\n```\n<<<<<<< SEARCH\nb = 1\n=======\nb = 2\n>>>>>>> REPLACE\n```\n";
    becomes(quoted, "src/a.py", before, "a = 1\nb = 2\n");
    // One that is never closed is none.
    assert!(read("src/a.py\n<text>\nx = 2\n", &known(&["src/a.py", "src/b.py"])).is_empty());
}

#[test]
fn what_stands_in_tags_within_or_behind_the_block_that_was_asked_for_is_the_file() {
    let before = "a = 1\n";
    for text in [
        "a.py\n```\n```\n<text>\na = 2\n</text>\n",
        "a.py\n```python\n<text>\na = 2\n</text>\n```\n",
        "a.py\n```\n\n```\n\n<text>\na = 2\n</text>\nIt is 2 now.\n",
        "a.py\n```\n<text>\na = 2\n</text>\n\n```\n",
    ] {
        becomes(text, "a.py", before, "a = 2\n");
    }
    // A file of nothing is one, and so is one that begins with a tag and goes on behind it.
    becomes("a.py\n```\n```\n", "a.py", before, "");
    let mixed = "<text>\na = 2\n</text>\nb = 1\n";
    becomes(&format!("a.py\n```\n{mixed}```\n"), "a.py", before, mixed);
    becomes("a.xml\n```\n<text>\n1\n</text>\n```\n", "a.xml", "<text/>\n", "<text>\n1\n</text>\n");
}

#[test]
fn a_fence_within_a_documentation_string_ends_no_block() {
    let text =
        "def f():\n    \"\"\"Does it.\n\n    ```pycon\n    >>> f()\n    ```\n    \"\"\"\n    return 2\n";
    becomes(&format!("a.py\n```python\n{text}```\n"), "a.py", "x = 1\n", text);
    // One that is indented as what is before it does, where another block begins behind it, or none does.
    let two = [("a.py", "x = 1\n"), ("b.py", "y = 1\n")];
    let applied = made("a.py\n```python\nx = 2\n    ```\nb.py\n```python\ny = 2\n```\n", &two);
    assert_eq!((applied.files["a.py"].as_str(), applied.files["b.py"].as_str()), ("x = 2\n", "y = 2\n"));
    becomes("a.py\n```python\nx = 2\n      ```\n", "a.py", "x = 1\n", "x = 2\n");
    // A list of files is none of them.
    let listed = made("a.py\n```\nx = 2\n```\nI changed:\n```\na.py\nb.py\n```\n", &two);
    assert_eq!(listed.files.len(), 1);
    assert_eq!(listed.files["a.py"], "x = 2\n");
    // In a list, the fence that ends it may stand further in than its own.
    becomes("- a.py\n  ```\nx = 2\n    ```\nb", "a.py", "x = 1\n", "x = 2\n");
}
