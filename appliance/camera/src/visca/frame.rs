//! Messages of Visca, and the header that they bear in datagrams (Sony, "VISCA over IP": BRC-X1000 command list,
//! revision 2; SRG command list, "VISCA over IP").
//!
//! A message is `8x … FF` to the camera and `9x … FF` from it: `90 4y FF` acknowledges, `90 5y FF` completes, and
//! `90 6y zz FF` refuses. A datagram begins with two bytes of kind, two of length and four of number.

/// Longest message, bytes (VISCA: 16).
pub(super) const MESSAGE_BYTES_MAX: usize = 16;

/// Kinds of datagram.
pub(super) const COMMAND: u16 = 0x0100;
pub(super) const REPLY: u16 = 0x0111;
pub(super) const CONTROL: u16 = 0x0200;
pub(super) const CONTROL_REPLY: u16 = 0x0201;
/// The control command that begins the numbers anew, and the camera's answer.
pub(super) const RESET: [u8; 1] = [0x01];

/// What a camera answers, with the number of the socket: each command that is under way has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It does it.
    Taken(u8),
    /// It has done it.
    Done(u8),
    /// It does not do it.
    Refused(u8, Refusal),
}

/// Why a camera does not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it does not know this command")]
    Syntax,
    #[error("it has too much to do at once")]
    Full,
    #[error("the movement was broken off")]
    Cancelled,
    #[error("it cannot do this now")]
    NotExecutable,
    #[error("it refuses, with error {0:#04x}")]
    Other(u8),
}

/// A datagram.
pub(super) fn datagram(kind: u16, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Kind, number and payload of a datagram; none where it is none.
pub(super) fn opened(bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    let (head, payload) = bytes.split_first_chunk::<8>()?;
    let [k0, k1, l0, l1, n0, n1, n2, n3] = *head;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let whole = length == payload.len() && length <= MESSAGE_BYTES_MAX;
    whole.then_some((u16::from_be_bytes([k0, k1]), u32::from_be_bytes([n0, n1, n2, n3]), payload))
}

/// The answer in a message; none where it is another message.
pub(super) fn reply(message: &[u8]) -> Option<Reply> {
    let [address, kind, rest @ .., 0xFF] = message else { return None };
    if address & 0x80 == 0 {
        return None;
    }
    let socket = kind & 0x0F;
    Some(match (kind & 0xF0, rest) {
        (0x40, []) => Reply::Taken(socket),
        (0x50, _) => Reply::Done(socket),
        (0x60, [code]) => {
            let refusal = match code {
                0x02 => Refusal::Syntax,
                0x03 => Refusal::Full,
                0x04 => Refusal::Cancelled,
                0x41 => Refusal::NotExecutable,
                other => Refusal::Other(*other),
            };
            Reply::Refused(socket, refusal)
        }
        _ => return None,
    })
}

/// Recalls a memory.
pub(super) fn recall(memory: u8) -> Vec<u8> {
    vec![0x81, 0x01, 0x04, 0x3F, 0x02, memory, 0xFF]
}

/// Highest speeds of pan, tilt and zoom.
const PAN_MAX: f32 = 24.0;
const TILT_MAX: f32 = 20.0;
const ZOOM_MAX: f32 = 7.0;

/// Pan and tilt, from −1 to 1; both 0 stop.
pub(super) fn drive(pan: f32, tilt: f32) -> Vec<u8> {
    let speed = |value: f32, max: f32| (value.abs().clamp(0.0, 1.0) * max).round().max(1.0) as u8;
    let way = |value: f32, below: u8, above: u8| match value {
        value if value < 0.0 => below,
        value if value > 0.0 => above,
        _ => 0x03,
    };
    let (left, right, up, down) = (0x01, 0x02, 0x01, 0x02);
    let (pan_way, tilt_way) = (way(pan, left, right), way(tilt, down, up));
    vec![0x81, 0x01, 0x06, 0x01, speed(pan, PAN_MAX), speed(tilt, TILT_MAX), pan_way, tilt_way, 0xFF]
}

/// Zoom, from −1 to 1; 0 stops.
pub(super) fn zoom(zoom: f32) -> Vec<u8> {
    let speed = (zoom.abs().clamp(0.0, 1.0) * ZOOM_MAX).round() as u8;
    let byte = match zoom {
        zoom if zoom > 0.0 => 0x20 | speed,
        zoom if zoom < 0.0 => 0x30 | speed,
        _ => 0x00,
    };
    vec![0x81, 0x01, 0x04, 0x07, byte, 0xFF]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_command_list() {
        let check = |message: Vec<u8>, expected: &str| {
            let text: Vec<String> = message.iter().map(|byte| format!("{byte:02X}")).collect();
            assert_eq!(text.join(" "), expected);
        };
        check(recall(3), "81 01 04 3F 02 03 FF");
        check(drive(1.0, 0.0), "81 01 06 01 18 01 02 03 FF");
        check(drive(-0.5, 1.0), "81 01 06 01 0C 14 01 01 FF");
        check(drive(0.0, -9.0), "81 01 06 01 01 14 03 02 FF");
        check(drive(0.0, 0.0), "81 01 06 01 01 01 03 03 FF");
        check(zoom(1.0), "81 01 04 07 27 FF");
        check(zoom(-0.01), "81 01 04 07 30 FF");
        check(zoom(f32::NAN), "81 01 04 07 00 FF");
    }

    #[test]
    fn a_datagram_is_opened_as_it_was_made() {
        let bytes = datagram(COMMAND, 7, &recall(1));
        assert_eq!(bytes[..8], [0x01, 0x00, 0x00, 0x07, 0, 0, 0, 7]);
        assert_eq!(opened(&bytes), Some((COMMAND, 7, &recall(1)[..])));
        for broken in [&bytes[..7], &bytes[..9], &[][..], &datagram(REPLY, 1, &[0x90; 17])] {
            assert_eq!(opened(broken), None);
        }
    }

    #[test]
    fn answers_are_told_apart() {
        for (message, expected) in [
            (&[0x90, 0x41, 0xFF][..], Some(Reply::Taken(1))),
            (&[0x90, 0x52, 0xFF], Some(Reply::Done(2))),
            (&[0x90, 0x60, 0x02, 0xFF], Some(Reply::Refused(0, Refusal::Syntax))),
            (&[0x90, 0x61, 0x41, 0xFF], Some(Reply::Refused(1, Refusal::NotExecutable))),
            (&[0x90, 0x61, 0x05, 0xFF], Some(Reply::Refused(1, Refusal::Other(5)))),
            (&[0x90, 0x41], None),
            (&[0xFF], None),
            (&[0x10, 0x41, 0xFF], None),
            (&[0x90, 0x38, 0xFF], None),
        ] {
            assert_eq!(reply(message), expected, "{message:02X?}");
        }
    }
}
