//! HTTPS with the box's own certificate, and the plain port that only points to it.

mod support;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn other_machines_get_https_only() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bandstand");
    // In a folder without workers: this is about the doors only.
    std::fs::copy(env!("CARGO_BIN_EXE_bandstand"), &program).unwrap();
    let redirect = free_port();
    let mut command = Command::new(&program);
    command.args(["--lan", "--port", "0", "--redirect-port", &redirect.to_string(), "--state"]);
    let mut child =
        command.arg(folder.path().join("state")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _running = Running(child);
    let https: u16 = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    assert!(line.starts_with("page: https://"), "{line}");

    let stream = TcpStream::connect(("127.0.0.1", redirect)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("/a?b=c").header("host", format!("localhost:{redirect}")).body(Empty::<bytes::Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 308);
    assert_eq!(response.headers()["location"], format!("https://localhost:{https}/a?b=c"));

    // Trusting nothing but the certificate that it made: its names must fit.
    let pem = std::fs::read(folder.path().join("state/tls/certificate.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    for (name, alpn) in [("localhost", "h2"), ("bandstand.local", "http/1.1"), ("127.0.0.1", "h2")] {
        let mut config = rustls::ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![alpn.into()];
        let stream = TcpStream::connect(("127.0.0.1", https)).await.unwrap();
        let server = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(server, stream).await.unwrap();
        let request =
            Request::get(format!("https://{name}:{https}/api/v1/health")).header("host", format!("{name}:{https}"));
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let response = if alpn == "h2" {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        assert_eq!(response.status(), 200, "{name} {alpn}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"status\":\"ok\""));
    }
    let key = std::fs::metadata(folder.path().join("state/tls/key.pem")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}
