//! What end-to-end tests are made of: films that can be measured, real far sides, and a box under test.
//!
//! Everything here waits for states, always with a limit; nothing waits for a time to pass. Failures panic with a
//! sentence, since a test is who calls.

pub mod bandstand;
pub mod barcode;
pub mod beep;
pub mod camera;
pub mod clip;
pub mod events;
pub mod figures;
pub mod flv;
pub mod frames;
pub mod go_live;
pub mod machine;
pub mod mix;
pub mod place;
pub mod platform;
pub mod ports;
pub mod process;
pub mod publisher;
pub mod random;
pub mod recording;
pub mod rtmp;
pub mod rtsp;
pub mod sender;
pub mod small_disk;
pub mod srt;
pub mod stage;
pub mod statuses;
pub mod tap;
pub mod tls;
pub mod toxiproxy;
pub mod ts_sender;
pub mod udp_relay;
pub mod venue;
pub mod wait;
pub mod web;
pub mod worker;
