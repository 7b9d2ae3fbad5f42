//! Waiting to be woken: the devices that may, and the events that end it.

use std::time::Duration;

use crate::world::World;
use axum::body::Body;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::retire::retire;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::Waker;
use chaveiro_fleet::linux::LinuxDevice;
use chaveiro_mdm::{PeerCertificate, WAKE_PATH};
use tower::ServiceExt;

impl World {
    /// One wait of that connection.
    async fn wait(&self, peer: Option<PeerCertificate>, prefer: &str) -> (u16, bool) {
        let mut request = http::Request::get(WAKE_PATH).header("Prefer", prefer);
        if let Some(peer) = peer {
            request = request.extension(peer);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self.wake_router.clone().oneshot(request).await.expect("an answer");
        (response.status().as_u16(), response.headers().contains_key("Retry-After"))
    }

    fn peer(&self, device: &LinuxDevice) -> Option<PeerCertificate> {
        self.certified(&device.account).peer
    }
}

fn enrollment(device: &LinuxDevice) -> EnrollmentId {
    device.account.enrollment_id.parse().expect("an id")
}

/// Waits until so many connections are held.
async fn until_held(world: &World, count: usize) {
    while world.wakes.held() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn only_a_device_with_an_open_enrolment_may_wait() {
    let world = World::new().await;
    let device = world.enrolled_linux(7).await;
    assert_eq!(world.wait(None, "wait=0").await.0, 401);
    let stranger = PeerCertificate::of(b"no certificate of ours");
    assert_eq!(world.wait(Some(stranger), "wait=0").await.0, 403);
    assert_eq!(world.wait(world.peer(&device), "wait=0").await.0, 204);
    let (tenant, id, now) = (
        world.tenant,
        world.device_named(&device.oma_device_id).await.id,
        chaveiro_core::ports::Clock::now(world.clock.as_ref()),
    );
    let retired = world.store.write(move |unit| {
        let device = unit.device(tenant, id)?.expect("the device");
        retire(unit, device, Actor::system(), now)
    });
    retired.await.expect("retired");
    assert_eq!(world.wait(world.peer(&device), "wait=0").await.0, 403);
    assert_eq!(world.wakes.held(), 0);
}

#[tokio::test]
async fn a_device_is_answered_at_once_when_something_is_queued_and_after_its_time_when_nothing_is() {
    let world = World::new().await;
    let device = world.enrolled_linux(7).await;
    assert_eq!(world.wait(world.peer(&device), "wait=1").await.0, 204);
    _ = world.ask(world.device_named(&device.oma_device_id).await.id).await;
    assert_eq!(world.wait(world.peer(&device), "wait=280").await.0, 200);
    assert_eq!(world.wakes.held(), 0);
}

#[tokio::test]
async fn a_device_that_waits_is_woken_and_its_neighbour_is_not() {
    let world = World::new().await;
    let (device, neighbour) = (world.enrolled_linux(7).await, world.enrolled_linux(8).await);
    let wake = async {
        until_held(&world, 2).await;
        world.wakes.wake(enrollment(&device));
    };
    let waits =
        (world.wait(world.peer(&device), "wait=60"), world.wait(world.peer(&neighbour), "respond-async, wait=1"));
    let (woken, slept, ()) = tokio::join!(waits.0, waits.1, wake);
    assert_eq!((woken.0, slept.0), (200, 204));
}

#[tokio::test]
async fn a_crowd_is_refused_and_a_server_that_stops_lets_every_device_go() {
    let world = World::new().await;
    let device = world.enrolled_linux(7).await;
    let wait = || world.wait(world.peer(&device), "wait=60");
    let stop = async {
        until_held(&world, 4).await;
        assert_eq!(wait().await, (429, true));
        world.wakes.close();
    };
    let (one, two, three, four, ()) = tokio::join!(wait(), wait(), wait(), wait(), stop);
    assert_eq!([one, two, three, four], [(503, true); 4]);
    assert_eq!(wait().await, (503, true));
    assert_eq!(world.wakes.held(), 0);
}
