//! The medium that the box writes to: how full, how much was written to it, and what the kernel found wrong.

use crate::doc::StorageDoc;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What is known of the file system of a folder. What the kernel counts is below `machine`.
pub(crate) fn of(machine: &Path, folder: &Path) -> Option<StorageDoc> {
    let about = rustix::fs::statvfs(folder).ok()?;
    let device = std::fs::metadata(folder).ok()?.dev();
    let counted = counted(machine, rustix::fs::major(device), rustix::fs::minor(device));
    let (written_bytes, errors) = counted.unwrap_or_default();
    Some(StorageDoc {
        bytes: about.f_blocks.saturating_mul(about.f_frsize),
        free_bytes: about.f_bavail.saturating_mul(about.f_frsize),
        written_bytes,
        errors,
    })
}

/// What ext4 counts of a device over its whole life: bytes written, and errors (Documentation/ABI/testing/sysfs-fs-ext4 of
/// the kernel's sources).
fn counted(machine: &Path, major: u32, minor: u32) -> Option<(Option<u64>, Option<u64>)> {
    let link = std::fs::read_link(machine.join(format!("sys/dev/block/{major}:{minor}"))).ok()?;
    let ext4 = machine.join("sys/fs/ext4").join(link.file_name()?);
    let number = |name: &str| std::fs::read_to_string(ext4.join(name)).ok()?.trim().parse::<u64>().ok();
    Some((number("lifetime_write_kbytes").map(|kib| kib.saturating_mul(1024)), number("errors_count")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_counts_is_found_by_the_devices_number() {
        let machine = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = machine.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sys/fs/ext4/mmcblk0p7/lifetime_write_kbytes", "2048\n");
        write("sys/fs/ext4/mmcblk0p7/errors_count", "3\n");
        write("sys/dev/block/none", "");
        let links = machine.path().join("sys/dev/block");
        std::os::unix::fs::symlink("../../devices/platform/mmc/block/mmcblk0/mmcblk0p7", links.join("179:7")).unwrap();
        assert_eq!(counted(machine.path(), 179, 7), Some((Some(2 << 20), Some(3))));
        assert_eq!(counted(machine.path(), 179, 6), None);
    }

    #[test]
    fn a_folder_has_room_and_no_more_than_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = of(Path::new("/nowhere"), folder.path()).unwrap();
        assert!(storage.bytes > 0 && storage.free_bytes <= storage.bytes, "{storage:?}");
        assert_eq!((storage.written_bytes, storage.errors), (None, None));
        assert_eq!(of(Path::new("/"), &folder.path().join("absent")), None);
    }
}
