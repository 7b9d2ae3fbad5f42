//! What is recorded. The chain over these records is the `audit` crate's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::caller::Actor;
use crate::id::{ActionId, DeviceId, RequestId, TenantId};
use crate::remote_action::RemoteAction;

/// One record. It is stored as the JSON text of this struct and hashed as those very bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// The tenant whose chain it belongs to.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub activity: Activity,
    /// On which device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DeviceId>,
    /// The remote action that it is about, as [`crate::remote_action::AuditNames::recorded_as`] has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remote_action: Option<String>,
    /// For which action.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<ActionId>,
    /// In which request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<RequestId>,
    /// Facts beside it: short, never a secret.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub details: Vec<(String, String)>,
}

impl AuditEvent {
    /// A record of `activity` by `actor`; the rest is added with the other constructors.
    pub fn new(tenant: TenantId, at: Timestamp, actor: Actor, activity: Activity) -> Self {
        Self {
            tenant,
            at,
            actor,
            activity,
            device: None,
            remote_action: None,
            action: None,
            request: None,
            details: Vec::new(),
        }
    }

    /// About that device.
    pub fn on_device(mut self, device: DeviceId) -> Self {
        self.device = Some(device);
        self
    }

    /// About that remote action.
    pub fn about(mut self, action: &RemoteAction) -> Self {
        self.remote_action = action.audit.recorded_as.map(str::to_owned);
        self
    }

    /// For that action.
    pub fn for_action(mut self, action: ActionId) -> Self {
        self.action = Some(action);
        self
    }

    /// In that request.
    pub fn in_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// With a fact beside it.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a fact beside it, if there is one.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// The party, the moment and the request, if there is one, with which every event of a decision begins.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The party that asks.
    pub actor: Actor,
    /// The moment at which it asks.
    pub at: Timestamp,
    /// The request of the API; none for what is done on the host or by a device.
    pub request: Option<RequestId>,
}

impl Origin {
    /// The beginning of an event.
    pub fn event(&self, tenant: TenantId, activity: Activity) -> AuditEvent {
        let event = AuditEvent::new(tenant, self.at, self.actor.clone(), activity);
        AuditEvent { request: self.request, ..event }
    }
}

/// What can be recorded. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "camelCase")]
pub enum Activity {
    /// A tenant was made.
    TenantCreated,
    /// A tenant's licence or settings changed.
    TenantChanged,
    /// An application was registered.
    ApplicationRegistered,
    /// An application got another name.
    ApplicationRenamed,
    /// An application was granted other permissions.
    ApplicationPermissionsChanged,
    /// An application got another secret, or lost one.
    ApplicationSecretChanged,
    /// An application got another certificate, or lost one.
    ApplicationCertificateChanged,
    /// An application was removed.
    ApplicationDeleted,
    /// An operator vouched for a person who signs in.
    SignInApproved,
    /// An operator said no.
    SignInDenied,
    /// A person signed out, an operator ended it, or a refresh token was used twice.
    SignInRevoked,
    /// Access tokens of a person, of an application or of operators were ended before their time.
    TokensRevoked,
    /// An operator minted a token on the host.
    OperatorTokenMinted,
    /// An enrolment token was made.
    EnrollmentTokenCreated,
    /// A device enrolled.
    DeviceEnrolled,
    /// A device was retired, or its user unenrolled it.
    DeviceRetired,
    /// A user, app, script or run state was made through the API.
    ResourceCreated,
    /// One was changed or linked.
    ResourceChanged,
    /// One was removed.
    ResourceDeleted,
    /// A remote action was accepted.
    ActionRequested,
    /// It was asked for again while open: no second command.
    ActionRequestedAgain,
    /// A remote action was refused after the caller and the device were known.
    ActionRefused,
    /// Its commands went to the device.
    ActionSent,
    /// Its answer was lost; the next step follows.
    ActionAnswerLost,
    /// The device gave a sealed candidate, and the escrow holds it; the device has not changed yet.
    CandidateEscrowed,
    /// It ended.
    ActionSettled,
    /// A value arrived that is not the result: late, repeated, contradictory.
    SecretKept,
    /// A passcode is about to be shown.
    PasscodeDisclosed,
    /// Showing a passcode was refused.
    DisclosureRefused,
    /// A secret's envelope was destroyed by retention.
    SecretShredded,
    /// A role was assigned.
    RoleAssigned,
    /// An assignment was removed.
    RoleUnassigned,
    /// Recoveries of the tenant were put on hold.
    HoldPlaced,
    /// They were released.
    HoldReleased,
    /// One recovery passed a hold.
    BreakGlassUsed,
    /// An assignment got another name or description.
    RoleAssignmentChanged,
    /// Rows that grant something were signed as they stood: at the upgrade, or accepted by an operator.
    RowsSigned,
    /// Rows that do not verify were removed by an operator.
    RowsRemoved,
    /// A row that grants something was found that this program did not write.
    RowForged,
    /// An operator went on from a database that may not be the newest state.
    RestoreAccepted,
    /// A device proved that a result of before a restore still opens its locks.
    ResultConfirmed,
    /// A key of the server was made, adopted, replaced, taken away or retired.
    KeyChanged,
    /// Requests were refused within a minute; the sum of one sender and kind ([`crate::refused`]).
    RequestsRefused,
    /// The server used a secret of a device by itself: it went, or goes, to that device.
    SecretUsed,
}

impl Activity {
    /// The stable name.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
