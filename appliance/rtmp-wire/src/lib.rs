//! Speaks RTMP, without I/O: Adobe's *Real-Time Messaging Protocol 1.0*.
//!
//! Two rooms speak it: `ingest` hears publishers, `channel` is one. What they have in common is here: chunks, AMF0, the
//! header of Enhanced RTMP's pictures, and the [`publisher`]'s side of the conversation.

pub mod amf0;
pub mod chunk;
pub mod ex_video;
pub mod publisher;
