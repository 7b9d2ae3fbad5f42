//! The connection of a device, which loses requests and answers, sends messages twice, and sees what was acknowledged.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_fleet::https::Https;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use fastrand::Rng;

use crate::ledger::Ledger;

/// The weather on the wires of a scene: how often they fail, in percent.
#[derive(Default)]
pub struct Weather {
    lost: AtomicU32,
    twice: AtomicU32,
}

impl Weather {
    /// So many of a hundred messages are lost on the way there, as many answers on the way back, so many are sent twice.
    pub fn set(&self, lost: u32, twice: u32) {
        self.lost.store(lost, Ordering::Relaxed);
        self.twice.store(twice, Ordering::Relaxed);
    }
}

/// The wire of one device.
pub struct Wire {
    pub https: Https,
    pub device: usize,
    pub ledger: Arc<Ledger>,
    pub weather: Arc<Weather>,
    pub rng: Mutex<Rng>,
}

impl Wire {
    /// Throws the dice.
    fn chance(&self, percent: &AtomicU32) -> bool {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.u32(0..100) < percent.load(Ordering::Relaxed)
    }

    async fn once(&self, request: Request) -> Result<Response, TransportError> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let sent = self.https.send(request).await;
        match &sent {
            Ok(response) => {
                // The transport shows no headers: a 503 with `Retry-After` is asked of the other face.
                self.ledger.status("a device message", response.status, true);
                if response.status == 200
                    && let Some(passcode) = self.ledger.carried(self.device, &body)
                    && header_status(&String::from_utf8_lossy(&response.body))
                        .is_some_and(|code| matches!(code, 200 | 212))
                {
                    self.ledger.acknowledge(self.device, &passcode);
                }
            }
            Err(_) => self.ledger.silence(),
        }
        sent
    }
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if self.chance(&self.weather.lost) {
            return Err(TransportError::Failed("the request was lost".to_owned()));
        }
        if self.chance(&self.weather.twice) {
            let Request { method, url, content_type, body } = &request;
            let again = Request { method, url: url.clone(), content_type: *content_type, body: body.clone() };
            self.once(again).await?;
        }
        let response = self.once(request).await?;
        if self.chance(&self.weather.lost) {
            return Err(TransportError::Failed("the answer was lost".to_owned()));
        }
        Ok(response)
    }
}

/// The status of the message as a whole, in the answer to it.
fn header_status(answer: &str) -> Option<u16> {
    let (_, after) = answer.split_once("<Cmd>SyncHdr</Cmd>")?;
    let (_, data) = after.split_once("<Data>")?;
    data.split('<').next()?.parse().ok()
}
