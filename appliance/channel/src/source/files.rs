//! What is played from the disk: one file that loops, or a playlist.

use super::media::Media;
use super::reel::{Part, Reel};
use super::store::Picture;
use automation::fault::Fault;

/// Files that are pulled by the program's own time. A showing is named by the tick at which it began.
#[derive(Debug)]
pub enum Files {
    /// One file, which loops.
    One(Media),
    /// Several, one after another.
    List(Reel),
}

impl Files {
    /// What is read at `position_ns` of a showing. None while its player is being made, which this asks for.
    pub fn part(&self, began: i64, position_ns: u64) -> Option<Part> {
        match self {
            Files::One(media) => {
                let player = media.showing(began).or_else(|| media.player(began, position_ns))?;
                Some(Part { player, at_ns: position_ns })
            }
            Files::List(reel) => reel.part(began, position_ns),
        }
    }

    /// Takes the sound from `at_ns` of a showing on into `out` (interleaved stereo); silence where there is none. Asks
    /// for no player.
    pub fn listen(&self, began: i64, at_ns: u64, out: &mut [f32]) {
        match self {
            Files::One(media) => match media.showing(began) {
                Some(player) => player.store.listen(at_ns, out),
                None => out.fill(0.0),
            },
            Files::List(reel) => reel.listen(began, at_ns, out),
        }
    }

    /// A picture for a thumbnail.
    pub fn thumbnail(&self) -> Option<Picture> {
        match self {
            Files::One(media) => media.any().and_then(|player| player.store.first()),
            Files::List(reel) => reel.thumbnail(),
        }
    }

    /// What is wrong with it, though some of it may be played.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Files::One(media) => media.fault(),
            Files::List(reel) => reel.fault(),
        }
    }

    /// Why nothing of it can be played.
    pub fn unplayable(&self) -> Option<Fault> {
        match self {
            Files::One(media) => media.fault(),
            Files::List(reel) => reel.unplayable(),
        }
    }

    /// Size of its pictures, and whether it has sound.
    pub fn facts(&self) -> ((u32, u32), bool) {
        match self {
            Files::One(media) => media.facts(),
            Files::List(reel) => reel.facts(),
        }
    }
}
