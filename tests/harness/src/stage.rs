//! The folder of one test, and its free ports.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

/// Tests that have a stage now.
static PLAYING: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();
/// How many tests of a program may have a stage at once: one where it says nothing, for each has real media in real time
/// on few cores.
const AT_ONCE: &str = "BANDSTAND_STAGES";
/// Lines of each log that are shown when a test fails.
const TAIL_LINES: usize = 40;

/// A folder for everything that a test makes. Kept, with the ends of its logs shown, where the test fails.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    kept: bool,
    _turn: Turn,
}

/// The right to play; given back in the end, however that comes.
#[derive(Debug)]
struct Turn;

impl Turn {
    fn wait() -> Turn {
        let at_once = std::env::var(AT_ONCE).ok().and_then(|n| n.parse().ok()).unwrap_or(1);
        // A test that fails poisons the lock; its successor has a stage of its own all the same.
        let playing = PLAYING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut playing = LEFT.wait_while(playing, |n| *n >= at_once).unwrap_or_else(PoisonError::into_inner);
        *playing += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *PLAYING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        LEFT.notify_one();
    }
}

impl Stage {
    /// Waits for its turn and makes an empty folder for the test `name`.
    pub fn new(name: &str) -> Stage {
        let turn = Turn::wait();
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
