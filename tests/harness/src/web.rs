//! Web servers: real nginx, serving a folder.

use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// User and password that a guarded part asks for.
pub const GUARD: (&str, &str) = ("venue", "not-for-any-log");

/// A server. It can be killed, and started again on the same port.
#[derive(Debug)]
pub struct Web {
    folder: PathBuf,
    port: u16,
    /// Where an encoder answers HTTP itself, behind `/live.ts`.
    encoder_port: u16,
    process: Option<Process>,
}

impl Web {
    /// Serves `folder`/public on a free port of the loopback. Whatever lies in its `guarded` asks for [`GUARD`].
    pub fn start(folder: &Path) -> Web {
        for name in ["public/guarded", "scratch"] {
            std::fs::create_dir_all(folder.join(name)).expect("make the web server's folders");
        }
        let port = free_port();
        let users = format!("{}:{{PLAIN}}{}\n", GUARD.0, GUARD.1);
        std::fs::write(folder.join("users"), users).expect("write the web server's users");
        let encoder_port = free_port();
        std::fs::write(folder.join("nginx.conf"), configuration(folder, port, encoder_port)).expect("write nginx.conf");
        let mut web = Web { folder: folder.to_owned(), port, encoder_port, process: None };
        web.resume();
        web
    }

    /// The folder that is served.
    pub fn public(&self) -> PathBuf {
        self.folder.join("public")
    }

    /// The address of a file in it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// What an encoder's output is called that serves `/live.ts`: one client at a time, as nginx asks it.
    pub fn encoder(&self) -> String {
        format!("http://127.0.0.1:{}/live.ts", self.encoder_port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again where it does not run; returns when it listens.
    pub fn resume(&mut self) {
        if self.process.is_some() {
            return;
        }
        let mut command = tied("/usr/sbin/nginx");
        command.arg("-p").arg(&self.folder).arg("-c").arg(self.folder.join("nginx.conf"));
        let mut process = Process::start("web", &self.folder, &mut command);
        until("the web server", s(10), || {
            assert!(process.runs(), "nginx ended: {}", process.log());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.process = Some(process);
    }
}

/// One process, so that it can be ended by its id; nothing outside `folder` is touched.
fn configuration(folder: &Path, port: u16, encoder_port: u16) -> String {
    let folder = folder.display();
    let scratch: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/scratch/{name};\n"))
        .concat();
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
lock_file {folder}/nginx.lock;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log;
{scratch}  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; text/html html; }}
  server {{
    listen 127.0.0.1:{port};
    root {folder}/public;
    location /live.ts {{ proxy_pass http://127.0.0.1:{encoder_port}; proxy_http_version 1.1; proxy_buffering off; }}
    location /guarded/ {{ auth_basic venue; auth_basic_user_file {folder}/users; }}
  }}
}}
"
    )
}
