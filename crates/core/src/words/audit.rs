//! Audit events. The chain over them is in the `audit` crate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::caller::Actor;
use crate::id::{ActionId, DeviceId, RequestId, TenantId};
use crate::remote_action::RemoteAction;

/// One audit event. It is stored as the JSON text of this struct, and those very bytes are hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// The tenant whose chain the event belongs to.
    pub tenant: TenantId,
    /// The time.
    pub at: Timestamp,
    /// The party that acted.
    pub actor: Actor,
    /// The activity.
    pub activity: Activity,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DeviceId>,
    /// The remote action, named as in [`crate::remote_action::AuditNames::recorded_as`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remote_action: Option<String>,
    /// The action record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<ActionId>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<RequestId>,
    /// Further facts: short, and never a secret.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub details: Vec<(String, String)>,
}

impl AuditEvent {
    /// Returns an event of `activity` by `actor`; the other constructors add the rest.
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

    /// Adds the device.
    pub fn on_device(mut self, device: DeviceId) -> Self {
        self.device = Some(device);
        self
    }

    /// Adds the remote action.
    pub fn about(mut self, action: &RemoteAction) -> Self {
        self.remote_action = action.audit.recorded_as.map(str::to_owned);
        self
    }

    /// Adds the action record.
    pub fn for_action(mut self, action: ActionId) -> Self {
        self.action = Some(action);
        self
    }

    /// Adds the request.
    pub fn in_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Adds a fact.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a fact, if there is one.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// The actor, time and request with which every event of a decision begins.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The party that acts.
    pub actor: Actor,
    /// The time.
    pub at: Timestamp,
    /// The API request; `None` for acts on the host or by a device.
    pub request: Option<RequestId>,
}

impl Origin {
    /// Begins an event.
    pub fn event(&self, tenant: TenantId, activity: Activity) -> AuditEvent {
        let event = AuditEvent::new(tenant, self.at, self.actor.clone(), activity);
        AuditEvent { request: self.request, ..event }
    }
}

/// The activities that are recorded. The names are stable.
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
    /// An operator approved a sign-in.
    SignInApproved,
    /// An operator denied a sign-in.
    SignInDenied,
    /// A person signed out, an operator ended a sign-in, or a refresh token was used twice.
    SignInRevoked,
    /// Access tokens of a person, of an application or of operators were revoked.
    TokensRevoked,
    /// An operator minted a token on the host.
    OperatorTokenMinted,
    /// An enrolment token was made.
    EnrollmentTokenCreated,
    /// A device enrolled.
    DeviceEnrolled,
    /// An administrator retired a device. Earlier versions recorded an unenrolment so, with the device as the actor.
    DeviceRetired,
    /// A user, app, script or run state was made through the API.
    ResourceCreated,
    /// Such a resource was changed.
    ResourceChanged,
    /// Such a resource was removed.
    ResourceDeleted,
    /// A remote action was accepted.
    ActionRequested,
    /// A remote action was requested again while it was open; no second command is sent.
    ActionRequestedAgain,
    /// A remote action was refused after the caller and the device were known.
    ActionRefused,
    /// The commands of a remote action went to the device.
    ActionSent,
    /// The answer to a remote action was lost; the next step follows.
    ActionAnswerLost,
    /// The device gave a sealed candidate, and the escrow holds it; the device has not changed yet.
    CandidateEscrowed,
    /// A remote action ended.
    ActionSettled,
    /// A value arrived that is not the result: it was late, repeated or contradictory.
    SecretKept,
    /// A passcode is about to be shown.
    PasscodeDisclosed,
    /// The server refused to show a passcode.
    DisclosureRefused,
    /// Retention destroyed the envelope of a secret.
    SecretShredded,
    /// A role was assigned.
    RoleAssigned,
    /// An assignment was removed.
    RoleUnassigned,
    /// Recoveries of the tenant were put on hold.
    HoldPlaced,
    /// A hold was released.
    HoldReleased,
    /// One recovery passed a hold.
    BreakGlassUsed,
    /// An assignment got another name or description.
    RoleAssignmentChanged,
    /// Rows that grant rights were signed as they stood: at the upgrade, or because an operator accepted them.
    RowsSigned,
    /// An operator removed rows that do not verify.
    RowsRemoved,
    /// The server found a row that grants rights and that this program did not write.
    RowForged,
    /// An operator accepted a database that may not be the newest state.
    RestoreAccepted,
    /// A device proved that a result from before a restore still opens its locks.
    ResultConfirmed,
    /// A key of the server was made, adopted, replaced, moved away or retired.
    KeyChanged,
    /// Requests were refused within a minute; one event sums those of one sender and kind ([`crate::refused`]).
    RequestsRefused,
    /// A user or an app was linked to a device.
    ResourceLinked,
    /// Such a link was removed.
    ResourceUnlinked,
    /// A device got another primary user, or lost it.
    PrimaryUserChanged,
    /// The server used a secret by itself: it sent the secret, or is about to send it, to its device.
    SecretUsed,
    /// A device said that it was unenrolled there.
    DeviceUnenrolled,
}

impl Activity {
    /// The stable name.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
