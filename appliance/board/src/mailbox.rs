//! The Raspberry Pi firmware's mailbox, as far as its reboot flags go.
//!
//! A request is a property list of 32-bit words: size in bytes, code, then a tag with the size of its buffer, the length of
//! the request, the value, and a zero that ends the list (Raspberry Pi firmware wiki, "Mailbox property interface"). The
//! tags for reboot flags are in the kernel's `include/soc/bcm2835/raspberrypi-firmware.h`; bit 0 is "tryboot". `/dev/vcio`
//! is a driver of Raspberry Pi's kernel (`drivers/char/broadcom/vcio.c`) that mainline Linux does not have; newer ones have
//! `/dev/vcio_ab` beside it, which lets only tags for A/B boot through.

use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Opcode, Updater, opcode};
use std::io::{Error, Result};
use std::os::fd::OwnedFd;
use std::path::Path;

/// The device that takes any request.
pub const DEVICE: &str = "/dev/vcio";

const GET_REBOOT_FLAGS: u32 = 0x0003_0064;
const SET_REBOOT_FLAGS: u32 = 0x0003_8064;
/// In the second word: done; in a tag's length: this is the answer.
const ANSWERED: u32 = 0x8000_0000;
const TRYBOOT: u32 = 1;

/// A property list with one tag whose value is one word.
#[repr(C, align(16))]
struct Message([u32; 7]);

/// `IOCTL_MBOX_PROPERTY`: `_IOWR(100, 0, char *)`. It names a pointer, yet what is pointed to is the message itself.
const PROPERTY: Opcode = opcode::read_write::<*mut u8>(100, 0);

/// Whether the next warm reboot tries. An error where the firmware cannot be asked.
pub fn tryboot(device: &Path) -> Result<bool> {
    Ok(ask(device, GET_REBOOT_FLAGS, 0)? & TRYBOOT != 0)
}

/// Sets whether the next warm reboot tries.
pub fn set_tryboot(device: &Path, armed: bool) -> Result<()> {
    ask(device, SET_REBOOT_FLAGS, if armed { TRYBOOT } else { 0 }).map(drop)
}

fn ask(device: &Path, tag: u32, value: u32) -> Result<u32> {
    let device = rustix::fs::open(device, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let mut message = request(tag, value);
    exchange(&device, &mut message)?;
    answer(&message, tag)
}

/// A request's length is 0 for reboot flags, as the kernel's own driver and `vcmailbox` have it.
fn request(tag: u32, value: u32) -> Message {
    Message([size_of::<[u32; 7]>() as u32, 0, tag, size_of::<u32>() as u32, 0, value, 0])
}

fn answer(message: &Message, tag: u32) -> Result<u32> {
    let [_, code, answered, _, length, value, _] = message.0;
    if code != ANSWERED || answered != tag || length & ANSWERED == 0 {
        return Err(Error::other("the firmware does not know reboot flags: its bootloader is too old"));
    }
    Ok(value)
}

#[expect(unsafe_code, reason = "the firmware is reached by an ioctl alone, and no crate of ours wraps it")]
fn exchange(device: &OwnedFd, message: &mut Message) -> Result<()> {
    // SAFETY: the driver reads the size of the message from its first word, and reads and writes no more than that: 28
    // bytes, all of which `message` owns for the length of the call. A device with another driver refuses the number.
    unsafe { rustix::ioctl::ioctl(device, Updater::<PROPERTY, Message>::new(message))? };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_the_firmware_knows() {
        assert_eq!(request(GET_REBOOT_FLAGS, 0).0, [0x1c, 0, 0x0003_0064, 4, 0, 0, 0]);
        assert_eq!(request(SET_REBOOT_FLAGS, 1).0, [0x1c, 0, 0x0003_8064, 4, 0, 1, 0]);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(PROPERTY, 0xc008_6400);
    }

    #[test]
    fn only_an_answer_is_believed() {
        let good = [0x1c, 0x8000_0000, 0x0003_0064, 4, 0x8000_0004, 1, 0];
        assert_eq!(answer(&Message(good), GET_REBOOT_FLAGS).unwrap(), 1);
        // Not done, another tag, and a tag that the firmware passed over.
        for (place, word) in [(1, 0x8000_0001), (1, 0), (2, 0x0003_0065), (4, 4), (4, 0)] {
            let mut bad = good;
            bad[place] = word;
            assert!(answer(&Message(bad), GET_REBOOT_FLAGS).is_err(), "{place} {word:x}");
        }
    }
}
