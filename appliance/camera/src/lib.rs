//! Asks cameras: which there are, what they are, where their streams are, and to move. ONVIF over HTTP, Visca over IP,
//! and mDNS.
//!
//! Every question blocks the thread that asks it, for a bounded time, and takes a bounded answer. What a camera says
//! is never trusted: no DTD, no entities, no redirect is followed, and an address that it names counts only for its
//! path and port, never for its host.

pub mod discovery;
pub mod error;
pub mod head;
mod http;
pub mod mdns;
pub mod onvif;
mod soap;
pub mod url;
pub mod visca;
mod xml;

pub use error::CameraError;
pub use head::{Head, Move, Preset};
pub use url::Url;

use automation::secret::Secret;

/// What a camera asks for before it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name; empty for none.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// Text that a camera gave, fit for a page and a log: one line, without control characters, at most `max` characters.
pub fn tame(text: &str, max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut tame = String::new();
    for word in words {
        if !tame.is_empty() {
            tame.push(' ');
        }
        tame.push_str(word);
    }
    tame.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_camera_says_fits_a_line() {
        assert_eq!(tame("  Dome\r\n\u{1b}[31m 4K\u{0} ", 20), "Dome [31m 4K");
        assert_eq!(tame("ääää", 2), "ää");
        assert_eq!(tame("\u{7f}\n", 5), "");
    }
}
