//! The disks that recordings could be kept on: what hangs on USB, or is an NVMe, and holds nothing that the system runs from.
//!
//! The kernel lists disks and their partitions in `/sys/class/block`, sizes in sectors of 512 bytes whatever the disk's own are
//! (Documentation/ABI/stable/sysfs-block), and what is mounted in `/proc/self/mountinfo` by the device's numbers
//! (proc_pid_mountinfo(5)). What is on them udev keeps in `/run/udev/data/bMAJOR:MINOR`, lines `E:NAME=VALUE`.

use std::fs;
use std::path::{Path, PathBuf};

/// Label of the file system that makes a disk one for recordings; at most 16 bytes (ext4).
pub const LABEL: &str = "BANDSTAND-DISK";
/// Where that file system is mounted: a folder of the root, which nobody can write to while no disk is there.
pub const MOUNTED_AT: &str = "/media/recordings";
/// The folder on it that recordings are in. Where it is not, the disk is not there.
pub const FOLDER: &str = "bandstand";
/// Smaller ones are no disks for recordings, bytes.
pub const BYTES_MIN: u64 = 1_000_000_000;

const SECTOR_BYTES: u64 = 512;

/// A disk that could be taken, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What the kernel calls it, such as `sda`. Another disk may have the name after it was pulled out.
    pub name: String,
    /// The kernel's number of it: no disk that is plugged in later has the same (`diskseq`); 0 where the kernel is older.
    pub number: u64,
    /// What its maker calls it; empty where nobody says.
    pub model: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// What is on it: the label of each file system, or its type where it has none.
    pub holds: Vec<String>,
    /// It has a file system for recordings.
    pub ours: bool,
}

/// The disks of the machine whose files are below `machine`, by their names.
pub fn disks(machine: &Path) -> Vec<Disk> {
    let mounted = mounted(machine);
    let folder = machine.join("sys/class/block");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.iter().filter_map(|name| disk(machine, &folder.join(name), name, &mounted)).collect()
}

/// Why a disk may not be taken for recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is none of that name and number.
    Unknown,
    /// Another one is for recordings, of this name: one is used at a time.
    Another(String),
}

/// The disk of that name and number, if it may be taken for recordings.
pub fn takeable(machine: &Path, name: &str, number: u64) -> Result<Disk, Refused> {
    let all = disks(machine);
    let found = all.iter().find(|disk| disk.name == name && disk.number == number).ok_or(Refused::Unknown)?;
    match all.iter().find(|disk| disk.ours && disk.name != name) {
        Some(other) => Err(Refused::Another(other.name.clone())),
        None => Ok(found.clone()),
    }
}

fn disk(machine: &Path, device: &Path, name: &str, mounted: &[Mounted]) -> Option<Disk> {
    let usb = || fs::read_link(device).is_ok_and(|link| link.components().any(|part| is_usb(part.as_os_str())));
    // Partitions are listed beside their disks.
    if device.join("partition").exists() || !(name.starts_with("nvme") || usb()) {
        return None;
    }
    let bytes = line(&device.join("size"))?.parse::<u64>().ok()?.checked_mul(SECTOR_BYTES)?;
    // A reader without a card has no bytes.
    if bytes < BYTES_MIN {
        return None;
    }
    let children = fs::read_dir(device).into_iter().flatten().flatten().map(|entry| entry.path());
    let parts: Vec<PathBuf> = children.filter(|child| child.join("partition").exists()).collect();
    let number = line(&device.join("diskseq")).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut about = Disk { name: name.to_owned(), number, model: String::new(), bytes, holds: Vec::new(), ours: false };
    for device in [device.to_owned()].iter().chain(&parts) {
        let number = line(&device.join("dev"))?;
        let foreign = |mount: &Mounted| mount.number == number && mount.at != Path::new(MOUNTED_AT);
        // What the system runs from, or somebody else's program.
        if mounted.iter().any(foreign) || has_holders(device) {
            return None;
        }
        let told = fs::read_to_string(machine.join(format!("run/udev/data/b{number}"))).unwrap_or_default();
        let value =
            |key: &str| told.lines().find_map(|line| line.strip_prefix("E:")?.strip_prefix(key)?.strip_prefix('='));
        if about.model.is_empty() {
            about.model = value("ID_MODEL").unwrap_or_default().replace('_', " ").trim().to_owned();
        }
        let (label, kind) = (value("ID_FS_LABEL"), value("ID_FS_TYPE"));
        about.ours |= label == Some(LABEL) && kind == Some("ext4");
        about.holds.extend(label.or(kind).map(str::to_owned));
    }
    about.holds.sort();
    Some(about)
}

/// `usb1`, `usb2`: a bus in a device's path.
fn is_usb(part: &std::ffi::OsStr) -> bool {
    let bus = part.to_str().and_then(|part| part.strip_prefix("usb"));
    bus.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether something is stacked upon it: RAID, LVM, encryption.
fn has_holders(device: &Path) -> bool {
    fs::read_dir(device.join("holders")).is_ok_and(|mut entries| entries.next().is_some())
}

fn line(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

struct Mounted {
    /// Major and minor, with a colon between them.
    number: String,
    at: PathBuf,
}

fn mounted(machine: &Path) -> Vec<Mounted> {
    let table = fs::read_to_string(machine.join("proc/self/mountinfo")).unwrap_or_default();
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(2);
        Some(Mounted { number: fields.next()?.to_owned(), at: fields.nth(1)?.into() })
    };
    table.lines().filter_map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(mounts: &str) -> Machine {
            let machine = Machine(tempfile::tempdir().unwrap());
            machine.write("proc/self/mountinfo", mounts);
            fs::create_dir_all(machine.0.path().join("sys/class/block")).unwrap();
            machine
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// A device on a bus: a disk, or its partition where `of` names its disk.
        fn add(&self, bus: &str, of: Option<&str>, name: &str, number: &str, gib: u64, udev: &str) {
            let inside =
                of.map_or(format!("devices/{bus}/block/{name}"), |of| format!("devices/{bus}/block/{of}/{name}"));
            self.write(&format!("sys/{inside}/size"), &format!("{}\n", (gib << 30) / SECTOR_BYTES));
            self.write(&format!("sys/{inside}/dev"), &format!("{number}\n"));
            self.write(&format!("sys/{inside}/diskseq"), "7\n");
            if of.is_some() {
                self.write(&format!("sys/{inside}/partition"), "1\n");
            }
            self.write(&format!("run/udev/data/b{number}"), udev);
            let link = self.0.path().join("sys/class/block").join(name);
            std::os::unix::fs::symlink(format!("../../{inside}"), link).unwrap();
        }

        fn found(&self) -> Vec<Disk> {
            disks(self.0.path())
        }

        fn names(&self) -> Vec<String> {
            self.found().into_iter().map(|disk| disk.name).collect()
        }
    }

    const USB: &str = "platform/scb/pci0000:00/usb2/2-1/2-1:1.0/host0/target0:0:0/0:0:0:0";

    #[test]
    fn a_disk_on_usb_is_found_with_what_is_on_it() {
        let machine = Machine::new("25 1 179:7 / /data rw - ext4 /dev/mmcblk0p7 rw\n");
        machine.add("platform/mmc", None, "mmcblk0", "179:0", 32, "");
        machine.add(USB, None, "sda", "8:0", 64, "E:ID_MODEL=Ultra_Fit\nE:ID_BUS=usb\n");
        machine.add(USB, Some("sda"), "sda1", "8:1", 63, "E:ID_FS_LABEL=HOLIDAY\nE:ID_FS_TYPE=vfat\n");
        let expected = Disk {
            name: "sda".into(),
            number: 7,
            model: "Ultra Fit".into(),
            bytes: 64 << 30,
            holds: vec!["HOLIDAY".into()],
            ours: false,
        };
        assert_eq!(machine.found(), [expected], "the card is none, nor is a partition");
    }

    #[test]
    fn what_the_system_runs_from_is_never_offered() {
        // A box that runs from an NVMe, with a disk of somebody's that is mounted, and one under RAID.
        let machine = Machine::new(
            "25 1 259:7 / /data rw - ext4 /dev/nvme0n1p7 rw\n31 25 8:1 / /media/a rw - vfat /dev/sda1 rw\n",
        );
        machine.add("pci/nvme/nvme0", None, "nvme0n1", "259:0", 64, "");
        machine.add("pci/nvme/nvme0", Some("nvme0n1"), "nvme0n1p7", "259:7", 60, "E:ID_FS_TYPE=ext4\n");
        machine.add(USB, None, "sda", "8:0", 64, "");
        machine.add(USB, Some("sda"), "sda1", "8:1", 64, "");
        machine.add(USB, None, "sdb", "8:16", 64, "");
        machine.write(&format!("sys/devices/{USB}/block/sdb/holders/md0/dev"), "9:0\n");
        machine.add("pci/nvme/nvme1", None, "nvme1n1", "259:8", 64, "");
        assert_eq!(machine.names(), ["nvme1n1"]);
    }

    #[test]
    fn the_disk_for_recordings_is_known_whether_it_is_mounted_or_not() {
        let mounts = format!("40 25 8:1 / {MOUNTED_AT} rw - ext4 /dev/sda1 rw\n");
        for mounts in ["", &mounts] {
            let machine = Machine::new(mounts);
            machine.add(USB, None, "sda", "8:0", 64, "");
            machine.add(USB, Some("sda"), "sda1", "8:1", 64, &format!("E:ID_FS_LABEL={LABEL}\nE:ID_FS_TYPE=ext4\n"));
            assert!(machine.found()[0].ours, "{mounts}");
        }
        let machine = Machine::new("");
        machine.add(USB, None, "sda", "8:0", 64, &format!("E:ID_FS_LABEL={LABEL}\nE:ID_FS_TYPE=vfat\n"));
        assert!(!machine.found()[0].ours, "a label alone is not ours");
    }

    #[test]
    fn one_is_taken_by_its_name_and_number_while_no_other_is_for_recordings() {
        let machine = Machine::new("");
        let ours = format!("E:ID_FS_LABEL={LABEL}\nE:ID_FS_TYPE=ext4\n");
        machine.add(USB, None, "sda", "8:0", 64, "");
        assert_eq!(takeable(machine.0.path(), "sda", 7).unwrap().name, "sda");
        for (name, number) in [("sda", 8), ("sdb", 7), ("../sda", 7), ("", 7)] {
            assert_eq!(takeable(machine.0.path(), name, number), Err(Refused::Unknown), "{name} {number}");
        }
        machine.add(USB, None, "sdb", "8:16", 64, &ours);
        assert_eq!(takeable(machine.0.path(), "sda", 7), Err(Refused::Another("sdb".into())));
        assert!(takeable(machine.0.path(), "sdb", 7).unwrap().ours, "it is the one itself");
    }

    #[test]
    fn readers_without_a_card_and_machines_without_anything_have_none() {
        let machine = Machine::new("");
        machine.add(USB, None, "sda", "8:0", 0, "");
        machine.add("virtual", None, "loop0", "7:0", 64, "");
        machine.add("platform/usbguard", None, "vda", "254:0", 64, "");
        assert_eq!(machine.names(), [""; 0]);
        assert_eq!(disks(Path::new("/nowhere")), []);
    }
}
