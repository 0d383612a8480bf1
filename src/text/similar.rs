//! Which known word somebody meant.
//!
//! Does not: decide anything; it is for hints alone.

/// The candidate nearest to `word`: one that it begins, or that few slips of the finger away.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let slips_allowed = match word.chars().count() {
        1..=3 => 1,
        4..=6 => 2,
        7..=64 => 3,
        _ => return None, // the work grows with the length, and nobody mistypes so much
    };
    candidates
        .into_iter()
        .filter_map(|candidate| match slips(word, candidate) {
            _ if word.len() > 1 && candidate.starts_with(word) => Some((1, candidate)),
            slips if slips <= slips_allowed && slips < candidate.chars().count() => {
                Some((slips, candidate))
            }
            _ => None,
        })
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many letters were added, left out, mistaken or swapped with their neighbour: the distance of
/// optimal string alignment.
fn slips(word: &str, other: &str) -> usize {
    let word: Vec<char> = word.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in word.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mistaken = above[j] + usize::from(a != b);
            let mut least = mistaken.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && word[i - 1] == *b {
                let swapped: &Vec<usize> = &before;
                least = least.min(swapped[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, n) in [
            ("", "", 0),
            ("list", "list", 0),
            ("lst", "list", 1),
            ("lsit", "list", 1),
            ("lists", "list", 1),
            ("kist", "list", 1),
            ("", "list", 4),
            ("abc", "xyz", 3),
        ] {
            assert_eq!((slips(a, b), slips(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_is_meant_and_nothing_far_off() {
        let words = ["start", "status", "stop", "list", "ls", "wait"];
        for (typed, meant) in [
            ("strat", Some("start")),
            ("stat", Some("start")),
            ("statu", Some("status")),
            ("stpo", Some("stop")),
            ("lits", Some("list")),
            ("wai", Some("wait")),
            ("w", None),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, words), meant, "{typed}");
        }
        assert_eq!(closest(&"x".repeat(100_000), words), None);
    }
}
