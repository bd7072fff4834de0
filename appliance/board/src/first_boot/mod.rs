//! What a box takes over from the files on the FAT partition of its medium: its name, its networks, the code of the first
//! sign-in, channels and where they are sent.
//!
//! ```text
//! bandstand.toml, rpi-preseed.toml, *.nmconnection ──► plan ──► files on /data ──► secrets blanked ──► report beside them
//! ```
//! [`plan`] decides, from texts; [`apply`] reads and writes. It is done at each start, and does nothing where the files are
//! those that were taken over. A power cut within leaves some of it done, and the next start does all of it again.
//! A file that is not understood changes nothing, keeps its secrets, and says in the report what to mend. One whose channels and
//! destinations are refused keeps its stream keys, for the same reason. Of either, [`noted`] keeps no text.

pub mod apply;
pub mod keyfile;
pub mod noted;
pub mod plan;
