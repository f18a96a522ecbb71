//! The known names nearest to a misspelt one, for error texts.

/// At most three of `known` that are near `name`, nearest first; empty where none is.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let reach = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> =
        known.into_iter().map(|other| (distance(name, other), other)).filter(|(d, _)| *d <= reach).collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, other)| other).collect()
}

/// "; did you mean `a` or `b`?", or the list of what is known where nothing is near.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = nearest(name, known.clone());
    if near.is_empty() {
        let all: Vec<String> = known.into_iter().map(|other| format!("`{other}`")).collect();
        return format!("known are {}", all.join(", "));
    }
    let quoted: Vec<String> = near.iter().map(|other| format!("`{other}`")).collect();
    format!("did you mean {}?", quoted.join(" or "))
}

/// Levenshtein's distance, by characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("nps", "nps"), 0);
    }

    #[test]
    fn the_hint_names_what_is_near_or_everything() {
        assert_eq!(hint("helth", ["health", "band"]), "did you mean `health`?");
        assert_eq!(hint("wealth_index", ["health", "band"]), "known are `health`, `band`");
    }
}
