//! Calls whose arguments do not fit the function: the definition or the call is wrong.

use coditect_types::TestResult;

use super::{Sheet, quoted_after, words};
use crate::repair::python::desk::alike;

/// Answers to `f() missing 1 required positional argument: 'x'` and its kin.
pub(super) fn answer(test: &TestResult, sheets: &mut [Sheet<'_>]) {
    let message = test.message.as_str();
    let Some(function) = named_function(message) else { return };
    if message.contains("positional argument") && message.contains("were given")
        || message.contains("was given")
    {
        missing_self(sheets, function);
    }
    if message.contains("required positional argument")
        && let Some(missing) =
            quoted_after(message, "argument: ").or_else(|| quoted_after(message, "arguments: "))
    {
        missing_argument(sheets, function, missing);
    }
    if let Some(keyword) = quoted_after(message, "unexpected keyword argument ") {
        keyword_slip(sheets, function, keyword);
    }
}

/// `f` in `Cls.f() takes ...`.
fn named_function(message: &str) -> Option<&str> {
    let at = message.find("() ")?;
    let name = message[..at].rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    (!name.is_empty()).then_some(name)
}

/// Parameter lists of functions of this name, as byte ranges between the brackets.
fn parameters(text: &str, function: &str) -> Vec<std::ops::Range<usize>> {
    words(text, function)
        .into_iter()
        .filter(|range| text[..range.start].ends_with("def ") && text[range.end..].starts_with('('))
        .filter_map(|range| {
            let start = range.end + 1;
            let mut depth = 1;
            let length = text[start..].find(|c| {
                depth += match c {
                    '(' | '[' | '{' => 1,
                    ')' | ']' | '}' => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            Some(start..start + length)
        })
        .collect()
}

fn missing_self(sheets: &mut [Sheet<'_>], function: &str) {
    for sheet in sheets {
        for range in parameters(&sheet.source.text, function) {
            let old = sheet.source.text[range.clone()].trim();
            if !old.starts_with("self") && !old.starts_with("cls") {
                let comma = if old.is_empty() { "" } else { ", " };
                sheet.put(range.start..range.start, format!("self{comma}"), 1.2);
            }
            let rest = if old.is_empty() { "*args".to_owned() } else { format!("{old}, *args") };
            sheet.put(range, rest, 0.3);
        }
    }
}

fn missing_argument(sheets: &mut [Sheet<'_>], function: &str, missing: &str) {
    for sheet in sheets {
        let text = sheet.source.text.as_str();
        // Defaults in the definition.
        for range in parameters(text, function) {
            for found in words(&text[range.clone()], missing) {
                let end = range.start + found.end;
                for (value, fit) in [("None", 0.8), ("0", 0.4), ("\"\"", 0.3), ("False", 0.3)] {
                    sheet.put(end..end, format!("={value}"), fit);
                }
            }
        }
        // The call that lacks it: a value of the same name is often at hand.
        for range in words(text, function).into_iter().filter(|range| !text[..range.start].ends_with("def "))
        {
            let Some(open) = text[range.end..].starts_with('(').then_some(range.end + 1) else { continue };
            let empty = text[open..].starts_with(')');
            for value in [missing.to_owned(), format!("self.{missing}")] {
                let new = if empty { value.clone() } else { format!("{value}, ") };
                sheet.put(open..open, new, 1.0);
                if let (false, Some(close)) = (empty, text[open..].find(')')) {
                    sheet.put(open + close..open + close, format!(", {value}"), 1.1);
                }
            }
        }
    }
}

fn keyword_slip(sheets: &mut [Sheet<'_>], function: &str, keyword: &str) {
    for sheet in sheets {
        let text = sheet.source.text.as_str();
        for range in parameters(text, function) {
            let own = &text[range.clone()];
            for parameter in own.split(',').map(|p| p.split([':', '=']).next().unwrap_or_default().trim()) {
                let fit = alike(keyword, parameter);
                if parameter.is_empty() || parameter == "self" || fit < 0.3 {
                    continue;
                }
                for call in words(text, keyword).into_iter().filter(|r| text[r.end..].starts_with('=')) {
                    sheet.put(call, parameter, 1.2 * fit);
                }
            }
        }
    }
}
