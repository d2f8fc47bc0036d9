//! How alike names are.

/// How alike two names are, 0 to 1: by common words (`camelCase`, `snake_case`) and by common letters.
pub(super) fn alike(one: &str, two: &str) -> f64 {
    if one == two {
        return 1.0;
    }
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let longest = a.len().max(b.len()).max(1);
    let letters = 1.0 - distance(&a, &b) as f64 / longest as f64;
    let (left, right) = (parts(one), parts(two));
    let common = left.iter().filter(|word| right.contains(word)).count();
    let by_words = 2.0 * common as f64 / (left.len() + right.len()).max(1) as f64;
    letters.max(0.9 * by_words)
}

/// The words of a name, in small letters.
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in name.chars() {
        if !c.is_alphanumeric() {
            before = '_';
            continue;
        }
        let starts = before == '_' || (c.is_uppercase() && !before.is_uppercase());
        match words.last_mut() {
            Some(word) if !starts => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
        before = c;
    }
    words
}

/// Edits between two texts: insert, remove, replace, or swap neighbours, a letter each.
pub(super) fn distance(a: &[char], b: &[char]) -> usize {
    // Long texts are not slips of one another; the cap bounds the table.
    if a.len() > 200 || b.len() > 200 {
        return a.len().max(b.len());
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(x != y)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}
