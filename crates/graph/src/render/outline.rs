//! The JSON of entities, written member by member into the bytes of an answer. A property that is not selected is not asked for.

use serde::Serialize;
use serde_json::{Map, Value};

use super::typed::{TYPE, announced, typed};
use super::{Form, default};
use crate::model::{Edm, EntityType, Property};
use crate::negotiation::{Format, Metadata};
use crate::query::Selection;
use crate::resolve::Version;

/// A property that is asked of an entity.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// The place among the properties of the type.
    pub(crate) place: usize,
    pub(crate) property: &'static Property,
    pub(crate) version: Version,
}

/// The values of the properties of one entity.
pub(crate) trait Values {
    /// The value of a property; `None` if it is unknown, and the default of the property is served.
    fn value(&self, wanted: Wanted) -> Option<Value>;

    /// Writes the JSON of that value. Returns false, and writes nothing, if it is unknown.
    fn write(&self, wanted: Wanted, out: &mut Vec<u8>) -> bool {
        write_known(out, self.value(wanted).as_ref())
    }
}

/// The members of entities of one type, as one request shows them.
pub(crate) struct Outline<'a> {
    pub(crate) of: &'static EntityType,
    selection: &'a Selection,
    members: Vec<Member>,
    /// The pieces of an entity, once they are prepared.
    pieces: Vec<Piece>,
    /// A value that the request knows and the entity does not.
    pub(crate) known: Option<(&'static str, Value)>,
    /// The property that is written behind everything else, by other code.
    pub(crate) last: Option<&'static str>,
}

struct Member {
    wanted: Wanted,
    /// Only the default is served.
    is_hidden: bool,
}

/// The text that all entities have in common, up to a value.
struct Piece {
    text: Vec<u8>,
    /// The place of the member that has the value, and the text of its default; `None` at the end.
    value: Option<(usize, Vec<u8>)>,
}

impl<'a> Outline<'a> {
    /// The outline of entities of that type.
    pub(crate) fn new(of: &'static EntityType, version: Version, selection: &'a Selection, form: Form) -> Self {
        let all = of.properties.iter().enumerate();
        let served = all.filter(|(_, property)| version.serves(property, of) && selection.contains(property));
        let member = |(place, property): (usize, &'static Property)| Member {
            wanted: Wanted { place, property, version },
            is_hidden: (property.single_only && form == Form::Listed)
                || (property.named_only && !selection.names(property.name)),
        };
        let members = served.map(member).collect();
        Self { of, selection, members, pieces: Vec::new(), known: None, last: None }
    }

    /// Prepares the text that all entities have in common, to write many of them in a request that knows no value by
    /// itself.
    pub(crate) fn prepared(mut self) -> Self {
        let mut text = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let property = member.wanted.property;
            Object { out: &mut text, is_empty: place == 0 }.name(&[property.name]);
            if member.is_hidden || property.same {
                write_value(&mut text, &default(property));
                continue;
            }
            let mut of_default = Vec::new();
            write_value(&mut of_default, &default(property));
            self.pieces.push(Piece { text: std::mem::take(&mut text), value: Some((place, of_default)) });
        }
        self.pieces.push(Piece { text, value: None });
        self
    }

    /// Returns true if items of a list show their tag.
    pub(crate) fn shows_tag(&self) -> bool {
        self.selection.shows_tag()
    }

    /// The outline with those members alone for which that is true.
    pub(crate) fn with_only(mut self, keeps: impl Fn(&Property) -> bool) -> Self {
        debug_assert!(self.pieces.is_empty(), "pieces name the places of the members");
        self.members.retain(|member| keeps(member.wanted.property));
        self
    }

    /// Returns true if it has a member of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.wanted.property.name == name)
    }

    /// The value of a member, as far as it is known, with those of its own members that the caller names.
    fn known_value(&self, member: &Member, values: &dyn Values) -> Option<Value> {
        let property = member.wanted.property;
        let value = match &self.known {
            _ if member.is_hidden => None,
            Some((name, value)) if *name == property.name => Some(value.clone()),
            Some(_) | None => values.value(member.wanted),
        };
        value.map(|value| self.selection.narrow(property.name, value))
    }

    /// The value of the member of that name, null if there is none.
    pub(crate) fn value(&self, name: &str, values: &dyn Values) -> Value {
        let Some(member) = self.member(name) else { return Value::Null };
        self.known_value(member, values).unwrap_or_else(|| default(member.wanted.property))
    }

    /// All members as one value.
    pub(crate) fn object(&self, values: &dyn Values) -> Map<String, Value> {
        let name = |member: &Member| member.wanted.property.name;
        self.members.iter().map(|member| (name(member).to_owned(), self.value(name(member), values))).collect()
    }

    /// Writes the members in a format.
    pub(crate) fn write(&self, format: Format, values: &dyn Values, object: &mut Object<'_>) {
        if format.metadata != Metadata::Full && !format.ieee754 && !self.pieces.is_empty() {
            return self.write_pieces(format, values, object);
        }
        for member in &self.members {
            let property = member.wanted.property;
            let is_last = self.last == Some(property.name);
            if is_last && format.metadata != Metadata::Full {
                continue;
            }
            let value = self.known_value(member, values).unwrap_or_else(|| default(property));
            if let Some(of) = announced(format, property.edm, &value) {
                object.annotation(property.name, TYPE, &of);
            }
            if !is_last {
                object.member(property.name, &typed(format, property.edm, value));
            }
        }
    }

    /// Writes the members as they are prepared, in a format without types.
    fn write_pieces(&self, format: Format, values: &dyn Values, object: &mut Object<'_>) {
        debug_assert!(self.known.is_none() && self.last.is_none(), "the pieces have no place for them");
        if self.members.is_empty() {
            return;
        }
        let out = object.text(b"");
        for piece in &self.pieces {
            out.extend_from_slice(&piece.text);
            let Some((place, of_default)) = &piece.value else { continue };
            let member = &self.members[*place];
            let is_known = match member.wanted.property.edm {
                edm @ (Edm::Complex(_) | Edm::Collection(Edm::Complex(_))) => {
                    let value = self.known_value(member, values).map(|value| typed(format, edm, value));
                    write_known(out, value.as_ref())
                }
                _ => values.write(member.wanted, out),
            };
            if !is_known {
                out.extend_from_slice(of_default);
            }
        }
    }
}

/// The room for the state of an entity when it begins.
const STATE: usize = 512;

/// The JSON of all properties of an entity, whose digest is its tag.
pub(crate) fn whole(of: &'static EntityType, values: &dyn Values) -> Vec<u8> {
    let everything = Selection::All(Vec::new());
    state(&Outline::new(of, Version::Beta, &everything, Form::Single), values)
}

/// The JSON of the members of an outline.
pub(crate) fn state(outline: &Outline<'_>, values: &dyn Values) -> Vec<u8> {
    let mut text = Vec::with_capacity(STATE);
    let mut object = Object::begin(&mut text, Map::new());
    outline.write(Format::default(), values, &mut object);
    object.end();
    text
}

/// A JSON object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Begins an object with these members.
    pub(crate) fn begin(out: &'a mut Vec<u8>, members: Map<String, Value>) -> Self {
        out.push(b'{');
        let mut object = Self { out, is_empty: true };
        for (name, value) in &members {
            object.member(name, value);
        }
        object
    }

    /// Writes a name, and returns the place of its value. No name of the model has a character that JSON escapes.
    pub(crate) fn name(&mut self, parts: &[&str]) -> &mut Vec<u8> {
        self.text(b"\"");
        parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes the text of a member, or of its beginning, and returns the place of the rest.
    fn text(&mut self, text: &[u8]) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.extend_from_slice(text);
        self.out
    }

    /// Writes a member.
    pub(crate) fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        write_value(self.name(&[name]), value);
    }

    /// Writes an annotation of the member of that name.
    pub(crate) fn annotation(&mut self, name: &str, annotation: &str, value: &(impl Serialize + ?Sized)) {
        write_value(self.name(&[name, annotation]), value);
    }

    /// Ends the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes the JSON of a value. Returns false, and writes nothing, if it is unknown.
pub(crate) fn write_known(out: &mut Vec<u8>, value: Option<&impl Serialize>) -> bool {
    value.inspect(|value| write_value(out, *value)).is_some()
}

fn write_value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, value);
}
