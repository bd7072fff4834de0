//! Where one file ends and the next one begins: on a keyframe, with the sound that belongs to each.
//!
//! ```text
//!   keyframe that begins a file ──► held, with all pictures after it
//!   sound from before it        ──► goes to the file before
//!   sound from then on, or too long a wait ──► the file before ends, the next one begins with what is held
//! ```

use crate::encoder::hub::{Packet, Track};

/// So long sound from before the keyframe is waited for, nanoseconds of pictures: both tracks come from one encoder and are
/// no more than a few packets apart.
const WAIT_NS: u64 = 500_000_000;

/// A change of file that waits for the last sound of the one before.
#[derive(Debug)]
pub(super) struct Seam {
    key_ns: u64,
    held: Vec<Packet>,
}

/// What a packet means.
#[derive(Debug)]
pub(super) enum Side {
    /// It belongs to the file before.
    Before(Packet),
    /// It is held.
    Held,
    /// The next file begins: with these.
    After(Vec<Packet>),
}

impl Seam {
    pub(super) fn new(key: Packet) -> Seam {
        Seam { key_ns: key.pts_ns, held: vec![key] }
    }

    pub(super) fn take(&mut self, packet: Packet) -> Side {
        let Some(since_ns) = packet.pts_ns.checked_sub(self.key_ns) else { return Side::Before(packet) };
        let over = packet.track == Track::Sound || since_ns > WAIT_NS;
        self.held.push(packet);
        if over { Side::After(std::mem::take(&mut self.held)) } else { Side::Held }
    }

    /// Program time of what is held, nanoseconds.
    pub(super) fn oldest_ns(&self) -> u64 {
        self.key_ns
    }

    /// What is held, where no other file shall begin.
    pub(super) fn end(self) -> Vec<Packet> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(track: Track, ms: u64) -> Packet {
        gstreamer::init().unwrap();
        Packet { track, pts_ns: ms * 1_000_000, key: false, data: gstreamer::Buffer::with_size(1).unwrap() }
    }

    #[test]
    fn sound_goes_to_the_file_that_it_belongs_to() {
        let mut seam = Seam::new(packet(Track::Video, 2_000));
        assert!(matches!(seam.take(packet(Track::Sound, 1_970)), Side::Before(_)));
        assert!(matches!(seam.take(packet(Track::Video, 2_033)), Side::Held));
        assert!(matches!(seam.take(packet(Track::Sound, 1_991)), Side::Before(_)));
        let Side::After(held) = seam.take(packet(Track::Sound, 2_012)) else { panic!("the next file begins") };
        let times: Vec<u64> = held.iter().map(|packet| packet.pts_ns / 1_000_000).collect();
        assert_eq!(times, [2_000, 2_033, 2_012]);
    }

    #[test]
    fn sound_that_stays_away_is_not_waited_for_long() {
        let mut seam = Seam::new(packet(Track::Video, 2_000));
        assert!(matches!(seam.take(packet(Track::Video, 2_500)), Side::Held));
        assert!(matches!(seam.take(packet(Track::Video, 2_533)), Side::After(held) if held.len() == 3));
        assert_eq!(Seam::new(packet(Track::Video, 2_000)).end().len(), 1);
    }
}
