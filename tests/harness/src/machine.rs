//! What a box reads of its machine, as files of a test's own: which boot it is, and whether its clock is right.

use std::path::{Path, PathBuf};

/// A machine whose power can be cut, and that knows the time or does not.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    boots: u32,
}

impl Machine {
    /// A machine that has been started once, and knows the time.
    pub fn new(root: &Path) -> Machine {
        let mut machine = Machine { root: root.to_owned(), boots: 0 };
        machine.boot();
        machine.clock(true);
        machine
    }

    /// The folder of its files, as `bandstand` takes it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// It is started anew.
    pub fn boot(&mut self) {
        self.boots += 1;
        self.write("proc/sys/kernel/random/boot_id", &format!("boot-{}\n", self.boots));
    }

    /// Whether something vouches for its clock from now on: here systemd-timesyncd.
    pub fn clock(&self, known: bool) {
        let mark = "run/systemd/timesync/synchronized";
        if known {
            self.write(mark, "");
        } else {
            std::fs::remove_file(self.root.join(mark)).expect("take the mark of a known clock away");
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("make the machine's folders");
        std::fs::write(path, text).expect("write a file of the machine's");
    }
}
