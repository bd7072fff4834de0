//! Ports that must be free before a program is started that knows them by number.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

/// Whether these ports of the loopback are free; where one is not, the reason says by whom it is held, as far as it can
/// be seen, and what to do. `what` uses them.
pub fn free(what: &str, ports: &[u16]) -> Result<(), String> {
    for port in ports {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        if let Err(error) = TcpListener::bind(address) {
            return Err(reason(what, address, &error));
        }
    }
    Ok(())
}

fn reason(what: &str, address: SocketAddr, error: &std::io::Error) -> String {
    let port = address.port();
    if error.kind() != ErrorKind::AddrInUse {
        return format!("port {port} of {what} cannot be opened: {error}");
    }
    match port_holder::holder(Path::new("/proc"), address) {
        Some(holder) => format!("port {port} of {what} is taken by {holder}: stop that program, then try again"),
        None => format!("port {port} of {what} is taken by a program of another user: stop it, then try again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_its_holder() {
        let (free_one, taken) = (crate::stage::free_port(), TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let taken = taken.local_addr().map(|address| (address.port(), taken)).expect("an address");
        assert_eq!(free("the demonstration", &[free_one]), Ok(()));
        let told = free("the demonstration", &[free_one, taken.0]).expect_err("it is taken");
        let by = format!("(process {}): stop that program", std::process::id());
        let begin = format!("port {} of the demonstration is taken by ", taken.0);
        assert!(told.starts_with(&begin) && told.contains(&by), "{told}");
    }

    #[test]
    fn what_is_no_holder_is_told_as_it_is() {
        let error = std::io::Error::from(ErrorKind::PermissionDenied);
        let told = reason("the demonstration", "127.0.0.1:80".parse().expect("an address"), &error);
        assert!(told.starts_with("port 80 of the demonstration cannot be opened: "), "{told}");
    }
}
