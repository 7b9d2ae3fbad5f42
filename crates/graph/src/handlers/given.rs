//! Bodies: the properties and references that a request gives.

use axum::body::Body;
use chaveiro_core::scope_tag::{MAX_TAG, ScopeTags, is_tag};
use http::HeaderMap;
use serde_json::Value;

use super::admit::Asked;
use crate::GraphState;
use crate::body::{self, BodyError, Checked};
use crate::error::GraphError;
use crate::model::EntityType;
use crate::resolve::Walk;

/// Microsoft's own address.
const ORIGINAL: &str = "https://graph.microsoft.com";

/// Tags that one device, or one assignment, may have.
const MAX_TAGS: usize = 100;

/// Reads a body that is an entity of that type.
pub(crate) async fn checked(
    headers: &HeaderMap,
    body: &mut Body,
    entity: &'static EntityType,
) -> Result<Checked, GraphError> {
    Ok(body::check(body::json_object(headers, body).await?, entity)?)
}

/// The error for a binding that its type does not have.
pub(crate) fn no_binding(name: &str) -> BodyError {
    BodyError::Bind {
        name: format!("{name}@odata.bind"),
        expected: "left out: this type has no such binding".to_owned(),
    }
}

/// A URL in a body: absolute on our host, or relative to the version. Any other text is answered with `wrong`.
pub(crate) fn reference(
    state: &GraphState,
    asked: &Asked,
    url: &str,
    wrong: impl Fn() -> BodyError,
) -> Result<Walk, GraphError> {
    // The host of the original is understood, so that scripts need not change their bodies.
    let own = [state.base_url.as_str(), ORIGINAL].into_iter().find_map(|base| path_behind(url, base));
    let path = own.unwrap_or(url);
    if path.contains("://") {
        return Err(wrong().into());
    }
    let walk = asked.walk.model.parse_relative(asked.walk.version, path).map_err(|_| wrong())?;
    walk.check_keys()?;
    Ok(walk)
}

/// The path of a URL that begins with that scheme, host and port, compared without case.
fn path_behind<'a>(url: &'a str, base: &str) -> Option<&'a str> {
    let (begin, path) = url.split_at_checked(base.len())?;
    (begin.eq_ignore_ascii_case(base) && path.starts_with('/')).then_some(path)
}

/// The tags in a list under that name.
pub(crate) fn tags(name: &'static str, value: &Value) -> Result<ScopeTags, BodyError> {
    let wrong = || {
        let expected = format!("a list of 1 to {MAX_TAGS} tags, each of 1 to {MAX_TAG} letters, digits, -, _ and .");
        BodyError::value(name, value, &expected)
    };
    let items = value.as_array().filter(|items| (1..=MAX_TAGS).contains(&items.len())).ok_or_else(wrong)?;
    let tag = |item: &Value| item.as_str().filter(|text| is_tag(text)).map(str::to_owned);
    items.iter().map(tag).collect::<Option<_>>().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_tags_is_neither_empty_nor_long_and_each_tag_is_a_word() {
        let many: Vec<_> = (0..=MAX_TAGS).map(|number| number.to_string()).collect();
        assert!(tags("tags", &json!(many[1..])).is_ok_and(|tags| tags.len() == MAX_TAGS));
        // No role could be assigned with a tag of two words.
        for value in [json!([]), json!([""]), json!(["x".repeat(MAX_TAG + 1)]), json!(["two words"]), json!(many)] {
            assert!(tags("tags", &value).is_err(), "{value}");
        }
    }
}
