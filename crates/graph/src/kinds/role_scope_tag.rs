//! `roleScopeTag`: a scope tag that a device or a role assignment has. A tag is made by giving it to one of these; the default
//! tag is built in.
//!
//! Reference: the public metadata's type of that name. In Intune the id is a number; here it is the tag itself, which stands in
//! `roleScopeTagIds` of devices.

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::scope_tag::{DEFAULT_TAG, ScopeTags, Visibility};
use serde_json::{Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use super::role_definition::of_roles;
use crate::entity::{Entity, Few, Reading, Small, Told};
use crate::kind::Kind;
use crate::model::properties::{ID, flag, text};
use crate::model::{Edge, EntityType, KeyForm, Property};
use crate::query::Selection;
use crate::render::Form;
use crate::render::outline::{Values, Wanted};
use crate::resolve::Key;
use crate::short_list::Rendered;

const PROPERTIES: &[Property] =
    &[ID, text("displayName").read_only(), text("description").read_only(), flag("isBuiltIn").read_only()];

static ROLE_SCOPE_TAG: EntityType = EntityType {
    about: "A scope tag in use by a device or a role assignment, or the default tag `0`. The id is the tag itself, as `roleScopeTagIds` has it; the caller sees the tags of the devices that it sees.",
    beta_only: true,
    key_form: KeyForm::Text,
    edges: &[Edge { beta_only: true, ..of_roles(Edge::many(&DEVICE_MANAGEMENT, "roleScopeTags", &ROLE_SCOPE_TAG)) }],
    ..EntityType::new("roleScopeTag", PROPERTIES, "roleScopeTagId")
};

pub(super) const KIND: Kind = Kind::read_only::<Rendered>(&ROLE_SCOPE_TAG, |_, _| Some(Box::new(Few(Tags))));

/// The tags in use by devices and role assignments of a tenant, and the default tag, which is the first.
struct Tags;

impl Small for Tags {
    type Row = Tag;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Tag>, StoreError> {
        Ok(in_use(view, tenant)?.take(&key.text).map(Tag))
    }

    fn all(&self, from: &Reading<'_>) -> Result<Vec<Tag>, StoreError> {
        let tags = in_use(from.view, from.tenant)?.into_iter().map(Tag);
        Ok(tags.filter(|tag| tag.is_visible(from.sight)).collect())
    }

    fn place(tag: &Tag) -> i64 {
        i64::from(!tag.is_default())
    }
}

fn in_use(view: &dyn View, tenant: TenantId) -> Result<ScopeTags, StoreError> {
    let mut tags = view.scope_tags_of_devices(tenant)?;
    for assignment in view.role_assignments(tenant)? {
        if let Visibility::Tagged(scope) = assignment.scope {
            tags.extend(scope);
        }
    }
    tags.insert(DEFAULT_TAG.to_owned());
    Ok(tags)
}

/// A scope tag.
struct Tag(String);

impl Tag {
    fn is_default(&self) -> bool {
        self.0 == DEFAULT_TAG
    }

    /// The default tag tells nothing; another is visible to a caller that may see devices with it.
    fn is_visible(&self, sight: &Visibility) -> bool {
        self.is_default() || sight.admits(&ScopeTags::from([self.0.clone()]))
    }
}

impl Entity for Tag {
    fn entity_type(&self) -> &'static EntityType {
        &ROLE_SCOPE_TAG
    }

    fn id(&self) -> String {
        self.0.clone()
    }

    fn is_seen(&self, _: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        Ok(self.is_visible(sight))
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }
}

impl Values for Tag {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let (name, description) = match self.is_default() {
            true => ("Default", Some("The tag of devices without another one.")),
            false => (self.0.as_str(), None),
        };
        Some(match wanted.property.name {
            "id" => json!(self.0),
            "displayName" => json!(name),
            "description" => json!(description),
            "isBuiltIn" => json!(self.is_default()),
            _ => return None,
        })
    }
}
