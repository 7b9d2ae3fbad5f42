//! Entities and collections as handlers meet them: whatever their kind.
//!
//! A kind gives its rows [`Entity`] and its collections [`Collection`]; lists, counts, pages and expansions are written once,
//! over these. A collection of which a tenant has few entities is a [`Small`] one, which [`Few`] makes a collection of.

use std::any::Any;

use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::ports::{StoreError, View, Witness};
use chaveiro_core::query::{Cursor, Filter, Listing, Order, Paged};
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Map, Value};

use crate::entity_tag;
use crate::error::GraphError;
use crate::model::{EntityType, SERVICE};
use crate::query::{Fields, Query, QueryError, Selection};
use crate::render::Form;
use crate::resolve::{Key, Version, Walk};
use crate::short_list::{self, Item, Rendered};

/// The view that is read, in which tenant and version, and as far as which devices are visible.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a dyn View,
    pub(crate) witness: &'a dyn Witness,
    pub(crate) tenant: TenantId,
    pub(crate) version: Version,
    pub(crate) sight: &'a Visibility,
}

/// An entity that was found.
pub(crate) trait Entity: Any + Send + Sync {
    /// The type.
    fn entity_type(&self) -> &'static EntityType;

    /// The key.
    fn id(&self) -> String;

    /// The JSON: the properties that are selected.
    fn render(&self, from: &Reading<'_>, selection: &Selection, form: Form) -> Result<Map<String, Value>, StoreError>;

    /// Returns true if a caller with that sight may know of it.
    fn is_seen(&self, _view: &dyn View, _sight: &Visibility) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// The device that a change of it is about.
    fn about(&self) -> About<'_> {
        About::Tenant
    }

    /// The properties that its tag is computed from; for types that have tags.
    fn state(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// An entity of any kind.
pub(crate) type Node = Box<dyn Entity>;

/// The device that a change is about, whose tags then decide who may make it.
pub(crate) enum About<'a> {
    /// The tenant as a whole.
    Tenant,
    /// The device that the entity is.
    Itself(&'a ManagedDevice),
    /// Another device.
    Device(DeviceId),
}

impl dyn Entity {
    /// The row, if it is of that type.
    pub(crate) fn row<T: Entity>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// The row as its own, if it is of that type.
    pub(crate) fn into_row<T: Entity>(self: Box<Self>) -> Option<Box<T>> {
        (self as Box<dyn Any>).downcast().ok()
    }

    /// The tag, if its type has tags.
    pub(crate) fn tag(&self) -> Option<String> {
        self.entity_type().has_tag.then(|| entity_tag::tag(self.state()))
    }

    /// Renders the entity as an item of a list. The tag comes first, unless the caller names properties.
    pub(crate) fn item(&self, from: &Reading<'_>, selection: &Selection) -> Result<Map<String, Value>, StoreError> {
        let object = self.render(from, selection, Form::Listed)?;
        Ok(tagged(self, selection, object))
    }
}

/// A rendered item with its tag, unless the caller names properties.
pub(crate) fn tagged(row: &dyn Entity, selection: &Selection, object: Map<String, Value>) -> Map<String, Value> {
    entity_tag::first(selection.shows_tag().then(|| row.tag()).flatten(), object)
}

/// The service root, where every walk begins.
pub(crate) struct Root;

impl Entity for Root {
    fn entity_type(&self) -> &'static EntityType {
        &SERVICE
    }

    fn id(&self) -> String {
        String::new()
    }

    fn render(&self, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Map<String, Value>, StoreError> {
        Ok(Map::new())
    }
}

/// A page of a collection: the entities, each with its JSON.
pub(crate) struct Page {
    pub(crate) items: Vec<(Node, Map<String, Value>)>,
    /// The place behind the last, if more follow.
    pub(crate) next: Option<Cursor>,
    /// The number of all that match, if it was asked for.
    pub(crate) total: Option<u64>,
}

impl Page {
    /// The page of a collection without entities.
    pub(crate) fn empty() -> Self {
        Self { items: Vec::new(), next: None, total: Some(0) }
    }
}

/// The members of a collection of any kind.
pub(crate) trait Members: Any + Send + Sync {
    /// The entity with that key, if it is one of them.
    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Node>, StoreError>;

    /// The number of those that are visible and match.
    fn count(&self, from: &Reading<'_>, query: &Query, of: &'static EntityType) -> Result<u64, GraphError>;

    /// The page that a query asks for at the end of that walk.
    fn page(&self, from: &Reading<'_>, query: &Query, walk: &Walk, selection: &Selection) -> Result<Page, GraphError>;

    /// The first so many.
    fn first(&self, from: &Reading<'_>, limit: usize, selection: &Selection) -> Result<Page, GraphError>;
}

impl dyn Members {
    /// The collection, if it is of that type.
    pub(crate) fn collection<T: Members>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// A collection that never has a member.
pub(crate) struct Nothing;

impl Members for Nothing {
    fn find(&self, _: &dyn View, _: TenantId, _: &Key) -> Result<Option<Node>, StoreError> {
        Ok(None)
    }

    fn count(&self, _: &Reading<'_>, _: &Query, _: &'static EntityType) -> Result<u64, GraphError> {
        Ok(0)
    }

    fn page(&self, _: &Reading<'_>, _: &Query, _: &Walk, _: &Selection) -> Result<Page, GraphError> {
        Ok(Page::empty())
    }

    fn first(&self, _: &Reading<'_>, _: usize, _: &Selection) -> Result<Page, GraphError> {
        Ok(Page::empty())
    }
}

/// A collection that the store, or a short list, filters, orders and pages.
pub(crate) trait Collection: Any + Send + Sync {
    /// The fields that it is filtered and ordered by.
    type Field: Fields;
    /// The row of one entity.
    type Row: Entity;

    /// The entity with that key, if it is one of them.
    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Self::Row>, StoreError>;

    /// The number of those that are visible and match.
    fn count(&self, from: &Reading<'_>, filter: &Filter<Self::Field>) -> Result<u64, StoreError>;

    /// A page of those that are visible.
    fn rows(&self, from: &Reading<'_>, listing: &Listing<Self::Field>) -> Result<Paged<Self::Row>, StoreError>;

    /// A page, and the number of all that match.
    fn counted_rows(
        &self,
        from: &Reading<'_>,
        listing: &Listing<Self::Field>,
    ) -> Result<(Paged<Self::Row>, u64), StoreError> {
        let total = self.count(from, &listing.filter)?;
        Ok((self.rows(from, listing)?, total))
    }

    /// Refuses a filter or an order that would tell what that sight does not.
    fn check(
        &self,
        _sight: &Visibility,
        _filter: &Filter<Self::Field>,
        _order: &[Order<Self::Field>],
    ) -> Result<(), QueryError> {
        Ok(())
    }

    /// The JSON of entities of one page.
    fn render(
        &self,
        from: &Reading<'_>,
        rows: &[Self::Row],
        selection: &Selection,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        rows.iter().map(|row| (row as &dyn Entity).item(from, selection)).collect()
    }
}

impl<C: Collection> Members for C {
    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Node>, StoreError> {
        Ok(Collection::find(self, view, tenant, key)?.map(|row| Box::new(row) as Node))
    }

    fn count(&self, from: &Reading<'_>, query: &Query, of: &'static EntityType) -> Result<u64, GraphError> {
        let filter = query.filter(of, from.version)?;
        self.check(from.sight, &filter, &[])?;
        Ok(Collection::count(self, from, &filter)?)
    }

    fn page(&self, from: &Reading<'_>, query: &Query, walk: &Walk, selection: &Selection) -> Result<Page, GraphError> {
        let listing = query.listing(walk.target(), walk)?;
        self.check(from.sight, &listing.filter, &listing.order)?;
        let (page, total) = match query.count {
            Some(true) => self.counted_rows(from, &listing).map(|(page, total)| (page, Some(total)))?,
            Some(false) | None => (self.rows(from, &listing)?, None),
        };
        rendered(self, from, page, total, selection)
    }

    fn first(&self, from: &Reading<'_>, limit: usize, selection: &Selection) -> Result<Page, GraphError> {
        rendered(self, from, self.rows(from, &Listing::first(limit))?, None, selection)
    }
}

fn rendered<C: Collection>(
    of: &C,
    from: &Reading<'_>,
    page: Paged<C::Row>,
    total: Option<u64>,
    selection: &Selection,
) -> Result<Page, GraphError> {
    let objects = of.render(from, &page.items, selection)?;
    let nodes = page.items.into_iter().map(|row| Box::new(row) as Node);
    Ok(Page { items: nodes.zip(objects).collect(), next: page.next, total })
}

/// A collection of which a tenant has few entities.
pub(crate) trait Small: Any + Send + Sync {
    /// The row of one entity.
    type Row: Entity;

    /// The entity with that key, if it is one of them.
    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Self::Row>, StoreError>;

    /// All that are visible.
    fn all(&self, from: &Reading<'_>) -> Result<Vec<Self::Row>, StoreError>;

    /// The place of an entity when nothing else orders them: the smaller comes first.
    fn place(row: &Self::Row) -> i64;
}

/// A small collection as any other: read whole; [`short_list`] does the rest.
pub(crate) struct Few<S>(pub(crate) S);

impl<S: Small> Few<S> {
    fn items(&self, from: &Reading<'_>) -> Result<Vec<Item<S::Row>>, StoreError> {
        let item = |row: S::Row| {
            let object = row.render(from, &Selection::All(Vec::new()), Form::Listed)?;
            Ok(Item { place: S::place(&row), object, row })
        };
        self.0.all(from)?.into_iter().map(item).collect()
    }
}

impl<S: Small> Collection for Few<S> {
    type Field = Rendered;
    type Row = S::Row;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<S::Row>, StoreError> {
        self.0.find(view, tenant, key)
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<Rendered>) -> Result<u64, StoreError> {
        Ok(short_list::count(filter, &self.items(from)?))
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<Rendered>) -> Result<Paged<S::Row>, StoreError> {
        Ok(short_list::page(listing, self.items(from)?))
    }

    fn counted_rows(
        &self,
        from: &Reading<'_>,
        listing: &Listing<Rendered>,
    ) -> Result<(Paged<S::Row>, u64), StoreError> {
        let items = self.items(from)?;
        let total = short_list::count(&listing.filter, &items);
        Ok((short_list::page(listing, items), total))
    }
}
