//! The options that a request takes. Every other option is refused by name. A client whose option is ignored acts on an answer to
//! another question: all devices, where it meant some.

use super::detail::detail;
use super::error::QueryError;
use crate::shown::shown;

/// The options of a list.
pub const OF_LIST: &[&str] =
    &["$select", "$expand", "$filter", "$search", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$format"];

/// The options of an entity.
pub const OF_ENTITY: &[&str] = &["$select", "$expand", "$format"];

/// The options of `/$count`. Its answer has one format.
pub const OF_COUNT: &[&str] = &["$filter", "$search"];

/// The options of a property, a function, `$metadata` and the service document.
pub const OF_ANSWER: &[&str] = &["$format"];

/// The options that one request takes, and its place for errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The names, with `$`.
    pub options: &'static [&'static str],
    /// The method and the path, with `{id}` for keys.
    pub place: String,
}

impl Taken {
    /// The option of that name, written with or without `$` and in any case.
    pub(super) fn named(&self, name: &str) -> Result<&'static str, QueryError> {
        let bare = name.strip_prefix('$').unwrap_or(name);
        let found = self.options.iter().copied().find(|option| option[1..].eq_ignore_ascii_case(bare));
        found.ok_or_else(|| self.refusal(name))
    }

    fn refusal(&self, name: &str) -> QueryError {
        let option = shown(name);
        let advice = match self.near(name) {
            Some(meant) => detail!("didYouMean", "Did you mean '{name}'?", name = meant),
            None if name.starts_with('@') => detail!(
                "aliasUnsupported",
                "Parameter aliases are not supported; write the value itself in the place of the alias."
            ),
            None if self.options.is_empty() => detail!("noneSupported", "Nothing was done; leave it out."),
            None => {
                detail!("supported", "Supported here: {expected}. Leave it out.", expected = self.options.join(", "))
            }
        };
        QueryError::Unsupported { option, place: self.place.clone(), advice }
    }

    /// The option that a name with other characters around it was meant to be, as in `amp;$filter`.
    fn near(&self, name: &str) -> Option<&'static str> {
        let is_other = |c: char| !c.is_ascii_alphanumeric();
        let word = name.trim_matches(is_other).rsplit(is_other).next()?;
        self.options.iter().copied().find(|option| option[1..].eq_ignore_ascii_case(word))
    }
}

/// Returns true for the one option that means nothing to any service: `_` with a number, by which browser libraries pass
/// caches.
pub(super) fn is_ignored(name: &str, value: &str) -> bool {
    name == "_" && !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}
