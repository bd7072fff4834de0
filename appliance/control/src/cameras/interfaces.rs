//! What the kernel tells of networks: our own addresses, and the hardware addresses of neighbours.

use camera::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Addresses of ours from which cameras are looked for: boxes have two or three.
const ADDRESSES_MAX: usize = 16;

/// Every IPv4 address of ours, and every one of IPv6 that reaches beyond its link, with the number of its interface.
/// `proc` is `/proc` but in tests.
pub fn addresses(proc: &Path) -> Vec<(IpAddr, u32)> {
    let read = |path: &str| std::fs::read_to_string(proc.join(path)).unwrap_or_default();
    let v4 = crate::api::tls::ipv4(&read("net/fib_trie")).into_iter().map(|address| (IpAddr::V4(address), 0));
    let table = read("net/if_inet6");
    let v6 = table.lines().filter_map(inet6).filter(|(address, _)| {
        // A camera's address on one link only cannot be said without the link; ::1 has nobody else on it.
        !address.is_unicast_link_local() && !address.is_loopback()
    });
    v4.chain(v6.map(|(address, index)| (IpAddr::V6(address), index))).take(ADDRESSES_MAX).collect()
}

/// Address and interface of a line of `/proc/net/if_inet6` (net/ipv6/addrconf.c).
fn inet6(line: &str) -> Option<(Ipv6Addr, u32)> {
    let mut words = line.split_ascii_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let index = u32::from_str_radix(words.next()?, 16).ok()?;
    Some((Ipv6Addr::from(address), index))
}

/// The hardware address of a camera that is our neighbour, as the kernel has learnt it.
pub fn mac_of(device: &Url) -> Option<String> {
    let Some(IpAddr::V4(address)) = device.address() else { return None };
    neighbour(&std::fs::read_to_string("/proc/net/arp").ok()?, address)
}

/// The hardware address of a neighbour in `/proc/net/arp` (proc_pid_net(5)).
fn neighbour(table: &str, address: Ipv4Addr) -> Option<String> {
    let line = table.lines().skip(1).find(|line| {
        line.split_ascii_whitespace().next().and_then(|first| first.parse::<Ipv4Addr>().ok()) == Some(address)
    })?;
    camera::onvif::mac_of(line.split_ascii_whitespace().nth(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_addresses_and_their_interfaces() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(proc.path().join("net")).unwrap();
        let trie = "     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.7\n        /32 host LOCAL\n";
        std::fs::write(proc.path().join("net/fib_trie"), trie).unwrap();
        let inet6 = "20010db8000000000000000000000005 0a 40 00 80 eth0\nfe800000000000000000000000000001 0a 40 20 80 eth0\n\
                     00000000000000000000000000000001 01 80 10 80 lo\nnonsense\n";
        std::fs::write(proc.path().join("net/if_inet6"), inet6).unwrap();
        let expected: [(IpAddr, u32); 3] = [
            ("127.0.0.1".parse().unwrap(), 0),
            ("192.0.2.7".parse().unwrap(), 0),
            ("2001:db8::5".parse().unwrap(), 10),
        ];
        assert_eq!(addresses(proc.path()), expected);
    }

    #[test]
    fn a_neighbours_hardware_address() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     192.0.2.1        0x1         0x2         00:1B:44:11:3A:B7     *        eth0\n\
                     192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0\n";
        let of = |last: u8| neighbour(table, Ipv4Addr::new(192, 0, 2, last));
        assert_eq!(of(1).as_deref(), Some("00:1b:44:11:3a:b7"));
        assert_eq!((of(2), of(3)), (None, None));
    }
}
