//! The board's edges: device tree, the FAT partition of autoboot.txt, the data folder, and the one-shot flag.

use crate::autoboot::{Autoboot, BYTES_MAX, Slot};
use crate::boot_slot::{Booted, Decision, Seen, Step, Verb, decide};
use crate::flag::Flag;
use crate::trouble::{Code, Trouble};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file's name, on the FAT partition and in the data folder.
pub const FILE: &str = "autoboot.txt";
/// What it is called until it is whole.
pub const LEFTOVER: &str = "autoboot.tmp";
/// How long a command waits for another one that changes something. A change takes well under a second.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Where the edges are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edges {
    /// `/proc/device-tree`.
    pub device_tree: PathBuf,
    /// Where the FAT partition of autoboot.txt is mounted.
    pub autoboot: PathBuf,
    /// The folder of the copy, which must be there.
    pub data: PathBuf,
    /// The one-shot flag.
    pub flag: Flag,
}

/// How a file is written whole, part by part, so that a test can stop behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The temporary file is made and filled.
    Fill,
    /// Its bytes are on the medium.
    Sync,
    /// It has the file's name.
    Rename,
    /// Its name is on the medium, and everything else of the file system. On vfat nothing less is enough: with `fsync` of
    /// file and folder alone, a power cut left the name pointing at a cluster that was freed, in 150 of 150 tries.
    SyncFs,
}

impl Part {
    /// All, in their order.
    pub const ALL: [Part; 4] = [Part::Fill, Part::Sync, Part::Rename, Part::SyncFs];
}

impl Edges {
    /// Looks at everything. What cannot be read is an error in its own place.
    pub fn look(&self) -> Seen {
        Seen {
            booted: self.booted(),
            built: self.word("build-timestamp").map_err(|detail| Trouble::new(Code::BootloaderUnknown, detail)),
            autoboot: read_file(&self.autoboot)
                .map_err(|cause| self.unreadable(&cause))
                .and_then(|bytes| parse(&bytes)),
            armed: self.flag.get(),
            copy: self.copy(),
            leftover: self.autoboot.join(LEFTOVER).symlink_metadata().is_ok(),
        }
    }

    /// Does what a verb asks for and says the answer.
    pub fn run(&self, verb: Verb) -> Result<String, Trouble> {
        let _lock = if verb.is_question() { None } else { Some(self.lock()?) };
        let Decision { answer, steps } = decide(verb, &self.look())?;
        for step in steps {
            self.apply(step)?;
        }
        if verb == Verb::Repair {
            // What is left to a person is an error, with what was done told before it.
            let seen = self.look();
            if let Some(trouble) = seen.autoboot.err().or(seen.armed.err()).or(seen.booted.err()) {
                return Err(Trouble { detail: [trouble.detail, answer.replace('\n', " ")].join("; "), ..trouble });
            }
        }
        Ok(answer)
    }

    /// Does one step.
    pub fn apply(&self, step: Step) -> Result<(), Trouble> {
        let fat = |cause: io::Error| Trouble::new(Code::AutobootUnwritable, in_folder(&self.autoboot, &cause));
        match step {
            Step::Arm => self.flag.set(true),
            Step::Disarm => self.flag.set(false),
            Step::RemoveLeftover => remove(&self.autoboot).map_err(fat),
            Step::WriteAutoboot(file) => {
                write_whole(&self.autoboot, file).map_err(fat)?;
                match read_file(&self.autoboot).map_err(fat)? {
                    bytes if bytes == file.to_text().as_bytes() => Ok(()),
                    _ => Err(Trouble::new(Code::AutobootUnwritable, "it does not hold what was written")),
                }
            }
            Step::WriteCopy(file) => write_whole(&self.data, file)
                .map_err(|cause| Trouble::new(Code::DataUnwritable, in_folder(&self.data, &cause))),
        }
    }

    /// Keeps other commands from changing anything, until it is dropped.
    fn lock(&self) -> Result<OwnedFd, Trouble> {
        let folder = folder(&self.autoboot).map_err(|cause| self.unreadable(&cause))?;
        let begun = Instant::now();
        loop {
            match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(folder),
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < LOCK_WAIT => std::thread::sleep(LOCK_POLL),
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(Trouble::new(Code::Busy, "")),
                Err(cause) => return Err(self.unreadable(&cause.into())),
            }
        }
    }

    fn unreadable(&self, cause: &io::Error) -> Trouble {
        Trouble::new(Code::AutobootUnreadable, in_folder(&self.autoboot, cause))
    }

    /// A word that the firmware wrote into `chosen/bootloader`, 32 bits, big endian (Raspberry Pi documentation,
    /// configuration.adoc, "Device tree properties of the bootloader"); or why there is none.
    fn word(&self, name: &str) -> Result<u32, String> {
        let path = self.device_tree.join("chosen/bootloader").join(name);
        let bytes = fs::read(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
        let bytes = bytes.try_into().map_err(|_| format!("{} has not 4 bytes", path.display()))?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn booted(&self) -> Result<Booted, Trouble> {
        let wrong = |detail: String| Trouble::new(Code::DeviceTreeUnknown, detail);
        let partition = self.word("partition").map_err(wrong)?;
        let slot = Slot::of_partition(partition);
        let slot = slot.ok_or_else(|| wrong(format!("partition {partition} was booted, which is no slot")))?;
        Ok(Booted { slot, by_flag: self.word("tryboot").map_err(wrong)? != 0 })
    }

    fn copy(&self) -> Result<Option<Autoboot>, Trouble> {
        let unreadable = |cause: &io::Error| Trouble::new(Code::DataUnreadable, in_folder(&self.data, cause));
        match read_file(&self.data) {
            Ok(bytes) => parse(&bytes).map(Some),
            Err(cause) if cause.kind() == ErrorKind::NotFound && self.data.is_dir() => Ok(None),
            Err(cause) => Err(unreadable(&cause)),
        }
    }
}

fn in_folder(folder: &Path, cause: &io::Error) -> String {
    format!("{}: {cause}", folder.display())
}

fn parse(bytes: &[u8]) -> Result<Autoboot, Trouble> {
    Autoboot::parse(bytes).map_err(|unknown| Trouble::new(Code::AutobootUnknown, unknown.to_string()))
}

/// The file's bytes, and one more than may be where it is too long.
fn read_file(folder: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(folder.join(FILE))?.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Brings everything that was written to the medium of a folder.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder(path)?)?)
}

/// Removes the temporary file, on the medium too.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path.join(LEFTOVER)) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => sync(path),
    }
}

fn write_whole(folder: &Path, file: Autoboot) -> io::Result<()> {
    Part::ALL.into_iter().try_for_each(|part| write_part(folder, file, part))
}

/// One part of writing the file whole into a folder; the parts are done in their order.
pub fn write_part(path: &Path, file: Autoboot, part: Part) -> io::Result<()> {
    let temporary = path.join(LEFTOVER);
    match part {
        Part::Fill => File::create(&temporary)?.write_all(file.to_text().as_bytes()),
        Part::Sync => File::open(&temporary)?.sync_all(),
        Part::Rename => fs::rename(&temporary, path.join(FILE)),
        Part::SyncFs => sync(path),
    }
}
