//! TLS before a far side: stunnel, with a certificate of an authority of its own.

use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A TLS door before a TCP port of the loopback.
#[derive(Debug)]
pub struct TlsDoor {
    folder: PathBuf,
    port: u16,
    _process: Process,
}

impl TlsDoor {
    /// Starts it with a certificate for the names and addresses of `subject`, such as `DNS:localhost`.
    pub fn before(port_behind: u16, folder: &Path, subject: &str) -> TlsDoor {
        certificates(folder, subject);
        let port = free_port();
        let configuration = format!(
            "foreground = yes\npid =\ndebug = notice\n[door]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{port_behind}\n\
             cert = {0}/server.pem\nkey = {0}/server.key\n",
            folder.display()
        );
        std::fs::write(folder.join("stunnel.conf"), configuration).expect("write stunnel.conf");
        let mut command = tied("stunnel4");
        command.arg(folder.join("stunnel.conf"));
        let mut process = Process::start("stunnel", folder, &mut command);
        until("stunnel to listen", s(10), || {
            assert!(process.runs(), "stunnel ended: {}", process.log());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        TlsDoor { folder: folder.to_owned(), port, _process: process }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority's certificate, PEM.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.folder.join("ca.pem")).expect("read the authority's certificate")
    }
}

fn certificates(folder: &Path, subject: &str) {
    let openssl = |words: &[&str]| {
        let out = Command::new("openssl").args(words).current_dir(folder).output();
        let out = out.expect("start openssl; ./dev setup installs it");
        assert!(out.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let name = ["-subj", "/CN=Bandstand test authority"];
    openssl(&[&["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem"][..], &key, &name].concat());
    let name = ["-subj", "/CN=Bandstand test server"];
    openssl(&[&["req", "-new", "-keyout", "server.key", "-out", "server.csr"][..], &key[..5], &name].concat());
    std::fs::write(folder.join("server.ext"), format!("subjectAltName={subject}\n")).expect("write an extension");
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "server.ext",
        "-out",
        "server.pem",
    ]);
}
