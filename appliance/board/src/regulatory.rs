//! Asks the kernel for a country's radio rules, by generic netlink (`include/uapi/linux/{netlink,genetlink,nl80211}.h`).
//!
//! A message is a header of 16 bytes (length, type, flags, number, sender), the command in 4, and attributes: length and type in
//! 16 bits each, and a value that ends on a multiple of 4. All of it in the machine's own order of bytes.

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netlink, recv, send, socket};
use std::io::{self, Error};
use std::os::fd::OwnedFd;
use std::time::Duration;

const HEADER: usize = 16;
const COMMAND: usize = 4;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const NL80211_CMD_REQ_SET_REG: u8 = 27;
const NL80211_CMD_GET_REG: u8 = 31;
const NL80211_ATTR_REG_ALPHA2: u16 = 33;
/// The kernel answers at once, or never.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Largest answer: the rules of a country are some hundred bytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024;

/// Asks for a country's rules, which the kernel then reads from its table.
pub fn request(country: &str) -> io::Result<()> {
    let socket = open()?;
    let family = family(&socket)?;
    exchange(&socket, &message(family, NLM_F_ACK, NL80211_CMD_REQ_SET_REG, NL80211_ATTR_REG_ALPHA2, country)).map(drop)
}

/// The country whose rules are in force; `00` where there is none.
pub fn in_force() -> io::Result<String> {
    let socket = open()?;
    let family = family(&socket)?;
    let answer = exchange(&socket, &message(family, 0, NL80211_CMD_GET_REG, 0, ""))?;
    let country = attribute(&answer, NL80211_ATTR_REG_ALPHA2).ok_or_else(unknown)?;
    Ok(String::from_utf8_lossy(country).trim_end_matches('\0').to_owned())
}

fn open() -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::GENERIC))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_MAX))?;
    Ok(socket)
}

/// The number that the kernel has given to what it calls `nl80211`.
fn family(socket: &OwnedFd) -> io::Result<u16> {
    let ask = message(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "nl80211");
    let answer = exchange(socket, &ask)?;
    let id = attribute(&answer, CTRL_ATTR_FAMILY_ID).and_then(|id| id.try_into().ok()).ok_or_else(unknown)?;
    Ok(u16::from_ne_bytes(id))
}

fn unknown() -> Error {
    Error::other("the kernel's answer is not understood")
}

/// A message with one attribute that is a text; none where it is empty.
fn message(kind: u16, flags: u16, command: u8, attribute: u16, text: &str) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes.extend([command, 1, 0, 0]);
    if !text.is_empty() {
        let length = (COMMAND + text.len() + 1) as u16;
        bytes.extend(length.to_ne_bytes());
        bytes.extend(attribute.to_ne_bytes());
        bytes.extend(text.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let length = bytes.len() as u32;
    bytes[0..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    bytes
}

/// Sends a message, and answers what the kernel says: its attributes, or nothing where it just did it.
fn exchange(socket: &OwnedFd, message: &[u8]) -> io::Result<Vec<u8>> {
    send(socket, message, SendFlags::empty())?;
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    let (_, length) = recv(socket, &mut buffer[..], RecvFlags::empty())?;
    answer(&buffer[..length.min(ANSWER_BYTES_MAX)])
}

fn answer(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or_else(unknown)?;
    let (_, command) = rest.split_at_checked(COMMAND).ok_or_else(unknown)?;
    if u16::from_ne_bytes([header[4], header[5]]) == NLMSG_ERROR {
        let code = i32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]);
        return if code == 0 { Ok(Vec::new()) } else { Err(Error::from_raw_os_error(code.wrapping_neg())) };
    }
    Ok(command.to_vec())
}

/// The value of an attribute.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (head, _) = attributes.split_at_checked(4)?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        // The two highest bits say how a value is written.
        let kind = u16::from_ne_bytes([head[2], head[3]]) & 0x3fff;
        if length < 4 {
            return None;
        }
        if kind == wanted {
            return attributes.get(4..length);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_the_kernel_reads_it() {
        let bytes = message(0x1c, NLM_F_ACK, NL80211_CMD_REQ_SET_REG, NL80211_ATTR_REG_ALPHA2, "GB");
        assert_eq!(bytes.len(), 28);
        assert_eq!(bytes[0..4], 28_u32.to_ne_bytes());
        assert_eq!(bytes[4..8], [0x1c_u16.to_ne_bytes(), 5_u16.to_ne_bytes()].concat());
        assert_eq!(bytes[16..20], [27, 1, 0, 0]);
        assert_eq!(bytes[20..24], [7_u16.to_ne_bytes(), 33_u16.to_ne_bytes()].concat());
        assert_eq!(&bytes[24..], b"GB\0\0");
    }

    #[test]
    fn an_answer_is_read_and_nonsense_is_refused() {
        let whole = message(0x1c, 0, NL80211_CMD_GET_REG, NL80211_ATTR_REG_ALPHA2, "GB");
        let read = answer(&whole).unwrap();
        assert_eq!(attribute(&read, NL80211_ATTR_REG_ALPHA2), Some(&b"GB\0"[..]));
        assert_eq!(attribute(&read, 1), None);
        let told = |code: i32| {
            let mut bytes = message(NLMSG_ERROR, 0, 0, 0, "");
            bytes[16..20].copy_from_slice(&code.to_ne_bytes());
            answer(&bytes)
        };
        assert!(told(0).unwrap().is_empty());
        assert_eq!(told(-1).unwrap_err().raw_os_error(), Some(1));
        for end in 0..20 {
            assert!(answer(&whole[..end]).is_err(), "{end}");
        }
        // An attribute of no length, and one that is longer than the rest.
        assert_eq!(attribute(&[0, 0, 33, 0], 33), None);
        assert_eq!(attribute(&[200, 0, 33, 0, b'G'], 33), None);
        assert_eq!(attribute(&[200, 0, 1, 0, b'G'], 33), None);
    }
}
