//! nginx, as a yardstick: one worker that asks for the certificates of devices, and holds their connections.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chaveiro_core::ports::Clock;
use chaveiro_mdm::CertificateAuthority;
use chaveiro_server::{SystemClock, SystemEntropy};
use tempfile::TempDir;

use super::process::resident_kib;
use super::site::Site;

const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx; killed when dropped.
pub struct Nginx {
    pub url: String,
    child: Child,
    _directory: TempDir,
}

impl Nginx {
    /// Starts it with a certificate of that installation; nothing if this machine has none.
    pub fn start(site: &Site, connections: usize) -> Option<Self> {
        Path::new(PROGRAM).exists().then(|| Self::start_present(site, connections))
    }

    fn start_present(site: &Site, connections: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (at, keys) = (directory.path(), site.data.join("keys/ca"));
        let now = SystemClock::default().now();
        let authority = CertificateAuthority::open(&keys, now, &SystemEntropy).expect("a CA");
        let issued = authority.issue_server_certificate(&["localhost".to_owned()], now, &SystemEntropy);
        let (chain, key) = issued.expect("a certificate");
        std::fs::write(at.join("chain.pem"), chain).expect("written");
        std::fs::write(at.join("key.pem"), key.as_bytes()).expect("written");
        std::fs::copy(keys.join("root.pem"), at.join("root.pem")).expect("copied");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let files = 2 * connections + 1_000;
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr error; worker_rlimit_nofile {files};
            events {{ worker_connections {files}; }}
            http {{
                access_log off; keepalive_timeout 3600; keepalive_requests 1000000;
                client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp;
                scgi_temp_path temp;
                server {{
                    listen 127.0.0.1:{port} ssl backlog=4096;
                    ssl_certificate chain.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3;
                    ssl_client_certificate root.pem; ssl_verify_client on;
                    return 204;
                }}
            }}"
        );
        std::fs::write(at.join("nginx.conf"), configuration).expect("written");
        let mut command = Command::new(PROGRAM);
        command.arg("-p").arg(at).arg("-c").arg(at.join("nginx.conf")).stdin(Stdio::null());
        let child = command.spawn().expect("nginx runs");
        let nginx = Self { url: format!("https://localhost:{port}"), child, _directory: directory };
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let is_there = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(25));
            listens()
        });
        assert!(is_there, "nginx listens");
        nginx
    }

    pub fn resident_kib(&self) -> f64 {
        resident_kib(self.child.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
