use super::*;

fn splice_at(range: Range<usize>, new: &str) -> Splice {
    Splice { range, new: new.to_owned() }
}

#[test]
fn splices_apply_in_any_order_and_refuse_overlaps() {
    let text = "abcdef";
    let (a, b) = (splice_at(0..1, "X"), splice_at(4..6, ""));
    assert_eq!(splice(text, [&b, &a]).as_deref(), Some("Xbcd"));
    assert_eq!(splice(text, [&splice_at(0..3, ""), &splice_at(2..4, "")]), None);
    assert_eq!(splice(text, [&splice_at(5..9, "")]), None);
    assert_eq!(splice("ä", [&splice_at(1..2, "")]), None, "a character stays whole");
}

#[test]
fn an_incremental_parse_equals_a_fresh_one() {
    let text = "def f(a, b):\r\n\treturn a < b\r\n\r\nprint(f(1, 2))\r\n";
    let mut syntax = Syntax::python().unwrap();
    let old = syntax.parse(text).unwrap();
    for (from, to) in [("a < b", "a <= b"), ("return a < b", "if a:\r\n\t\treturn b"), ("1, 2", "1, 2, (")] {
        let start = text.find(from).unwrap();
        let change = splice_at(start..start + from.len(), to);
        let new_text = splice(text, [&change]).unwrap();
        let again = syntax.reparse(&old, text, &[&change], &new_text).unwrap();
        let fresh = syntax.parse(&new_text).unwrap();
        assert_eq!(again.root_node().to_sexp(), fresh.root_node().to_sexp(), "{to}");
        assert_eq!(again.root_node().has_error(), to.ends_with('('));
    }
}

#[test]
fn lines_are_found_with_and_without_a_last_line_break() {
    let text = "a\r\nbc\nd";
    assert_eq!((line_start(text, 4), line_end(text, 4)), (3, 6));
    assert_eq!((line_start(text, 7), line_end(text, 7)), (6, 7));
    assert_eq!((line_start("", 0), line_end("", 0)), (0, 0));
}
