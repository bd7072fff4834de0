//! Name, connection and TLS of a platform, on a thread of its own: each of them may wait for seconds.

use super::line::Line;
use automation::fault::{Code, Fault};
use automation::spec::RtmpUrl;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};
use socket2::SockRef;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For the connection to one address; a name may have several.
const ADDRESS: Duration = Duration::from_secs(4);
/// For all of it.
const ALL: Duration = Duration::from_secs(10);
/// For each step of TLS.
const TLS_STEP: Duration = Duration::from_secs(5);

/// What to dial.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) url: RtmpUrl,
    /// Certificates, PEM, of the authority that alone is trusted; none for those that the box trusts.
    pub(super) authority: Option<String>,
    /// Bytes that may wait unsent in the kernel.
    pub(super) unsent_bytes_max: u32,
}

fn unreachable(text: String) -> Fault {
    Fault::new(Code::DestinationUnreachable, "").with_text(text)
}

pub(super) fn connect(number: &Number) -> Result<Line, Fault> {
    let host = number.url.host();
    let socket = open(number).map_err(|error| match error {
        Some(error) => {
            tracing::debug!(%error, host, "no connection");
            Fault::new(Code::DestinationUnreachable, "")
        }
        None => unreachable(format!("The name {host} is not known to the network.")),
    })?;
    let set = |socket: &TcpStream| -> io::Result<()> {
        socket.set_nodelay(true)?;
        SockRef::from(socket).set_tcp_notsent_lowat(number.unsent_bytes_max)
    };
    if let Err(error) = set(&socket) {
        tracing::warn!(%error, "a socket's options cannot be set");
    }
    let tls = if number.url.tls() { Some(secure(number, &socket)?) } else { None };
    Line::new(socket, tls).map_err(|error| unreachable(format!("The connection cannot be used: {error}.")))
}

/// Tries every address of the name. The error of the last one; none where the name has no address.
fn open(number: &Number) -> Result<TcpStream, Option<io::Error>> {
    let end = Instant::now() + ALL;
    let addresses = (number.url.host(), number.url.port()).to_socket_addrs().map_err(|_| None)?;
    let mut last = None;
    for address in addresses {
        let left = end.saturating_duration_since(Instant::now()).min(ADDRESS);
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last)
}

fn secure(number: &Number, socket: &TcpStream) -> Result<Box<ClientConnection>, Fault> {
    let name = ServerName::try_from(number.url.host().to_owned())
        .map_err(|_| untrusted(format!("No certificate can be for the name {}.", number.url.host())))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(format!("TLS cannot be set up: {error}.")))?
        .with_root_certificates(trusted(number.authority.as_deref())?)
        .with_no_client_auth();
    let mut tls = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| untrusted(format!("TLS cannot be set up: {error}.")))?;
    let steps = socket.set_read_timeout(Some(TLS_STEP)).and_then(|()| socket.set_write_timeout(Some(TLS_STEP)));
    let mut socket = socket;
    match steps.and_then(|()| tls.complete_io(&mut socket)) {
        Ok(_) => Ok(Box::new(tls)),
        Err(error) => Err(judge(&error, number.url.host())),
    }
}

fn untrusted(text: String) -> Fault {
    Fault::new(Code::DestinationTls, "").with_text(text)
}

/// Whom to trust: the authority that was given and nobody else, or those of the box.
fn trusted(authority: Option<&str>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
                added.ok_or_else(|| untrusted("The certificate authority of this address cannot be read.".into()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(untrusted("The box has no certificate authority to trust.".into()));
    }
    Ok(roots)
}

fn judge(error: &io::Error, host: &str) -> Fault {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    tracing::debug!(%error, host, "TLS failed");
    match cause {
        None => Fault::new(Code::DestinationUnreachable, ""),
        Some(rustls::Error::InvalidCertificate(why)) => untrusted(match why {
            CertificateError::UnknownIssuer => {
                "The platform's certificate is signed by nobody whom the box trusts.".into()
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "The platform's certificate is not valid today, by the box's date.".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("The platform's certificate is for another name than {host}.")
            }
            _ => "The platform's certificate is not valid.".into(),
        }),
        Some(rustls::Error::InvalidMessage(_)) => untrusted(format!("{host} speaks no TLS at this port.")),
        Some(_) => untrusted(format!("{host} and the box agree on no TLS.")),
    }
}
