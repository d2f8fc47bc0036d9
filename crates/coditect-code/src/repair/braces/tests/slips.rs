use super::{candidates_of, file_of, place_of};
use crate::languages::Language;
use crate::repair::Source;

/// Every pair, the second with `old` in place of `new`, is to be found; the program stands around the slip.
fn check(language: Language, program: &str, slips: &[(&str, &str)]) {
    for (wrong, right) in slips {
        assert_eq!(program.matches(wrong).count(), 1, "`{wrong}` stands once in {program}");
        let fixed = program.replacen(wrong, right, 1);
        let mut syntax = language.syntax().unwrap();
        for text in [program, &fixed] {
            assert!(!syntax.parse(text).unwrap().root_node().has_error(), "{text}");
        }
        let place = place_of(language, program, &fixed);
        assert!(place.is_some(), "{}: `{wrong}` -> `{right}`", language.name());
    }
}

#[test]
fn rust() {
    let program = "\
pub fn find(items: &[i32], wanted: i32, limit: usize) -> Option<usize> {
    let mut best = 0;
    let mut count = 1;
    for i in 0..items.len() {
        if items[i] < wanted && i <= limit {
            best = i;
            count += 2;
        }
    }
    if items.is_some() || !ready(wanted) {
        return Some(best + 1);
    }
    let width = limit.min(best);
    log::trace(width, count);
    match width {
        0 => Err(count),
        _ => 'a'.cmp(count),
    }
}

fn ready(wanted: i32) -> bool {
    wanted == 3 && true
}
";
    check(
        Language::Rust,
        program,
        &[
            ("0..items", "0..=items"),
            ("items[i] < wanted", "items[i] <= wanted"),
            ("items[i] < wanted && i", "items[i] < wanted || i"),
            ("count += 2", "count -= 2"),
            ("count += 2", "count += 1"),
            ("best = i;", "best = limit;"),
            ("is_some", "is_none"),
            ("!ready(wanted)", "ready(wanted)"),
            ("best + 1", "best - 1"),
            ("Some(best + 1)", "Some(best)"),
            ("Some(best + 1)", "Ok(best + 1)"),
            ("limit.min(best)", "limit.max(best)"),
            ("trace(width, count)", "trace(count, width)"),
            ("            best = i;\n", ""),
            ("        0 =>", "        1 =>"),
            ("'a'", "'A'"),
            ("wanted == 3", "wanted != 3"),
            ("true", "false"),
            ("            count += 2;\n", "            count += 2;\n            break;\n"),
        ],
    );
}

const SCRIPT: &str = "\
class Cart {
  total(items, rate) {
    let sum = 0;
    let name = 'Total';
    for (let i = 0; i < items.length; i++) {
      if (items[i].price >= rate || !items[i].free) {
        sum += items[i].price;
        continue;
      }
      this.note(sum, rate);
    }
    switch (sum) {
      case 1:
        name = 'one';
      case 2:
        name = 'two';
        break;
      default:
        name = 'many';
    }
    const label = name.startsWith('T') ? name : rate;
    return Math.min(sum, rate) === 0 ? label : items.slice(1);
  }

  async load(url) {
    const answer = get(url);
    return answer.first;
  }
}
";

const SCRIPT_SLIPS: &[(&str, &str)] = &[
    ("i < items", "i <= items"),
    ("i++", "i--"),
    (">= rate", "> rate"),
    ("rate || !items", "rate && !items"),
    ("!items[i].free", "items[i].free"),
    ("sum += items", "sum -= items"),
    ("continue;", "break;"),
    ("note(sum, rate)", "note(rate, sum)"),
    ("name = 'one';\n", "name = 'one';\n        break;\n"),
    ("startsWith", "endsWith"),
    ("? name : rate", "? rate : name"),
    ("Math.min", "Math.max"),
    ("=== 0", "== 0"),
    ("=== 0", "=== 1"),
    ("slice(1)", "slice(0)"),
    ("'Total'", "'total'"),
    ("= get(url)", "= await get(url)"),
    ("let sum = 0", "let sum = 1"),
    ("      this.note(sum, rate);\n", ""),
];

#[test]
fn javascript_and_its_kin() {
    check(Language::JavaScript, SCRIPT, SCRIPT_SLIPS);
    check(Language::TypeScript, SCRIPT, SCRIPT_SLIPS);
    check(Language::Tsx, SCRIPT, SCRIPT_SLIPS);
    let typed = "export function f(a: number, b: number, s: string): number {\n  if (a == null) {\n    return b;\n  }\n  return a;\n}\n";
    check(Language::TypeScript, typed, &[("return a", "return b"), ("a == null", "b == null")]);
    let lost = "const names = (users) => users.filter((u) => { u.active }).map((u) => u.name);\n";
    check(Language::JavaScript, lost, &[("{ u.active }", "{ return u.active }")]);
}

#[test]
fn methods_of_go_that_change_a_copy() {
    let program = "package bank\n\nfunc (a Account) Deposit(n int) {\n\ta.Balance += n\n}\n";
    check(Language::Go, program, &[("a Account", "a *Account")]);
    let program = program.replace("a.Balance += n", "use(a.Balance + n)");
    let fixed = program.replace("a Account", "a *Account");
    assert_eq!(place_of(Language::Go, &program, &fixed), None);
}

#[test]
fn go() {
    let program = "\
package shop

func Total(items []Item, rate int, name string) (int, error) {
\tsum := 0
\tfor i := 0; i < len(items); i++ {
\t\tif items[i].Price >= rate || !items[i].Free {
\t\t\tsum += items[i].Price
\t\t\tcontinue
\t\t}
\t\tnote(sum, rate)
\t}
\tif strings.HasPrefix(name, \"a\") && sum != 0 {
\t\treturn rate, nil
\t}
\trest := items[1:]
\treturn sum % rate, check(rest)
}
";
    check(
        Language::Go,
        program,
        &[
            ("i < len", "i <= len"),
            ("i++", "i--"),
            (">= rate", "> rate"),
            ("rate || !items", "rate && !items"),
            ("!items[i].Free", "items[i].Free"),
            ("sum += items", "sum -= items"),
            ("\t\t\tcontinue\n", "\t\t\tbreak\n"),
            ("note(sum, rate)", "note(rate, sum)"),
            ("HasPrefix", "HasSuffix"),
            ("sum != 0", "sum == 0"),
            ("return rate, nil", "return sum, nil"),
            ("items[1:]", "items[:1]"),
            ("items[1:]", "items[2:]"),
            ("sum % rate", "sum / rate"),
            ("sum := 0", "sum := 1"),
            ("\tsum := 0\n", "\tif rate == 0 {\n\t\treturn rate, nil\n\t}\n\tsum := 0\n"),
        ],
    );
}

#[test]
fn java() {
    let program = "\
class Cart {
    private int limit;

    int total(List<Item> items, int rate, String name) {
        int sum = 0;
        for (int i = 0; i < items.size(); i++) {
            if (items.get(i).price >= rate || !items.get(i).free) {
                sum += items.get(i).price;
                break;
            }
            note(sum, rate);
        }
        if (name.startsWith(\"a\") && sum != 0) {
            return Integer.MAX_VALUE;
        }
        if (name.isEmpty()) {
            throw new IllegalArgumentException(name);
        }
        boolean done = sum > limit ? true : name.equals(\"b\");
        done = done || name == \"c\" || name != \"d\";
        return done ? sum - 1 : rate;
    }
}
";
    check(
        Language::Java,
        program,
        &[
            ("i < items", "i <= items"),
            ("i++", "i--"),
            (">= rate", "> rate"),
            ("rate || !items", "rate && !items"),
            ("!items.get(i).free", "items.get(i).free"),
            ("sum += items", "sum -= items"),
            ("break;", "continue;"),
            ("note(sum, rate)", "note(rate, sum)"),
            ("startsWith", "endsWith"),
            ("sum != 0", "sum == 0"),
            ("MAX_VALUE", "MIN_VALUE"),
            ("IllegalArgumentException", "IllegalStateException"),
            ("sum > limit", "sum >= limit"),
            ("sum > limit", "sum > rate"),
            ("? sum - 1 : rate", "? rate : sum - 1"),
            ("name == \"c\"", "name.equals(\"c\")"),
            ("name != \"d\"", "!name.equals(\"d\")"),
            ("sum - 1", "sum"),
            ("sum - 1", "sum + 1"),
            ("            note(sum, rate);\n", ""),
            (
                "        int sum = 0;\n",
                "        if (name == null) {\n            return 0;\n        }\n        int sum = 0;\n",
            ),
        ],
    );
}

#[test]
fn tests_inside_a_file_are_never_edited() {
    let text = "pub fn f(a: u32) -> u32 {\n    a + 1\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn g() {\n        assert_eq!(super::f(1), 2);\n    }\n}\n";
    let start = text.find("#[cfg").unwrap();
    let sources = [Source { path: "src/lib.rs".to_owned(), text: text.to_owned() }];
    let made = candidates_of(&sources, &[]);
    assert!(made.len() > 10);
    for candidate in made {
        assert!(candidate.edits.iter().all(|edit| edit.range.end <= start), "{}", candidate.describe());
    }
    for path in ["src/tests.rs", "a/b_test.go", "src/test/java/A.java", "a.test.ts", "__tests__/a.js"] {
        let sources = [Source { path: path.to_owned(), text: text.to_owned() }];
        assert!(candidates_of(&sources, &[]).is_empty(), "{path}");
    }
}

#[test]
fn what_a_compiler_refuses_at_once_is_left_out() {
    let text = "fn f(a: usize, name: &str, ready: bool) -> bool {\n    const MOST: usize = 3;\n    let same = a < MOST;\n    ready && same && name.is_empty()\n}\n";
    let sources = [Source { path: file_of(Language::Rust), text: text.to_owned() }];
    for candidate in candidates_of(&sources, &[]).iter().take(60) {
        let new = candidate.apply(&sources).unwrap().remove("src/m.rs").unwrap();
        for nonsense in ["name < MOST", "ready < MOST", "a && same", "MOST = a", "-1", "a.is_empty()"] {
            assert!(!new.contains(nonsense), "{}", candidate.describe());
        }
    }
}

#[test]
fn parts_of_conditions_and_values_come_from_what_stands_around() {
    let program = "\
package m

func prefix(text1, text2 []rune) int {
	n := 0
	for ; n < len(text1); n++ {
		if text1[n] != text2[n] {
			return n
		}
	}
	return n
}

func made(val []int, p *[]int) *holder {
	kept := new(holder)
	kept.value = p
	return nil
}

func (m *match) late(h *holder, c bool) bool {
	if m.failed == errMismatch && c {
		return true
	}
	return false
}

func (m *match) early(h *holder) int {
	if h == nil {
		return 1
	}
	return 0
}
";
    check(
        Language::Go,
        program,
        &[
            ("n < len(text1)", "n < len(text1) && n < len(text2)"),
            ("return nil", "return kept"),
            ("if h == nil", "if h == nil && m.failed == errMismatch"),
        ],
    );
    let program = "\
function sum(values) {
  let total = 0;
  for (const value of values) {
    total += value;
  }
  return 0;
}
";
    check(Language::JavaScript, program, &[("return 0", "return total")]);
}

#[test]
fn a_condition_asks_what_other_conditions_ask() {
    let program = "\
(function () {
  var isList = Array.isArray || function (x) { return toString.call(x) === '[object Array]' }

  function clear (value) {
    if (typeof value === 'string') {
      return ''
    } else if (value) {
      value.length = 0
    }
    return value
  }

  function add (target, item, fits) {
    if (fits(item) && !isList(target)) {
      target = []
    }
    target.push(item)
    return target
  }
})()
";
    check(Language::JavaScript, program, &[("else if (value)", "else if (isList(value))")]);
    let foreign = program.replacen("else if (value)", "else if (fits(value))", 1);
    assert_eq!(place_of(Language::JavaScript, program, &foreign), None, "a parameter of another function");
}
