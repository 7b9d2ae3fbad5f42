//! The stable code of each error, and its arguments: a program tells the error in the language of its user by these.
//!
//! The code of Graph (`error.code`) is shared by many errors, and the text is English. `innerError` has members for what
//! a service adds, and clients pass over those that they do not know: ours are `chaveiro_code` and `chaveiro_arguments`.

use chaveiro_auth::TokenRefusal;
use chaveiro_core::Refusal;
use chaveiro_core::application::{ApplicationRefusal, MAX_SECRETS};
use chaveiro_core::principal::MAX_ASSIGNMENTS;
use chaveiro_core::refusal::{
    ActionRefusal, DeviceRefusal, HoldRefusal, ResourceRefusal, RevocationRefusal, RightsRefusal, RoleRefusal,
    TenantRefusal, UserRefusal,
};
use serde_json::{Map, Value, json};

use super::GraphError;
use crate::batch::BatchError;
use crate::body::BodyError;
use crate::negotiation::HeaderError;
use crate::query::QueryError;
use crate::resolve::PathError;

/// The code of an error with its arguments.
#[derive(Debug, PartialEq)]
pub(super) struct Coded {
    pub(super) code: &'static str,
    pub(super) arguments: Map<String, Value>,
}

/// Makes a [`Coded`]: the code, and the arguments by name.
macro_rules! coded {
    ($code:literal $(, $name:ident = $value:expr)*) => {
        Coded { code: $code, arguments: Map::from_iter([$((stringify!($name).to_owned(), json!($value))),*]) }
    };
}

/// The code of that error. A code that was served once keeps its meaning and its arguments.
pub(super) fn coded(error: &GraphError) -> Coded {
    match error {
        GraphError::Path(error) => of_path(error),
        GraphError::Token(refusal) => of_token(refusal),
        GraphError::Refused(refusal) => of_refusal(refusal),
        GraphError::Verb { method, allow, .. } => coded!("methodNotAllowed", method = method, allow = allow),
        GraphError::NoUserSignedIn => coded!("noUserSignedIn"),
        GraphError::Key(key) => coded!("malformedId", id = key.text),
        GraphError::Query(error) => of_query(error),
        GraphError::Header(error) => of_header(error),
        GraphError::Body(error) => of_body(error),
        GraphError::Batch(error) => of_batch(error),
        GraphError::Throttled(throttled) => coded!("tooManyRequests", seconds = throttled.retry_after_s),
        GraphError::Busy => coded!("serverBusy"),
        GraphError::Full => coded!("serverDiskFull"),
        GraphError::EscrowNotReady(_) => coded!("escrowNotReady"),
        GraphError::Internal(_) => coded!("internalError"),
    }
}

fn of_path(error: &PathError) -> Coded {
    match error {
        PathError::TooLong => coded!("pathTooLong"),
        PathError::TooManyHops => coded!("pathTooDeep"),
        PathError::NotText => coded!("pathNotText"),
        PathError::Version(version) => coded!("unknownVersion", version = version),
        PathError::NotOffered(segment) => coded!("segmentNotOffered", segment = segment),
        PathError::Bulk => coded!("bulkNotOffered"),
        PathError::Segment { segment, .. } => coded!("unknownSegment", segment = segment),
        PathError::KeyName { name, collection, .. } => coded!("unknownKey", name = name, collection = collection),
        PathError::Alias(alias) => coded!("aliasInPath", alias = alias),
        PathError::Call { function, called, .. } => coded!("functionCallInvalid", function = function, called = called),
        PathError::NoValue(property) => coded!("propertyWithoutRawValue", property = property),
    }
}

fn of_token(refusal: &TokenRefusal) -> Coded {
    match refusal {
        TokenRefusal::Missing => coded!("tokenMissing"),
        TokenRefusal::Malformed => coded!("tokenMalformed"),
        TokenRefusal::Expired => coded!("tokenExpired"),
        TokenRefusal::NotYetValid => coded!("tokenNotYetValid"),
        TokenRefusal::WrongAudience => coded!("tokenOfOtherAudience"),
        TokenRefusal::UnknownIssuer => coded!("tokenOfUnknownIssuer"),
        TokenRefusal::BadSignature => coded!("tokenSignatureInvalid"),
        TokenRefusal::WrongAlgorithm => coded!("tokenAlgorithmInvalid"),
        TokenRefusal::NoTenant => coded!("tokenWithoutTenant"),
        TokenRefusal::WrongType { claim } => coded!("tokenClaimMistyped", claim = claim),
        TokenRefusal::TimeOutOfRange { claim } => coded!("tokenTimeOutOfRange", claim = claim),
        TokenRefusal::IdToken => coded!("tokenIsIdToken"),
        TokenRefusal::LogoutToken => coded!("tokenIsLogoutToken"),
        TokenRefusal::NotAnAccessToken => coded!("tokenIsNoAccessToken"),
        TokenRefusal::BoundToken => coded!("tokenIsBound"),
        TokenRefusal::NoClient => coded!("tokenWithoutClient"),
        TokenRefusal::ClientsDisagree => coded!("tokenClientsDisagree"),
        TokenRefusal::NoSubject => coded!("tokenWithoutSubject"),
        TokenRefusal::SubjectUnclear => coded!("tokenSubjectUnclear"),
        TokenRefusal::KeyNotForSigning => coded!("tokenKeyNotForSigning"),
        TokenRefusal::PersonalAccount => coded!("personalAccount"),
        TokenRefusal::KeysTooOld { retry_after_s } => coded!("issuerKeysTooOld", seconds = retry_after_s),
        TokenRefusal::IssuerUnavailable { retry_after_s } => coded!("issuerUnavailable", seconds = retry_after_s),
    }
}

fn of_refusal(refusal: &Refusal) -> Coded {
    match refusal {
        Refusal::Device(DeviceRefusal::NotFound) => coded!("deviceNotFound"),
        Refusal::Device(DeviceRefusal::Retired) => coded!("deviceRetired"),
        Refusal::Device(DeviceRefusal::RetiredBefore) => coded!("deviceRetiredBefore"),
        Refusal::Device(DeviceRefusal::NotEnrolled) => coded!("deviceNotEnrolled"),
        Refusal::Action(ActionRefusal::PlatformUnsupported { action, platform }) => {
            coded!("actionNotOnPlatform", action = action, platform = platform)
        }
        Refusal::Action(ActionRefusal::RecoveryUnderWay) => coded!("recoveryUnderWay"),
        Refusal::Hold(refusal) => of_hold(refusal),
        Refusal::Rights(refusal) => of_rights(refusal),
        Refusal::Role(refusal) => of_role(refusal),
        Refusal::Revocation(RevocationRefusal::TokenRevoked { valid_from }) => {
            coded!("tokenRevoked", since = valid_from.to_string())
        }
        Refusal::Revocation(RevocationRefusal::TooMany { retry_after_s }) => {
            coded!("tokensEndedTooOften", seconds = retry_after_s)
        }
        Refusal::Application(refusal) => of_application(refusal),
        Refusal::User(UserRefusal::NameAssigned(name)) => coded!("userNameHasRole", name = name),
        Refusal::User(UserRefusal::NameIsId) => coded!("userNameIsId"),
        Refusal::Resource(ResourceRefusal::NotFound(entity)) => coded!("entityNotFound", entity = entity),
        Refusal::Resource(ResourceRefusal::AlreadyExists(entity)) => coded!("entityExists", entity = entity),
        Refusal::Resource(ResourceRefusal::Changed) => coded!("entityChanged"),
        Refusal::Tenant(TenantRefusal::Unlicensed) => coded!("tenantUnlicensed"),
        Refusal::Tenant(TenantRefusal::OutOfBounds { setting, least, most }) => {
            coded!("settingOutOfBounds", setting = setting, least = least, most = most)
        }
    }
}

fn of_hold(refusal: &HoldRefusal) -> Coded {
    match refusal {
        HoldRefusal::RecoveryOnHold { hold, since } => {
            coded!("recoveryOnHold", hold = hold.to_string(), since = since.to_string())
        }
        HoldRefusal::BreakGlassReason => coded!("breakGlassReasonInvalid"),
        HoldRefusal::Released(at) => coded!("holdReleased", at = at.to_string()),
        HoldRefusal::Own => coded!("holdOfCaller"),
    }
}

fn of_rights(refusal: &RightsRefusal) -> Coded {
    match refusal {
        RightsRefusal::MissingPermission(permissions) => {
            let names: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
            coded!("permissionMissing", permissions = names.join(", "))
        }
        RightsRefusal::NoRole => coded!("roleMissing"),
        RightsRefusal::RoleLacks(action) => coded!("roleLacksAction", action = action.to_string()),
        RightsRefusal::ScopeNotHeld(tag) => coded!("scopeNotHeld", tag = tag),
        RightsRefusal::ApplicationBeyondCaller => coded!("applicationBeyondCaller"),
    }
}

fn of_role(refusal: &RoleRefusal) -> Coded {
    match refusal {
        RoleRefusal::Own => coded!("roleOfCaller"),
        RoleRefusal::BeyondCaller(action) => coded!("roleBeyondCaller", action = action.to_string()),
        RoleRefusal::UnboundBeyondCaller(action) => coded!("roleBindsApplication", action = action.to_string()),
        RoleRefusal::AssignedAlready => coded!("roleAssignedAlready"),
        RoleRefusal::TooMany => coded!("tooManyRoleAssignments", most = MAX_ASSIGNMENTS),
    }
}

fn of_application(refusal: &ApplicationRefusal) -> Coded {
    match refusal {
        ApplicationRefusal::TooManySecrets(secrets) => coded!("tooManySecrets", most = MAX_SECRETS, secrets = secrets),
        ApplicationRefusal::TooManyCertificates => coded!("tooManyCertificates"),
        ApplicationRefusal::CertificateTwice(certificate) => coded!("certificateExists", certificate = certificate),
        ApplicationRefusal::Public => coded!("publicClientSecret"),
        ApplicationRefusal::PublicPermissions => coded!("publicClientPermissions"),
        ApplicationRefusal::Unknown(id) => coded!("credentialNotFound", id = id),
    }
}

fn of_query(error: &QueryError) -> Coded {
    match error {
        QueryError::Unsupported { option, place, advice } => coded!(
            "optionUnsupported",
            option = option,
            place = place,
            advice = advice.code,
            name = advice.value("name"),
            expected = advice.value("expected")
        ),
        QueryError::Repeated(option) => coded!("optionRepeated", option = option),
        QueryError::Value { option, given, expected } => coded!(
            "optionValueInvalid",
            option = option,
            given = given,
            expected = expected.code,
            name = expected.value("name"),
            most = expected.value("most")
        ),
        QueryError::Property { name, entity, .. } => coded!("optionPropertyUnknown", name = name, entity = entity),
        QueryError::NoMembers { name, property } => coded!("optionMemberUnknown", name = name, property = property),
        QueryError::Syntax { option, at, problem } => coded!(
            "optionSyntax",
            option = option,
            at = at,
            problem = problem.code,
            name = problem.value("name"),
            entity = problem.value("entity"),
            expected = problem.value("expected"),
            found = problem.value("found"),
            most = problem.value("most")
        ),
        QueryError::OutOfSight(name) => coded!("optionOutOfSight", name = name),
        QueryError::Cursor => coded!("skiptokenForeign"),
        QueryError::PortalCursor(token) => coded!("skiptokenOfPortal", token = token),
        QueryError::TooCostly => coded!("listTooCostly"),
        QueryError::NotText => coded!("queryNotText"),
    }
}

fn of_header(error: &HeaderError) -> Coded {
    match error {
        HeaderError::NotAcceptable { by, asked, .. } => coded!("formatNotOffered", by = by, asked = asked),
        HeaderError::MaxVersion(version) => coded!("maxVersionTooLow", version = version),
        HeaderError::Version(version) => coded!("versionNotRead", version = version),
    }
}

fn of_body(error: &BodyError) -> Coded {
    match error {
        BodyError::TooSlow(seconds) => coded!("bodyTooSlow", seconds = seconds),
        BodyError::TooLarge(most) => coded!("bodyTooLarge", most = most),
        BodyError::Encoding(encoding) => coded!("bodyEncodingUnsupported", encoding = encoding),
        BodyError::Interrupted => coded!("bodyInterrupted"),
        BodyError::Corrupt => coded!("bodyCorrupt"),
        BodyError::NoContentType => coded!("contentTypeMissing"),
        BodyError::ContentType(_) => coded!("contentTypeNotJson"),
        BodyError::Empty => coded!("bodyEmpty"),
        BodyError::NotJson(error) => {
            coded!("bodyNotJson", line = error.line, column = error.column, problem = error.problem)
        }
        BodyError::NotAnObject(found) => coded!("bodyNotAnObject", found = found),
        BodyError::Twice { name, entity } => coded!("propertyTwice", name = name, entity = entity),
        BodyError::Navigation { name, entity, .. } => coded!("propertyIsNavigation", name = name, entity = entity),
        BodyError::UnknownProperty { name, entity } => coded!("propertyUnknown", name = name, entity = entity),
        BodyError::Parameter { name, operation, .. } => coded!("parameterUnknown", name = name, operation = operation),
        BodyError::Missing { name, operation } => coded!("parameterMissing", name = name, operation = operation),
        BodyError::ReadOnly { name, entity, .. } => coded!("propertyReadOnly", name = name, entity = entity),
        BodyError::NotKept { name, entity, .. } => coded!("propertyNotKept", name = name, entity = entity),
        BodyError::Value { name, .. } => coded!("propertyValueInvalid", name = name),
        BodyError::Required { name, entity } => coded!("propertyMissing", name = name, entity = entity),
        BodyError::Bind { name, .. } => coded!("bindInvalid", name = name),
    }
}

fn of_batch(error: &BatchError) -> Coded {
    match error {
        BatchError::Requests(found) => coded!("batchMalformed", found = found),
        BatchError::Member { place, .. } => coded!("batchMemberInvalid", place = place),
        BatchError::TooMany(requests) => coded!("batchTooLarge", requests = requests),
        BatchError::Id { at, .. } => coded!("batchIdInvalid", at = at),
        BatchError::Duplicate(id) => coded!("batchIdRepeated", id = id),
        BatchError::Dependency(id) => coded!("batchDependencyInvalid", id = id),
        BatchError::Failed(id) => coded!("batchDependencyFailed", id = id),
        BatchError::Nested => coded!("batchNested"),
        BatchError::Url(url) => coded!("batchUrlInvalid", url = url),
        BatchError::Method(method) => coded!("batchMethodInvalid", method = method),
        BatchError::Header(name) => coded!("batchHeaderInvalid", name = name),
        BatchError::ContentType => coded!("batchContentTypeMissing"),
        BatchError::Body => coded!("batchBodyInvalid"),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::Timestamp;
    use chaveiro_core::id::HoldId;

    use super::*;

    #[test]
    fn an_error_has_a_code_of_its_own_with_the_values_of_its_text() {
        let (hold, since) = (HoldId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        let on_hold = coded(&HoldRefusal::RecoveryOnHold { hold, since }.into());
        assert_eq!(on_hold.code, "recoveryOnHold");
        assert_eq!(Value::from(on_hold.arguments)["since"], "1970-01-01T00:00:00Z");
        assert_eq!(coded(&GraphError::Busy), coded!("serverBusy"));
    }

    #[test]
    fn no_code_stands_for_two_errors() {
        let source = include_str!("code.rs");
        let (source, _) = source.split_once("#[cfg(test)]").expect("the code");
        let code = |call: &'static str| call.trim_start().strip_prefix('"')?.split('"').next();
        let codes = source.split("coded!(").skip(1).filter_map(code);
        let (mut seen, mut count) = (std::collections::BTreeSet::new(), 0);
        for code in codes {
            assert!(seen.insert(code), "{code} twice");
            count += 1;
        }
        assert!(count > 90, "{count}");
    }
}
