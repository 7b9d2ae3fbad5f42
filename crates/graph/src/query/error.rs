//! The errors of query options, as callers read them.

use super::detail::Detail;
use crate::shown::shown;
use thiserror::Error;

/// The beginning of a `$skiptoken` of Microsoft's portal.
const PORTAL: &str = "Skip=";

/// The error of a query option.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// An option that the request does not take.
    #[error("The query option '{option}' is not supported for {place}. {advice}")]
    Unsupported {
        /// The option as it was given.
        option: String,
        /// The method and the path.
        place: String,
        /// The next step.
        advice: Detail,
    },
    /// An option given twice.
    #[error("The query option '{0}' is given more than once.")]
    Repeated(&'static str),
    /// An invalid value.
    #[error("The value of the query option '{option}' is '{given}'; it must be {expected}.")]
    Value {
        /// The option.
        option: &'static str,
        /// The value as it was given.
        given: String,
        /// The values that it takes.
        expected: Detail,
    },
    /// `$select` of something the type does not have.
    #[error(
        "Could not find a property named '{name}' on type 'microsoft.graph.{entity}', which $select names. {advice}"
    )]
    Property {
        /// The name as it was asked.
        name: String,
        /// The type.
        entity: &'static str,
        /// The next step.
        advice: &'static str,
    },
    /// `$select` of a member of something that is no structure.
    #[error("'{name}' cannot be selected, because '{property}' is not a structure. Select '{property}'.")]
    NoMembers {
        /// The name as it was asked.
        name: String,
        /// The property.
        property: &'static str,
    },
    /// A value that breaks off being understood.
    #[error("The query option '{option}' is not supported as it is, at character {at}: {problem}.")]
    Syntax {
        /// The option.
        option: &'static str,
        /// The position in its decoded value, in characters from 1.
        at: usize,
        /// The problem, and its remedy.
        problem: Detail,
    },
    /// A number that tells of devices that the caller does not see.
    #[error(
        "'{0}' counts every device of the tenant, and your role shows you some of them, so lists cannot be filtered or ordered by it for you. Leave it out of $filter and $orderby; a single GET counts the devices that you see."
    )]
    OutOfSight(&'static str),
    /// A cursor of another question.
    #[error(
        "The $skiptoken does not belong to this list with this $filter, $search and $orderby. Use @odata.nextLink as it is, or begin without $skiptoken."
    )]
    Cursor,
    /// A cursor as Microsoft's portal writes it.
    #[error(
        "The $skiptoken '{0}' is a form of Microsoft's portal, and not of this server. Leave $skiptoken out for the first page, and follow @odata.nextLink for the others."
    )]
    PortalCursor(String),
    /// Too much to read.
    #[error(
        "Too many items would have to be read to answer this. Add to $filter, with and, a condition that finds few: on devices eq or startswith of deviceName, eq of serialNumber, userPrincipalName, azureADDeviceId or imei, or a range of lastSyncDateTime or enrolledDateTime; on others eq or startswith of displayName. Order by one of these, or leave $orderby out."
    )]
    TooCostly,
    /// Percent-encoding that is no text.
    #[error("The query string is not valid UTF-8 when percent-decoded.")]
    NotText,
}

impl QueryError {
    /// The error of an invalid value.
    pub(crate) fn value(option: &'static str, given: &str, expected: Detail) -> Self {
        Self::Value { option, given: shown(given), expected }
    }

    /// The error of a cursor that this server did not write.
    pub(super) fn cursor(token: &str) -> Self {
        match token.get(..PORTAL.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PORTAL) => Self::PortalCursor(shown(token)),
            Some(_) | None => Self::Cursor,
        }
    }
}
