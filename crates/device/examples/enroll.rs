//! Enrols a device over a transport of its own: `cargo run -p chaveiro-device --example enroll`.

use std::error::Error;
use std::sync::Mutex;

use chaveiro_device::enroll::{Applicant, enroll, expires};
use chaveiro_device::transport::{Request, Response, Transport, TransportError};
use chaveiro_testing::channel::{BASE, InProcess, USER, World};
use rcgen::KeyPair;

/// Writes down what it sends. A real device has [`chaveiro_device::https::Https`] here.
struct Noted(InProcess, Mutex<Vec<String>>);

impl Transport for Noted {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let line = format!("{} {}", request.method, request.url);
        self.1.lock().map_err(|_| TransportError::Failed(line.clone()))?.push(line);
        self.0.send(request).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = World::new().await;
    let transport = Noted(server.transport(), Mutex::default());
    let applicant = Applicant {
        oma_device_id: "linux-00000001".to_owned(),
        device_type: "Linux",
        os_edition: None,
        context: [("DeviceType", "Linux"), ("OSVersion", "6.12"), ("DeviceID", "linux-00000001")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    // The key never leaves the device; the token is what an operator gave to the person at it.
    let (key, token) = (KeyPair::generate()?, server.token().await);
    let account = enroll(&transport, &applicant, &key, BASE, USER, &token).await?;
    for line in transport.1.lock().map_err(|_| "poisoned")?.iter() {
        println!("{line}");
    }
    println!("enrolled as {}, sessions at {}", account.enrollment_id, account.management.address);
    assert!(expires(&account.identity).is_some(), "the certificate says when it ends");

    // A token enrols once.
    let again = enroll(&transport, &applicant, &key, BASE, USER, &token).await;
    println!("again: {}", again.err().ok_or("a token enrolled twice")?);
    Ok(())
}
