use proptest::prelude::*;

use super::{candidates_of, file_of};
use crate::languages::Language;
use crate::repair::Source;

/// Statements that are put together to programs: by language, with `@` for a step of indentation.
fn pieces(language: Language) -> (&'static str, &'static [&'static str], &'static str) {
    match language {
        Language::Rust => (
            "fn f(a: i32, b: &[i32], s: &str) -> i32 {\n@let mut n = 0;\n",
            &[
                "@n += a * 2;\n",
                "@if a < n && !s.is_empty() {\n@@n -= 1;\n@} else {\n@@return n;\n@}\n",
                "@for i in 0..b.len() {\n@@n = n + b[i];\n@@if n > 3 {\n@@@break;\n@@}\n@}\n",
                "@g(a, n);\n",
                "@match a {\n@@1 => n = 2,\n@@_ => n = 3,\n@}\n",
            ],
            "@n\n}\n",
        ),
        Language::Go => (
            "package p\n\nfunc f(a int, b []int, s string) int {\n@n := 0\n",
            &[
                "@n += a * 2\n",
                "@if a < n && s != \"x\" {\n@@n--\n@} else {\n@@return n\n@}\n",
                "@for i := range b {\n@@n = n + b[i]\n@@if n > 3 {\n@@@break\n@@}\n@}\n",
                "@g(a, n)\n",
                "@switch a {\n@case 1:\n@@n = 2\n@default:\n@@n = 3\n@}\n",
            ],
            "@return n\n}\n",
        ),
        Language::Java => (
            "class A {\n@int f(int a, int[] b, String s) {\n@int n = 0;\n",
            &[
                "@n += a * 2;\n",
                "@if (a < n && !s.isEmpty()) {\n@@n--;\n@} else {\n@@return n;\n@}\n",
                "@for (int i = 0; i < b.length; i++) {\n@@n = n + b[i];\n@@if (n > 3) {\n@@@break;\n@@}\n@}\n",
                "@g(a, n);\n",
                "@switch (a) {\n@case 1:\n@@n = 2;\n@@break;\n@default:\n@@n = 3;\n@}\n",
            ],
            "@return n;\n@}\n}\n",
        ),
        _ => (
            "function f(a, b, s) {\n@let n = 0;\n",
            &[
                "@n += a * 2;\n",
                "@if (a < n && !s) {\n@@n--;\n@} else {\n@@return n;\n@}\n",
                "@for (let i = 0; i < b.length; i++) {\n@@n = n + b[i];\n@@if (n > 3) {\n@@@break;\n@@}\n@}\n",
                "@g(a, () => n + 1);\n",
                "@const t = a ? 'x' : `y${n}`;\n",
                "@switch (a) {\n@case 1:\n@@n = 2;\n@@break;\n@default:\n@@n = 3;\n@}\n",
            ],
            "@return n;\n}\n",
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_candidate_applies_changes_something_and_keeps_line_breaks(
        which in 0..Language::ALL.len(),
        chosen in proptest::collection::vec(any::<usize>(), 1..5),
        crlf in any::<bool>(),
        tab in prop_oneof![Just("    "), Just("\t"), Just("  ")],
        bom in any::<bool>(),
    ) {
        let language = Language::ALL[which];
        prop_assume!(language != Language::Python);
        let (head, middle, tail) = pieces(language);
        let body: String = chosen.iter().map(|n| middle[n % middle.len()]).collect();
        let eol = if crlf { "\r\n" } else { "\n" };
        let bom = bom && language.is_script();
        let text = format!("{}{head}{body}{tail}", if bom { "\u{feff}" } else { "" });
        let text = text.replace('@', tab).replace('\n', eol);
        let mut syntax = language.syntax().unwrap();
        prop_assert!(!syntax.parse(&text).unwrap().root_node().has_error(), "{text}");
        let path = file_of(language);
        let sources = [Source { path: path.clone(), text: text.clone() }];
        let made = candidates_of(&sources, &[]);
        prop_assert!(made.len() > 20);
        let mut broken = 0;
        let step = (made.len() / 300).max(1);
        for candidate in made.iter().step_by(step) {
            let overlay = candidate.apply(&sources);
            prop_assert!(overlay.is_some(), "{candidate:?}");
            let new = overlay.unwrap().remove(&path).unwrap();
            prop_assert_ne!(&new, &text, "{}", candidate.describe());
            prop_assert!(candidate.score > 0.0 && candidate.score.is_finite());
            prop_assert!(!candidate.describe().contains('\n'));
            prop_assert_eq!(new.starts_with('\u{feff}'), bom);
            if crlf {
                prop_assert!(!new.replace("\r\n", "").contains(['\r', '\n']), "{candidate:?}");
            } else {
                prop_assert!(!new.contains('\r'));
            }
            broken += usize::from(syntax.parse(&new).unwrap().root_node().has_error());
        }
        // The search leaves out what does not parse; that is to be the exception.
        let looked_at = made.len().div_ceil(step);
        prop_assert!(broken * 20 <= looked_at, "{broken} of {looked_at} do not parse");
    }
}
