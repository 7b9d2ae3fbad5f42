//! The rows of the domain from their cells. Each function reads the columns that it names, in that order; a backend
//! selects them under these names.

use chaveiro_core::action::ActionRecord;
use chaveiro_core::actions::ACTIONS;
use chaveiro_core::application::Application;
use chaveiro_core::command::{Delivery, Phase, Receipt};
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::escrow::{EscrowedSecret, SecretContext};
use chaveiro_core::hold::Hold;
use chaveiro_core::id::{
    ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, HoldId, ResourceId, SecretId, TenantId,
};
use chaveiro_core::keys::{Fingerprint, KnownKey};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{ChainLink, StoredCheckpoint, StoredEvent};
use chaveiro_core::principal::{Principal, RoleAssignment};
use chaveiro_core::resource::Resource;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::sign_in::SignIn;
use chaveiro_core::tenant::Tenant;

use crate::cells::{Cells, Content};
use crate::text::seconds;

/// Reads a tenant.
pub fn tenant(cells: &mut impl Cells) -> Result<Tenant, Content> {
    Ok(Tenant {
        id: TenantId(cells.uuid("id")?),
        display_name: cells.get("display_name")?,
        licence: cells.json("licence")?,
        entra_tenant: cells.optional_uuid("entra_tenant")?,
        settings: cells.json("settings")?,
        created: cells.time("created")?,
    })
}

/// Reads an application.
pub fn application(cells: &mut impl Cells) -> Result<Application, Content> {
    Ok(Application {
        tenant: TenantId(cells.uuid("tenant_id")?),
        id: ApplicationId(cells.uuid("id")?),
        display_name: cells.get("display_name")?,
        permissions: permissions(cells, "permissions")?,
        delegated: permissions(cells, "delegated")?,
        public: cells.get("public")?,
        secrets: cells.json("secrets")?,
        certificates: cells.json("certificates")?,
        created: cells.time("created")?,
    })
}

fn permissions(cells: &mut impl Cells, column: &str) -> Result<Vec<Permission>, Content> {
    let names: Vec<String> = cells.json(column)?;
    let known = names
        .iter()
        .map(|name| Permission::parse(name).ok_or_else(|| Content(format!("{column}: {name} is not known"))));
    known.collect()
}

/// Reads a role assignment.
pub fn role_assignment(cells: &mut impl Cells) -> Result<RoleAssignment, Content> {
    let (id, tenant) = (AssignmentId(cells.uuid("id")?), TenantId(cells.uuid("tenant_id")?));
    let role: String = cells.get("role")?;
    Ok(RoleAssignment {
        id,
        tenant,
        role: Role::parse(&role).ok_or_else(|| Content(format!("role: {role} is not known")))?,
        principal: Principal { kind: cells.name("kind")?, text: cells.get("principal")? },
        scope: cells.optional_json("tags")?.map_or(Visibility::All, Visibility::Tagged),
        created: cells.time("created")?,
        display_name: cells.get("display_name")?,
        description: cells.get("description")?,
    })
}

/// Reads a hold.
pub fn hold(cells: &mut impl Cells) -> Result<Hold, Content> {
    Ok(Hold {
        id: HoldId(cells.uuid("id")?),
        tenant: TenantId(cells.uuid("tenant_id")?),
        kind: cells.name("kind")?,
        party: cells.get("party")?,
        placed: cells.time("placed")?,
        caused_by: cells.json("caused_by")?,
        counted: cells.get("counted")?,
        released: cells.optional_json("released")?,
    })
}

/// Reads an enrolment.
pub fn enrollment(cells: &mut impl Cells) -> Result<Enrollment, Content> {
    Ok(Enrollment {
        id: EnrollmentId(cells.uuid("id")?),
        tenant: TenantId(cells.uuid("tenant_id")?),
        device: DeviceId(cells.uuid("device_id")?),
        certificate_sha256: cells.get("certificate_sha256")?,
        reported_id: cells.get("oma_device_id")?,
        needs_certificate: cells.get("needs_certificate")?,
        created: cells.time("created")?,
        closed: cells.optional_time("closed")?,
    })
}

/// Reads an enrolment token.
pub fn enrollment_token(cells: &mut impl Cells) -> Result<EnrollmentToken, Content> {
    Ok(EnrollmentToken {
        token_sha256: cells.get("sha256")?,
        tenant: TenantId(cells.uuid("tenant_id")?),
        user: cells.optional_uuid("user")?.map(ResourceId),
        replaces: cells.optional_uuid("replaces")?.map(DeviceId),
        created: cells.time("created")?,
        expires: cells.time("expires")?,
        used: cells.optional_time("used_at")?.zip(cells.optional_uuid("used_for")?.map(EnrollmentId)),
    })
}

/// Reads a sign-in.
pub fn sign_in(cells: &mut impl Cells) -> Result<SignIn, Content> {
    Ok(SignIn {
        tenant: TenantId(cells.uuid("tenant_id")?),
        application: ApplicationId(cells.uuid("application")?),
        handle_sha256: cells.get("handle_sha256")?,
        user_code: cells.get("user_code")?,
        scope: cells.get("scope")?,
        standing: cells.name("standing")?,
        user: cells.optional_uuid("user")?.map(ResourceId),
        refresh_sha256: cells.get("refresh_sha256")?,
        previous_sha256: cells.get("previous_sha256")?,
        created: cells.time("created")?,
        expires: cells.time("expires")?,
        asked: cells.optional_time("asked")?,
        address: cells.optional_name("address")?,
    })
}

/// Reads a resource.
pub fn resource(cells: &mut impl Cells) -> Result<Resource, Content> {
    Ok(Resource {
        tenant: TenantId(cells.uuid("tenant_id")?),
        kind: cells.name("kind")?,
        id: ResourceId(cells.uuid("id")?),
        owner: cells.optional_uuid("owner")?.map(ResourceId),
        device: cells.optional_uuid("device")?.map(DeviceId),
        alternate_key: cells.get("alternate_key")?,
        properties: cells.get("properties")?,
        created: cells.time("created")?,
        modified: cells.time("modified")?,
    })
}

/// Reads a remote action.
pub fn action(cells: &mut impl Cells) -> Result<ActionRecord, Content> {
    Ok(ActionRecord {
        id: ActionId(cells.uuid("id")?),
        tenant: TenantId(cells.uuid("tenant_id")?),
        device: DeviceId(cells.uuid("device_id")?),
        name: declared(cells.get("name")?)?,
        state: cells.name("state")?,
        attempt: cells.get("attempt")?,
        outcome: cells.optional_name("outcome")?,
        device_status: cells.get("device_status")?,
        device_reason: cells.get("device_reason")?,
        locks: cells.json("locks")?,
        opens: cells.json("opens")?,
        verified: cells.optional_time("verified")?,
        before_restore: cells.optional_time("before_restore")?,
        requested_by: cells.json("requested_by")?,
        client_request_id: cells.get("client_request_id")?,
        started: cells.time("started")?,
        updated: cells.time("updated")?,
    })
}

/// Returns the name of a remote action as this program declares it.
fn declared(name: String) -> Result<&'static str, Content> {
    let known = ACTIONS.iter().find(|action| action.name == name);
    Ok(known.ok_or_else(|| Content(format!("name: {name} is not a remote action")))?.name)
}

/// Reads a delivery.
pub fn delivery(cells: &mut impl Cells) -> Result<Delivery, Content> {
    Ok(Delivery {
        seq: cells.get("seq")?,
        tenant: TenantId(cells.uuid("tenant_id")?),
        device: DeviceId(cells.uuid("device_id")?),
        enrollment: EnrollmentId(cells.uuid("enrollment_id")?),
        action: cells.optional_uuid("action_id")?.map(ActionId),
        attempt: cells.get("attempt")?,
        purpose: cells.name("purpose")?,
        commands: cells.json("commands")?,
        phase: phase(cells)?,
        statuses: cells.json("statuses")?,
        created: cells.time("created")?,
    })
}

fn phase(cells: &mut impl Cells) -> Result<Phase, Content> {
    let phase: String = cells.get("phase")?;
    let (message, first): (Option<String>, Option<u32>) = (cells.get("receipt")?, cells.get("first_command")?);
    let receipt = || {
        let receipt = message.zip(first).map(|(message, first)| Receipt { message, first });
        receipt.ok_or_else(|| Content("receipt is empty".to_owned()))
    };
    match phase.as_str() {
        "queued" => Ok(Phase::Queued),
        "sent" => Ok(Phase::Sent(receipt()?)),
        "settled" => Ok(Phase::Settled(receipt()?)),
        "lost" => Ok(Phase::Lost(receipt()?)),
        "withdrawn" => Ok(Phase::Withdrawn),
        _ => Err(Content(format!("phase: {phase} is not known"))),
    }
}

/// Returns a phase as a column; its receipt has columns of its own.
pub fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Sent(_) => "sent",
        Phase::Settled(_) => "settled",
        Phase::Lost(_) => "lost",
        Phase::Withdrawn => "withdrawn",
    }
}

/// Reads a secret.
pub fn secret(cells: &mut impl Cells) -> Result<EscrowedSecret, Content> {
    Ok(EscrowedSecret {
        id: SecretId(cells.uuid("id")?),
        context: SecretContext {
            tenant: TenantId(cells.uuid("tenant_id")?),
            device: DeviceId(cells.uuid("device_id")?),
            action: ActionId(cells.uuid("action_id")?),
            attempt: cells.get("attempt")?,
            kind: cells.name("kind")?,
        },
        envelope: cells.get("envelope")?,
        standing: cells.name("standing")?,
        received: cells.time("received")?,
        expires: cells.time("expires")?,
        disclosed: cells.optional_time("disclosed_at")?.zip(cells.get("disclosed_by")?),
    })
}

/// Reads a known key.
pub fn known_key(cells: &mut impl Cells) -> Result<KnownKey, Content> {
    let name: String = cells.get("name")?;
    Ok(KnownKey {
        name: name.parse().map_err(|_| Content(format!("{name} is not the name of a key")))?,
        fingerprint: Fingerprint(cells.get("fingerprint")?),
        since: cells.time("since")?,
        until: cells.optional_time("until")?,
        away: cells.get("away")?,
        running_s: seconds(cells.get("running")?).unwrap_or(0),
    })
}

/// Reads an audit event.
pub fn event(cells: &mut impl Cells) -> Result<StoredEvent, Content> {
    Ok(StoredEvent { seq: cells.get("seq")?, body: cells.get("body")?, tenant: TenantId(cells.uuid("tenant_id")?) })
}

/// Reads the link of an audit event.
pub fn link(cells: &mut impl Cells) -> Result<ChainLink, Content> {
    Ok(ChainLink {
        seq: cells.get("seq")?,
        position: cells.get::<i64>("position")? as u64,
        hash: cells.get("hash")?,
        tenant: TenantId(cells.uuid("tenant_id")?),
    })
}

/// Reads a checkpoint.
pub fn checkpoint(cells: &mut impl Cells) -> Result<StoredCheckpoint, Content> {
    Ok(StoredCheckpoint {
        position: cells.get::<i64>("position")? as u64,
        body: cells.get("body")?,
        tenant: TenantId(cells.uuid("tenant_id")?),
    })
}
