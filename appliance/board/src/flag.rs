//! The one-shot flag: set, the next warm reboot boots the slot of `[tryboot]`, once. It is lost with power.
//!
//! On a Raspberry Pi it is kept by the firmware, reached by its mailbox. In QEMU a raw sector stands for it, on a medium of
//! which writes last no longer than QEMU does, and U-Boot plays the firmware.

use crate::mailbox;
use crate::trouble::{Code, Trouble};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The first bytes of a sector that stands for a set flag; all others are zero, as are these when it is not set.
pub const SECTOR_MAGIC: [u8; 8] = *b"BSTRYBT1";
/// A sector's size in bytes.
pub const SECTOR_BYTES: usize = 512;

/// Where the flag is. Its text form stands in board.toml: `mailbox`, `mailbox:/dev/vcio_ab`, `sector:/dev/vda2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// The firmware keeps it, behind this device.
    Mailbox(PathBuf),
    /// The first sector of this device.
    Sector(PathBuf),
}

impl FromStr for Flag {
    type Err = String;

    fn from_str(text: &str) -> Result<Flag, String> {
        match text.split_once(':') {
            None if text == "mailbox" => Ok(Flag::Mailbox(mailbox::DEVICE.into())),
            Some(("mailbox", path)) if path.starts_with('/') => Ok(Flag::Mailbox(path.into())),
            Some(("sector", path)) if path.starts_with('/') => Ok(Flag::Sector(path.into())),
            _ => Err(format!("flag is `mailbox` or `sector:/PATH`, not `{text}`")),
        }
    }
}

impl Flag {
    /// Whether it is set.
    pub fn get(&self) -> Result<bool, Trouble> {
        match self {
            Flag::Mailbox(device) => mailbox::tryboot(device).map_err(|cause| missing(device, &cause)),
            Flag::Sector(device) => {
                let file = File::open(device).map_err(|cause| missing(device, &cause))?;
                read_sector(&file, device)
            }
        }
    }

    /// Sets or clears it, and sees that it is so.
    pub fn set(&self, armed: bool) -> Result<(), Trouble> {
        match self {
            Flag::Mailbox(device) => {
                mailbox::set_tryboot(device, armed).map_err(|cause| missing(device, &cause))?;
            }
            Flag::Sector(device) => {
                let sync = OFlags::SYNC.bits() as i32;
                let file = OpenOptions::new().read(true).write(true).custom_flags(sync).open(device);
                let file = file.map_err(|cause| missing(device, &cause))?;
                // Whatever is not a flag belongs to somebody: it is never written over.
                read_sector(&file, device)?;
                let mut sector = [0; SECTOR_BYTES];
                if armed {
                    sector[..SECTOR_MAGIC.len()].copy_from_slice(&SECTOR_MAGIC);
                }
                file.write_all_at(&sector, 0).map_err(|cause| missing(device, &cause))?;
            }
        }
        match self.get()? {
            now if now == armed => Ok(()),
            _ => Err(Trouble::new(Code::FlagMissing, "it does not keep what is written")),
        }
    }
}

fn missing(device: &Path, cause: &std::io::Error) -> Trouble {
    Trouble::new(Code::FlagMissing, format!("{}: {cause}", device.display()))
}

fn read_sector(file: &File, device: &Path) -> Result<bool, Trouble> {
    let mut sector = [0; SECTOR_BYTES];
    match file.read_exact_at(&mut sector, 0) {
        Err(cause) if cause.kind() != std::io::ErrorKind::UnexpectedEof => return Err(missing(device, &cause)),
        Err(_) => return Err(Trouble::new(Code::FlagUnknown, format!("{} has no whole sector", device.display()))),
        Ok(()) => {}
    }
    let (magic, rest) = sector.split_at(SECTOR_MAGIC.len());
    match magic {
        _ if rest.iter().any(|byte| *byte != 0) => {}
        _ if magic == SECTOR_MAGIC => return Ok(true),
        _ if magic.iter().all(|byte| *byte == 0) => return Ok(false),
        _ => {}
    }
    Err(Trouble::new(Code::FlagUnknown, format!("{} holds something else", device.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sector_is_armed_or_not_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sector");
        let flag = Flag::Sector(path.clone());
        assert_eq!(flag.get().unwrap_err().code, Code::FlagMissing);
        assert_eq!(flag.set(true).unwrap_err().code, Code::FlagMissing);
        assert!(!path.exists(), "a missing device is not made");
        std::fs::write(&path, [0; 1024]).unwrap();
        assert_eq!(flag.get(), Ok(false));
        flag.set(true).unwrap();
        assert_eq!(flag.get(), Ok(true));
        flag.set(true).unwrap();
        flag.set(false).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [0; 1024]);
        let half = [&SECTOR_MAGIC[..4], &[0; 508]].concat();
        let more = [&SECTOR_MAGIC[..], &[0; 503], &[1]].concat();
        for other in [vec![0; 511], vec![0xeb; 512], half, more] {
            std::fs::write(&path, &other).unwrap();
            assert_eq!(flag.get().unwrap_err().code, Code::FlagUnknown);
            assert_eq!(flag.set(false).unwrap_err().code, Code::FlagUnknown);
            assert_eq!(std::fs::read(&path).unwrap(), other, "what is no flag is left as it is");
        }
    }

    #[test]
    fn a_flag_is_named_in_one_line() {
        assert_eq!("mailbox".parse(), Ok(Flag::Mailbox("/dev/vcio".into())));
        assert_eq!("mailbox:/dev/vcio_ab".parse(), Ok(Flag::Mailbox("/dev/vcio_ab".into())));
        assert_eq!("sector:/dev/vda2".parse(), Ok(Flag::Sector("/dev/vda2".into())));
        for wrong in ["", "mail", "sector", "sector:vda2", "mailbox:"] {
            assert!(wrong.parse::<Flag>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mailbox_that_is_not_there_is_no_cleared_flag() {
        let flag = Flag::Mailbox("/dev/null/vcio".into());
        assert_eq!(flag.get().unwrap_err().code, Code::FlagMissing);
        // A device that knows no such ioctl.
        let flag = Flag::Mailbox("/dev/null".into());
        assert_eq!(flag.get().unwrap_err().code, Code::FlagMissing);
        assert_eq!(flag.set(true).unwrap_err().code, Code::FlagMissing);
    }
}
