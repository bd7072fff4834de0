//! The program itself as a process: what it prints, what it refuses, and how it starts workers.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(15);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bandstand"))
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain for {what}");
}

fn ended(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// A folder with our program, and programs that stand for the workers: they do nothing, for ever.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::hard_link(program(), bin.join("bandstand"))
            .or_else(|_| std::fs::copy(program(), bin.join("bandstand")).map(|_| ()))
            .unwrap();
        for worker in ["bandstand-channel", "bandstand-ingest"] {
            let path = bin.join(worker);
            std::fs::write(&path, "#!/bin/sh\necho \"$0 $*\"\nwhile :; do sleep 1; done\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Place { folder }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.folder.path().join("bin/bandstand"));
        command.arg("--state").arg(self.state()).stdin(Stdio::null());
        command
    }

    fn start(&self) -> Running {
        let mut child =
            self.command().args(["--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = lines.next().unwrap().unwrap().strip_prefix("page: ").unwrap().to_owned();
        Running { child, page, lines: Box::new(lines.map_while(Result::ok)) }
    }

    /// The worker's process, once it is in a session of its own.
    fn worker(&self, name: &str) -> Option<u32> {
        let pid = std::fs::read_to_string(self.state().join(format!("run/{name}.pid"))).ok()?.parse().ok()?;
        (alive(pid) && session(pid) == Some(pid)).then_some(pid)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for name in ["channel-main", "ingest"] {
            if let Some(pid) = self.worker(name) {
                kill(pid, "-KILL");
            }
        }
    }
}

struct Running {
    child: Child,
    page: String,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, "--", &pid.to_string()]).status();
}

fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|words| words[0] != "Z" && words[0] != "X")
}

fn session(pid: u32) -> Option<u32> {
    stat(pid)?[3].parse().ok()
}

#[test]
fn it_prints_its_document() {
    let output = ended(Command::new(program()).arg("openapi"));
    assert!(output.status.success());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/channels/{ch}/go-live"]["post"].is_object());
}

#[test]
fn a_taken_port_is_told_with_its_holder() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = ended(place.command().args(["--port", &port.to_string()]));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("port_in_use") && said.contains(&format!("port {port} is taken by")), "{said}");
    assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
    assert!(!place.state().join("bandstand.db").exists(), "the store is not touched");
}

#[test]
fn plain_http_stays_on_the_loopback() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8480"] {
        let output = ended(place.command().args(["--listen", address]));
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("--lan"), "{address}: {said}");
    }
    let output = ended(place.command().args(["--listen", "127.0.0.1:0", "--lan"]));
    assert!(!output.status.success(), "one or the other");
}

#[test]
fn a_state_folder_that_cannot_be_used_is_told() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("file"), "").unwrap();
    let mut command = Command::new(program());
    let output = ended(command.arg("--state").arg(place.folder.path().join("file/state")).args(["--port", "0"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("file/state cannot be used"));
    std::fs::create_dir_all(place.state()).unwrap();
    std::fs::write(
        place.state().join("bandstand.db"),
        "this is no database, and long enough to be looked at".repeat(50),
    )
    .unwrap();
    let output = ended(place.command().args(["--port", "0"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bandstand.db cannot be opened"));
}

#[test]
fn workers_outlive_control_and_are_not_started_twice() {
    let place = Place::new();
    let mut control = place.start();
    let printed = control.lines.next().unwrap();
    let code = printed.strip_prefix("first sign-in code: ").unwrap().to_owned();
    let path = place.state().join("first-sign-in-code");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), code);
    for (path, mode) in [(path, 0o600), (place.state().join("secret.key"), 0o600), (place.state(), 0o700)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    let first = until("the channel's worker", || place.worker("channel-main"));
    until("the door's worker", || place.worker("ingest"));
    let log = place.state().join("run/channel-main.log");
    until("its output", || std::fs::read_to_string(&log).ok().filter(|text| text.contains("--channel main")));
    control.child.kill().unwrap();
    control.child.wait().unwrap();
    assert!(alive(first), "the death of control does not reach it");
    let mut control = place.start();
    assert_eq!(control.lines.next().unwrap(), printed, "the same code while nobody has an account");
    assert!(control.page.starts_with("http://127.0.0.1:"));
    // A worker that dies is started again: so the new control looks after both, and the first was left alone.
    let door = place.worker("ingest").unwrap();
    kill(door, "-KILL");
    until("a new door", || place.worker("ingest").filter(|pid| *pid != door));
    assert_eq!(place.worker("channel-main"), Some(first));
    kill(control.child.id(), "-TERM");
    let status = until("the end of control", || control.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert!(!alive(first), "a person ended it all");
}

/// The codes are what `bandstand-board` goes by when it decides whether stream keys may be taken off a card.
#[test]
fn a_wrong_document_and_a_box_that_is_set_up_end_with_codes_of_their_own() {
    const WRONG: i32 = 1;
    const FILLED: i32 = 73;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document.json");
    let state = folder.path().join("state");
    let seed = |text: &str| {
        std::fs::write(&document, text).unwrap();
        let done = ended(Command::new(program()).arg("seed").arg("--state").arg(&state).arg(&document));
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let with = |url: &str| {
        let to = format!(r#"[{{"id": "y", "name": "Y", "url": "{url}", "key": "secret", "enabled": true}}]"#);
        format!(r#"{{"channels": [{{"id": "main", "name": "Main", "destinations": {to}}}]}}"#)
    };
    for (text, expected) in [
        ("{".to_owned(), Some(WRONG)),
        (with("rtmp://host"), Some(WRONG)),
        (with("rtmp://host/app"), Some(0)),
        (with("rtmp://host/app"), Some(FILLED)),
    ] {
        let (code, said) = seed(&text);
        assert_eq!(code, expected, "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}
