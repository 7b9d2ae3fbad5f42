//! The Graph face and the device channel on one store, called without a network.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chaveiro_auth::{LocalIssuer, TrustedProxies, Verifier};
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::keys::{self, Hand};
use chaveiro_core::id::DeviceId;
use chaveiro_core::keys::{KeyName, KnownKey};
use chaveiro_core::permission::{PERMISSIONS, Permission};
use chaveiro_core::ports::{Clock, View};
use chaveiro_core::{Fault, Timestamp};
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_graph::{Ceilings, GraphState, Limits};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::channel::{self, InProcess};
use crate::{BASE, Doubting, Silent, issuer};

/// The world of the device channel with the Graph face beside it. Each unit of work runs once.
pub struct World {
    channel: channel::World,
    issuer: Arc<LocalIssuer>,
    graph: Router,
}

/// Sends every message twice, as devices do that got no answer, and expects the same answer.
pub struct Twice(pub InProcess);

impl Transport for Twice {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, url, content_type, body } = request;
        let again = Request { method, url: url.clone(), content_type, body: body.clone() };
        let first = self.0.send(Request { method, url, content_type, body }).await?;
        let second = self.0.send(again).await?;
        assert_eq!((first.status, &first.body), (second.status, &second.body));
        Ok(first)
    }
}

impl Deref for World {
    type Target = channel::World;

    fn deref(&self) -> &channel::World {
        &self.channel
    }
}

impl World {
    /// A server with one tenant.
    pub async fn new() -> Self {
        let channel = channel::World::new().await;
        let (clock, entropy, keyring) = (channel.clock.clone(), channel.entropy.clone(), channel.keyring.clone());
        let keys = issuer::keys(&channel.directory.path().join("issuer"), clock.now(), entropy.as_ref());
        let issuer = Arc::new(LocalIssuer::new(keys, BASE.to_owned()));
        let graph = chaveiro_graph::router(Arc::new(GraphState {
            store: Arc::clone(&channel.store),
            witness: Arc::new(Doubting::default()),
            unsealer: keyring.clone(),
            sealer: keyring,
            verifier: Arc::new(Verifier::local_only(Arc::clone(&issuer), vec![BASE.to_owned()])),
            clock: clock.clone(),
            entropy,
            waker: channel.wakes.clone(),
            seen: channel.check_ins.clone(),
            limits: Limits::new(Ceilings::default(), clock),
            alarm: Arc::new(Silent),
            proxies: TrustedProxies::parse("192.0.2.9").expect("proxies"),
            tally: Arc::default(),
            base_url: BASE.to_owned(),
        }));
        Self { channel, issuer, graph }
    }

    /// The time of the server.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A token of an operator with these permissions.
    pub fn bearer(&self, permissions: &[Permission]) -> String {
        let (person, hour) = (HostUser::new("ana", 1000), Duration::from_secs(3600));
        let token =
            self.issuer.mint_operator_token(self.tenant, &person, permissions, self.now(), hour, self.entropy.as_ref());
        token.expect("minted").expose_secret().to_owned()
    }

    /// A token with every permission.
    pub fn all(&self) -> String {
        let all: Vec<_> = PERMISSIONS.iter().map(|row| row.permission).collect();
        self.bearer(&all)
    }

    /// Status and body of the answer of the Graph face.
    pub async fn call(&self, token: &str, method: &str, path: &str) -> (u16, Value) {
        self.request(token, method, path, Body::empty()).await
    }

    /// Posts a JSON body.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        self.request(token, "POST", path, Body::from(body.to_string())).await
    }

    async fn request(&self, token: &str, method: &str, path: &str, body: Body) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        let request = request.body(body).expect("a request");
        let response = self.graph.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Enrols the device of that number in the place of a known one.
    pub async fn enroll_as(&self, number: u64, replaces: Option<DeviceId>) -> WindowsDevice {
        let token = self.token_for(None, replaces).await;
        self.enroll_over(&self.transport(), number, &token).await.expect("enrolled")
    }

    /// A device after its first session, and its id.
    pub async fn device(&self, number: u64) -> (WindowsDevice, DeviceId) {
        let device = self.enrolled(number).await;
        let id = self.device_of(&device).await.id;
        (device, id)
    }

    /// Reads of the store.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        self.store.read(work).await.expect("read")
    }

    /// Keeps the private escrow key elsewhere, as an operator has declared, or brings it back.
    pub async fn set_key_away(&self, away: bool) {
        let name = KeyName::EscrowPrivate(self.tenant);
        let fingerprint = self.keyring.own_fingerprint(self.tenant).expect("a fingerprint");
        let known = KnownKey { name, fingerprint, since: self.now(), until: None, away, running_s: 0 };
        let hand = Hand { actor: Actor::system(), now: self.now() };
        self.store.write(move |unit| Ok(keys::set_away(unit, &hand, &known, away)?)).await.expect("recorded");
        self.move_key(away);
    }

    /// Moves the file of the private escrow key out of its place, or back.
    pub fn move_key(&self, away: bool) {
        let (file, elsewhere) = (self.keyring.private_file(self.tenant), self.directory.path().join("elsewhere"));
        let (from, to) = if away { (&file, &elsewhere) } else { (&elsewhere, &file) };
        std::fs::rename(from, to).expect("moved");
    }

    /// The record of that device: activity and remote action of each event.
    pub async fn record(&self, device: DeviceId) -> Vec<AuditEvent> {
        let events = self.read(|view| Ok(view.unchained_events(1000)?)).await;
        let events = events.iter().map(|stored| serde_json::from_str::<AuditEvent>(&stored.body).expect("an event"));
        events.filter(|event| event.device == Some(device)).collect()
    }
}

/// The path of that device.
pub fn path(device: DeviceId) -> String {
    format!("/beta/deviceManagement/managedDevices/{device}")
}
