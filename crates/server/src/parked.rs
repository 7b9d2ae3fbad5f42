//! Connections of devices that wait to be woken. A fleet holds as many as it has devices, so each is kept small. While
//! its request waits there is no buffer, and nothing of what hyper keeps for requests in general.
//!
//! | what arrives | what happens |
//! |---|---|
//! | a request to wait ([`Head::Wait`]) | it is answered here, and the connection stays here |
//! | anything else | hyper takes the connection over, with the bytes that came |
//! | the end of the connection | what waits is dropped |

use std::io;
use std::io::Write;

use axum::body::{Body, Bytes, to_bytes};
use chaveiro_core::Timestamp;
use chaveiro_mdm::Head;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Body as HttpBody;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// The room for the head of a request when it begins.
const HEAD: usize = 512;

/// The longest body of an answer.
const MAX_BODY: usize = 4096;

/// The reason why a connection is no longer parked.
pub(crate) enum Left {
    /// It goes on elsewhere, with these bytes first.
    With(Bytes),
    /// It has ended.
    Ended,
}

/// The time and the handling of a parked connection.
pub(crate) struct Parking<'a, H, N, A> {
    /// The token for the end of connections whose requests are answered.
    pub(crate) stop: &'a CancellationToken,
    /// Told of bytes of a head.
    pub(crate) heard: H,
    /// The time for `Date`.
    pub(crate) now: N,
    /// Answers a request to wait.
    pub(crate) answer: A,
}

impl<H: Fn(), N: Fn() -> Timestamp, A> Parking<'_, H, N, A> {
    /// Answers requests to wait, until the connection leaves.
    pub(crate) async fn park<S, F, B>(&self, stream: &mut S) -> Left
    where
        S: AsyncRead + AsyncWrite + Unpin,
        A: Fn(Request<Body>) -> F,
        F: Future<Output = Response<B>>,
        B: HttpBody<Data = Bytes, Error = axum::Error> + Send + 'static,
    {
        let mut early = Vec::new();
        loop {
            let request = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Left::Ended,
                head = head(stream, std::mem::take(&mut early), &self.heard) => match head {
                    Ok(request) => request,
                    Err(left) => return left,
                },
            };
            let asked_to_end = asks_to_end(request.headers());
            let response = tokio::select! {
                response = (self.answer)(request.map(|()| Body::empty())) => response,
                () = gone(stream, &mut early) => return Left::Ended,
            };
            let ends = asked_to_end || self.stop.is_cancelled();
            if send(stream, response.map(Body::new), (self.now)(), ends).await.is_err() || ends {
                return Left::Ended;
            }
        }
    }
}

/// The next request to wait.
async fn head<S: AsyncRead + Unpin>(stream: &mut S, mut bytes: Vec<u8>, heard: impl Fn()) -> Result<Request<()>, Left> {
    loop {
        match Head::read(&bytes) {
            Head::Wait(request) => return Ok(*request),
            Head::Other => return Err(Left::With(bytes.into())),
            Head::Partial => bytes.reserve(HEAD),
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Err(Left::Ended),
            Ok(_) => heard(),
        }
    }
}

/// Resolves when the client has gone. A client that sends more while it waits is read no further; what it has sent is
/// the beginning of its next request.
async fn gone<S: AsyncRead + Unpin>(stream: &mut S, early: &mut Vec<u8>) {
    let mut bytes = [0; 16];
    if let Ok(count @ 1..) = stream.read(&mut bytes).await {
        early.extend_from_slice(&bytes[..count]);
        std::future::pending::<()>().await;
    }
}

fn asks_to_end(headers: &HeaderMap) -> bool {
    let options = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    options.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// Writes an answer.
async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    response: Response<Body>,
    now: Timestamp,
    ends: bool,
) -> io::Result<()> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    write!(bytes, "HTTP/1.1 {}\r\ndate: {}\r\n", parts.status, now.strftime("%a, %d %b %Y %H:%M:%S GMT"))?;
    if parts.status != StatusCode::NO_CONTENT {
        write!(bytes, "content-length: {}\r\n", body.len())?;
    }
    if ends {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chaveiro_mdm::WAKE_PATH;
    use tokio::io::{DuplexStream, duplex};
    use tokio::sync::Notify;

    use super::*;

    /// Parks one end of a connection whose requests are answered when `woken` says so.
    async fn park(end: &mut DuplexStream, stop: &CancellationToken, woken: &Notify, heard: &AtomicUsize) -> Left {
        let answer = |request: Request<Body>| async move {
            assert_eq!(request.uri().path(), WAKE_PATH);
            woken.notified().await;
            let status = if request.headers().contains_key("x-more") { StatusCode::OK } else { StatusCode::NO_CONTENT };
            Response::builder().status(status).header("retry-after", "7").body(Body::from("")).expect("an answer")
        };
        let now = || Timestamp::from_second(784_111_777).expect("a time");
        let heard = || _ = heard.fetch_add(1, Ordering::Relaxed);
        Parking { stop, heard, now, answer }.park(end).await
    }

    async fn read(client: &mut DuplexStream) -> String {
        let mut bytes = vec![0; 1024];
        let count = client.read(&mut bytes).await.expect("read");
        String::from_utf8(bytes[..count].to_vec()).expect("text")
    }

    /// Lets the other end do what it can.
    async fn turn() {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    fn wait(headers: &str) -> String {
        format!("GET {WAKE_PATH} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
    }

    #[tokio::test]
    async fn requests_are_answered_one_after_the_other_and_others_leave_with_their_bytes() {
        let (mut client, mut end) = duplex(4096);
        let (stop, woken, heard) = (CancellationToken::new(), Notify::new(), AtomicUsize::new(0));
        let device = async {
            let asked = wait("X-More: 1\r\n");
            let (first, rest) = asked.split_at(20);
            client.write_all(first.as_bytes()).await.expect("sent");
            turn().await;
            client.write_all(rest.as_bytes()).await.expect("sent");
            woken.notify_one();
            let answer =
                "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\nretry-after: 7\r\n\r\n";
            assert_eq!(read(&mut client).await, answer);
            // The next request comes before the answer to this one.
            client.write_all(wait("").as_bytes()).await.expect("sent");
            turn().await;
            client.write_all(b"POST /x HTTP/1.1\r\nContent-Length: 20\r\n\r\n").await.expect("sent");
            turn().await;
            woken.notify_one();
            let answer = read(&mut client).await;
            assert!(
                answer.starts_with("HTTP/1.1 204 No Content\r\n") && !answer.contains("content-length"),
                "{answer}"
            );
        };
        let (left, ()) = tokio::join!(park(&mut end, &stop, &woken, &heard), device);
        let Left::With(early) = left else { panic!("it ended") };
        assert!(b"POST /x HTTP/1.1\r\nContent-Length: 20\r\n\r\n".starts_with(&early) && !early.is_empty());
        assert!(heard.load(Ordering::Relaxed) >= 3, "each part of a head is heard");
    }

    #[tokio::test]
    async fn a_client_that_goes_and_a_server_that_stops_end_it() {
        let stop = CancellationToken::new();
        let (woken, heard) = (Notify::new(), AtomicUsize::new(0));
        let (mut client, mut end) = duplex(4096);
        client.write_all(wait("").as_bytes()).await.expect("sent");
        let gone = async {
            turn().await;
            drop(client);
        };
        let (left, ()) = tokio::join!(park(&mut end, &stop, &woken, &heard), gone);
        assert!(matches!(left, Left::Ended));

        for (headers, stops) in [("Connection: keep-alive, Close\r\n", false), ("", true)] {
            let (mut client, mut end) = duplex(4096);
            let (stop, woken) = (CancellationToken::new(), Notify::new());
            client.write_all(wait(headers).as_bytes()).await.expect("sent");
            let device = async {
                turn().await;
                if stops {
                    stop.cancel();
                }
                woken.notify_one();
                assert!(read(&mut client).await.contains("connection: close\r\n"));
            };
            let (left, ()) = tokio::join!(park(&mut end, &stop, &woken, &heard), device);
            assert!(matches!(left, Left::Ended));
        }
    }
}
