//! Platforms: real nginx-rtmp, recording what arrives.

use crate::flv::Flv;
use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A connection that asked to publish.
#[derive(Clone, Debug)]
pub struct Publish {
    /// When it asked.
    pub at: Instant,
    /// The name under which it publishes: the stream key.
    pub name: String,
    /// The server's own number of the connection.
    pub client: String,
    /// Whether it was let in.
    pub accepted: bool,
    /// When it ended.
    pub ended: Option<Instant>,
}

#[derive(Debug, Default)]
struct Book {
    publishes: Vec<Publish>,
    refuse: Option<String>,
}

/// An RTMP server with an application `live`, which records, and one that hands on what it gets to whoever asks for it. It
/// can be stopped, frozen, and started again on the same port.
#[derive(Debug)]
pub struct Platform {
    name: String,
    folder: PathBuf,
    port: u16,
    book: Arc<Mutex<Book>>,
    process: Option<Process>,
}

impl Platform {
    /// Starts a platform on a free port of the loopback; recordings go to `folder`/recordings.
    pub fn start(folder: &Path, name: &str) -> Platform {
        Platform::start_on(free_port(), folder, name)
    }

    /// The same on a given port.
    pub fn start_on(port: u16, folder: &Path, name: &str) -> Platform {
        std::fs::create_dir_all(folder.join("recordings")).expect("make the recordings' folder");
        std::fs::create_dir_all(folder.join("scratch")).expect("make nginx's folder");
        let doorman = TcpListener::bind("127.0.0.1:0").expect("bind the doorman's port");
        let asks = doorman.local_addr().expect("a bound socket has an address").port();
        let book = Arc::new(Mutex::new(Book::default()));
        let theirs = Arc::clone(&book);
        // Ends with the program: it holds nothing but its socket.
        std::thread::spawn(move || doorman.incoming().flatten().for_each(|stream| answer(stream, &theirs)));
        std::fs::write(folder.join("nginx.conf"), configuration(folder, port, asks)).expect("write nginx.conf");
        let mut platform = Platform { name: name.to_owned(), folder: folder.to_owned(), port, book, process: None };
        platform.resume();
        platform
    }

    /// Server address for a destination, without the key.
    pub fn url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live", self.port)
    }

    /// Server address of its relay: what is published there is handed on under the very same name.
    pub fn relay_url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/relay", self.port)
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, with all of its connections.
    pub fn kill(&mut self) {
        self.process = None;
        let now = Instant::now();
        for publish in &mut self.book().publishes {
            publish.ended.get_or_insert(now);
        }
    }

    /// Starts it again where it does not run; returns when it listens.
    pub fn resume(&mut self) {
        if self.process.is_some() {
            return;
        }
        let mut command = tied("/usr/sbin/nginx");
        command.arg("-p").arg(&self.folder).arg("-c").arg(self.folder.join("nginx.conf"));
        let mut process = Process::start(&self.name, &self.folder, &mut command);
        until("nginx-rtmp to listen", s(10), || {
            assert!(process.runs(), "nginx ended: {}", process.log());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.process = Some(process);
    }

    /// Stops it without closing anything.
    pub fn freeze(&self) {
        self.process.iter().for_each(|p| p.signal(Signal::STOP));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.iter().for_each(|p| p.signal(Signal::CONT));
    }

    /// Its process id; none while it does not run.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Refuses whoever publishes under this name from now on; none refuses nobody.
    pub fn refuse(&self, name: Option<&str>) {
        self.book().refuse = name.map(str::to_owned);
    }

    /// Everybody who asked to publish, in order.
    pub fn publishes(&self) -> Vec<Publish> {
        self.book().publishes.clone()
    }

    /// Connections that were let in so far.
    pub fn connections(&self) -> usize {
        self.book().publishes.iter().filter(|p| p.accepted).count()
    }

    /// Recordings, oldest first: one a connection that was let in, whether media came or not.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let folder = self.folder.join("recordings");
        (0..self.connections()).map(|index| folder.join(format!("{}.flv", recording_name(index)))).collect()
    }

    /// Pictures in recording number `index` so far; 0 where there is none yet.
    pub fn pictures(&self, index: usize) -> usize {
        let recordings = self.recordings();
        recordings.get(index).and_then(|path| Flv::open(path).ok()).map_or(0, |flv| flv.video.len())
    }

    /// Ends when recording number `index` is closed: its publisher is gone.
    pub fn wait_until_closed(&self, index: usize) {
        until("the end of a publisher's connection", s(10), || {
            let accepted: Vec<_> = self.publishes().into_iter().filter(|p| p.accepted).collect();
            accepted.get(index).and_then(|publish| publish.ended)
        });
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics with the book open")
    }
}

/// One process, so that it can be ended and frozen by its id; nothing outside `folder` is touched.
fn configuration(folder: &Path, port: u16, asks: u16) -> String {
    let folder = folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
master_process off;
pid {folder}/nginx.pid;
lock_file {folder}/nginx.lock;
error_log stderr notice;
events {{ worker_connections 64; }}
rtmp {{
  access_log {folder}/access.log;
  server {{
    listen 127.0.0.1:{port};
    chunk_size 4096;
    max_message 8M;
    notify_method post;
    application live {{
      live on;
      on_publish http://127.0.0.1:{asks}/;
      on_publish_done http://127.0.0.1:{asks}/;
      record all;
      record_path {folder}/recordings;
    }}
    application relay {{
      live on;
    }}
  }}
}}
"
    )
}

/// Name of recording number `index`.
fn recording_name(index: usize) -> String {
    format!("{:03}", index + 1)
}

/// Answers one notice of nginx-rtmp (its "notify" module): 403 refuses; a redirection lets in under another name, which
/// gives each connection a recording of its own. (nginx-rtmp's own unique names are whole seconds.)
fn answer(mut stream: TcpStream, book: &Mutex<Book>) {
    let mut bytes = Vec::new();
    let mut chunk = [0u8; 4096];
    let body = loop {
        let Ok(read @ 1..) = stream.read(&mut chunk) else { return };
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(body) = whole_body(&bytes) {
            break body;
        }
    };
    let field = |name: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let status = match note(&mut book.lock().expect("nobody panics with the book open"), &field) {
        Verdict::Heard => "200 OK".to_owned(),
        Verdict::Refused => "403 Forbidden".to_owned(),
        Verdict::Accepted(index) => format!("302 Found\r\nLocation: {}", recording_name(index)),
    };
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
}

fn whole_body(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.trim().parse::<usize>().ok())?;
    (body.len() >= length).then(|| body.to_owned())
}

enum Verdict {
    /// Nothing was asked.
    Heard,
    /// It may not publish.
    Refused,
    /// It is let in, as the connection of this number.
    Accepted(usize),
}

fn note(book: &mut Book, field: &dyn Fn(&str) -> String) -> Verdict {
    let (at, name, client) = (Instant::now(), field("name"), field("clientid"));
    if field("call") == "publish_done" {
        let open = book.publishes.iter_mut().rev().find(|p| p.client == client && p.ended.is_none());
        if let Some(publish) = open {
            publish.ended = Some(at);
        }
        return Verdict::Heard;
    }
    let index = book.publishes.iter().filter(|p| p.accepted).count();
    let accepted = book.refuse.as_ref() != Some(&name);
    book.publishes.push(Publish { at, name, client, accepted, ended: None });
    if accepted { Verdict::Accepted(index) } else { Verdict::Refused }
}
