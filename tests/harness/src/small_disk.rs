//! A small file system in memory, to be filled to the last byte.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Written at a time while it is filled, bytes.
const PIECE: usize = 64 << 10;

/// A file system of its own, mounted where it is wanted; unmounted with this value.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts an empty one of `size_mib` in `folder`. None where this program may not mount; then nothing has changed.
    pub fn mount(folder: &Path, size_mib: u32) -> Option<SmallDisk> {
        std::fs::create_dir_all(folder).expect("make the folder of the small disk");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size_mib}m"), "bandstand-test"]).arg(folder);
        let output = command.output().ok()?;
        output.status.success().then(|| SmallDisk { folder: folder.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Fills what is left, to the last byte.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("make a file on the small disk");
        let mut size = PIECE;
        while size > 0 {
            // A piece that does not fit may be written in part; then smaller ones are tried.
            if file.write_all(&vec![0; size]).is_err() {
                size /= 2;
            }
        }
    }

    /// Frees it again.
    pub fn free(&self) {
        let _ = std::fs::remove_file(self.filler());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open there keeps it; for everybody else it is gone.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_takes_nothing_and_a_freed_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(folder.path(), 1) else {
            eprintln!("this user may not mount: not tried");
            return;
        };
        let write = || std::fs::write(folder.path().join("file"), vec![1; 4096]);
        write().unwrap();
        std::fs::remove_file(folder.path().join("file")).unwrap();
        disk.fill();
        assert_eq!(write().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        disk.free();
        write().unwrap();
        drop(disk);
        assert!(!folder.path().join("file").exists(), "it is unmounted");
    }
}
