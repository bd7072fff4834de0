//! What the appliance knows of its board.
//!
//! - [`boot_slot`] decides which of the two slots boots, without I/O; [`autoboot`] is the file that the firmware reads;
//!   [`edges`], [`flag`] and [`mailbox`] are the world: device tree, FAT partition, data folder and one-shot flag. Whether the
//!   board's own [`bootloader`] is one that updates can stand upon is asked before anything is written over.
//! - [`preseed`] reads what was put on the medium beside the image: names, Wi-Fi, keys; [`first_boot`] takes it over.
//! - [`disk`] prepares a disk for recordings.
//! - [`radio`] puts in force whose radio rules hold; [`regulatory`] asks the kernel for them.
//!
//! The program `bandstand-board` is in `main.rs`.

pub mod autoboot;
pub mod boot_slot;
pub mod bootloader;
pub mod config;
pub mod disk;
pub mod edges;
pub mod factory_reset;
pub mod first_boot;
pub mod flag;
pub mod mailbox;
pub mod preseed;
pub mod radio;
pub mod regulatory;
pub mod trouble;
