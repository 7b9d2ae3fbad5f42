//! Scope tags: labels on devices by which a role assignment selects its devices.
//!
//! Reference: `managedDevice.roleScopeTagIds`; Intune's `roleScopeTag`.

use std::collections::BTreeSet;

/// The tag of devices that have no other.
pub const DEFAULT_TAG: &str = "0";

/// The tags of a device; never empty.
pub type ScopeTags = BTreeSet<String>;

/// Most characters of a tag.
pub const MAX_TAG: usize = 64;

/// Returns true if the text can be a tag: letters, digits and `-_.`, so that it never needs quotes.
pub fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().count() <= MAX_TAG && text.chars().all(plain)
}

/// Returns [`DEFAULT_TAG`] alone.
pub fn untagged() -> ScopeTags {
    ScopeTags::from([DEFAULT_TAG.to_owned()])
}

/// The devices that a caller may know about. Any other device is absent for that caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every device of the tenant.
    All,
    /// The devices with at least one of these tags.
    Tagged(ScopeTags),
}

impl Visibility {
    /// Returns true if a device with these tags is visible.
    pub fn admits(&self, tags: &ScopeTags) -> bool {
        match self {
            Self::All => true,
            Self::Tagged(seen) => !seen.is_disjoint(tags),
        }
    }

    /// Returns true if this makes everything visible that the other does.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Tagged(_), Self::All) => false,
            (Self::Tagged(ours), Self::Tagged(theirs)) => theirs.is_subset(ours),
        }
    }

    /// Returns the union.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Tagged(one), Self::Tagged(other)) => Self::Tagged(one.into_iter().chain(other).collect()),
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    /// Returns the intersection by tag. It may leave out devices that carry a different tag of each.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, one) | (one, Self::All) => one,
            (Self::Tagged(one), Self::Tagged(other)) => Self::Tagged(&one & &other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> ScopeTags {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_tag_is_a_short_word() {
        for (text, good) in
            [("0", true), ("s\u{e3}o-paulo.2_b", true), ("", false), ("two words", false), ("a,b", false)]
        {
            assert_eq!(is_tag(text), good, "{text:?}");
        }
        assert!(is_tag(&"x".repeat(MAX_TAG)) && !is_tag(&"x".repeat(MAX_TAG + 1)));
    }

    #[test]
    fn all_covers_everything_and_tags_cover_their_subsets() {
        let tagged = |names: &[&str]| Visibility::Tagged(tags(names));
        for (ours, theirs, covered) in [
            (Visibility::All, Visibility::All, true),
            (Visibility::All, tagged(&["a"]), true),
            (tagged(&["a", "b"]), tagged(&["a"]), true),
            (tagged(&["a"]), tagged(&["a", "b"]), false),
            (tagged(&["a"]), Visibility::All, false),
        ] {
            assert_eq!(ours.covers(&theirs), covered, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn one_common_tag_is_enough_and_none_is_not() {
        for (seen, device, visible) in [
            (Visibility::All, untagged(), true),
            (Visibility::Tagged(tags(&["lisbon"])), tags(&["lisbon", "sales"]), true),
            (Visibility::Tagged(tags(&["lisbon"])), tags(&["porto"]), false),
            (Visibility::Tagged(tags(&["lisbon"])), untagged(), false),
            (Visibility::Tagged(tags(&[])), untagged(), false),
        ] {
            assert_eq!(seen.admits(&device), visible, "{seen:?} {device:?}");
        }
    }
}
