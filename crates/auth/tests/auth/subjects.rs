//! The subject of a token: an application or a person. Each table has claims, and what the verifier makes of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const READ: &str = "DeviceManagementManagedDevices.Read.All";

/// The expected result for a token.
#[derive(Debug, PartialEq, Eq)]
enum Becomes {
    /// An application.
    Application,
    /// A person of that id.
    Person(&'static str),
    /// Nothing.
    Refused(TokenRefusal),
}

use Becomes::{Application, Person, Refused};

fn becomes(answer: &Result<Caller, TokenRefusal>) -> String {
    match answer {
        Ok(caller) => match (caller.actor.kind, caller.actor.user_id.as_deref()) {
            (ActorKind::Application, None) => format!("{Application:?}"),
            (ActorKind::Delegated, Some(id)) => format!("Person({id:?})"),
            other => format!("{other:?}"),
        },
        Err(refusal) => format!("{:?}", Refused(*refusal)),
    }
}

/// The claims that every token has, and these beside them.
fn token(own: &Value) -> Value {
    let mut claims = json!({
        "iss": EXTERNAL, "aud": "https://graph.microsoft.com", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600,
    });
    claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    claims
}

/// A header with that `typ`, or without one, before the claims.
fn signed(pair: &Pair, typ: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: Some("k1".to_owned()), typ: typ.map(str::to_owned), ..Header::new(pair.algorithm) };
    format!("Bearer {}", jsonwebtoken::encode(&header, claims, &pair.private).expect("signed"))
}

#[tokio::test]
async fn a_token_is_an_applications_only_if_its_subject_is_the_client() {
    let world = world_of(|config| config.application_subjects = vec!["service-1".to_owned()]).await;
    let unclear = || Refused(TokenRefusal::SubjectUnclear);
    let roles = json!([READ]);
    let table = [
        // Roles and scopes do not tell to whom a token belongs.
        (json!({"azp": "console", "sub": "ana", "roles": roles}), Person("ana")),
        (json!({"azp": "console", "sub": "ana", "roles": roles, "scope": "openid profile email"}), Person("ana")),
        (json!({"azp": "console", "sub": "ana", "roles": roles, "scp": ""}), Person("ana")),
        (json!({"azp": "console", "oid": "ana-oid", "sub": "pairwise", "roles": roles}), Person("ana-oid")),
        (json!({"azp": "console", "sub": "ana"}), Person("ana")),
        (json!({"client_id": "console", "sub": "ana", "scope": READ}), Person("ana")),
        // The client itself.
        (json!({"azp": "robot", "sub": "robot", "roles": roles}), Application),
        (json!({"appid": "robot", "oid": "robot", "roles": roles}), Application),
        (json!({"client_id": "robot", "sub": "robot", "scope": READ}), Application),
        (json!({"azp": "robot", "appid": "robot", "client_id": "robot", "oid": "robot", "sub": "robot"}), Application),
        (json!({"azp": "robot", "sub": "robot", "scope": READ, "scp": ""}), Application),
        // As written, and not as a person might be called.
        (json!({"azp": "Robot", "sub": "robot", "roles": roles}), Person("robot")),
        (json!({"azp": "robot", "sub": "robot ", "roles": roles}), Person("robot ")),
        // An attribute that a person may set does not outweigh the subject.
        (json!({"azp": "console", "oid": "console", "sub": "ana", "roles": roles}), Person("console")),
        (json!({"azp": "console", "oid": "ana", "sub": "console", "roles": roles}), Person("ana")),
        // `idtyp`.
        (json!({"azp": "robot", "oid": "sp", "sub": "sp", "idtyp": "app", "roles": roles}), Application),
        (json!({"azp": "robot", "idtyp": "app", "roles": roles}), Application),
        (json!({"azp": "console", "oid": "ana", "sub": "p", "idtyp": "user", "roles": roles}), Person("ana")),
        (json!({"azp": "robot", "sub": "robot", "idtyp": "user", "roles": roles}), Person("robot")),
        (json!({"azp": "robot", "sub": "robot", "idtyp": "APP"}), unclear()),
        (json!({"azp": "robot", "sub": "robot", "idtyp": "device"}), unclear()),
        (json!({"azp": "robot", "sub": "robot", "idtyp": "operator"}), unclear()),
        (json!({"azp": "robot", "sub": "robot", "idtyp": ""}), unclear()),
        // It says that it is an application's, and names a person who signed in.
        (json!({"azp": "console", "sub": "ana", "idtyp": "app", "upn": "ana@x"}), unclear()),
        (json!({"azp": "console", "sub": "ana", "idtyp": "app", "preferred_username": "ana"}), unclear()),
        (json!({"azp": "console", "sub": "ana", "idtyp": "app", "scp": READ}), unclear()),
        (json!({"azp": "console", "sub": "console", "email": "console@x"}), unclear()),
        (json!({"azp": "console", "sub": "console", "preferred_username": "console"}), unclear()),
        (json!({"azp": "console", "sub": "console", "unique_name": "console"}), unclear()),
        (json!({"azp": "console", "sub": "console", "auth_time": NOW}), unclear()),
        (json!({"azp": "console", "sub": "console", "given_name": "Ana"}), unclear()),
        (json!({"azp": "console", "sub": "console", "family_name": "Lima", "roles": roles}), unclear()),
        (json!({"azp": "console", "sub": "console", "amr": ["pwd", "mfa"], "roles": roles}), unclear()),
        (json!({"azp": "console", "sub": "ana", "idtyp": "app", "amr": ["pwd"]}), unclear()),
        // Ana acts through the application: the record could not name the person.
        (json!({"azp": "robot", "sub": "robot", "act": {"sub": "ana"}, "roles": roles}), unclear()),
        (json!({"azp": "console", "sub": "console", "scope": format!("openid {READ}")}), unclear()),
        (json!({"azp": "console", "sub": "console", "scp": [READ]}), unclear()),
        (json!({"azp": "console", "sub": "console", "preferred_username": "service-account-other"}), unclear()),
        (json!({"azp": "Robot", "sub": "Robot", "preferred_username": "service-account-robot"}), Application),
        // Subjects of the configuration.
        (json!({"azp": "robot", "sub": "service-1", "roles": roles}), Application),
        (json!({"azp": "robot", "oid": "service-1", "roles": roles}), Application),
        (json!({"azp": "robot", "sub": "service-1", "preferred_username": "service-account-robot"}), Application),
        (json!({"azp": "robot", "sub": "service-1", "scope": "openid email"}), Application),
        (json!({"azp": "robot", "sub": "SERVICE-1", "roles": roles}), Person("SERVICE-1")),
        (json!({"azp": "console", "oid": "service-1", "sub": "ana", "roles": roles}), Person("service-1")),
        (json!({"azp": "robot", "sub": "service-1", "idtyp": "user"}), unclear()),
        (json!({"azp": "robot", "sub": "service-1", "scp": READ}), unclear()),
        // Neither.
        (json!({"azp": "console", "roles": roles}), Refused(TokenRefusal::NoSubject)),
        (json!({"azp": "console", "sub": "", "oid": " ", "roles": roles}), Refused(TokenRefusal::NoSubject)),
        (json!({"azp": "console", "idtyp": "user", "roles": roles}), Refused(TokenRefusal::NoSubject)),
        (json!({"sub": "ana", "roles": roles}), Refused(TokenRefusal::NoClient)),
        (json!({"sub": "ana", "azp": "", "roles": roles}), Refused(TokenRefusal::NoClient)),
        (json!({"sub": "", "azp": "", "roles": roles}), Refused(TokenRefusal::NoClient)),
        (json!({"sub": "ana", "azp": null, "appid": null, "clientId": "x"}), Refused(TokenRefusal::NoClient)),
        (json!({"sub": "ana", "Azp": "console", "roles": roles}), Refused(TokenRefusal::NoClient)),
        (json!({"sub": "robot", "azp": "console", "client_id": "robot"}), Refused(TokenRefusal::ClientsDisagree)),
        (json!({"sub": "robot", "azp": "robot", "appid": "console"}), Refused(TokenRefusal::ClientsDisagree)),
        (json!({"sub": "robot", "azp": "robot", "appid": ""}), Refused(TokenRefusal::ClientsDisagree)),
    ];
    for (own, expected) in table {
        let answer = world.ask(&token(&own)).await;
        assert_eq!(becomes(&answer), format!("{expected:?}"), "{own}");
        if let Ok(caller) = answer {
            let named = ["azp", "appid", "client_id"].iter().find_map(|name| own[*name].as_str());
            assert_eq!(Some(caller.actor.application_id.as_str()), named, "{own}");
        }
    }
}

#[tokio::test]
async fn a_person_has_the_permissions_of_the_scope_and_an_application_those_of_its_roles() {
    let world = world().await;
    let (read, users) = (READ, "User.Read.All");
    for (own, expected) in [
        (json!({"sub": "ana", "scp": read, "roles": [users]}), vec![Permission::ManagedDevicesReadAll]),
        (json!({"sub": "ana", "scp": "", "roles": [users], "scope": users}), vec![]),
        (json!({"sub": "ana", "scp": "access_as_user", "roles": [users]}), vec![]),
        (
            json!({"sub": "ana", "scope": format!("openid {read}"), "roles": [users]}),
            vec![Permission::ManagedDevicesReadAll],
        ),
        (json!({"sub": "ana", "scope": "openid profile", "roles": [users]}), vec![Permission::UserReadAll]),
        (json!({"sub": "ana", "scope": "openid profile"}), vec![]),
        (json!({"sub": "ana"}), vec![]),
        (json!({"sub": "app", "roles": [users], "scope": read}), vec![Permission::UserReadAll]),
        (json!({"sub": "app", "roles": [], "scope": read}), vec![]),
        (json!({"sub": "app", "scope": read}), vec![Permission::ManagedDevicesReadAll]),
        (json!({"sub": "app"}), vec![]),
    ] {
        let mut claims = token(&own);
        claims["azp"] = json!("app");
        let permissions: Vec<_> = world.ask(&claims).await.expect("a caller").permissions.iter().collect();
        assert_eq!(permissions, expected, "{own}");
    }
}

#[tokio::test]
async fn every_other_kind_of_token_is_refused_with_its_own_reason() {
    use TokenRefusal::{BoundToken, IdToken, LogoutToken, NotAnAccessToken};
    let world = world_of(|config| config.audiences = vec!["console".to_owned()]).await;
    let person = json!({"azp": "console", "sub": "ana", "roles": [READ]});
    let robot = json!({"azp": "robot", "sub": "robot", "roles": [READ]});
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let table = [
        (Some("JWT"), json!({}), None),
        (None, json!({}), None),
        (Some("jwt"), json!({}), None),
        (Some("at+jwt"), json!({}), None),
        (Some("application/at+JWT"), json!({}), None),
        (Some("JWT"), json!({"typ": "Bearer"}), None),
        (Some("JWT"), json!({"token_use": "access"}), None),
        // ID tokens.
        (Some("JWT"), json!({"typ": "ID"}), Some(IdToken)),
        (Some("at+jwt"), json!({"typ": "id"}), Some(IdToken)),
        (Some("JWT"), json!({"token_use": "id"}), Some(IdToken)),
        (Some("JWT"), json!({"nonce": "n-0S6_WzA2Mj"}), Some(IdToken)),
        (Some("JWT"), json!({"nonce": ""}), Some(IdToken)),
        (Some("JWT"), json!({"nonce": 7}), Some(IdToken)),
        (Some("JWT"), json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), Some(IdToken)),
        (Some("JWT"), json!({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}), Some(IdToken)),
        (Some("JWT"), json!({"s_hash": "LDktKdoQak3Pk0cnXxCltA"}), Some(IdToken)),
        // Logout tokens and other events.
        (Some("logout+jwt"), json!({}), Some(LogoutToken)),
        (Some("application/secevent+jwt"), json!({}), Some(LogoutToken)),
        (Some("JWT"), json!({"events": events}), Some(LogoutToken)),
        (Some("JWT"), json!({"events": {}}), Some(LogoutToken)),
        (Some("JWT"), json!({"typ": "Logout"}), Some(LogoutToken)),
        // Tokens that count only together with a key.
        (Some("at+jwt"), json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), Some(BoundToken)),
        (Some("at+jwt"), json!({"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}), Some(BoundToken)),
        (Some("JWT"), json!({"cnf": {}}), Some(BoundToken)),
        (Some("JWT"), json!({"cnf": ""}), Some(BoundToken)),
        (Some("JWT"), json!({"typ": "DPoP"}), Some(BoundToken)),
        // Other objects that an issuer signs.
        (Some("JWT"), json!({"typ": "Refresh"}), Some(NotAnAccessToken)),
        (Some("JWT"), json!({"typ": "Offline"}), Some(NotAnAccessToken)),
        (Some("JWT"), json!({"typ": "Serialized-ID"}), Some(NotAnAccessToken)),
        (Some("JWT"), json!({"token_use": "refresh"}), Some(NotAnAccessToken)),
        (Some("JWT"), json!({"typ": 1}), Some(TokenRefusal::WrongType { claim: "typ" })),
        (Some("dpop+jwt"), json!({}), Some(NotAnAccessToken)),
        (Some("token-introspection+jwt"), json!({}), Some(NotAnAccessToken)),
        (Some("oauth-authz-req+jwt"), json!({}), Some(NotAnAccessToken)),
        (Some("client-authentication+jwt"), json!({}), Some(NotAnAccessToken)),
        (Some("vc+sd-jwt"), json!({}), Some(NotAnAccessToken)),
        (Some(""), json!({}), Some(NotAnAccessToken)),
    ];
    for base in [&person, &robot] {
        for (typ, own, refusal) in &table {
            let mut claims = token(base);
            claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
            let answer = world.verifier.verify(Some(&signed(&world.pair, *typ, &claims)), now()).await.err();
            assert_eq!(answer, *refusal, "{typ:?} {own}");
        }
    }
    // A token for the client itself is an ID token, unless it says otherwise: here the client is an accepted audience.
    for (own, refusal) in [
        (json!({}), Some(IdToken)),
        (json!({"aud": ["https://graph.microsoft.com", "console"]}), Some(IdToken)),
        (json!({"aud": "console/"}), Some(IdToken)),
        (json!({"scope": ""}), Some(IdToken)),
        (json!({"typ": "JWT"}), Some(IdToken)),
        (json!({"typ": "Bearer"}), None),
        (json!({"scope": "openid"}), None),
        (json!({"scp": "access_as_user"}), None),
        (json!({"azpacr": "0"}), None),
    ] {
        let mut claims = token(&person);
        claims["aud"] = json!("console");
        claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        assert_eq!(world.ask(&claims).await.err(), refusal, "{own}");
    }
}

#[tokio::test]
async fn a_claim_of_the_wrong_type_or_out_of_range_is_refused_by_name() {
    let world = world_of(|config| config.directory_roles = Some(true)).await;
    let wrong = |claim| TokenRefusal::WrongType { claim };
    let range = |claim| TokenRefusal::TimeOutOfRange { claim };
    let table = [
        ("azp", json!(["app-1"]), wrong("azp")),
        ("azp", json!({"a": 1}), wrong("azp")),
        ("appid", json!(1), wrong("appid")),
        ("client_id", json!(["app-1"]), wrong("client_id")),
        ("sub", json!(["app-1"]), wrong("sub")),
        ("oid", json!(7), wrong("oid")),
        ("idtyp", json!(["app"]), wrong("idtyp")),
        ("iss", json!([EXTERNAL]), wrong("iss")),
        ("aud", json!({"https://graph.microsoft.com": 1}), wrong("aud")),
        ("aud", json!(["https://graph.microsoft.com", 1]), wrong("aud")),
        ("roles", json!(READ), wrong("roles")),
        ("roles", json!([[READ]]), wrong("roles")),
        ("roles", json!({"0": READ}), wrong("roles")),
        ("scp", json!(1), wrong("scp")),
        ("scope", json!([READ]), wrong("scope")),
        ("tid", json!([tenant()]), wrong("tid")),
        ("groups", json!([1]), wrong("groups")),
        ("wids", json!({}), wrong("wids")),
        ("exp", json!("1800000600"), wrong("exp")),
        ("exp", json!([NOW + 600]), wrong("exp")),
        ("exp", json!(true), wrong("exp")),
        ("exp", json!(1e300), range("exp")),
        ("exp", json!(1e13), range("exp")),
        ("exp", json!(-1), range("exp")),
        ("nbf", json!("now"), wrong("nbf")),
        ("nbf", json!(-1e300), range("nbf")),
        ("nbf", json!(-0.5), range("nbf")),
        ("iat", json!({}), wrong("iat")),
        ("iat", json!(1e18), range("iat")),
        ("iat", json!(-62_135_596_800_i64), range("iat")),
        ("exp", json!(253_402_207_201_i64), range("exp")),
    ];
    for (claim, value, refusal) in table {
        let mut claims = claims();
        claims[claim] = value.clone();
        assert_eq!(world.ask(&claims).await.err(), Some(refusal), "{claim}: {value}");
    }
    for (claim, value) in [("nbf", json!(0)), ("iat", json!(0.0)), ("exp", json!(253_402_207_200_i64))] {
        let mut claims = claims();
        claims[claim] = value.clone();
        assert_eq!(world.ask(&claims).await.err(), None, "{claim}: {value}");
    }
}

#[tokio::test]
async fn a_token_with_a_repeated_claim_is_refused() {
    let world = world().await;
    let text = claims().to_string();
    let twice = |own: &str| text.replacen('{', &format!("{{{own},"), 1);
    for own in [
        r#""sub":"ana""#,
        r#""azp":"console""#,
        r#""roles":[]"#,
        r#""exp":1900000000"#,
        r#""iss":"https://evil.example""#,
        r#""s\u0075b":"ana""#,
        r#""x":1,"x":1"#,
    ] {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(world.pair.algorithm) };
        let header = encode(serde_json::to_string(&header).expect("JSON").as_bytes());
        let signed = format!("{header}.{}", encode(twice(own).as_bytes()));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &world.pair.private, world.pair.algorithm);
        let token = format!("Bearer {signed}.{}", signature.expect("signed"));
        let answer = world.verifier.verify(Some(&token), now()).await.err();
        assert_eq!(answer, Some(TokenRefusal::Malformed), "{own}");
    }
}

/// Tokens of Entra ID, composed from the documented claims of each version.
mod entra {
    use super::*;

    const DIRECTORY: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    const API: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
    const CLIENT: &str = "55556666-ffff-7777-aaaa-8888bbbb9999";
    const SERVICE_PRINCIPAL: &str = "bbbbbbbb-1111-2222-3333-cccccccccccc";
    const PERSON: &str = "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb";
    const INTUNE_ADMINISTRATOR: &str = "3a2c62db-5318-420d-8d74-23affee5d9d5";

    fn v1(own: &Value) -> Value {
        let mut claims = json!({
            "aud": "api://chaveiro", "iss": format!("https://sts.windows.net/{DIRECTORY}/"), "iat": NOW, "nbf": NOW,
            "exp": NOW + 3900, "aio": "AXQAi/8IAAAA", "appid": CLIENT, "appidacr": "1", "rh": "0.AAAA", "tid": DIRECTORY,
            "uti": "FVsGxYXI30-TuikuuUoFAA", "ver": "1.0",
            "idp": format!("https://sts.windows.net/{DIRECTORY}/"),
        });
        claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        claims
    }

    fn v2(own: &Value) -> Value {
        let mut claims = json!({
            "aud": API, "iss": format!("https://login.microsoftonline.com/{DIRECTORY}/v2.0"), "iat": NOW, "nbf": NOW,
            "exp": NOW + 3900, "aio": "AXQAi/8IAAAA", "azp": CLIENT, "azpacr": "1", "rh": "0.AAAA", "tid": DIRECTORY,
            "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
        });
        claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        claims
    }

    fn without(mut claims: Value, names: &[&str]) -> Value {
        let members = claims.as_object_mut().expect("an object");
        names.iter().for_each(|name| drop(members.remove(*name)));
        claims
    }

    #[tokio::test]
    async fn tokens_of_both_versions_are_told_apart() {
        let person = json!({"oid": PERSON, "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "name": "Ana Souza"});
        let also = |more: Value| {
            let mut claims = person.clone();
            claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            claims
        };
        let app = json!({"oid": SERVICE_PRINCIPAL, "sub": SERVICE_PRINCIPAL, "roles": [READ]});
        let v1_person = v1(&also(json!({
            "acr": "1", "amr": ["pwd"], "ipaddr": "203.0.113.7", "family_name": "Souza", "given_name": "Ana",
            "scp": READ, "unique_name": "ana@contoso.example", "upn": "ana@contoso.example", "wids": [INTUNE_ADMINISTRATOR],
        })));
        let v2_person = v2(&also(json!({"preferred_username": "ana@contoso.example", "scp": READ})));
        // An application role that is assigned to a person stands in that person's tokens, too.
        let with_roles = v2(&also(json!({"preferred_username": "ana@contoso.example", "roles": [READ]})));
        let mut idtyp = app.clone();
        idtyp["idtyp"] = json!("app");
        let v2_id = v2(&also(json!({
            "aud": CLIENT, "preferred_username": "ana@contoso.example", "nonce": "12345", "roles": [READ],
        })));
        let v1_id =
            v1(&also(json!({"aud": CLIENT, "amr": ["pwd"], "unique_name": "ana@contoso.example", "roles": [READ]})));
        let of_client = ["azp", "azpacr", "appid", "appidacr"];
        // The sample of the documentation has the API as its own client.
        let own_api = v2(&also(json!({"azp": API, "azpacr": "0", "scp": READ})));
        let bound = v2(&also(json!({"scp": READ, "cnf": {"kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}})));
        let table = [
            ("v1, person", v1_person, Person(PERSON), Person(PERSON)),
            ("v2, person", v2_person, Person(PERSON), Person(PERSON)),
            ("v2, person with application roles", with_roles, Person(PERSON), Person(PERSON)),
            ("v1, application with idtyp", v1(&idtyp), Application, Application),
            ("v2, application with idtyp", v2(&idtyp), Application, Application),
            ("v1, application without idtyp", v1(&app), Person(SERVICE_PRINCIPAL), Application),
            ("v2, application without idtyp", v2(&app), Person(SERVICE_PRINCIPAL), Application),
            ("v2, its own API", own_api, Person(PERSON), Person(PERSON)),
            ("v2, bound to a key", bound, Refused(TokenRefusal::BoundToken), Refused(TokenRefusal::BoundToken)),
            (
                "v2, ID token",
                without(v2_id.clone(), &of_client),
                Refused(TokenRefusal::IdToken),
                Refused(TokenRefusal::IdToken),
            ),
            (
                "v2, ID token without a nonce",
                without(without(v2_id, &of_client), &["nonce"]),
                Refused(TokenRefusal::NoClient),
                Refused(TokenRefusal::NoClient),
            ),
            (
                "v1, ID token",
                without(v1_id, &of_client),
                Refused(TokenRefusal::NoClient),
                Refused(TokenRefusal::NoClient),
            ),
        ];
        let pair = pair("k1");
        let jwks = jwks(vec![pair.public.clone()]).await;
        for named in [false, true] {
            let entra = |issuer: String| IssuerConfig {
                directory: Some(uuid::Uuid::try_parse(DIRECTORY).expect("an id")),
                audiences: vec!["api://chaveiro".to_owned(), API.to_owned(), CLIENT.to_owned()],
                application_subjects: if named { vec![SERVICE_PRINCIPAL.to_owned()] } else { vec![] },
                ..IssuerConfig { issuer, ..config(&jwks.url) }
            };
            let issuers = vec![
                entra(format!("https://sts.windows.net/{DIRECTORY}/")),
                entra(format!("https://login.microsoftonline.com/{DIRECTORY}/v2.0")),
            ];
            let directory = tempfile::tempdir().expect("a directory");
            let verifier =
                Verifier::new(issuers.clone(), local(directory.path()), vec![], client()).expect("a verifier");
            for (what, claims, plain, listed) in &table {
                let expected = if named { listed } else { plain };
                let header = sign(&pair, Some("k1"), claims);
                let answer = verifier.verify(Some(&header), now()).await;
                assert_eq!(becomes(&answer), format!("{expected:?}"), "{what}, named: {named}");
                // The preview for operators agrees with the verifier.
                let told = Reading::of(header.trim_start_matches("Bearer "), &issuers);
                let told = told.map(|reading| reading.application);
                assert_eq!(told, answer.map(|caller| caller.actor.kind == ActorKind::Application), "{what}");
            }
        }
    }
}
