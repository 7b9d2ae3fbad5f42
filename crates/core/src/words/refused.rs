//! Refused requests, summed by sender, kind and time.
//!
//! Strangers can provoke any number of refusals, so a single refusal is not an event. Once a minute the sums become
//! events, and start from zero again:
//!
//! | sender | events of a minute |
//! |---|---|
//! | a caller with a valid token | one for each caller and kind |
//! | an unproven sender that names an application or shows a spent enrolment token | one for each name and kind, by the server |
//! | a stranger | one for all strangers, in the record of the oldest tenant, which is the operator's own |
//!
//! A kind is a [`Face`] and a [`Reason`]. Beyond [`MAX_NAMES`] names, the others of a tenant share one event of each kind.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use strum::VariantArray;

use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::id::{ApplicationId, ResourceId, TenantId};

/// Most names that are summed separately within a minute.
pub const MAX_NAMES: usize = 1_024;

/// The part of the server that refused. The names are stable: metrics and events use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Face {
    /// Microsoft Graph.
    Graph,
    /// Applications that ask for tokens.
    Token,
    /// People who sign in: device codes and refresh tokens.
    SignIn,
    /// Devices.
    Device,
}

impl Face {
    /// Every face.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Token => "token",
            Self::SignIn => "signIn",
            Self::Device => "device",
        }
    }
}

/// The reason why a request was refused. The names are stable: metrics and events use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Reason {
    /// The request has no token.
    NoToken,
    /// The token is not valid here.
    BadToken,
    /// The token was genuine and has been revoked.
    RevokedToken,
    /// The caller may not do this, or not to this entity.
    Forbidden,
    /// The entity is absent, in another tenant or hidden from the caller. All three count alike: an event for one of
    /// them alone would reveal to the caller which it was.
    NotFound,
    /// The request exceeds the limits.
    TooMany,
    /// The request names no known tenant or application.
    UnknownName,
    /// The application did not authenticate itself: its secret or assertion was wrong or missing.
    WrongProof,
    /// The secret of the application has ended.
    ExpiredSecret,
    /// The device code is unknown or was used before.
    WrongCode,
    /// No operator decided about the device code in time.
    ExpiredCode,
    /// An operator denied the sign-in.
    Denied,
    /// The user is deleted or disabled.
    Account,
    /// The refresh token is unknown, has ended or was used twice.
    RefreshToken,
    /// The enrolment token is unknown, used or expired.
    EnrollmentToken,
    /// The certificate belongs to no open enrolment.
    Certificate,
    /// The credential of the device is wrong.
    Credential,
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoToken => "noToken",
            Self::BadToken => "badToken",
            Self::RevokedToken => "revokedToken",
            Self::Forbidden => "forbidden",
            Self::NotFound => "notFound",
            Self::TooMany => "tooMany",
            Self::UnknownName => "unknownName",
            Self::WrongProof => "wrongProof",
            Self::ExpiredSecret => "expiredSecret",
            Self::WrongCode => "wrongCode",
            Self::ExpiredCode => "expiredCode",
            Self::Denied => "denied",
            Self::Account => "account",
            Self::RefreshToken => "refreshToken",
            Self::EnrollmentToken => "enrollmentToken",
            Self::Certificate => "certificate",
            Self::Credential => "credential",
        }
    }

    /// Returns true if the refusal goes into the audit record. Only metrics count requests that bring no credentials,
    /// requests that come too often, and credentials that do not answer a current challenge. Devices begin sessions
    /// with one of their last.
    pub fn is_recorded(self) -> bool {
        !matches!(self, Self::NoToken | Self::TooMany | Self::Credential)
    }
}

/// The sender of a refused request, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An unknown sender.
    Stranger,
    /// A sender that named these, or showed an old credential of theirs, and proved nothing.
    Claimed {
        /// The tenant.
        tenant: TenantId,
        /// The application that the sender claims to be.
        application: Option<ApplicationId>,
        /// The user whose sign-in it was.
        user: Option<ResourceId>,
    },
    /// A caller with a valid token.
    Caller {
        /// The tenant of the token.
        tenant: TenantId,
        /// The caller.
        actor: Box<Actor>,
    },
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The part of the server that refused it.
    pub face: Face,
    /// The reason.
    pub reason: Reason,
    /// The sender.
    pub by: By,
    /// The path, with a placeholder for each identifier.
    pub path: String,
    /// The code of the error in the answer.
    pub code: String,
}

/// The refused requests of one response, several for a batch. They travel as an extension of the response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedRequests(pub Vec<Refused>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    tenant: Option<TenantId>,
    name: Name,
    face: Face,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// All others: without a tenant, strangers; with one, the senders of the tenant beyond the limit of names.
    Others,
    Claimed(Option<ApplicationId>, Option<ResourceId>),
    Caller(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// The first request and the address that it came from.
    sample: Refused,
    address: Option<IpAddr>,
}

/// The sums since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<Key, Sum>);

impl Sums {
    /// Adds a request that came at that time, from that address.
    pub fn add(&mut self, refused: Refused, address: Option<IpAddr>, at: Timestamp) {
        if refused.reason.is_recorded() {
            let key = Key::of(&refused);
            self.put(key, Sum { count: 1, first: at, last: at, sample: refused, address });
        }
    }

    /// Adds older sums that could not be recorded.
    pub fn add_all(&mut self, older: Self) {
        older.0.into_iter().for_each(|(key, sum)| self.put(key, sum));
    }

    /// Returns true if there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, key: Key, new: Sum) {
        let fits = self.0.len() < MAX_NAMES || self.0.contains_key(&key);
        let key = if fits { key } else { Key { name: Name::Others, ..key } };
        match self.0.get_mut(&key) {
            Some(sum) => sum.merge(new),
            None => drop(self.0.insert(key, new)),
        }
    }

    /// Returns the events for these tenants, the oldest first. Sums of a tenant that is not among them are counted as
    /// strangers'.
    pub fn events(&self, tenants: &[TenantId], now: Timestamp) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        let mut strangers: BTreeMap<(Face, Reason), u64> = BTreeMap::new();
        let mut span: Option<(Timestamp, Timestamp)> = None;
        for (key, sum) in &self.0 {
            match key.tenant.filter(|tenant| tenants.contains(tenant)) {
                Some(tenant) => events.push(sum.event(tenant, key, now)),
                None => {
                    *strangers.entry((key.face, key.reason)).or_default() += sum.count;
                    let (first, last) = span.unwrap_or((sum.first, sum.last));
                    span = Some((first.min(sum.first), last.max(sum.last)));
                }
            }
        }
        if let (Some((first, last)), Some(oldest)) = (span, tenants.first()) {
            let event = AuditEvent::new(*oldest, now, Actor::system(), Activity::RequestsRefused);
            let count: u64 = strangers.values().sum();
            let event = event.with("by", "strangers").with("count", count).with("first", first).with("last", last);
            events.push(strangers.iter().fold(event, |event, ((face, reason), count)| {
                event.with(&format!("{}.{}", face.name(), reason.name()), count)
            }));
        }
        events
    }
}

impl Key {
    fn of(refused: &Refused) -> Self {
        let (tenant, name) = match &refused.by {
            By::Stranger => (None, Name::Others),
            By::Claimed { tenant, application, user } => (Some(*tenant), Name::Claimed(*application, *user)),
            By::Caller { tenant, actor } => (Some(*tenant), Name::Caller(actor.key())),
        };
        Self { tenant, name, face: refused.face, reason: refused.reason }
    }
}

impl Sum {
    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.last = self.last.max(other.last);
        if other.first < self.first {
            (self.first, self.sample, self.address) = (other.first, other.sample, other.address);
        }
    }

    fn event(&self, tenant: TenantId, key: &Key, now: Timestamp) -> AuditEvent {
        let mut actor = Actor { address: self.address, ..Actor::system() };
        let mut named = (None, None);
        match (&key.name, &self.sample.by) {
            (Name::Caller(_), By::Caller { actor: caller, .. }) => actor.clone_from(caller),
            (Name::Claimed(application, user), _) => named = (*application, *user),
            (Name::Caller(_) | Name::Others, _) => actor.address = None,
        }
        let event = AuditEvent::new(tenant, now, actor, Activity::RequestsRefused);
        let event = event.with("face", self.sample.face.name()).with("reason", self.sample.reason.name());
        let event = match key.name {
            Name::Others => event.with("others", self.count),
            Name::Claimed(..) | Name::Caller(_) => event.with("count", self.count),
        };
        let event = event.with("first", self.first).with("last", self.last);
        let event = event.with_some("application", named.0).with_some("user", named.1);
        event.with("path", &self.sample.path).with("code", &self.sample.code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::caller::ActorKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn tenant(number: u128) -> TenantId {
        TenantId(Uuid::from_u128(number))
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn refused(face: Face, reason: Reason, by: By) -> Refused {
        Refused { face, reason, by, path: "/users/{id}".to_owned(), code: "Forbidden".to_owned() }
    }

    fn caller(of: u128, user: &str, from: u8) -> By {
        let actor = Actor {
            kind: ActorKind::Delegated,
            user_id: Some(user.to_owned()),
            address: address(from),
            ..Actor::system()
        };
        By::Caller { tenant: tenant(of), actor: Box::new(actor) }
    }

    fn claimed(of: u128, application: u128) -> By {
        let application = Some(ApplicationId(Uuid::from_u128(application)));
        By::Claimed { tenant: tenant(of), application, user: None }
    }

    fn detail<'a>(event: &'a AuditEvent, wanted: &str) -> Option<&'a str> {
        event.details.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_caller_has_one_event_of_each_kind_with_count_span_and_the_first_address() {
        let mut sums = Sums::default();
        for (second, from) in [(5, 5), (1, 1), (9, 9)] {
            let refused = refused(Face::Graph, Reason::Forbidden, caller(1, "ana", from));
            sums.add(refused, address(from), at(second));
        }
        sums.add(refused(Face::Graph, Reason::NotFound, caller(1, "ana", 1)), address(1), at(2));
        sums.add(refused(Face::Graph, Reason::Forbidden, caller(1, "bob", 1)), address(1), at(2));
        let events = sums.events(&[tenant(1)], at(60));
        assert_eq!(events.len(), 3, "{events:?}");
        let ana = events.iter().find(|event| detail(event, "count") == Some("3")).expect("the event of the three");
        assert_eq!((ana.activity, ana.at, ana.tenant), (Activity::RequestsRefused, at(60), tenant(1)));
        assert_eq!((ana.actor.user_id.as_deref(), ana.actor.address), (Some("ana"), address(1)));
        for (name, value) in [
            ("face", "graph"),
            ("reason", "forbidden"),
            ("first", &at(1).to_string()),
            ("last", &at(9).to_string()),
            ("path", "/users/{id}"),
            ("code", "Forbidden"),
        ] {
            assert_eq!(detail(ana, name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_name_that_was_not_proven_is_a_fact_beside_the_event_and_not_its_actor() {
        let mut sums = Sums::default();
        sums.add(refused(Face::Token, Reason::WrongProof, claimed(1, 7)), address(3), at(1));
        let events = sums.events(&[tenant(1)], at(60));
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.actor, Actor { address: address(3), ..Actor::system() });
        assert_eq!(detail(event, "application"), Some(Uuid::from_u128(7).to_string().as_str()));
    }

    #[test]
    fn strangers_have_one_event_for_all_in_the_oldest_tenant() {
        let mut sums = Sums::default();
        for (face, reason) in [
            (Face::Graph, Reason::BadToken),
            (Face::Device, Reason::EnrollmentToken),
            (Face::Device, Reason::EnrollmentToken),
        ] {
            sums.add(refused(face, reason, By::Stranger), address(1), at(1));
        }
        // A tenant that the store does not have.
        sums.add(refused(Face::Graph, Reason::Forbidden, caller(9, "ana", 1)), address(1), at(4));
        let events = sums.events(&[tenant(2), tenant(1)], at(60));
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.tenant, &event.actor), (tenant(2), &Actor::system()), "whose address it was is not said");
        for (name, value) in [
            ("by", "strangers"),
            ("count", "4"),
            ("graph.badToken", "1"),
            ("graph.forbidden", "1"),
            ("device.enrollmentToken", "2"),
            ("first", &at(1).to_string()),
            ("last", &at(4).to_string()),
        ] {
            assert_eq!(detail(event, name), Some(value), "{name}");
        }
        assert!(sums.events(&[], at(60)).is_empty(), "without a tenant there is no record");
    }

    #[test]
    fn what_tried_to_prove_nothing_is_not_recorded() {
        for &reason in Reason::ALL {
            let mut sums = Sums::default();
            sums.add(refused(Face::Graph, reason, By::Stranger), None, at(1));
            let counted_alone = [Reason::NoToken, Reason::TooMany, Reason::Credential].contains(&reason);
            assert_eq!(sums.is_empty(), counted_alone, "{reason:?}");
        }
    }

    #[test]
    fn beyond_the_bound_the_others_of_a_tenant_share_an_event() {
        let mut sums = Sums::default();
        let more = 500;
        for number in 0..MAX_NAMES + more {
            let of = 1 + (number % 2) as u128;
            let refused = refused(Face::Graph, Reason::Forbidden, caller(of, &number.to_string(), 1));
            sums.add(refused, address(1), at(1));
        }
        let events = sums.events(&[tenant(1), tenant(2)], at(60));
        assert_eq!(events.len(), MAX_NAMES + 2);
        let others: Vec<_> = events.iter().filter_map(|event| Some((event, detail(event, "others")?))).collect();
        assert_eq!(others.len(), 2, "one for each tenant");
        for (event, count) in others {
            assert_eq!((&event.actor, count), (&Actor::system(), (more / 2).to_string().as_str()));
        }
    }

    #[test]
    fn names_are_stable_and_differ() {
        let faces: std::collections::BTreeSet<_> = Face::ALL.iter().map(|face| face.name()).collect();
        let reasons: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!((faces.len(), reasons.len()), (Face::ALL.len(), Reason::ALL.len()));
    }

    fn any_refused() -> impl Strategy<Value = (Refused, i64)> {
        let sender = prop_oneof![
            Just(By::Stranger),
            (1..4_u128, 0..5_u128).prop_map(|(of, application)| claimed(of, application)),
            (1..4_u128, "[ab]", 0..9_u8).prop_map(|(of, user, from)| caller(of, &user, from)),
        ];
        let kind = (prop::sample::select(Face::ALL), prop::sample::select(Reason::ALL));
        (kind, sender, 0..60_i64).prop_map(|((face, reason), sender, second)| (refused(face, reason, sender), second))
    }

    fn counted(events: &[AuditEvent]) -> u64 {
        let count = |event| detail(event, "count").or(detail(event, "others"))?.parse::<u64>().ok();
        events.iter().filter_map(count).sum()
    }

    proptest! {
        #[test]
        fn every_refusal_is_counted_once_however_the_sums_are_put_together(
            requests in prop::collection::vec(any_refused(), 0..200),
            split in 0..200_usize,
        ) {
            let recorded = requests.iter().filter(|(refused, _)| refused.reason.is_recorded()).count() as u64;
            let tenants = [tenant(1), tenant(2)];
            let (mut whole, mut older, mut newer) = (Sums::default(), Sums::default(), Sums::default());
            for (index, (refused, second)) in requests.into_iter().enumerate() {
                let half = if index < split { &mut older } else { &mut newer };
                half.add(refused.clone(), None, at(second));
                whole.add(refused, None, at(second));
            }
            let events = whole.events(&tenants, at(60));
            prop_assert_eq!(counted(&events), recorded);
            newer.add_all(older);
            let put_together = newer.events(&tenants, at(60));
            prop_assert_eq!(counted(&put_together), recorded);
            prop_assert_eq!(put_together.len(), events.len());
        }
    }
}
