//! The folder of one test, and its free ports.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// One test at a time in a test program: each has real media in real time on few cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Lines of each log that are shown when a test fails.
const TAIL_LINES: usize = 40;

/// A folder for everything that a test makes. Kept, with the ends of its logs shown, where the test fails.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    kept: bool,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// Waits for its turn and makes an empty folder for the test `name`.
    pub fn new(name: &str) -> Stage {
        // A test that failed poisons the lock; its successor has a stage of its own all the same.
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Paths of Unix sockets hold 108 bytes, so the folder is near the root of the file system.
        let folder = std::env::temp_dir().join(format!("bs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("make the test's folder");
        Stage { folder, kept: false, _turn: turn }
    }

    /// Leaves the folder there in the end, for a look.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder inside it.
    pub fn room(&self, name: &str) -> PathBuf {
        let room = self.folder.join(name);
        std::fs::create_dir_all(&room).expect("make a folder of the test's");
        room
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
            return;
        }
        eprintln!("kept for a look: {}", self.folder.display());
        show_logs(&self.folder);
    }
}

fn show_logs(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            show_logs(&path);
        } else if path.extension().is_some_and(|e| e == "log") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {} ({} lines)", path.display(), lines.len());
            for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}

/// A TCP port of the loopback that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A UDP port of the loopback that nobody uses now.
pub fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a free UDP port");
    socket.local_addr().expect("a bound socket has an address").port()
}
