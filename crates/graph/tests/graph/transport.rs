//! Headers, HEAD, OPTIONS, origins, compression.

use std::io::Read;

use super::*;

impl World {
    pub(super) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (http::response::Parts, Vec<u8>) {
        let token = self.token();
        let mut request =
            Request::builder().method(method).uri(path).header("Authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        (parts, body.collect().await.expect("a body").to_bytes().to_vec())
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_of_graph() {
    let world = World::new().await;
    for (method, path, status) in [
        ("GET", "/beta/deviceManagement/managedDevices".to_owned(), 200),
        ("GET", "/v1.0/$metadata".into(), 200),
        ("POST", format!("{}/recoverPasscode", device_path(1)), 204),
        ("GET", "/beta/nowhere".into(), 400),
        ("GET", device_path(99), 404),
    ] {
        let (parts, body) = world.raw(method, &path, &[("client-request-id", "mine")]).await;
        assert_eq!(parts.status, status, "{path}");
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        assert_eq!(header("client-request-id"), "mine", "{path}");
        assert!(Uuid::try_parse(header("request-id")).is_ok(), "{path}");
        assert_eq!(header("strict-transport-security"), "max-age=31536000", "{path}");
        assert_eq!(header("vary"), "Accept, Accept-Encoding, Origin, Prefer", "{path}");
        let diagnostic: Value = serde_json::from_str(header("x-ms-ags-diagnostic")).expect("JSON");
        assert!(diagnostic["ServerInfo"]["RoleInstance"].is_string(), "{path}");
        let content_type = match status {
            204 => "-",
            200 if path.ends_with("$metadata") => "application/xml;charset=utf-8",
            200 => "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            _ => "application/json",
        };
        assert_eq!(header("content-type"), content_type, "{path}");
        assert_eq!(header("odata-version"), if status == 200 { "4.0" } else { "-" }, "{path}");
        assert_eq!(body.is_empty(), status == 204, "{path}");
        assert_eq!(header("access-control-allow-origin"), "-", "the request has no other origin");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body_and_without_a_disclosure() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    let before = world.audit_count().await;
    let path = format!("{}?$select=deviceActionResults", device_path(1));
    let (parts, body) = world.raw("HEAD", &path, &[]).await;
    assert_eq!((parts.status.as_u16(), body.len()), (200, 0));
    assert_eq!(world.audit_count().await, before, "nothing was shown");
    assert_eq!(world.raw("HEAD", &device_path(99), &[]).await.0.status, 404);
}

#[tokio::test]
async fn a_browser_of_any_origin_may_ask_and_learns_what_it_may_do() {
    let world = World::new().await;
    let origin = [("Origin", "https://portal.example"), ("Access-Control-Request-Headers", "authorization, x-mine")];
    for (path, allow) in [
        (device_path(1), "GET, PATCH, DELETE, HEAD, OPTIONS"),
        (format!("{}/recoverPasscode", device_path(1)), "POST, OPTIONS"),
        ("/beta/deviceManagement/managedDevices".into(), "GET, HEAD, OPTIONS"),
        ("/beta/users".into(), "GET, POST, HEAD, OPTIONS"),
        ("/v1.0/$batch".into(), "POST, OPTIONS"),
        ("/v1.0/$metadata".into(), "GET, HEAD, OPTIONS"),
    ] {
        let (parts, _) = world.raw("OPTIONS", &path, &origin).await;
        assert_eq!((parts.status.as_u16(), &parts.headers["allow"]), (204, &http::HeaderValue::from_static(allow)));
        assert_eq!(parts.headers["access-control-allow-origin"], "*", "{path}");
        assert_eq!(parts.headers["access-control-allow-headers"], "authorization, x-mine", "{path}");
        assert!(parts.headers["access-control-allow-methods"].to_str().is_ok_and(|text| text.contains("PATCH")));
    }
    let (parts, _) = world.raw("GET", &device_path(99), &origin[..1]).await;
    let exposed = parts.headers["access-control-expose-headers"].to_str().expect("text");
    assert!(exposed.contains("request-id") && exposed.contains("Retry-After"), "{exposed}");
}

#[tokio::test]
async fn answers_are_compressed_unless_they_may_hold_a_passcode() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    for (path, accepts, compressed) in [
        ("/beta/deviceManagement/managedDevices".to_owned(), "gzip, deflate", true),
        ("/beta/deviceManagement/managedDevices".into(), "br", false),
        ("/beta/deviceManagement/managedDevices".into(), "identity;q=0, *;q=0", false),
        ("/beta/$metadata".into(), "gzip", true),
        (device_path(99), "gzip", true),
        (device_path(1), "gzip", false),
        (format!("{}?$select=deviceActionResults", device_path(1)), "gzip", false),
    ] {
        let (parts, body) = world.raw("GET", &path, &[("Accept-Encoding", accepts)]).await;
        assert_eq!(parts.headers.contains_key("content-encoding"), compressed, "{path} {accepts} {:?}", parts.headers);
        assert_ne!(parts.status, 406, "{path}");
        if compressed {
            let mut plain = String::new();
            flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut plain).expect("gzip");
            assert!(plain.starts_with(['{', '<']), "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_the_server_refuses_is_read_before_the_refusal_leaves() {
    use std::sync::atomic::AtomicUsize;
    let world = World::new().await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let chunks = std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(bytes::Bytes::from_static(&[b'x'; 1024]))
    });
    let body = Body::from_stream(futures_util::stream::iter(chunks.take(200)));
    let request = Request::patch(device_path(99)).header("Content-Type", "application/json");
    let (response, answer) = world.send(request.body(body).expect("a request")).await;
    assert_eq!((response.status().as_u16(), &answer["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
    assert_eq!(read.load(Ordering::SeqCst), 200, "all of it");
}
