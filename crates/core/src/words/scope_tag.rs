//! Scope tags: labels on devices by which a role assignment says which devices it is about.
//!
//! Reference: `managedDevice.roleScopeTagIds`; Intune's `roleScopeTag`.

use std::collections::BTreeSet;

/// The tag of devices that nobody has tagged.
pub const DEFAULT_TAG: &str = "0";

/// The tags of a device; never empty.
pub type ScopeTags = BTreeSet<String>;

/// Characters of a tag at the most.
pub const MAX_TAG: usize = 64;

/// Whether that can be a tag: letters, digits and `-_.`, so that it needs no quotes anywhere.
pub fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().count() <= MAX_TAG && text.chars().all(plain)
}

/// [`DEFAULT_TAG`] alone.
pub fn untagged() -> ScopeTags {
    ScopeTags::from([DEFAULT_TAG.to_owned()])
}

/// Which devices a caller may know of. What is not visible is absent, for that caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every device of the tenant.
    All,
    /// Those with at least one of these tags.
    Tagged(ScopeTags),
}

impl Visibility {
    /// Whether a device with these tags is visible.
    pub fn admits(&self, tags: &ScopeTags) -> bool {
        match self {
            Self::All => true,
            Self::Tagged(seen) => !seen.is_disjoint(tags),
        }
    }

    /// Whether everything that is visible by the other is visible by this.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Tagged(_), Self::All) => false,
            (Self::Tagged(ours), Self::Tagged(theirs)) => theirs.is_subset(ours),
        }
    }

    /// What is visible by one or the other.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Tagged(one), Self::Tagged(other)) => Self::Tagged(one.into_iter().chain(other).collect()),
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    /// What is visible by both, as far as one of the same tags says so: never more than either.
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
