//! Who holds a TCP port, or has a device open. The kernel lists listening sockets by inode in `/proc/net/tcp*`, and a process's
//! open files lead to the same inode, or to the device (proc_pid_net(5), proc_pid_fd(5)). Processes of other users hide
//! theirs from those who are not root; then only the port can be named.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The program that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its short name, as the kernel has it.
    pub program: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

/// Who listens where `address` cannot be opened. `proc` is `/proc`, or a test's folder. None where it cannot
/// be found out.
pub fn holder(proc: &Path, address: SocketAddr) -> Option<Holder> {
    let tables = ["net/tcp", "net/tcp6"];
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| listeners(&table, address))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    who_have(proc, |file| inodes.iter().any(|inode| file.as_os_str() == inode.as_str())).next()
}

/// Who have a file open, such as that of a device, as far as that can be found out.
pub fn file_holders(proc: &Path, file: &Path) -> impl Iterator<Item = Holder> {
    who_have(proc, move |open| open == file)
}

/// The processes with an open file that is meant.
fn who_have(proc: &Path, is_meant: impl Fn(&Path) -> bool) -> impl Iterator<Item = Holder> {
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).filter_map(move |pid: u32| {
        let folder = proc.join(pid.to_string());
        let mut files = fs::read_dir(folder.join("fd")).ok()?.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        files.find(|file| is_meant(file))?;
        let program = fs::read_to_string(folder.join("comm")).ok()?.trim().to_owned();
        Some(Holder { pid, program })
    })
}

/// Inodes of the listening sockets of a table of `proc_net_tcp(5)` that stand in the way of an address.
fn listeners(table: &str, address: SocketAddr) -> Vec<String> {
    const LISTEN: &str = "0A";
    let found = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let (ip, port) = local.split_once(':')?;
        let in_way = *state == LISTEN
            && u16::from_str_radix(port, 16).ok()? == address.port()
            && overlap(parse_ip(ip)?, address.ip());
        in_way.then(|| (*inode).to_owned())
    });
    found.collect()
}

/// Whether two listening addresses exclude each other. An unspecified IPv6 address takes IPv4 too, by default (ipv6(7)).
fn overlap(held: IpAddr, wanted: IpAddr) -> bool {
    held == wanted || held.is_unspecified() || (wanted.is_unspecified() && (wanted.is_ipv6() || held.is_ipv4()))
}

/// The kernel prints addresses in words of its own byte order, as hexadecimal digits.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (i, out) in bytes.chunks_exact_mut(4).enumerate() {
                out.copy_from_slice(&word(i * 8)?);
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn our_own_process_is_found() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let found = holder(Path::new("/proc"), listener.local_addr().unwrap()).expect(address);
            assert_eq!(found.pid, std::process::id(), "{address}");
            assert!(!found.program.is_empty());
        }
    }

    #[test]
    fn who_has_a_file_open_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("device");
        let file = fs::File::create(&path).unwrap();
        let held = || file_holders(Path::new("/proc"), &path).map(|holder| holder.pid).collect::<Vec<_>>();
        assert_eq!(held(), [std::process::id()]);
        drop(file);
        assert_eq!(held(), []);
    }

    #[test]
    fn what_listens_on_one_address_is_in_the_way_of_all() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for all in ["0.0.0.0", "[::]"] {
            let address: SocketAddr = format!("{all}:{port}").parse().unwrap();
            let Err(error) = TcpListener::bind(address) else { panic!("{address} can be opened") };
            if error.kind() == std::io::ErrorKind::AddrInUse {
                let found = holder(Path::new("/proc"), address).expect(all);
                assert_eq!(found.to_string(), format!("{} (process {})", found.program, std::process::id()));
            }
        }
    }

    #[test]
    fn tables_as_the_kernel_prints_them() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:078F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n\
            1: 0100007F:078F 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n\
            2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 80 1 0 100 0 0 10 0\n\
            nonsense\n";
        let check = |address: &str, want: &[&str]| {
            assert_eq!(listeners(table, address.parse().unwrap()), want, "{address}");
        };
        check("127.0.0.1:1935", &["4711"]);
        check("0.0.0.0:1935", &["4711"]);
        check("127.0.0.2:1935", &[]);
        check("[::]:1935", &["4711"]);
        check("10.1.2.3:80", &["80"]);
        check("127.0.0.1:81", &[]);
    }

    #[test]
    fn nothing_is_found_where_proc_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path(), "127.0.0.1:1935".parse().unwrap()), None);
    }
}
