//! The head of a request to wait, read from the bytes of a connection: see [`Head`].

use http::{HeaderName, HeaderValue, Method, Request, header};

use crate::WAKE_PATH;

/// The longest head that is read here, in bytes. That of an agent has some 150.
const MAX_HEAD: usize = 2048;

/// The most headers of such a head.
const MAX_HEADERS: usize = 24;

/// The headers that announce bytes after the head, or another protocol.
const NOT_A_WAIT: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::EXPECT];

/// The beginning of a request over HTTP/1.
pub enum Head {
    /// The whole head of a request to wait, without a body, and nothing after it.
    Wait(Box<Request<()>>),
    /// It may become one.
    Partial,
    /// It is something else.
    Other,
}

impl Head {
    /// Reads the bytes that have arrived.
    pub fn read(bytes: &[u8]) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let end = head.parse(bytes);
        let may_wait =
            head.method.is_none_or(|method| method == "GET") && head.path.is_none_or(|path| path == WAKE_PATH);
        let is_alone = |end: usize| end == bytes.len() && end <= MAX_HEAD;
        match end {
            Ok(httparse::Status::Complete(end)) if may_wait && is_alone(end) && head.version == Some(1) => {
                wait(head.headers).map_or(Self::Other, |request| Self::Wait(Box::new(request)))
            }
            Ok(httparse::Status::Partial) if may_wait && bytes.len() < MAX_HEAD => Self::Partial,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

/// The request to wait with these headers; `None` if they ask for more than an answer.
fn wait(headers: &[httparse::Header<'_>]) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = WAKE_PATH.parse().ok()?;
    for found in headers {
        let name = HeaderName::from_bytes(found.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(found.value).ok()?);
    }
    (!NOT_A_WAIT.iter().any(|name| request.headers().contains_key(name))).then_some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_wait_as_soon_as_it_is_whole_and_something_else_as_soon_as_that_is_clear() {
        let get = format!("GET {WAKE_PATH} HTTP/1.1\r\n");
        let whole = format!("{get}Host: x\r\nPrefer: wait=5\r\n\r\n");
        for end in 0..whole.len() {
            assert!(matches!(Head::read(&whole.as_bytes()[..end]), Head::Partial), "{end}");
        }
        let Head::Wait(request) = Head::read(whole.as_bytes()) else { panic!("a wait") };
        assert_eq!((request.uri().path(), &request.headers()["prefer"]), (WAKE_PATH, &"wait=5".parse().expect("x")));
        for other in [
            "POST ",
            "GET /ManagementServer/MDM.svc ",
            &format!("GET {WAKE_PATH}?x=1 HTTP/1.1\r\n"),
            &format!("GET {WAKE_PATH} HTTP/1.0\r\n\r\n"),
            &format!("GET {WAKE_PATH} HTTP/3.0\r\n"),
            &format!("{get}Content-Length: 0\r\n\r\n"),
            &format!("{get}Transfer-Encoding: chunked\r\n\r\n"),
            &format!("{get}Expect: 100-continue\r\n\r\n"),
            &format!("{get}Upgrade: websocket\r\n\r\n"),
            &format!("{get}A: {}", "x".repeat(MAX_HEAD)),
            &format!("{get}{}\r\n", "A: x\r\n".repeat(MAX_HEADERS + 1)),
            &format!("{get}Host x\r\n"),
            &format!("{whole}GET "),
            "\x16\x03\x01",
            "PRI * HTTP/2.0\r\n",
        ] {
            assert!(matches!(Head::read(other.as_bytes()), Head::Other), "{other:?}");
        }
    }
}
