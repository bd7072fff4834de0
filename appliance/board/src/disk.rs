//! Prepares a disk for recordings: everything on it goes, and it has one ext4 file system with our label, which udev and systemd
//! mount from then on wherever it is plugged in.

use crate::trouble::{Code, Trouble};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

/// The unit that mounts it; named after where, as systemd wants it.
const MOUNT: &str = "media-recordings.mount";
/// Whose the recordings are: who owns this.
const STATE: &str = "/var/lib/bandstand";

/// One partition over the whole disk: other computers say of a disk without any that it is empty, and offer to format it.
const TABLE: &str = "label: gpt\ntype=linux\n";
/// Recordings are large.
const BYTES_PER_INODE: &str = "1048576";

/// The disk that is meant by `name-number`, if it may be taken: what the kernel calls it, and its number among all that were ever
/// plugged in, so that another one which has the name by now is not taken for it.
fn find(machine: &Path, instance: &str) -> Result<disks::Disk, Trouble> {
    let unknown = || Trouble::new(Code::DiskUnknown, instance);
    let (name, number) = instance.rsplit_once('-').ok_or_else(unknown)?;
    // Written in one way alone, so that no two units are begun for one disk.
    let meant = number.parse::<u64>().ok().filter(|meant| meant.to_string() == number).ok_or_else(unknown)?;
    disks::takeable(machine, name, meant).map_err(|refused| match refused {
        disks::Refused::Unknown => unknown(),
        disks::Refused::Another(other) => Trouble::new(Code::DiskBusy, other),
    })
}

/// What the kernel calls a disk's first partition: `sda1`, `nvme0n1p1`.
fn first_partition(disk: &str) -> String {
    let between = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("/dev/{disk}{between}1")
}

/// Makes an empty disk for recordings of one, and mounts it: `instance` is what the kernel calls it, a hyphen, and its number.
/// `machine` is the root of its files.
pub fn take(machine: &Path, instance: &str) -> Result<String, Trouble> {
    let disk = find(machine, instance)?;
    let (device, partition) = (format!("/dev/{}", disk.name), first_partition(&disk.name));
    if disk.ours {
        run("systemctl", &["stop", MOUNT], "")?;
    }
    run("sfdisk", &["--quiet", "--wipe", "always", "--wipe-partitions", "always", &device], TABLE)?;
    run("udevadm", &["settle", "--timeout=30"], "")?;
    // No part of it is kept for root, and there are few files, large ones: its tables are small, and written now, not under a
    // broadcast.
    let options = "lazy_itable_init=0,lazy_journal_init=0";
    run(
        "mkfs.ext4",
        &["-q", "-F", "-m", "0", "-i", BYTES_PER_INODE, "-L", disks::LABEL, "-E", options, &partition],
        "",
    )?;
    run("udevadm", &["settle", "--timeout=30"], "")?;
    run("systemctl", &["start", MOUNT], "")?;
    let failed = |cause: std::io::Error| Trouble::new(Code::DiskFailed, cause.to_string());
    let (mounted_at, owner) = (Path::new(disks::MOUNTED_AT), std::fs::metadata(STATE).map_err(failed)?);
    if std::fs::metadata(mounted_at).map_err(failed)?.dev() != std::fs::metadata(&partition).map_err(failed)?.rdev() {
        return Err(Trouble::new(Code::DiskFailed, "another one is mounted in its place"));
    }
    // It is there for a worker when it is whole.
    let draft = mounted_at.join(".bandstand.new");
    std::fs::create_dir(&draft).map_err(failed)?;
    chown(&draft, Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
    std::fs::rename(&draft, mounted_at.join(disks::FOLDER)).map_err(failed)?;
    crate::edges::sync(mounted_at).map_err(failed)?;
    Ok(format!("{} ({} bytes) is ready for recordings.", disk.name, disk.bytes))
}

/// Runs a program of the system to its end, with something on its standard input.
fn run(program: &str, arguments: &[&str], input: &str) -> Result<(), Trouble> {
    use std::io::Write as _;
    let failed = |why: String| Trouble::new(Code::DiskFailed, format!("{program}: {why}"));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|cause| failed(cause.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read it has ended by itself, and says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let ended = child.wait_with_output().map_err(|cause| failed(cause.to_string()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(failed(format!("{} {}", ended.status, said.split_whitespace().collect::<Vec<_>>().join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_called_as_the_kernel_calls_them() {
        assert_eq!(first_partition("sda"), "/dev/sda1");
        assert_eq!(first_partition("nvme0n1"), "/dev/nvme0n1p1");
    }

    #[test]
    fn what_is_no_disk_for_recordings_is_not_touched() {
        let machine = tempfile::tempdir().unwrap();
        for name in ["mmcblk0-1", "sda-1", "../sda-1", "sda", "-", ""] {
            assert_eq!(take(machine.path(), name).unwrap_err().code, Code::DiskUnknown, "{name}");
        }
    }

    #[test]
    fn a_program_that_fails_says_why() {
        run("cat", &[], "read\n").unwrap();
        let trouble = run("sh", &["-c", "read word; echo $word is >&2; echo broken >&2; exit 3"], "it\n").unwrap_err();
        assert_eq!(trouble.detail, "sh: exit status: 3 it is broken");
        assert_eq!(run("/nowhere", &[], "").unwrap_err().code, Code::DiskFailed);
    }
}
