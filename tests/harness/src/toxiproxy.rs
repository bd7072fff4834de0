//! A network that can be cut, delayed, narrowed and lost: TCP through Shopify's Toxiproxy 2.5, one proxy a way.

use crate::place::tool;
use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// Longest wait for an answer of its API.
const ANSWER: Duration = Duration::from_secs(10);
/// Longer than any stall: what is held back goes on when the stall ends.
const HELD_MS: u64 = 3_600_000;

/// A running Toxiproxy; all its ways are cut when this value goes.
#[derive(Debug)]
pub struct Toxiproxy {
    api: Api,
    _process: Process,
}

/// A way to one TCP port of the loopback.
#[derive(Clone, Debug)]
pub struct Way {
    api: Api,
    name: String,
    port: u16,
}

#[derive(Clone, Debug)]
struct Api {
    agent: ureq::Agent,
    port: u16,
}

impl Toxiproxy {
    /// Starts it with its log in `folder`.
    pub fn start(folder: &Path) -> Toxiproxy {
        let port = free_port();
        let mut command = tied(tool("toxiproxy-server"));
        command.args(["-host", "127.0.0.1", "-port", &port.to_string()]).env("LOG_LEVEL", "error");
        let mut process = Process::start("toxiproxy", folder, &mut command);
        until("Toxiproxy to listen", s(10), || {
            assert!(process.runs(), "Toxiproxy ended: {}", process.log());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let config = ureq::Agent::config_builder();
        let agent = config.http_status_as_error(false).timeout_global(Some(ANSWER)).build().new_agent();
        Toxiproxy { api: Api { agent, port }, _process: process }
    }

    /// Opens a way to `port`.
    pub fn way(&self, name: &str, port: u16) -> Way {
        let body =
            json!({"name": name, "listen": "127.0.0.1:0", "upstream": format!("127.0.0.1:{port}"), "enabled": true});
        let made = self.api.ask("POST", "/proxies", &body);
        let listen = made["listen"].as_str().and_then(|address| address.rsplit_once(':'));
        let port = listen.and_then(|(_, port)| port.parse().ok()).unwrap_or_else(|| panic!("no way: {made}"));
        Way { api: self.api.clone(), name: name.to_owned(), port }
    }
}

impl Api {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("content-type", "application/json")
            .body(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() })
            .expect("a request is well formed");
        let mut answer = self.agent.run(request).unwrap_or_else(|e| panic!("ask Toxiproxy for {path}: {e}"));
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        assert!(answer.status().is_success(), "Toxiproxy refuses {method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

impl Way {
    /// The port to connect to instead of the far side's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection, and refuses new ones.
    pub fn cut(&self) {
        self.enable(false);
    }

    /// Everything is `ms` late, and up to a quarter more.
    pub fn delay(&self, ms: u64) {
        self.both("latency", &json!({"latency": ms, "jitter": ms / 4}));
    }

    /// Nothing comes through, and nothing is lost: a network whose losses are sent again once it is back.
    pub fn stall(&self) {
        self.both("latency", &json!({"latency": HELD_MS, "jitter": 0}));
    }

    /// No more than `kbytes` kilobytes a second come through, each way.
    pub fn throttle(&self, kbytes: u64) {
        self.both("bandwidth", &json!({"rate": kbytes}));
    }

    /// The far side is gone without a word: connections stay open, and what is sent is lost.
    pub fn vanish(&self) {
        self.both("timeout", &json!({"timeout": 0}));
    }

    /// As it was. After [`Way::vanish`] its connections break, as a far side breaks them that has forgotten them.
    pub fn mend(&self) {
        let toxics = self.api.ask("GET", &format!("/proxies/{}/toxics", self.name), &Value::Null);
        let toxics: Vec<&Value> = toxics.as_array().into_iter().flatten().collect();
        if toxics.iter().any(|toxic| toxic["type"] == "timeout") {
            self.enable(false);
        }
        for toxic in toxics {
            let name = toxic["name"].as_str().unwrap_or_default();
            self.api.ask("DELETE", &format!("/proxies/{}/toxics/{name}", self.name), &Value::Null);
        }
        self.enable(true);
    }

    fn enable(&self, on: bool) {
        self.api.ask("POST", &format!("/proxies/{}", self.name), &json!({"enabled": on}));
    }

    fn both(&self, kind: &str, attributes: &Value) {
        for stream in ["upstream", "downstream"] {
            let body =
                json!({"name": format!("{kind}-{stream}"), "type": kind, "stream": stream, "attributes": attributes});
            self.api.ask("POST", &format!("/proxies/{}/toxics", self.name), &body);
        }
    }
}
