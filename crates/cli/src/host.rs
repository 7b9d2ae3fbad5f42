//! The work on the server's own host, straight in the data directory: it works with and without a
//! running server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_audit::Signer;
use chaveiro_auth::{AccessToken, LocalIssuer, RETIREMENT};
use chaveiro_core::audit::{Activity, AuditEvent, Origin};
use chaveiro_core::caller::{Actor, Caller, HostUser};
use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::decisions::keys::{self, Hand};
use chaveiro_core::decisions::{assign_roles, change_device, change_tenant, enrollment_tokens, hold};
use chaveiro_core::decisions::{operator_tokens, tenants};
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::hold::{Hold, Release};
use chaveiro_core::id::{ApplicationId, AssignmentId, DeviceId, HoldId, ResourceId, TenantId};
use chaveiro_core::keys::KeyName;
use chaveiro_core::permission::{PERMISSIONS, Permission};
use chaveiro_core::ports::{Clock, Entropy, Scope, Store};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::refusal::{DeviceRefusal, ResourceRefusal, UnclearHold};
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::revocation;
use chaveiro_core::rights::Rights;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Fault, Refusal, Timestamp};
use chaveiro_escrow::{Recipient, Staged};
use chaveiro_lang::{Explain, Lang, nearest, text};
use chaveiro_mdm::{EnrollmentTokenText, new_enrollment_token, token_sha256};
use chaveiro_server::{DataDir, DataDirError, Opened, SystemClock, SystemEntropy};
use chaveiro_store_sqlite::SqliteStore;
use uuid::Uuid;

use crate::args::Common;
use crate::beginnings::Names;
use crate::out::Out;
use crate::person;
use crate::session::{Remembered, Session};

/// Opens the database alone, and tells the operator if its log was damaged.
pub(crate) fn open_store(directory: &DataDir, out: Out) -> Result<SqliteStore> {
    let store = directory.open_store()?;
    tell_of_log(&store, out);
    Ok(store)
}

/// Tells the operator if the log was damaged when the database was opened.
fn tell_of_log(store: &SqliteStore, out: Out) {
    if let Some(frame) = store.damaged_from() {
        out.note(text!("log-damaged", frame = frame));
    }
}

/// A data directory and what lives in it.
pub(crate) struct Host {
    pub(crate) directory: DataDir,
    pub(crate) opened: Opened,
    /// The person who runs this verb.
    pub(crate) person: HostUser,
    clock: SystemClock,
}

impl Host {
    /// Makes a new data directory and its first tenant. One that an earlier run did not finish is finished.
    pub(crate) async fn init(root: &std::path::Path, name: &str, entra_tenant: Option<Uuid>) -> Result<(Self, Tenant)> {
        let clock = SystemClock::default();
        let (directory, opened, _lock) = DataDir::init(root, clock.now(), &SystemEntropy)?;
        let host = Self { directory, opened, person: person::here(), clock };
        if !host.tenants().await?.is_empty() {
            return Err(DataDirError::AlreadyInitialised(root.to_owned()).into());
        }
        let tenant = host.create_tenant(name, entra_tenant).await?;
        Ok((host, tenant))
    }

    /// Opens one that is there.
    pub(crate) fn open(common: &Common) -> Result<Self> {
        let clock = SystemClock::default();
        let directory = data_directory(common)?;
        let opened = directory.open_all(clock.now(), &SystemEntropy)?;
        // After this the log is another one: the first to open it has to tell.
        tell_of_log(&opened.sqlite, Out::new(common.json, Lang::of_arguments(std::env::args_os())));
        Ok(Self { directory, opened, person: person::here(), clock })
    }

    /// The operator who changes a key on the host now.
    pub(crate) fn hand(&self) -> Hand {
        hand(&self.clock)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The operator, now.
    pub(crate) fn origin(&self) -> Origin {
        Origin { actor: Actor::operator(&self.person), at: self.now(), request: None }
    }

    pub(crate) fn event(&self, tenant: TenantId, activity: Activity) -> AuditEvent {
        self.origin().event(tenant, activity)
    }

    /// A new tenant with an active licence and an escrow key.
    pub(crate) async fn create_tenant(&self, name: &str, entra_tenant: Option<Uuid>) -> Result<Tenant> {
        let tenant = Tenant { entra_tenant, ..Tenant::new(TenantId(SystemEntropy.uuid()), name, self.now()) };
        // The key first: a tenant without one could not keep a passcode.
        let keyring = &self.opened.keyring;
        keyring.create_tenant_key(tenant.id)?;
        let made = [
            (KeyName::EscrowRecipients(tenant.id), keyring.recipients_fingerprint(&keyring.public_file(tenant.id))?),
            (KeyName::EscrowPrivate(tenant.id), keyring.private_fingerprint(&keyring.private_file(tenant.id))?),
        ];
        let (row, hand) = (tenant.clone(), self.hand());
        let insert = self.opened.store.write(move |unit| Ok(tenants::create(unit, &hand, &row, &made)?));
        insert.await?;
        Ok(tenant)
    }

    /// Changes a tenant as `change` says, in one unit of work; a refusal of it leaves everything as it is.
    pub(crate) async fn change_tenant(
        &self,
        tenant: TenantId,
        change: impl Fn(&mut Tenant) -> Result<()> + Send + 'static,
    ) -> Result<Tenant> {
        let (by, at, about) = (Actor::operator(&self.person), self.now(), SystemEntropy.uuid());
        let ask = change_tenant::Ask { by, tenant, at, about };
        let changed = self.opened.store.try_write(move |unit| change_tenant::change(unit, &ask, &change));
        settled(changed.await).map(|(tenant, _)| tenant)
    }

    /// The names in the database.
    pub(crate) fn names(&self) -> Names {
        Names::new(Arc::clone(&self.opened.store))
    }

    /// The tenants.
    pub(crate) async fn tenants(&self) -> Result<Vec<Tenant>> {
        self.names().tenants().await
    }

    /// The tenant of that id or name; without one, the only one.
    pub(crate) async fn tenant(&self, asked: Option<&str>) -> Result<Tenant> {
        choose_tenant(self.tenants().await?, asked)
    }

    /// Makes a new signing key for the local issuer. Older ones go when no token that they signed can count any more, by the
    /// clock and by the running time of the server.
    pub(crate) async fn rotate_issuer(&self) -> Result<String> {
        let issuer = self.directory.issuer_keys()?;
        let staged = issuer.stage(self.now(), &SystemEntropy)?;
        let (name, fingerprint, hand) = (KeyName::Issuer(staged.id.clone()), staged.fingerprint, self.hand());
        let record = self
            .opened
            .store
            .write(move |unit| Ok(keys::record(unit, &hand, &name, fingerprint, keys::Change::Rotated)?));
        record.await?;
        issuer.settle(&staged)?;
        let (replaced, hand) = (issuer.replaced(), self.hand());
        let retire =
            self.opened.store.write(move |unit| Ok(keys::retire_replaced(unit, &hand, &replaced, RETIREMENT)?));
        for id in retire.await? {
            issuer.remove(&id)?;
        }
        Ok(staged.id)
    }

    /// Adds a recipient to the escrow of a tenant.
    pub(crate) async fn add_recipient(&self, tenant: TenantId, recipient: &Recipient) -> Result<()> {
        let staged = self.opened.keyring.stage_recipient(tenant, recipient)?;
        self.settle_recipients(tenant, staged, keys::Change::RecipientAdded).await
    }

    /// Removes the recipient of that id or name from the escrow of a tenant.
    pub(crate) async fn remove_recipient(&self, tenant: TenantId, asked: &str) -> Result<Recipient> {
        let (removed, staged) = self.opened.keyring.stage_removal(tenant, asked)?;
        self.settle_recipients(tenant, staged, keys::Change::RecipientRemoved).await?;
        Ok(removed)
    }

    /// Records staged recipients, and puts them into use.
    async fn settle_recipients(&self, tenant: TenantId, staged: Staged, change: keys::Change<'static>) -> Result<()> {
        let (name, fingerprint, hand) = (KeyName::EscrowRecipients(tenant), staged.fingerprint(), self.hand());
        let record = self.opened.store.write(move |unit| Ok(keys::record(unit, &hand, &name, fingerprint, change)?));
        record.await?;
        Ok(staged.settle()?)
    }

    /// A one-time token for a device.
    pub(crate) async fn enroll_token(
        &self,
        tenant: TenantId,
        user: Option<&str>,
        replaces: Option<DeviceId>,
        lifetime: Duration,
    ) -> Result<(EnrollmentTokenText, Timestamp)> {
        let text = new_enrollment_token(&SystemEntropy);
        let ask = enrollment_tokens::Ask {
            tenant,
            user: user.map(str::to_owned),
            replaces,
            token_sha256: token_sha256(text.expose_secret()),
            expires: self.now().checked_add(lifetime).explain(|| text!("time-out-of-range"))?,
        };
        let (origin, expires) = (self.origin(), ask.expires);
        let insert = self.opened.store.try_write(move |unit| enrollment_tokens::create(unit, &origin, &ask));
        settled(insert.await)?;
        Ok((text, expires))
    }

    /// The Linux machines for which a digest alone still speaks.
    pub(crate) async fn devices_without_certificate(&self, tenant: TenantId) -> Result<Vec<ManagedDevice>> {
        const MOST: usize = 100_000;
        Ok(self.opened.store.read(move |view| Ok(view.devices_without_certificate(tenant, MOST)?)).await?)
    }

    /// The address that the running server says it has, or else the configured one.
    pub(crate) fn graph_url(&self) -> Option<String> {
        self.directory.running().map(|running| running.graph_url)
    }

    /// A token that leaves the program. Recorded.
    pub(crate) async fn operator_token(
        &self,
        tenant: TenantId,
        permissions: &[Permission],
        lifetime: Duration,
        reason: Option<&str>,
    ) -> Result<AccessToken> {
        let (permissions_of, reason) = (permissions.to_vec(), reason.map(str::to_owned));
        let ask = operator_tokens::Ask { tenant, permissions: permissions_of, lifetime, reason };
        let (issuer, origin) = (self.issuer()?, self.origin());
        let recorded = self.opened.store.write(move |unit| Ok(operator_tokens::record(unit, &origin, &ask)?));
        self.mint(&issuer, tenant, permissions, recorded.await?, lifetime)
    }

    /// A token for the requests of one verb, which stays in the memory of this process. The server records what is done with it.
    pub(crate) async fn verb_token(&self, tenant: TenantId, permissions: &[Permission]) -> Result<AccessToken> {
        /// Longer than any verb works or waits by default.
        const LIFETIME: Duration = Duration::from_secs(30 * 60);
        let issuer = self.issuer()?;
        let valid_from = self.opened.store.read(move |view| Ok(operator_tokens::valid_from(view, tenant)?));
        self.mint(&issuer, tenant, permissions, valid_from.await?, LIFETIME)
    }

    /// The local issuer at the address of the running server.
    fn issuer(&self) -> Result<LocalIssuer> {
        let url = self.graph_url().ok_or_else(|| text!("no-server"))?;
        Ok(LocalIssuer::new(self.directory.issuer_keys()?, url))
    }

    fn mint(
        &self,
        issuer: &LocalIssuer,
        tenant: TenantId,
        permissions: &[Permission],
        valid_from: Option<Timestamp>,
        lifetime: Duration,
    ) -> Result<AccessToken> {
        let issued = revocation::issued_at(self.now(), valid_from);
        Ok(issuer.mint_operator_token(tenant, &self.person, permissions, issued, lifetime, &SystemEntropy)?)
    }

    /// Changes what administrators say of a device.
    pub(crate) async fn change_device(
        &self,
        tenant: TenantId,
        device: DeviceId,
        change: Change,
    ) -> Result<ManagedDevice> {
        let origin = self.origin();
        let update = self.opened.store.write_in(Scope::Device(tenant, device), move |unit| {
            let found = unit.device(tenant, device)?.ok_or(DeviceRefusal::NotFound)?;
            change_device::change(unit, &Rights::Everything, &origin, found, std::slice::from_ref(&change))
        });
        Ok(update.await?)
    }

    /// Assigns a role to a principal.
    pub(crate) async fn assign_role(
        &self,
        tenant: TenantId,
        role: &'static Role,
        principal: Principal,
        scope: Visibility,
    ) -> Result<RoleAssignment> {
        let id = AssignmentId(SystemEntropy.uuid());
        let (display_name, description, created) = (None, None, self.now());
        let assignment = RoleAssignment { id, tenant, display_name, description, role, principal, scope, created };
        let event = self.event(tenant, Activity::RoleAssigned);
        let row = assignment.clone();
        let caller = Caller::operator(tenant, &self.person);
        self.opened.store.write(move |unit| assign_roles::assign(unit, &caller, &row, event.clone())).await?;
        Ok(assignment)
    }

    /// Says whether no one of that name is known here; only issuers know groups.
    pub(crate) async fn is_unknown(&self, tenant: TenantId, principal: &Principal) -> Result<bool> {
        let (kind, text) = (principal.kind, principal.text.clone());
        let known = self.opened.store.read(move |view| {
            Ok(match (kind, text.parse::<Uuid>()) {
                (PrincipalKind::Group, _) => true,
                (PrincipalKind::User, Ok(id)) => view.resource(tenant, ResourceKind::User, ResourceId(id))?.is_some(),
                (PrincipalKind::User, Err(_)) => view.resource_by_key(tenant, ResourceKind::User, &text)?.is_some(),
                (PrincipalKind::Application, Ok(id)) => view.application(tenant, ApplicationId(id))?.is_some(),
                (PrincipalKind::Application, Err(_)) => false,
            })
        });
        Ok(!known.await?)
    }

    pub(crate) async fn unassign_role(&self, tenant: TenantId, id: AssignmentId) -> Result<()> {
        let event = self.event(tenant, Activity::RoleUnassigned);
        let caller = Caller::operator(tenant, &self.person);
        let delete = self.opened.store.write(move |unit| {
            let found = unit.role_assignments(tenant)?.into_iter().find(|assignment| assignment.id == id);
            let assignment = found.ok_or(ResourceRefusal::NotFound("role assignment"))?;
            assign_roles::unassign(unit, &caller, &assignment, event.clone())
        });
        Ok(delete.await?)
    }

    /// Releases a hold: the one of that id, or the only one that stands.
    pub(crate) async fn release_hold(
        &self,
        tenant: TenantId,
        id: Option<HoldId>,
        quiet: Option<Duration>,
        reason: Option<String>,
    ) -> Result<Hold> {
        let at = self.now();
        let quiet_until =
            quiet.map(|quiet| at.checked_add(quiet).explain(|| text!("time-out-of-range"))).transpose()?;
        let release = Release { at, by: Actor::operator(&self.person), quiet_until, reason };
        match self.opened.store.try_write(move |unit| hold::release(unit, tenant, id, release.clone())).await {
            Err(Fault::Refused(UnclearHold::None)) => Err(text!("no-hold").into()),
            Err(Fault::Refused(UnclearHold::Several)) => Err(text!("several-holds").into()),
            released => settled(released),
        }
    }

    /// Links what is not linked yet, so that an export holds everything.
    pub(crate) async fn link_audit(&self) -> Result<()> {
        link_audit(&self.opened.store, &self.opened.signer, self.now()).await
    }
}

/// The outcome of a unit of work; a refusal becomes the error itself, so that it is found by its type.
pub(crate) fn settled<T, R: Into<anyhow::Error>>(result: Result<T, Fault<R>>) -> Result<T> {
    result.map_err(|fault| match fault {
        Fault::Refused(refusal) => refusal.into(),
        Fault::Store(error) => error.into(),
        Fault::Escrow(error) => Fault::<Refusal>::Escrow(error).into(),
    })
}

/// Links what is not linked yet, and signs it with that key.
pub(crate) async fn link_audit(store: &Arc<dyn Store>, signer: &Arc<Signer>, now: Timestamp) -> Result<()> {
    const AT_ONCE: usize = 1000;
    loop {
        let signer = Arc::clone(signer);
        let linked = store.write(move |unit| chaveiro_audit::extend(unit, &signer, now, AT_ONCE)).await?;
        if linked < AT_ONCE {
            return Ok(());
        }
    }
}

/// Opens the data directory. Without a named or existing directory, this is a client machine. The error then says that the verb
/// works on the host alone, or how to sign in.
pub(crate) fn data_directory(common: &Common) -> Result<DataDir> {
    match (DataDir::open(&common.data()), &common.data) {
        (Err(DataDirError::Missing(path)), None) if !matches!(Session::load(), Ok(Some(_))) => {
            Err(match Remembered::is_there() {
                true => text!("not-signed-in"),
                false => text!("no-data-directory", directory = path),
            }
            .into())
        }
        (Err(DataDirError::Missing(_)), None) => Err(text!("host-alone").into()),
        (opened, _) => Ok(opened?),
    }
}

/// The tenant of that id or name; without one, the only one.
pub(crate) fn choose_tenant(mut tenants: Vec<Tenant>, asked: Option<&str>) -> Result<Tenant> {
    match asked {
        Some(asked) => tenants
            .into_iter()
            .find(|tenant| tenant.id.to_string() == asked || tenant.display_name == asked)
            .explain(|| text!("tenant-unknown", tenant = asked)),
        None if tenants.len() == 1 => Ok(tenants.remove(0)),
        None => bail!(text!("tenant-ambiguous", count = tenants.len())),
    }
}

/// The operator, now.
pub(crate) fn hand(clock: &SystemClock) -> Hand {
    Hand { actor: Actor::operator(&person::here()), now: clock.now() }
}

/// Permissions by name.
pub(crate) fn permissions(names: &[String]) -> Result<Vec<Permission>> {
    let parse = |name: &String| {
        let known = || PERMISSIONS.iter().map(|row| row.name);
        Permission::parse(name).explain(|| match nearest(name, known()).as_slice() {
            [] => text!("permission-unknown", name = name, known = known().collect::<Vec<_>>().join(", ")),
            names => text!("permission-unknown-similar", name = name, names = names.join(", ")),
        })
    };
    names.iter().map(parse).collect()
}
