//! RTMPS at the publishers' port: a connection that begins as TLS is one, with the box's own certificate.
//!
//! TLS begins with a handshake record, byte 22 (RFC 8446, section 5.1), RTMP with its version, 3. So both share a port, and
//! a venue's router needs no second rule. The certificate is made by `bandstand`; it is read again when it has changed.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The first byte of TLS.
const HANDSHAKE: u8 = 22;

/// A publisher's connection, with TLS or without.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The box's certificate, as it is now.
#[derive(Debug, Default)]
pub(crate) struct Certificate {
    folder: Option<PathBuf>,
    last: Mutex<Option<(SystemTime, Arc<ServerConfig>)>>,
}

impl Certificate {
    /// The one in a folder's `certificate.pem` and `key.pem`; without a folder there is none.
    pub(crate) fn new(folder: Option<PathBuf>) -> Certificate {
        Certificate { folder, last: Mutex::default() }
    }

    /// Begins a connection: waits for its first byte, and shakes hands where that is TLS's.
    pub(crate) async fn welcome(&self, socket: TcpStream) -> io::Result<Box<dyn Wire>> {
        let mut first = [0];
        let read = socket.peek(&mut first).await?;
        if read == 0 || first[0] != HANDSHAKE {
            return Ok(Box::new(socket));
        }
        let acceptor = TlsAcceptor::from(self.config()?);
        Ok(Box::new(acceptor.accept(socket).await?))
    }

    fn config(&self) -> io::Result<Arc<ServerConfig>> {
        let folder = self.folder.as_deref().ok_or_else(|| io::Error::other("there is no certificate for RTMPS"))?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        // The key is written before the certificate.
        let changed = std::fs::metadata(&certificate)?.modified()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = last.as_ref().filter(|(at, _)| *at == changed) {
            return Ok(config.clone());
        }
        let config = Arc::new(read(&certificate, &key)?);
        *last = Some((changed, config.clone()));
        Ok(config)
    }
}

fn read(certificate: &Path, key: &Path) -> io::Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_no_client_auth();
    config.with_single_cert(chain.map_err(io::Error::other)?, key).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    /// Makes a certificate for this name in a folder.
    fn make(folder: &Path, name: &str) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
        made.cert.der().clone()
    }

    /// What the first five bytes are that come through, of a client that says `said` in its own way.
    async fn welcomed<F: Future<Output = io::Result<()>> + Send + 'static>(
        certificate: &Certificate,
        client: impl FnOnce(TcpStream) -> F,
    ) -> io::Result<[u8; 5]> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let socket = TcpStream::connect(listener.local_addr()?).await?;
        let client = tokio::spawn(client(socket));
        let mut wire = certificate.welcome(listener.accept().await?.0).await?;
        let mut heard = [0; 5];
        wire.read_exact(&mut heard).await?;
        client.await??;
        Ok(heard)
    }

    async fn plainly(mut socket: TcpStream) -> io::Result<()> {
        socket.write_all(b"\x03rtmp").await
    }

    fn secretly(trusted: CertificateDer<'static>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }

    async fn by_tls(connector: TlsConnector, socket: TcpStream) -> io::Result<()> {
        let mut stream = connector.connect("box".try_into().unwrap(), socket).await?;
        stream.write_all(b"\x03rtmp").await?;
        stream.shutdown().await
    }

    #[tokio::test]
    async fn one_port_takes_publishers_with_tls_and_without() {
        let folder = tempfile::tempdir().unwrap();
        let trusted = make(folder.path(), "box");
        let certificate = Certificate::new(Some(folder.path().to_owned()));
        assert_eq!(&welcomed(&certificate, plainly).await.unwrap(), b"\x03rtmp");
        let connector = secretly(trusted);
        assert_eq!(&welcomed(&certificate, |socket| by_tls(connector, socket)).await.unwrap(), b"\x03rtmp");
    }

    #[tokio::test]
    async fn a_certificate_that_was_made_anew_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let old = make(folder.path(), "box");
        let certificate = Certificate::new(Some(folder.path().to_owned()));
        certificate.config().unwrap();
        let new = make(folder.path(), "box");
        // The file system's clock may not tell the two apart.
        let at = SystemTime::now() + std::time::Duration::from_secs(5);
        let file = std::fs::File::options().append(true).open(folder.path().join("certificate.pem")).unwrap();
        file.set_modified(at).unwrap();
        let (old, new) = (secretly(old), secretly(new));
        assert!(welcomed(&certificate, |socket| by_tls(old, socket)).await.is_err());
        assert_eq!(&welcomed(&certificate, |socket| by_tls(new, socket)).await.unwrap(), b"\x03rtmp");
    }

    #[tokio::test]
    async fn without_a_certificate_there_is_no_tls_and_all_else_goes_on() {
        let empty = tempfile::tempdir().unwrap();
        for folder in [None, Some(empty.path().to_owned())] {
            let certificate = Certificate::new(folder);
            let hello = |mut socket: TcpStream| async move { socket.write_all(&[HANDSHAKE, 3, 1, 2, 0]).await };
            assert!(welcomed(&certificate, hello).await.is_err());
            assert_eq!(&welcomed(&certificate, plainly).await.unwrap(), b"\x03rtmp");
        }
    }
}
