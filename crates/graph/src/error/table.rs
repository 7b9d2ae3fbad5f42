//! The one table from an error to a stable code, a status and a text.
//!
//! Graph has two families of errors. *Gateway* errors carry plain text. *Intune* errors carry a second JSON
//! document, as a string, inside `error.message`; its structure is kept, its host is ours. Codes and the
//! beginnings of texts are those that callers search for; what is ours says what to do next.
//!
//! The rows of refusals that are about a kind of entity stand in the file of the kind.

use http::{StatusCode, header};

use super::GraphError;
use super::document::Place;
use super::row::{Row, bad_request, coded, directory_request, gateway, intune, not_available};
use super::token::of_token;
use crate::batch::BatchError;
use crate::body::BodyError;
use crate::kinds::refused;
use crate::model::KeyForm;
use crate::negotiation::HeaderError;
use crate::query::QueryError;
use crate::resolve::{MalformedKey, PathError};
use crate::shown::shown;

/// Seconds after which a caller may try again when the store is busy.
const RETRY_AFTER_S: u64 = 1;

/// Seconds after which a caller may try again when the disk is full: an operator has to make room.
const FULL_RETRY_AFTER_S: u64 = 30;

/// Seconds after which a caller may try again when a person has to repair the escrow first.
const ESCROW_RETRY_AFTER_S: u64 = 30;

/// The row of that error.
pub(super) fn row(error: &GraphError, place: &Place) -> Row {
    match error {
        GraphError::Path(error) => of_path(error),
        GraphError::Token(refusal) => of_token(refusal, &place.base_url),
        GraphError::Refused(refusal) => refused(refusal, place),
        GraphError::Verb { method, template, path, allow, intune } => {
            let coded = coded!("methodNotAllowed", method = method, allow = allow);
            let row = match intune {
                true => gateway(
                    coded,
                    StatusCode::BAD_REQUEST,
                    "No method match route template",
                    format!(
                        "No OData route exists that match template {template} with http verb {method} for request /DeviceFE/StatelessDeviceFEService/{path}. Send one of {allow}."
                    ),
                ),
                false => gateway(
                    coded,
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Request_BadRequest",
                    format!(
                        "Specified HTTP method is not allowed for the request target. It is {method}; send one of {allow}."
                    ),
                ),
            };
            row.with(header::ALLOW, allow)
        }
        GraphError::NoUserSignedIn => bad_request(
            coded!("noUserSignedIn"),
            "/me request is only valid with delegated authentication flow. Sign a user in, or name one: /users/{id}.",
        ),
        GraphError::Key(key) => of_key(key),
        GraphError::Query(error) => of_query(error),
        GraphError::Header(error) => of_header(error),
        GraphError::Body(error) => of_body(error),
        GraphError::Batch(error) => of_batch(error),
        GraphError::Throttled(throttled) => gateway(
            coded!("tooManyRequests", seconds = throttled.retry_after_s),
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Too many requests. Nothing was done; send it again after the seconds in Retry-After.",
        )
        .with(header::RETRY_AFTER, throttled.retry_after_s.to_string()),
        GraphError::Busy => not_available(
            coded!("serverBusy"),
            "The service is busy. Nothing was done; try again after the time in Retry-After.",
            RETRY_AFTER_S,
        ),
        GraphError::Full => not_available(
            coded!("serverDiskFull"),
            "The service cannot store anything at the moment: its disk is full. Try again after the time in Retry-After.",
            FULL_RETRY_AFTER_S,
        ),
        GraphError::EscrowNotReady(_) => not_available(
            coded!("escrowNotReady"),
            "The escrow of this tenant cannot take a passcode now, so no device is asked to change. Nothing was done; try again after the time in Retry-After, and ask the operator of the server to look at /readyz.",
            ESCROW_RETRY_AFTER_S,
        ),
        GraphError::Internal(_) => intune(
            coded!("internalError"),
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "An error has occurred. Nothing was done; the operator finds the reason in the server's log under the request-id",
        ),
    }
}

fn of_path(error: &PathError) -> Row {
    let bad = |coded| bad_request(coded, error.to_string());
    let answer = |coded, status, code| gateway(coded, status, code, error.to_string());
    match error {
        PathError::TooLong => answer(coded!("pathTooLong"), StatusCode::URI_TOO_LONG, "RequestUriTooLong"),
        PathError::TooManyHops => bad(coded!("pathTooDeep")),
        PathError::NotText => bad(coded!("pathNotText")),
        PathError::Version(version) => {
            answer(coded!("unknownVersion", version = version), StatusCode::NOT_FOUND, "ResourceNotFound")
        }
        PathError::NotOffered(segment) => bad(coded!("segmentNotOffered", segment = segment)),
        PathError::Bulk => bad(coded!("bulkNotOffered")),
        PathError::Segment { segment, .. } => bad(coded!("unknownSegment", segment = segment)),
        PathError::KeyName { name, collection, .. } => bad(coded!("unknownKey", name = name, collection = collection)),
        PathError::Alias(alias) => bad(coded!("aliasInPath", alias = alias)),
        PathError::Call { function, called, .. } => {
            bad(coded!("functionCallInvalid", function = function, called = called))
        }
        PathError::NoValue(property) => bad(coded!("propertyWithoutRawValue", property = property)),
    }
}

fn of_key(key: &MalformedKey) -> Row {
    let (name, coded) = (key.of.name, coded!("malformedId", id = key.text));
    match key.of.key_form {
        KeyForm::Guid(entity) => {
            let text =
                format!("An error has occurred: the id of {entity} must be a GUID, and '{}' is none", shown(&key.text));
            intune(coded, StatusCode::BAD_REQUEST, "InternalError", text)
        }
        KeyForm::TypedGuid => {
            let text = format!("{name} id must be in the form of Guid, {name} id = {}", shown(&key.text));
            intune(coded, StatusCode::BAD_REQUEST, "BadRequest", text)
        }
        KeyForm::ObjectId => {
            let text = format!("Invalid object identifier '{}'. Send the {name} id, a GUID.", shown(&key.text));
            directory_request(coded, text)
        }
        KeyForm::Text | KeyForm::None => bad_request(coded, "There is no key here."),
    }
}

fn of_query(error: &QueryError) -> Row {
    let bad = |coded| bad_request(coded, error.to_string());
    match error {
        QueryError::Unsupported { option, place, advice } => bad(coded!(
            "optionUnsupported",
            option = option,
            place = place,
            advice = advice.code,
            name = advice.value("name"),
            expected = advice.value("expected"),
        )),
        QueryError::Repeated(option) => bad(coded!("optionRepeated", option = option)),
        QueryError::Value { option, given, expected } => bad(coded!(
            "optionValueInvalid",
            option = option,
            given = given,
            expected = expected.code,
            name = expected.value("name"),
            most = expected.value("most"),
        )),
        QueryError::Property { name, entity, .. } => bad(coded!("optionPropertyUnknown", name = name, entity = entity)),
        QueryError::NoMembers { name, property } => {
            bad(coded!("optionMemberUnknown", name = name, property = property))
        }
        QueryError::Syntax { option, at, problem } => bad(coded!(
            "optionSyntax",
            option = option,
            at = at,
            problem = problem.code,
            name = problem.value("name"),
            entity = problem.value("entity"),
            expected = problem.value("expected"),
            found = problem.value("found"),
            most = problem.value("most"),
        )),
        QueryError::OutOfSight(name) => bad(coded!("optionOutOfSight", name = name)),
        QueryError::Cursor => bad(coded!("skiptokenForeign")),
        QueryError::PortalCursor(token) => bad(coded!("skiptokenOfPortal", token = token)),
        QueryError::TooCostly => bad(coded!("listTooCostly")),
        QueryError::NotText => bad(coded!("queryNotText")),
    }
}

fn of_header(error: &HeaderError) -> Row {
    let bad = |coded| bad_request(coded, error.to_string());
    match error {
        HeaderError::NotAcceptable { by, asked, .. } => {
            let coded = coded!("formatNotOffered", by = by, asked = asked);
            gateway(coded, StatusCode::NOT_ACCEPTABLE, "NotAcceptable", error.to_string())
        }
        HeaderError::MaxVersion(version) => bad(coded!("maxVersionTooLow", version = version)),
        HeaderError::Version(version) => bad(coded!("versionNotRead", version = version)),
    }
}

fn of_body(error: &BodyError) -> Row {
    let bad = |coded| bad_request(coded, error.to_string());
    let answer = |coded, status, code| gateway(coded, status, code, error.to_string());
    match error {
        BodyError::TooSlow(seconds) => {
            answer(coded!("bodyTooSlow", seconds = seconds), StatusCode::REQUEST_TIMEOUT, "RequestTimeout")
        }
        BodyError::TooLarge(most) => {
            answer(coded!("bodyTooLarge", most = most), StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge")
        }
        BodyError::Encoding(encoding) => {
            let coded = coded!("bodyEncodingUnsupported", encoding = encoding);
            answer(coded, StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType")
                .with(header::ACCEPT_ENCODING, "gzip")
        }
        BodyError::Interrupted => bad(coded!("bodyInterrupted")),
        BodyError::Corrupt => bad(coded!("bodyCorrupt")),
        BodyError::NoContentType => bad(coded!("contentTypeMissing")),
        BodyError::ContentType(_) => bad(coded!("contentTypeNotJson")),
        BodyError::Empty => bad(coded!("bodyEmpty")),
        BodyError::NotJson(error) => {
            bad(coded!("bodyNotJson", line = error.line, column = error.column, problem = error.problem))
        }
        BodyError::NotAnObject(found) => bad(coded!("bodyNotAnObject", found = found)),
        BodyError::Twice { name, entity } => bad(coded!("propertyTwice", name = name, entity = entity)),
        BodyError::Navigation { name, entity, .. } => bad(coded!("propertyIsNavigation", name = name, entity = entity)),
        BodyError::UnknownProperty { name, entity } => bad(coded!("propertyUnknown", name = name, entity = entity)),
        BodyError::Parameter { name, operation, .. } => {
            bad(coded!("parameterUnknown", name = name, operation = operation))
        }
        BodyError::Missing { name, operation } => bad(coded!("parameterMissing", name = name, operation = operation)),
        BodyError::ReadOnly { name, entity, .. } => bad(coded!("propertyReadOnly", name = name, entity = entity)),
        BodyError::NotKept { name, entity, .. } => bad(coded!("propertyNotKept", name = name, entity = entity)),
        BodyError::Value { name, .. } => bad(coded!("propertyValueInvalid", name = name)),
        BodyError::Required { name, entity } => bad(coded!("propertyMissing", name = name, entity = entity)),
        BodyError::Bind { name, .. } => bad(coded!("bindInvalid", name = name)),
    }
}

fn of_batch(error: &BatchError) -> Row {
    let bad = |coded| bad_request(coded, error.to_string());
    match error {
        BatchError::Requests(found) => bad(coded!("batchMalformed", found = found)),
        BatchError::Member { place, .. } => bad(coded!("batchMemberInvalid", place = place)),
        BatchError::TooMany(requests) => bad(coded!("batchTooLarge", requests = requests)),
        BatchError::Id { at, .. } => bad(coded!("batchIdInvalid", at = at)),
        BatchError::Duplicate(id) => bad(coded!("batchIdRepeated", id = id)),
        BatchError::Dependency(id) => bad(coded!("batchDependencyInvalid", id = id)),
        BatchError::Failed(id) => {
            let coded = coded!("batchDependencyFailed", id = id);
            gateway(coded, StatusCode::FAILED_DEPENDENCY, "FailedDependency", error.to_string())
        }
        BatchError::Nested => bad(coded!("batchNested")),
        BatchError::Url(url) => bad(coded!("batchUrlInvalid", url = url)),
        BatchError::Method(method) => bad(coded!("batchMethodInvalid", method = method)),
        BatchError::Header(name) => bad(coded!("batchHeaderInvalid", name = name)),
        BatchError::ContentType => bad(coded!("batchContentTypeMissing")),
        BatchError::Body => bad(coded!("batchBodyInvalid")),
    }
}
