//! Lines of a shell, as far as they are plain.

/// A word as a shell takes it for one.
pub(crate) fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:@,+%*".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The commands of a line that are joined by `&&`, each as words. None: the line has more of a shell than that.
pub(crate) fn split(line: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' => text.push(letters.next()?),
                        '$' | '`' if letter == '"' => return None,
                        other => text.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            ';' | '|' | '>' | '<' | '`' | '$' | '(' | ')' | '\n' => return None,
            '&' => {
                letters.next_if_eq(&'&')?;
                commands.last_mut()?.extend(word.take());
                commands.push(Vec::new());
            }
            letter if letter.is_whitespace() => commands.last_mut()?.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    commands.last_mut()?.extend(word.take());
    commands.retain(|command| !command.is_empty());
    Some(commands)
}
