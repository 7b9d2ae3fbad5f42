//! `$filter`: OData's expressions over properties, as far as they are answered exactly. Everything else is refused, with the
//! place and what is supported.
//!
//! One pass from text to [`Filter`]: `not` is carried inwards while reading, so that it ends at a test.
//!
//! References: OData 4.01, Part 2, 5.1.1; its ABNF, `boolCommonExpr`.

use chaveiro_core::query::{Filter, Test, Value, moment};

use super::detail::{Awaited, Detail, Found, detail};
use super::error::QueryError;
use super::fields::{Fields, Source, find_path, structure};
use super::scan::Scan;
use crate::model::{Edm, EntityType, Property};
use crate::resolve::Version;

/// Longest filter.
pub const MAX_BYTES: usize = 4096;

/// Most parentheses and `not` inside each other.
pub const MAX_DEPTH: usize = 16;

/// Most comparisons; each item of an `in` is one.
pub const MAX_COMPARISONS: usize = 128;

const OPTION: &str = "$filter";
const PROPERTY: Awaited = Awaited("property", "a property");
const CONDITION: Awaited = Awaited("condition", "a property, startswith, endswith, contains, not or (");
const LIST: Awaited = Awaited("list", "a list in parentheses");
const LIST_END: Awaited = Awaited("commaOrParenthesis", ", or )");
const END: Awaited = Awaited("operatorOrEnd", "and, or, or the end");
const OPEN: Awaited = Awaited::sign("(");
const CLOSE: Awaited = Awaited::sign(")");
const COMMA: Awaited = Awaited::sign(",");
const SLASH: Awaited = Awaited::sign("/");
const ANY: Awaited = Awaited::sign("any(t:t eq 'x')");

/// Reads a filter over the properties of that type.
pub fn parse<F: Fields>(text: &str, entity: &'static EntityType, version: Version) -> Result<Filter<F>, QueryError> {
    let mut parser = Parser { scan: Scan::new(OPTION, text), entity, version, depth: 0, comparisons: 0 };
    if text.len() > MAX_BYTES {
        let (most, found) = (MAX_BYTES, text.len());
        let problem = detail!(
            "filterTooLong",
            "a filter has at most {most} bytes, this one has {found}",
            most = most,
            found = found
        );
        return Err(parser.scan.problem(1, problem));
    }
    let filter = parser.either(true)?;
    match parser.scan.is_at_end() {
        true => Ok(filter),
        false => Err(parser.scan.expected(END)),
    }
}

struct Parser<'a> {
    scan: Scan<'a>,
    entity: &'static EntityType,
    version: Version,
    depth: usize,
    comparisons: usize,
}

impl Parser<'_> {
    /// `a or b`; its opposite when `holds` is false.
    fn either<F: Fields>(&mut self, holds: bool) -> Result<Filter<F>, QueryError> {
        let mut parts = vec![self.both(holds)?];
        while self.scan.keyword("or") {
            parts.push(self.both(holds)?);
        }
        Ok(if holds { Filter::any(parts) } else { Filter::all(parts) })
    }

    fn both<F: Fields>(&mut self, holds: bool) -> Result<Filter<F>, QueryError> {
        let mut parts = vec![self.one(holds)?];
        while self.scan.keyword("and") {
            parts.push(self.one(holds)?);
        }
        Ok(if holds { Filter::all(parts) } else { Filter::any(parts) })
    }

    fn one<F: Fields>(&mut self, holds: bool) -> Result<Filter<F>, QueryError> {
        let at = self.scan.at();
        if self.scan.sign('(') {
            let inner = self.deeper(at, |parser| parser.either(holds))?;
            self.scan.need(')', CLOSE)?;
            return Ok(inner);
        }
        let name = self.scan.name();
        match name.to_ascii_lowercase().as_str() {
            "" => Err(match self.scan.touches('\'') {
                true => {
                    let problem =
                        detail!("valueFirst", "a comparison begins with a property, such as deviceName eq 'x'");
                    self.scan.problem(at, problem)
                }
                false => self.scan.expected(CONDITION),
            }),
            "not" => self.deeper(at, |parser| parser.one(!holds)),
            "true" => Ok(Filter::constant(holds)),
            "false" => Ok(Filter::constant(!holds)),
            "startswith" => self.function(at, name, Test::StartsWith, holds),
            "endswith" => self.function(at, name, Test::EndsWith, holds),
            "contains" => self.function(at, name, Test::Contains, holds),
            _ if self.scan.touches('(') => Err(self.no_function(at, name)),
            _ if self.scan.touches('/') && structure(name, self.entity, self.version).is_none() => {
                self.item_has(at, name, holds)
            }
            _ => self.comparison(at, name, holds),
        }
    }

    fn no_function(&self, at: usize, name: &str) -> QueryError {
        let problem = match name.to_ascii_lowercase().as_str() {
            "tolower" | "toupper" => detail!(
                "caseFunction",
                "{name} is not needed and not supported: text is compared without regard to case",
                name = name,
            ),
            _ => detail!(
                "functionUnsupported",
                "the function {name} is not supported; supported are startswith, endswith and contains",
                name = name,
            ),
        };
        self.scan.problem(at, problem)
    }

    fn deeper<T>(&mut self, at: usize, read: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.depth == MAX_DEPTH {
            let problem = detail!("tooDeep", "parentheses and not are nested more than {most} deep", most = MAX_DEPTH);
            return Err(self.scan.problem(at, problem));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn test<F: Fields>(
        &mut self,
        at: usize,
        source: &Source<F>,
        test: Test,
        holds: bool,
    ) -> Result<Filter<F>, QueryError> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            let problem = detail!(
                "tooManyComparisons",
                "more than {most} comparisons; ask in several requests",
                most = MAX_COMPARISONS,
            );
            return Err(self.scan.problem(at, problem));
        }
        Ok(match source {
            Source::Field(field) => Filter::Is { field: field.clone(), test, holds },
            Source::Constant(value) => Filter::constant(test.of(value) == holds),
        })
    }

    /// `startswith(property,'text')`, its name read.
    fn function<F: Fields>(
        &mut self,
        at: usize,
        name: &str,
        test: fn(String) -> Test,
        holds: bool,
    ) -> Result<Filter<F>, QueryError> {
        self.scan.need('(', OPEN)?;
        let property_at = self.scan.at();
        let property_name = self.scan.name();
        if property_name.is_empty() {
            return Err(self.scan.expected(PROPERTY));
        }
        if self.scan.touches('(') {
            return Err(self.no_function(property_at, property_name));
        }
        let (property, source) = find_path(&mut self.scan, property_name, property_at, self.entity, self.version)?;
        if !matches!(property.edm, Edm::String) {
            let problem =
                detail!("notText", "{found} is for text, '{name}' is none", found = name, name = property.name);
            return Err(self.scan.problem(property_at, problem));
        }
        self.scan.need(',', COMMA)?;
        let text = self.scan.quoted('\'')?;
        self.scan.need(')', CLOSE)?;
        self.test(at, &source, test(text), holds)
    }

    /// `property/any(x:x eq 'text')`, its name read.
    fn item_has<F: Fields>(&mut self, at: usize, name: &str, holds: bool) -> Result<Filter<F>, QueryError> {
        self.scan.need('/', SLASH)?;
        let property = self.entity.property(name).filter(|property| self.version.serves(property, self.entity));
        let texts = property.filter(|property| matches!(property.edm, Edm::Collection(Edm::String)));
        let Some(Source::Field(field)) = texts.and_then(F::source) else {
            return Err(self.scan.problem(at, self.no_path(name, property)));
        };
        let word_at = self.scan.at();
        if !self.scan.keyword("any") {
            return Err(self.scan.expected(ANY));
        }
        self.scan.need('(', ANY)?;
        let variable = self.scan.name().to_owned();
        self.scan.need(':', ANY)?;
        if variable.is_empty() || self.scan.name() != variable || !self.scan.keyword("eq") {
            let problem = detail!("onlyForm", "only {expected} is supported here", expected = ANY.0);
            return Err(self.scan.problem(word_at, problem));
        }
        let text = self.scan.quoted('\'')?;
        self.scan.need(')', CLOSE)?;
        self.test(at, &Source::Field(field), Test::Has(text), holds)
    }

    /// The problem of a path that begins with that name, which is no structure.
    fn no_path(&self, name: &str, property: Option<&Property>) -> Detail {
        let of = self.entity.name;
        match property.map(|property| property.edm) {
            None => detail!(
                "leadsElsewhere",
                "'{name}' is no property of microsoft.graph.{entity}; a filter does not lead to other entities, so filter a list of those instead",
                name = name,
                entity = of,
            ),
            Some(Edm::Collection(Edm::Complex(_))) if name.eq_ignore_ascii_case("deviceActionResults") => detail!(
                "notFilteredByResults",
                "lists are not filtered by '{name}'; ask /deviceManagement/remoteActionAudits?$filter=actionState eq 'pending'",
                name = name,
            ),
            Some(Edm::Collection(_)) => detail!(
                "notFiltered",
                "lists of microsoft.graph.{entity} are not filtered by '{name}'",
                entity = of,
                name = name,
            ),
            Some(_) => detail!(
                "withoutMembers",
                "'{name}' is a single value without members; compare it alone, without '/'",
                name = name,
            ),
        }
    }

    /// `property eq value` or `structure/member eq value`, its first name read. A boolean property alone is a condition, too.
    fn comparison<F: Fields>(&mut self, at: usize, name: &str, holds: bool) -> Result<Filter<F>, QueryError> {
        let (property, source) = find_path(&mut self.scan, name, at, self.entity, self.version)?;
        let operator_at = self.scan.at();
        let mut before = self.scan.clone();
        if matches!(property.edm, Edm::Boolean) && self.ends_here() {
            // A null fulfils neither the condition nor its opposite.
            return self.test(at, &source, Test::Equal(Value::Flag(holds)), true);
        }
        let operator = self.scan.name().to_ascii_lowercase();
        let ordered: Option<fn(Value) -> Test> = match operator.as_str() {
            "eq" | "ne" => {
                let value = self.literal(property)?;
                return self.test(at, &source, Test::Equal(value), holds == (operator == "eq"));
            }
            "in" => return self.item_of(at, property, &source, holds),
            "lt" => Some(Test::Less),
            "le" => Some(Test::AtMost),
            "gt" => Some(Test::Greater),
            "ge" => Some(Test::AtLeast),
            _ => None,
        };
        let Some(test) = ordered else {
            let (name, found) = (property.name, before.found());
            let problem = match property.edm {
                Edm::Boolean => detail!(
                    "operatorOrEndAfter",
                    "expected one of eq, ne, gt, ge, lt, le, in, and, or, or the end after '{name}', found {found}",
                    name = name,
                    found = found,
                ),
                _ => detail!(
                    "operatorAfter",
                    "expected one of eq, ne, gt, ge, lt, le, in after '{name}', found {found}",
                    name = name,
                    found = found,
                ),
            };
            return Err(self.scan.problem(operator_at, problem));
        };
        if matches!(property.edm, Edm::Boolean | Edm::Enum(_)) {
            let problem =
                detail!("withoutOrder", "'{name}' has no order; supported are eq, ne and in", name = property.name);
            return Err(self.scan.problem(operator_at, problem));
        }
        match self.literal(property)? {
            // Nothing is before or behind null.
            Value::Null => Ok(Filter::constant(!holds)),
            value => self.test(at, &source, test(value), holds),
        }
    }

    /// Returns true if no operator and value can follow: a condition ends here.
    fn ends_here(&mut self) -> bool {
        let mut ahead = self.scan.clone();
        ahead.is_at_end() || ahead.touches(')') || ahead.keyword("and") || ahead.keyword("or")
    }

    /// `in ('a','b')`, the word read.
    fn item_of<F: Fields>(
        &mut self,
        at: usize,
        property: &Property,
        source: &Source<F>,
        holds: bool,
    ) -> Result<Filter<F>, QueryError> {
        self.scan.need('(', LIST)?;
        let mut parts = Vec::new();
        loop {
            let value = self.literal(property)?;
            parts.push(self.test(at, source, Test::Equal(value), holds)?);
            if !self.scan.sign(',') {
                break;
            }
        }
        self.scan.need(')', LIST_END)?;
        Ok(if holds { Filter::any(parts) } else { Filter::all(parts) })
    }

    /// A literal of the property's type, or null.
    fn literal(&mut self, property: &Property) -> Result<Value, QueryError> {
        let at = self.scan.at();
        let mut before = self.scan.clone();
        let word = if self.scan.touches('\'') { "" } else { self.scan.word() };
        if word.eq_ignore_ascii_case("null") && !self.scan.touches('\'') {
            return Ok(Value::Null);
        }
        let quoted = if self.scan.touches('\'') { Some(self.scan.quoted('\'')?) } else { None };
        let value = match (property.edm, &quoted) {
            (Edm::String, Some(text)) if word.is_empty() => Some(text.as_str().into()),
            (Edm::Enum(of), Some(text)) => {
                let typed = word.is_empty() || word.eq_ignore_ascii_case(&format!("microsoft.graph.{}", of.name));
                let member = of.names().find(|name| name.eq_ignore_ascii_case(text));
                member.filter(|_| typed).map(Value::from)
            }
            (Edm::Boolean, None) => match word.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Flag(true)),
                "false" => Some(Value::Flag(false)),
                _ => None,
            },
            (Edm::Int32 | Edm::Int64, None) => whole(word).map(Value::Number),
            (Edm::DateTime, None) => moment(word).map(Value::Time),
            _ => None,
        };
        value.ok_or_else(|| self.scan.problem(at, compared(property, &before.found())))
    }
}

/// A whole number, also one that is written with a fraction of zero: `4.0` is 4.
fn whole(word: &str) -> Option<i64> {
    let (digits, fraction) = word.split_once('.').unwrap_or((word, "0"));
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    digits.parse().ok().filter(|_| is_zero)
}

/// The problem of a literal that is not of the type of the property.
fn compared(property: &Property, found: &Found) -> Detail {
    let name = property.name;
    match property.edm {
        Edm::String => detail!(
            "comparedWithText",
            "'{name}' is compared with a text in single quotes, such as 'x' (a quote inside is doubled), or null, and not with {found}",
            name = name,
            found = found,
        ),
        Edm::Boolean => {
            detail!(
                "comparedWithBoolean",
                "'{name}' is compared with true, false or null, without quotes, and not with {found}",
                name = name,
                found = found,
            )
        }
        Edm::Int32 | Edm::Int64 => detail!(
            "comparedWithNumber",
            "'{name}' is compared with a whole number, without quotes, or null, and not with {found}",
            name = name,
            found = found,
        ),
        Edm::DateTime => detail!(
            "comparedWithMoment",
            "'{name}' is compared with a date and time without quotes, such as 2026-01-31T08:30:00Z (a + in a URL is written %2B), or null, and not with {found}",
            name = name,
            found = found,
        ),
        Edm::Enum(of) => {
            let members: Vec<_> = of.names().map(|name| format!("'{name}'")).collect();
            detail!(
                "comparedWithMember",
                "'{name}' is compared with null or one of {expected}, and not with {found}",
                name = name,
                found = found,
                expected = members.join(", "),
            )
        }
        Edm::Collection(_) => detail!(
            "comparedByItems",
            "'{name}' is compared with its items alone: roleScopeTagIds/any(t:t eq 'x'), and not with {found}",
            name = name,
            found = found,
        ),
        Edm::Double | Edm::Guid | Edm::Duration | Edm::Binary | Edm::Complex(_) => detail!(
            "comparedWithNull",
            "'{name}' is compared with null alone; other values of its type are not compared here, and not with {found}",
            name = name,
            found = found,
        ),
    }
}
