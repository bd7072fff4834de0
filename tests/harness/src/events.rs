//! The board as a page hears it: server-sent events (HTML standard, 9.2).

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An open stream of events.
#[derive(Debug)]
pub struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    /// Opens `/api/v1/events` of a page on plain HTTP, signed in by `cookie`. None where it is refused.
    pub fn open(page: &str, cookie: &str) -> Option<Events> {
        let host = page.strip_prefix("http://")?.trim_end_matches('/');
        let mut stream = TcpStream::connect(host).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(15))).ok()?;
        let request = format!("GET /api/v1/events HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).ok()?;
        status.contains(" 200 ").then_some(Events { lines })
    }

    /// The next board; none where the stream ended or nothing came for 15 s.
    pub fn next_board(&mut self) -> Option<Value> {
        let mut event = String::new();
        let mut data = String::new();
        loop {
            let mut line = String::new();
            if self.lines.by_ref().take(16 << 20).read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(name) = line.strip_prefix("event:") {
                event = name.trim().to_owned();
            } else if let Some(part) = line.strip_prefix("data:") {
                data.push_str(part.trim_start());
            } else if line.is_empty() {
                if event == "board" {
                    return serde_json::from_str(&data).ok();
                }
                event.clear();
                data.clear();
            }
        }
    }
}
