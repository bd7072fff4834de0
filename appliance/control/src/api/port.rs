//! Who holds a TCP port. The kernel lists listening sockets by inode in `/proc/net/tcp*`, and a process's open files
//! lead to the same inode (proc_pid_net(5), proc_pid_fd(5)). Files of other users' processes cannot be read.

use std::path::Path;

/// State of a listening socket in `/proc/net/tcp` (include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub program: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

/// Who listens on a port, where that can be seen. `proc` is `/proc` but in tests.
pub fn holder(proc: &Path, port: u16) -> Option<Holder> {
    let inodes: Vec<String> = ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| table.lines().skip(1).filter_map(|line| listening(line, port)).collect::<Vec<_>>())
        .collect();
    let processes = std::fs::read_dir(proc).ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let folder = proc.join(pid.to_string());
        let mut files = std::fs::read_dir(folder.join("fd")).ok()?.flatten();
        let holds = files.any(|file| {
            let target = std::fs::read_link(file.path()).unwrap_or_default();
            inodes.iter().any(|inode| target.to_str() == Some(&format!("socket:[{inode}]")))
        });
        let program = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
        holds.then(|| Holder { pid, program: program.trim().to_owned() })
    })
}

/// The inode of a line of the table, where its socket listens on the port.
fn listening(line: &str, port: u16) -> Option<String> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?;
    let at = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    (at == port && state == LISTEN && inode != "0").then(|| inode.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = holder(Path::new("/proc"), port).unwrap();
        assert_eq!(found.pid, std::process::id());
        assert!(!found.program.is_empty());
        drop(listener);
        assert_eq!(holder(Path::new("/proc"), port), None);
    }

    #[test]
    fn lines_of_the_table() {
        let line = |state: &str| {
            format!(
                "   0: 0100007F:2120 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1"
            )
        };
        assert_eq!(listening(&line("0A"), 0x2120).as_deref(), Some("4711"));
        assert_eq!(listening(&line("0A"), 80), None);
        assert_eq!(listening(&line("01"), 0x2120), None, "a connection does not hold the port");
        assert_eq!(listening("sl local_address", 80), None);
    }
}
