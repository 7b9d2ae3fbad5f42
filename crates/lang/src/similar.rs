//! "Did you mean": the known names that are nearest to a mistyped one.

use strsim::osa_distance;

/// Most names that are suggested.
const MOST: usize = 3;

/// The least length of a text for which names are suggested.
const PART: usize = 3;

/// The part of a mistyped name that is probably right: its first characters. Names that begin so are worth a look.
pub fn beginning(name: &str) -> String {
    name.chars().take(PART).collect()
}

/// The known names that are near to the asked one, the nearest first.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let asked = folded(asked);
    let mut near: Vec<_> =
        known.into_iter().filter_map(|name| Some((distance(&asked, &folded(name))?, name))).collect();
    near.sort();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// The edits from one folded name to another; `None` if they have little in common.
fn distance(asked: &str, name: &str) -> Option<usize> {
    let length = asked.chars().count();
    if length < PART {
        return None;
    }
    if name.contains(asked) {
        return Some(usize::from(!name.starts_with(asked)));
    }
    // People also mistype the beginning of a long name, and leave out the rest.
    let beginnings = (length.saturating_sub(1)..=length + 1).map(|most| name.chars().take(most).collect::<String>());
    let edits = beginnings.chain([name.to_owned()]).map(|part| osa_distance(asked, &part)).min()?;
    (edits <= length / 4 && edits <= 2).then_some(edits + 1)
}

/// A name without case and punctuation: `help-desk`, `Help Desk` and `helpdesk` are one.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_or_shortened_name_is_found_and_another_is_not() {
        let people = ["helpdesk@contoso.example", "ana@contoso.example", "bob@contoso.example"];
        for (asked, found) in [
            ("helpdesk@contoso.exmaple", &people[..1]),
            ("helpdsk@contoso.example", &people[..1]),
            ("ana", &people[1..2]),
            ("Ana@Contoso.Exampel", &people[1..2]),
            ("carla@contoso.example", &[]),
            ("ab", &[]),
            ("", &[]),
        ] {
            assert_eq!(nearest(asked, people), found, "{asked}");
        }
    }
}
