//! When a way to the outside comes up: a link that begins to run, or a new route. Told by the kernel over a netlink
//! socket (netlink(7), rtnetlink(7)), so that nobody has to ask.

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::collections::BTreeMap;
use std::io;

/// Multicast groups: links, routes of IPv4, routes of IPv6 (`RTMGRP_*` of linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x40 | 0x400;
/// The kernel sends no larger datagram of these groups than a page or two.
const DATAGRAM_BYTES_MAX: usize = 32 << 10;

/// Types of messages.
const NEWLINK: u16 = 16;
const DELLINK: u16 = 17;
const NEWROUTE: u16 = 24;
/// Flags of a link (`IFF_*` of linux/if.h).
const LOOPBACK: u32 = 0x8;
const RUNNING: u32 = 0x40;
/// A route of the main table to somewhere else.
const TABLE_MAIN: u8 = 254;
const UNICAST: u8 = 1;

/// Calls `up` on a thread of its own each time that a way comes up, for as long as it answers true.
pub fn watch(up: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    std::thread::Builder::new().name("network".into()).spawn(move || {
        let mut links = Links::default();
        let mut datagram = vec![0u8; DATAGRAM_BYTES_MAX];
        loop {
            let is_up = match recv(&socket, datagram.as_mut_slice(), RecvFlags::empty()) {
                Ok((n, _)) => links.hear(&datagram[..n]),
                // More happened than we read: something may have come up.
                Err(Errno::NOBUFS) => true,
                Err(Errno::INTR) => false,
                Err(error) => {
                    tracing::warn!(%error, "the network is no longer watched");
                    return;
                }
            };
            if is_up && !up() {
                return;
            }
        }
    })?;
    Ok(())
}

/// What is known of the links: the kernel also tells of changes that are none of ours.
#[derive(Debug, Default)]
struct Links {
    running: BTreeMap<i32, bool>,
}

impl Links {
    /// Takes a datagram; answers whether it says that a way came up.
    fn hear(&mut self, mut datagram: &[u8]) -> bool {
        let mut is_up = false;
        while let Some(head) = datagram.first_chunk::<16>() {
            let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let Some(body) = datagram.get(16..length) else { break };
            is_up |= match u16::from_ne_bytes([head[4], head[5]]) {
                NEWLINK => self.link(body, true),
                DELLINK => self.link(body, false),
                NEWROUTE => leads_outside(body),
                _ => false,
            };
            datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        is_up
    }

    /// `struct ifinfomsg`. Answers whether the link begins to run.
    fn link(&mut self, body: &[u8], is_there: bool) -> bool {
        let Some(body) = body.first_chunk::<16>() else { return false };
        let index = i32::from_ne_bytes([body[4], body[5], body[6], body[7]]);
        let flags = u32::from_ne_bytes([body[8], body[9], body[10], body[11]]);
        let runs = is_there && flags & (RUNNING | LOOPBACK) == RUNNING;
        let ran = if is_there { self.running.insert(index, runs) } else { self.running.remove(&index) };
        runs && ran != Some(true)
    }
}

/// `struct rtmsg`.
fn leads_outside(body: &[u8]) -> bool {
    matches!(body, [_, _, _, _, TABLE_MAIN, _, _, UNICAST, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = (16 + body.len()) as u32;
        let mut out = length.to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend([0; 10]);
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn link(kind: u16, index: i32, flags: u32) -> Vec<u8> {
        let mut body = vec![0; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        body[8..12].copy_from_slice(&flags.to_ne_bytes());
        // An attribute behind it, of an odd length.
        body.extend([5, 0, 3, 0, 0]);
        message(kind, &body)
    }

    fn route(table: u8, kind: u8) -> Vec<u8> {
        message(NEWROUTE, &[2, 0, 0, 0, table, 0, 0, kind, 0, 0, 0, 0])
    }

    #[test]
    fn only_what_comes_up_counts() {
        let mut links = Links::default();
        let mut check = |datagram: Vec<u8>, up: bool, why: &str| assert_eq!(links.hear(&datagram), up, "{why}");
        check(link(NEWLINK, 2, 1), false, "switched on, without a cable");
        check(link(NEWLINK, 2, 1 | RUNNING), true, "the cable is in");
        check(link(NEWLINK, 2, 1 | RUNNING), false, "the same again, as Wi-Fi tells it often");
        check(link(NEWLINK, 2, 1), false, "the cable is out");
        check(link(NEWLINK, 2, 1 | RUNNING), true, "in again");
        check(link(DELLINK, 2, 1 | RUNNING), false, "gone");
        check(link(NEWLINK, 2, 1 | RUNNING), true, "another one");
        check(link(NEWLINK, 1, 1 | RUNNING | LOOPBACK), false, "the loopback leads nowhere");
        check(route(TABLE_MAIN, UNICAST), true, "a route");
        check(route(255, 2), false, "an address of our own");
        check(route(TABLE_MAIN, 7), false, "a route that forbids");
        check([link(NEWLINK, 2, 1), route(TABLE_MAIN, UNICAST)].concat(), true, "two in one datagram");
        check(vec![0; 40], false, "noise");
        check(vec![255; 40], false, "noise");
        check(link(NEWLINK, 3, RUNNING)[..20].to_vec(), false, "cut off");
    }

    /// Runs inside a network namespace of its own, where [`a_link_and_a_route_are_heard_of`] starts it.
    #[test]
    #[ignore = "wants a network namespace of its own"]
    fn inside_a_namespace() {
        let (told, ups) = channel();
        watch(move || told.send(()).is_ok()).expect("a netlink socket");
        let ip = |words: &str| {
            let done = Command::new("ip").args(words.split(' ')).status().expect("ip of iproute2").success();
            assert!(done, "ip {words}");
        };
        let heard = |what: &str| {
            ups.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{what} was not heard of"));
            while ups.recv_timeout(Duration::from_millis(200)).is_ok() {}
        };
        ip("link add name left type veth peer name right");
        ip("link set right up");
        ip("link set left up");
        heard("the link");
        ip("address add 192.0.2.1/24 dev left");
        heard("the route to its neighbours");
        ip("route add default via 192.0.2.2");
        heard("the default route");
        ip("link set right down");
        assert!(ups.recv_timeout(Duration::from_millis(500)).is_err(), "a cable that is pulled is no way up");
        ip("link set right up");
        heard("the cable that is back");
    }

    #[test]
    fn a_link_and_a_route_are_heard_of() {
        // Whoever is not root makes the namespace inside one of users, where the machine allows that.
        let alone = |words: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--net", "--"]).args(words);
            command
        };
        if !alone(&["ip", "link"]).output().is_ok_and(|out| out.status.success()) {
            eprintln!("SKIPPED: this machine lets nobody make a network namespace, or has no `ip`");
            return;
        }
        let me = std::env::current_exe().expect("a test knows its program");
        let name = "network::tests::inside_a_namespace";
        let me = me.to_str().expect("a path of text");
        let out = alone(&[me, "--ignored", "--exact", name]).output().expect("unshare of util-linux");
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
    }
}
