//! An RTMP server without any stream: rtmp-rs'. Whoever asks for one is told that there is none, with the name repeated,
//! query and all.

use crate::stage::free_port;
use crate::wait::{s, until};
use rtmp_rs::{RtmpHandler, RtmpServer, ServerConfig};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// Where it listens; it ends with the program.
#[derive(Debug)]
pub struct Empty {
    at: SocketAddr,
}

struct Anybody;

impl RtmpHandler for Anybody {}

impl Empty {
    /// Starts it on a free port of the loopback.
    pub fn start() -> Empty {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        std::thread::spawn(move || {
            let server = RtmpServer::new(ServerConfig { bind_addr: at, ..ServerConfig::default() }, Anybody);
            runtime.block_on(server.run())
        });
        until("rtmp-rs to listen", s(10), || TcpStream::connect(at).ok());
        Empty { at }
    }

    /// The address of a stream that it has not.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://{}/live/{stream}", self.at)
    }
}
