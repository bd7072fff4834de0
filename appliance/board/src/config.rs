//! `board.toml`: where the board's edges are. On a Raspberry Pi and in QEMU it differs in one line, `flag`.
//!
//! ```toml
//! flag = "mailbox"                  # or "sector:/dev/disk/by-id/virtio-firmware-part2"
//! # autoboot = "/autoboot"          # where the first partition is mounted
//! # data = "/data/board"            # a folder on the data partition, for the copy of autoboot.txt
//! # device_tree = "/proc/device-tree"
//! ```

use crate::edges::Edges;
use crate::flag::Flag;
use crate::trouble::{Code, Trouble};
use serde::Deserialize;
use std::path::PathBuf;

/// Where the file is, unless told.
pub const PATH: &str = "/etc/bandstand/board.toml";

/// What the file, or flags of the command line, say. What is not said has a default, but for the flag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of the device tree.
    pub device_tree: Option<PathBuf>,
    /// The folder that holds autoboot.txt.
    pub autoboot: Option<PathBuf>,
    /// The folder of its copy.
    pub data: Option<PathBuf>,
    /// The one-shot flag, as text.
    pub flag: Option<String>,
}

impl Config {
    /// Reads the text of a board.toml.
    pub fn parse(text: &str) -> Result<Config, Trouble> {
        toml::from_str(text).map_err(|cause| Trouble::new(Code::ConfigInvalid, cause.message().to_owned()))
    }

    /// The same, where `other` says nothing.
    pub fn under(self, other: Config) -> Config {
        Config {
            device_tree: other.device_tree.or(self.device_tree),
            autoboot: other.autoboot.or(self.autoboot),
            data: other.data.or(self.data),
            flag: other.flag.or(self.flag),
        }
    }

    /// The edges.
    pub fn edges(self) -> Result<Edges, Trouble> {
        let invalid = |detail: String| Trouble::new(Code::ConfigInvalid, detail);
        let flag = self.flag.ok_or_else(|| invalid("it does not say which flag there is".to_owned()))?;
        Ok(Edges {
            device_tree: self.device_tree.unwrap_or_else(|| "/proc/device-tree".into()),
            autoboot: self.autoboot.unwrap_or_else(|| "/autoboot".into()),
            data: self.data.unwrap_or_else(|| "/data/board".into()),
            flag: flag.parse::<Flag>().map_err(invalid)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_enough_and_the_command_line_wins() {
        let file = Config::parse("flag = \"mailbox\"\n").unwrap();
        let edges = file.clone().edges().unwrap();
        assert_eq!((edges.flag, edges.data), (Flag::Mailbox("/dev/vcio".into()), "/data/board".into()));
        let told = Config { flag: Some("sector:/dev/vda2".into()), ..Config::default() };
        assert_eq!(file.under(told).edges().unwrap().flag, Flag::Sector("/dev/vda2".into()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "flag = 1", "flag = \"mail\"", "flags = \"mailbox\"", "flag"] {
            let refused = Config::parse(text).and_then(Config::edges).unwrap_err();
            assert_eq!(refused.code, Code::ConfigInvalid, "{text}");
        }
    }
}
