//! Makes an issuer, mints a token, and verifies it as the server does: `cargo run -p chaveiro-auth --example verify_token`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_auth::{IssuerKeys, LocalIssuer, TokenRefusal, Verifier};
use chaveiro_core::caller::HostUser;
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::Clock;
use chaveiro_testing::{TestClock, TestEntropy, tenant};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (now, entropy, hour) = (TestClock::default().now(), TestEntropy::default(), Duration::from_secs(3600));
    let keys = IssuerKeys::create(directory.path(), now, &entropy)?;
    let issuer = Arc::new(LocalIssuer::new(keys, "https://chaveiro.example".to_owned()));
    let (person, permissions) = (HostUser::new("ana", 1000), [Permission::ManagedDevicesReadAll]);
    let token = issuer.mint_operator_token(tenant(1), &person, &permissions, now, hour, &entropy)?;

    let verifier = Verifier::local_only(issuer, vec!["https://chaveiro.example".to_owned()]);
    let header = format!("Bearer {}", token.expose_secret());
    let caller = verifier.verify(Some(&header), now).await?;
    assert_eq!(caller.tenant, tenant(1));
    assert!(caller.permissions.contains(Permission::ManagedDevicesReadAll));
    println!("a token of tenant {}, as {:?}", caller.tenant, caller.actor.kind);

    // One more character, or two more hours, and the token proves nothing.
    let forged = verifier.verify(Some(&format!("{header}A")), now).await.err();
    assert_eq!(forged, Some(TokenRefusal::BadSignature));
    let late = verifier.verify(Some(&header), now + 2 * hour).await.err();
    assert_eq!(late, Some(TokenRefusal::Expired));
    Ok(())
}
