//! Sources: where pictures and sound come from.

use super::{Ptz, Wrongs, check};
use crate::id::{AssetId, SourceId};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// Jitter buffer of a live source where nothing else is said, milliseconds.
pub const LATENCY_MS_DEFAULT: u32 = 300;
/// The same of a stream that is fetched: what comes over the internet comes unevenly.
pub const PULL_LATENCY_MS_DEFAULT: u32 = 1000;
/// A shorter jitter buffer counts as this one, milliseconds. Sound is asked for one tick ahead (42 ms at 24 pictures a
/// second), needs 20 ms more to fade where it ends, and comes in packets of 21 ms.
pub const LATENCY_MS_LEAST: u32 = 120;
/// Longest jitter buffer, milliseconds (CT-13).
pub const LATENCY_MS_MAX: u32 = 5000;
/// Shortest time that SRT has for sending again what was lost, milliseconds: below one round trip it can mend nothing.
pub const SRT_LATENCY_MS_MIN: u32 = 20;

/// How long a still of a playlist stands where nothing else is said, milliseconds.
pub const STILL_MS_DEFAULT: u32 = 10_000;
/// Shortest time of a still, milliseconds: the next file must be opened meanwhile.
pub const STILL_MS_MIN: u32 = 1_000;
/// Longest time of a still, milliseconds: an hour.
pub const STILL_MS_MAX: u32 = 3_600_000;
/// Files of one playlist: each is opened when the channel begins.
pub const PLAYLIST_MAX: usize = 100;

fn still_default() -> u32 {
    STILL_MS_DEFAULT
}

fn pull_latency_default() -> u32 {
    PULL_LATENCY_MS_DEFAULT
}

/// In place of a capture's sound device: the one that belongs to its video device.
pub const CAPTURE_SOUND_AUTO: &str = "auto";
/// In place of a capture's sound device: none.
pub const CAPTURE_SOUND_NONE: &str = "none";

fn sound_by_itself() -> String {
    CAPTURE_SOUND_AUTO.to_owned()
}

fn latency_default() -> u32 {
    LATENCY_MS_DEFAULT
}

/// One source of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Its name, as the operator reads it; 1 to 100 characters.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: SourceKind,
    /// The source that takes over while this one is lost.
    #[serde(default)]
    pub backup: Option<SourceId>,
    /// The head that moves its camera, where it has one that we can tell.
    #[serde(default)]
    pub ptz: Option<Ptz>,
    /// Whether only its sound is used: a mixing desk. What it sends of pictures is left out, and it can never be on air
    /// itself. A capture without a video device is so by itself, see [`Source::is_sound_only`].
    #[serde(default)]
    pub sound_only: bool,
}

/// The kinds of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SourceKind {
    /// An IP camera, by RTSP.
    Camera {
        /// `rtsp://host[:port]/path`, or `rtsps://` for TLS, without user and password.
        url: String,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; empty for none.
        #[serde(default)]
        password: Secret,
        /// How its pictures travel.
        #[serde(default)]
        transport: Transport,
        /// Whether any certificate will do with TLS. Cameras make their own, which no authority vouches for.
        #[serde(default)]
        any_certificate: bool,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// A publisher such as OBS, received by `ingest`.
    Rtmp {
        /// Name of the stream at the door: `<channel>_obs` or `<channel>_loop`, by its role; with a number where a channel
        /// has several.
        stream: String,
        /// What it sends.
        #[serde(default)]
        role: PublisherRole,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// A sender by SRT, MPEG-TS inside.
    Srt {
        /// Who calls whom.
        mode: SrtMode,
        /// Host to call; empty for a listener.
        #[serde(default)]
        host: String,
        /// UDP port: of the far side for a caller, our own for a listener.
        port: u16,
        /// Stream id: a caller sends it, a listener lets in only who sends it; empty for none. It may hold a token.
        #[serde(default)]
        stream_id: Secret,
        /// Passphrase, 10 to 79 characters; empty for no encryption.
        #[serde(default)]
        passphrase: Secret,
        /// Time in which lost packets are sent again, milliseconds, 20 to 5000.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// A sender of MPEG-TS by UDP, by itself or in RTP; to this box, or to a multicast group.
    Udp {
        /// Our UDP port.
        port: u16,
        /// The multicast group to join; empty for none.
        #[serde(default)]
        group: String,
        /// Jitter buffer in milliseconds, 0 to 5000.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// A stream that is fetched: RTMP, or HLS and MPEG-TS by HTTP. ErsatzTV, Tunarr and Jellyfin offer such.
    Pull {
        /// `rtmp://host[:port]/app/stream` or `http://host[:port]/path`, both also with TLS (`rtmps`, `https`); without
        /// user, password and query.
        url: String,
        /// What follows the `?` of the address; empty for none. It may hold a token.
        #[serde(default)]
        query: Secret,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; empty for none.
        #[serde(default)]
        password: Secret,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "pull_latency_default")]
        latency_ms: u32,
    },
    /// A device of this machine: a grabber or a camera by USB or HDMI (V4L2), a mixing desk (ALSA).
    Capture {
        /// The video device's identity, see [`crate::capture::find`]; empty for sound alone.
        #[serde(default)]
        video: String,
        /// The sound device's identity; or `auto` for the one that belongs to the video device, where there is one; or
        /// `none`.
        #[serde(default = "sound_by_itself")]
        sound: String,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// Uploaded films and stills: one that loops, or several that are played one after another, over and over.
    Media {
        /// The file; the first one of a playlist.
        asset: AssetId,
        /// The files that follow it, in this order; at most 99. A file may stand in a list several times.
        #[serde(default)]
        then: Vec<AssetId>,
        /// How long a still of a playlist stands, milliseconds, 1000 to 3600000. One that is alone stands for ever.
        #[serde(default = "still_default")]
        still_ms: u32,
    },
    /// A picture made by us: the venue's name, and a line below.
    Slate {
        /// Text in large letters; 0 to 200 characters.
        title: String,
        /// Text below it; 0 to 200 characters.
        #[serde(default)]
        text: String,
    },
    /// A picture made by us, for set-up.
    TestPattern {
        /// Which.
        pattern: Pattern,
    },
}

/// How a camera's pictures travel (RFC 2326, section 12.39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Transport {
    /// By TCP; by UDP where the camera refuses TCP.
    #[default]
    Auto,
    /// Over the connection itself: nothing is lost, and firewalls let it through.
    Tcp,
    /// In packets of their own, which may be lost.
    Udp,
}

/// What a publisher sends (LP-11, LP-25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PublisherRole {
    /// What happens now: OBS, an encoder.
    #[default]
    Live,
    /// What bridges: a playout, such as ErsatzTV, that plays for ever.
    Loop,
}

impl PublisherRole {
    /// How names of its streams end, before a number.
    pub fn ending(self) -> &'static str {
        match self {
            PublisherRole::Live => "_obs",
            PublisherRole::Loop => "_loop",
        }
    }
}

/// Who calls whom by SRT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SrtMode {
    /// Bandstand calls the far side.
    Caller,
    /// Bandstand waits to be called.
    Listener,
}

/// A UDP port of ours on which a source waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits<'a> {
    /// The port.
    pub port: u16,
    /// The multicast group; empty for none.
    pub group: &'a str,
}

impl Waits<'_> {
    /// Whether both cannot wait at once: a port is one source's, and only multicast groups share one.
    pub fn clashes(&self, other: &Waits<'_>) -> bool {
        self.port == other.port && (self.group.is_empty() || other.group.is_empty())
    }
}

/// Test patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Pattern {
    /// SMPTE colour bars with a 1 kHz tone at −20 dBFS.
    Bars,
    /// Black with silence.
    Black,
}

impl Source {
    /// Whether its texts and numbers are in their limits. Whether its file and backup exist, the channel's spec knows.
    pub fn check(&self) -> Result<(), Wrongs> {
        check::source(self)
    }

    /// Why one with sound only cannot be on air, in a person's words.
    pub fn why_not_seen(&self) -> String {
        let name = &self.name;
        format!("\"{name}\" has sound only and no picture: choose it as the channel's sound under Settings")
    }

    /// Whether it has sound and no pictures, so that it is heard and never seen.
    pub fn is_sound_only(&self) -> bool {
        self.sound_only || matches!(&self.kind, SourceKind::Capture { video, .. } if video.is_empty())
    }
}

impl SourceKind {
    /// Whether its pictures may stand still for long without a fault: a publisher's slides do, and so do those of a stream
    /// that is fetched.
    pub fn may_stand_still(&self) -> bool {
        matches!(self, SourceKind::Rtmp { .. } | SourceKind::Pull { .. })
    }

    /// Whether its pictures come from outside in their own time, so that it can be lost.
    pub fn is_live(&self) -> bool {
        match self {
            SourceKind::Camera { .. }
            | SourceKind::Rtmp { .. }
            | SourceKind::Srt { .. }
            | SourceKind::Udp { .. }
            | SourceKind::Pull { .. }
            | SourceKind::Capture { .. } => true,
            SourceKind::Media { .. } | SourceKind::Slate { .. } | SourceKind::TestPattern { .. } => false,
        }
    }

    /// The capture devices that are named, each of which serves one source: their identities with the names of their fields.
    pub fn devices(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (video, sound) = match self {
            SourceKind::Capture { video, sound, .. } => (video.as_str(), sound.as_str()),
            _ => ("", ""),
        };
        let named = |(_, id): &(&str, &str)| !["", CAPTURE_SOUND_AUTO, CAPTURE_SOUND_NONE].contains(id);
        [("video", video), ("sound", sound)].into_iter().filter(named)
    }

    /// The uploaded files that it plays, in their order; none of another kind. A file may be there several times.
    pub fn assets(&self) -> impl Iterator<Item = &AssetId> {
        let (first, then) = match self {
            SourceKind::Media { asset, then, .. } => (Some(asset), then.as_slice()),
            _ => (None, [].as_slice()),
        };
        first.into_iter().chain(then)
    }

    /// The UDP port on which it waits for whoever sends; none for one that calls, or has no port.
    pub fn waits(&self) -> Option<Waits<'_>> {
        match self {
            SourceKind::Srt { mode: SrtMode::Listener, port, .. } => Some(Waits { port: *port, group: "" }),
            SourceKind::Udp { port, group, .. } => Some(Waits { port: *port, group }),
            _ => None,
        }
    }

    /// Its secrets by the names of their fields: what is sealed where it is kept.
    pub fn secrets_mut(&mut self) -> Vec<(&'static str, &mut Secret)> {
        match self {
            SourceKind::Camera { password, .. } => vec![("password", password)],
            SourceKind::Srt { stream_id, passphrase, .. } => {
                vec![("stream_id", stream_id), ("passphrase", passphrase)]
            }
            SourceKind::Pull { query, password, .. } => vec![("query", query), ("password", password)],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn media(more: serde_json::Value) -> Source {
        let mut source = json!({"id": "m", "name": "M", "kind": "media", "asset": "a"});
        source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(source).unwrap()
    }

    #[test]
    fn a_media_source_of_before_is_a_list_of_one() {
        let source = media(json!({}));
        let SourceKind::Media { then, still_ms, .. } = &source.kind else { panic!("{source:?}") };
        assert_eq!((then.len(), *still_ms), (0, STILL_MS_DEFAULT));
        let list = media(json!({"then": ["b", "a"], "still_ms": 5000}));
        let names: Vec<&str> = list.kind.assets().map(AssetId::as_str).collect();
        assert_eq!(names, ["a", "b", "a"]);
        let again: Source = serde_json::from_value(serde_json::to_value(&list).unwrap()).unwrap();
        assert_eq!(again, list);
    }

    #[test]
    fn playlists_have_limits() {
        let told = |more| media(more).check().err().map(|wrongs| wrongs.to_string()).unwrap_or_default();
        for (more, reason) in [
            (json!({"then": vec!["b"; 99]}), ""),
            (json!({"then": vec!["b"; 100]}), "then: a playlist may have 100 files, not 101: make two sources of it"),
            (json!({"still_ms": 1000}), ""),
            (json!({"still_ms": 999}), "still_ms: must be from 1000 to 3600000, not 999"),
            (json!({"still_ms": 3_600_001}), "still_ms: must be from 1000 to 3600000, not 3600001"),
        ] {
            assert_eq!(told(more), reason);
        }
    }
}
