//! Tokens that are revoked before their hour ends. Tokens minted afterwards count and tokens minted before do not, also
//! within one second. The tests also cover the `claims` with which clients return.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Fault;
use chaveiro_core::audit::{Activity, AuditEvent, Origin};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::manage_applications;
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::decisions::revoke_tokens::tokens_of;
use chaveiro_core::decisions::vouch::{self, Decision};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::refusal::RevocationRefusal;
use chaveiro_core::revocation;
use serde_json::{Value, json};

use crate::support::{self, Endpoints, NOW, SCOPE, tenant};

const SIGN_IN: &str = "https://graph.microsoft.com/.default offline_access openid profile";
const CHALLENGE: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1800000001"}}}"#;
const CAPABLE: &str = r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#;

fn origin(endpoints: &Endpoints) -> Origin {
    Origin { actor: Actor::operator(&operator()), at: endpoints.now(), request: None }
}

fn event(activity: Activity, endpoints: &Endpoints) -> AuditEvent {
    origin(endpoints).event(tenant(), activity)
}

fn claims(token: &Value) -> Value {
    let token = token.as_str().expect("a token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
    serde_json::from_slice(&claims).expect("JSON")
}

impl Endpoints {
    /// A token of the application itself; the whole answer.
    async fn as_itself(&self, claims: Option<&str>) -> (u16, Value) {
        let id = Self::DESK.to_string();
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &self.secret),
            ("scope", SCOPE),
        ];
        fields.extend(claims.map(|claims| ("claims", claims)));
        self.post("token", &fields).await
    }

    async fn refreshed(&self, answer: &Value, claims: Option<&str>) -> (u16, Value) {
        let (id, token) = (Self::TOOL.to_string(), answer["refresh_token"].as_str().expect("a refresh token"));
        let mut fields = vec![("grant_type", "refresh_token"), ("client_id", &id), ("refresh_token", token)];
        fields.extend(claims.map(|claims| ("claims", claims)));
        self.post("token", &fields).await
    }

    /// Ana, through the public client.
    async fn signed_in(&self, claims: Option<&str>) -> Value {
        let id = Self::TOOL.to_string();
        let (_, begun) = self.post("devicecode", &[("client_id", &id), ("scope", SIGN_IN)]).await;
        let (now, code) = (self.now(), begun["user_code"].as_str().expect("a code").to_owned());
        let ana = Decision::Approve("ana@contoso.example".to_owned());
        let decided = self.store.try_write(move |unit| vouch::decide(unit, tenant(), &code, &ana, &operator(), now));
        decided.await.expect("approved");
        let code = begun["device_code"].as_str().expect("a code");
        let mut fields = vec![("grant_type", "device_code"), ("client_id", &id), ("device_code", code)];
        fields.extend(claims.map(|claims| ("claims", claims)));
        let (status, answer) = self.post("token", &fields).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Returns whether the token proves a caller and is not revoked.
    async fn counts(&self, answer: &Value) -> bool {
        let header = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
        let caller = self.verifier().verify(Some(&header), self.now()).await.expect("a caller");
        match self.store.read(move |view| require_valid(view, &caller)).await {
            Ok(()) => true,
            Err(Fault::Refused(_)) => false,
            Err(fault) => panic!("{fault}"),
        }
    }

    async fn revoke_application(&self, id: &str) {
        let (now, id, event) = (self.now(), id.to_owned(), event(Activity::TokensRevoked, self));
        let revoke = self.store.write(move |unit| {
            tokens_of(unit, tenant(), &Principal::new(PrincipalKind::Application, &id), event.clone(), now)
        });
        revoke.await.expect("revoked");
    }

    async fn sign_ana_out(&self) -> usize {
        let now = self.now();
        let revoke =
            self.store.try_write(move |unit| vouch::revoke(unit, tenant(), "ana@contoso.example", &operator(), now));
        revoke.await.expect("a user").sign_ins
    }
}

#[tokio::test]
async fn what_was_minted_before_ends_and_what_is_minted_after_counts_within_one_second() {
    let endpoints = Endpoints::new().await;
    let (desk, mut old) = (Endpoints::DESK.to_string(), endpoints.as_itself(None).await.1);
    assert!(endpoints.counts(&old).await);
    // Three times in one second: the next revocation ends what the last one let through.
    for ahead in [2, 3, 4] {
        endpoints.revoke_application(&desk).await;
        assert!(!endpoints.counts(&old).await, "{ahead}");
        let (status, new) = endpoints.as_itself(Some(CHALLENGE)).await;
        assert_eq!(status, 200, "{new}");
        let claims = claims(&new["access_token"]);
        assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(NOW + ahead), &json!(NOW + ahead)));
        assert_eq!(claims["exp"], NOW + ahead + 3600);
        assert!(endpoints.counts(&new).await, "{ahead}");
        old = new;
    }
    endpoints.pass(60);
    let (_, later) = endpoints.as_itself(None).await;
    assert_eq!(claims(&later["access_token"])["iat"], NOW + 60);
    assert!(endpoints.counts(&later).await && endpoints.counts(&old).await);
}

#[tokio::test]
async fn an_id_is_the_same_however_an_operator_writes_it() {
    for written in [
        |id: String| id.to_uppercase(),
        |id: String| id.replace('-', ""),
        |id: String| format!("{{{}}}", id.to_uppercase()),
        |id: String| format!(" urn:uuid:{id}"),
    ] {
        let endpoints = Endpoints::new().await;
        let token = endpoints.as_itself(None).await.1;
        let person = endpoints.signed_in(None).await;
        let id = written(Endpoints::DESK.to_string());
        endpoints.revoke_application(&id).await;
        assert!(!endpoints.counts(&token).await, "{id}");
        let ana = claims(&person["access_token"])["oid"].as_str().expect("an id").to_owned();
        let (now, ana) = (endpoints.now(), written(ana).trim().to_owned());
        let named = ana.clone();
        let revoke = endpoints.store.try_write(move |unit| vouch::revoke(unit, tenant(), &named, &operator(), now));
        revoke.await.expect("revoked");
        assert!(!endpoints.counts(&person).await, "{ana}");
        assert!(endpoints.counts(&endpoints.signed_in(None).await).await, "{ana}");
    }
}

#[tokio::test]
async fn revocations_in_a_burst_lock_no_person_out() {
    let endpoints = Endpoints::new().await;
    let desk = Endpoints::DESK.to_string();
    let mut refused = 0;
    for _ in 0..100 {
        let (now, id, event) = (endpoints.now(), desk.clone(), event(Activity::TokensRevoked, &endpoints));
        let revoke = endpoints.store.write(move |unit| {
            tokens_of(unit, tenant(), &Principal::new(PrincipalKind::Application, &id), event.clone(), now)
        });
        match revoke.await {
            Ok(_) => assert_eq!(refused, 0),
            Err(fault) => {
                let Fault::Refused(refusal) = fault else { panic!("{fault}") };
                assert_eq!(refusal, RevocationRefusal::TooMany { retry_after_s: 1 }.into());
                refused += 1;
            }
        }
        // Our own verifier accepts what our own issuer mints, so no client is locked out.
        let (status, new) = endpoints.as_itself(Some(CHALLENGE)).await;
        assert_eq!(status, 200, "{new}");
        assert!(endpoints.counts(&new).await, "after {refused} refusals");
    }
    assert_eq!(refused, 91, "nine fit into the seconds ahead");
    assert_eq!(endpoints.recorded().await.len(), 9, "what is refused is not recorded");
    // A second later there is room: nothing that has to end stays for longer.
    let last = endpoints.as_itself(None).await.1;
    endpoints.pass(1);
    endpoints.revoke_application(&desk).await;
    assert!(!endpoints.counts(&last).await);
}

#[tokio::test]
async fn a_person_who_is_signed_out_has_no_token_left_and_signs_in_again_at_once() {
    let endpoints = Endpoints::new().await;
    let before = endpoints.signed_in(None).await;
    let (_, refreshed) = endpoints.refreshed(&before, None).await;
    let robot = endpoints.as_itself(None).await.1;
    assert_eq!(endpoints.sign_ana_out().await, 1);
    assert!(!endpoints.counts(&before).await && !endpoints.counts(&refreshed).await);
    assert!(endpoints.counts(&robot).await, "an application is not the person");
    let (status, refused) = endpoints.refreshed(&refreshed, Some(CHALLENGE)).await;
    assert_eq!((status, &refused["suberror"], &refused["error_codes"][0]), (400, &json!("bad_token"), &json!(50173)));
    let again = endpoints.signed_in(None).await;
    assert!(endpoints.counts(&again).await);
    assert_eq!(claims(&again["id_token"])["iat"], claims(&again["access_token"])["iat"]);
    let recorded = endpoints.recorded().await;
    assert_eq!(recorded[1..3], [Activity::SignInRevoked, Activity::TokensRevoked], "{recorded:?}");
}

#[tokio::test]
async fn tokens_of_people_end_with_those_of_their_application_and_a_refresh_gives_the_next() {
    let endpoints = Endpoints::new().await;
    let before = endpoints.signed_in(None).await;
    endpoints.revoke_application(&Endpoints::TOOL.to_string()).await;
    assert!(!endpoints.counts(&before).await);
    let (status, after) = endpoints.refreshed(&before, Some(CHALLENGE)).await;
    assert_eq!(status, 200, "{after}");
    assert!(endpoints.counts(&after).await);
}

#[tokio::test]
async fn an_application_that_was_removed_has_no_token_left() {
    let endpoints = Endpoints::new().await;
    let (itself, person) = (endpoints.as_itself(None).await.1, endpoints.signed_in(None).await);
    for id in [Endpoints::DESK, Endpoints::TOOL] {
        let (now, origin) = (endpoints.now(), origin(&endpoints));
        let delete = endpoints.store.write(move |unit| {
            let found = manage_applications::named(unit, tenant(), id)?;
            manage_applications::delete(unit, &origin, &found, now)
        });
        delete.await.expect("removed");
    }
    assert!(!endpoints.counts(&itself).await && !endpoints.counts(&person).await);
    assert_eq!(endpoints.as_itself(Some(CHALLENGE)).await.1["error_codes"][0], 700_016);
    assert_eq!(endpoints.refreshed(&person, Some(CHALLENGE)).await.1["error_codes"][0], 700_016);
}

#[tokio::test]
async fn a_thief_who_uses_a_stolen_refresh_token_loses_the_access_token_too() {
    let endpoints = Endpoints::new().await;
    let owner = endpoints.signed_in(None).await;
    let (_, thief) = endpoints.refreshed(&owner, None).await;
    endpoints.pass(60);
    assert!(endpoints.counts(&thief).await);
    assert_eq!(endpoints.refreshed(&owner, None).await.1["error_codes"][0], 50_173, "the owner comes second");
    assert!(!endpoints.counts(&thief).await);
    let recorded = endpoints.recorded().await;
    assert_eq!(recorded[1..], [Activity::SignInRevoked, Activity::TokensRevoked], "{recorded:?}");
}

#[tokio::test]
async fn a_client_that_understands_challenges_is_told_apart_in_its_tokens() {
    let endpoints = Endpoints::new().await;
    let both = r#"{"access_token":{"nbf":{"essential":true,"value":"1800000000"},"xms_cc":{"values":["cp1"]}}}"#;
    let person = endpoints.signed_in(Some(CAPABLE)).await;
    assert_eq!(claims(&person["access_token"])["xms_cc"], json!(["cp1"]));
    assert_eq!(claims(&person["id_token"])["xms_cc"], Value::Null);
    for (asked, told) in [
        (None, Value::Null),
        (Some(""), Value::Null),
        (Some(CHALLENGE), Value::Null),
        (Some(CAPABLE), json!(["cp1"])),
        (Some(both), json!(["cp1"])),
    ] {
        let (status, answer) = endpoints.as_itself(asked).await;
        assert_eq!((status, &claims(&answer["access_token"])["xms_cc"]), (200, &told), "{asked:?}: {answer}");
    }
    // No client chooses when its own token was issued: it would outlive the next revocation.
    let ahead = CHALLENGE.replace("1800000001", "1900000000");
    assert_eq!(claims(&endpoints.as_itself(Some(&ahead)).await.1["access_token"])["iat"], NOW);
}

#[tokio::test]
async fn claims_that_cannot_be_read_are_told_before_anything_is_used_up() {
    let endpoints = Endpoints::new().await;
    let person = endpoints.signed_in(None).await;
    for malformed in ["{", "[]", r#"{"access_token":1}"#, r#"{"access_token":{"nbf":{"value":"soon"}}}"#] {
        for (status, answer) in
            [endpoints.as_itself(Some(malformed)).await, endpoints.refreshed(&person, Some(malformed)).await]
        {
            assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{malformed}");
            let text = answer["error_description"].as_str().expect("text");
            assert!(text.starts_with("AADSTS9002313: ") && text.contains("'claims'"), "{text}");
        }
    }
    assert_eq!(endpoints.refreshed(&person, None).await.0, 200, "the refresh token still serves");
}

#[tokio::test]
async fn operators_on_the_host_go_by_the_same_rule() {
    let endpoints = Endpoints::new().await;
    let issuer = support::local(&endpoints.directory.path().join("issuer"));
    let mint = |issued| {
        let lifetime = std::time::Duration::from_secs(600);
        let minted =
            issuer.mint_operator_token(tenant(), &operator(), &[], issued, lifetime, support::entropy().as_ref());
        json!({"access_token": minted.expect("a token").expose_secret()})
    };
    let old = mint(endpoints.now());
    assert!(endpoints.counts(&old).await);
    endpoints.revoke_application(chaveiro_core::caller::OPERATOR_CLIENT).await;
    let valid_from = endpoints
        .store
        .read(|view| Ok(view.tokens_valid_from(tenant(), &[revocation::of_operators()])?))
        .await
        .expect("read");
    let new = mint(revocation::issued_at(endpoints.now(), valid_from));
    assert!(!endpoints.counts(&old).await && endpoints.counts(&new).await);
}

/// The person on the host.
fn operator() -> HostUser {
    HostUser::new("ana", 1000)
}
