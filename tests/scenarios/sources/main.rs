//! Every kind of source, each with a real far side, goes on air: frame counter and beep are read back from what
//! nginx-rtmp recorded.

mod cameras;
mod house;
mod odd;
mod publishers;
mod pulls;
mod senders;
