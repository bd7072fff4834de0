//! Platforms and what they take (VS-40 to VS-44, D-3, D-14): one table, each row with its source and its day.
//!
//! A destination belongs to the platform that its address names. Nothing is stored beside the address, so an address
//! typed by hand on a known host is that platform too, and no setting can contradict it.

use super::{Destination, House, RtmpUrl};
use crate::id::DestinationId;
use serde::{Deserialize, Serialize};

/// A platform whose limits are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Platform {
    /// YouTube Live.
    Youtube,
    /// Facebook Live.
    Facebook,
    /// Twitch.
    Twitch,
    /// Any other server: no limit is known.
    Custom,
}

/// What a platform takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which.
    pub platform: Platform,
    /// Its name, as people know it.
    pub name: &'static str,
    /// Its published address, encrypted where it offers that (D-14); none where everybody has their own.
    pub url: Option<&'static str>,
    /// Hosts that belong to it, in small letters; one that begins with a dot stands for every name below.
    pub hosts: &'static [&'static str],
    /// Rates of the picture by its size, smallest first. Empty: everything is taken.
    pub bands: &'static [Band],
    /// Highest rate of AAC, kilobits per second.
    pub audio_kbps_max: Option<u32>,
    /// Seconds between keyframes that it asks for.
    pub keyframe_s: u32,
    /// The page that says so.
    pub source: &'static str,
    /// The day on which it was read, `YYYY-MM-DD`.
    pub looked_up: &'static str,
}

/// Rates that a platform takes for pictures up to a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Band {
    /// Largest picture, pixels in all.
    pub pixels_max: u32,
    /// Most pictures per second.
    pub fps_max: u32,
    /// Lowest rate of the picture, kilobits per second; 0 where it asks for none.
    pub kbps_min: u32,
    /// Highest rate of the picture, kilobits per second.
    pub kbps_max: u32,
}

const P360: u32 = 640 * 360;
const P480: u32 = 854 * 480;
const P720: u32 = 1280 * 720;
const P1080: u32 = 1920 * 1080;

const fn band(pixels_max: u32, fps_max: u32, kbps_min: u32, kbps_max: u32) -> Band {
    Band { pixels_max, fps_max, kbps_min, kbps_max }
}

/// The table, in the order in which it is offered.
pub const TABLE: [Terms; 4] = [
    Terms {
        platform: Platform::Youtube,
        name: "YouTube",
        url: Some("rtmps://a.rtmps.youtube.com/live2"),
        hosts: &[".youtube.com"],
        // The page has named 8 Mbit/s as the most for 1080p at 30; for H.264 it now suggests 10, and 12 at 60. We keep
        // to 8 (D-3), which is also the most that a house may have.
        bands: &[band(P1080, 60, 0, 8000)],
        // 128 is suggested; a limit is not named.
        audio_kbps_max: None,
        keyframe_s: 2,
        source: "https://support.google.com/youtube/answer/2853702",
        looked_up: "2026-11-21",
    },
    Terms {
        platform: Platform::Facebook,
        name: "Facebook",
        url: Some("rtmps://live-api-s.facebook.com:443/rtmp"),
        hosts: &[".facebook.com"],
        bands: &[
            band(P360, 30, 400, 1000),
            band(P480, 30, 600, 2000),
            band(P720, 30, 1500, 4000),
            band(P720, 60, 2250, 6000),
            band(P1080, 30, 3000, 6000),
            band(P1080, 60, 4500, 9000),
        ],
        audio_kbps_max: Some(256),
        keyframe_s: 2,
        source: "https://developers.facebook.com/docs/live-video-api/reference",
        looked_up: "2026-11-21",
    },
    Terms {
        platform: Platform::Twitch,
        name: "Twitch",
        url: Some("rtmps://ingest.global-contribute.live-video.net:443/app"),
        // Other names below `global-contribute.live-video.net` belong to customers of Amazon IVS.
        hosts: &[".twitch.tv", ".contribute.live-video.net", "ingest.global-contribute.live-video.net"],
        bands: &[band(P1080, 60, 0, 6000)],
        // By twitch.tv/creatorcamp/en/paths/going-live/broadcast-recommendations; the page below says 160, of 2017.
        audio_kbps_max: Some(320),
        keyframe_s: 2,
        source: "https://help.twitch.tv/customer/portal/articles/1253460-broadcast-requirements",
        looked_up: "2026-11-21",
    },
    Terms {
        platform: Platform::Custom,
        name: "another server",
        url: None,
        hosts: &[],
        bands: &[],
        audio_kbps_max: None,
        keyframe_s: 2,
        source: "",
        looked_up: "",
    },
];

impl Platform {
    /// The platform that an address belongs to.
    pub fn of(url: &RtmpUrl) -> Platform {
        let host = url.host().trim_end_matches('.').to_ascii_lowercase();
        let is = |known: &&str| if known.starts_with('.') { host.ends_with(*known) } else { host == *known };
        TABLE.iter().find(|terms| terms.hosts.iter().any(is)).map_or(Platform::Custom, |terms| terms.platform)
    }

    /// What it takes.
    pub fn terms(self) -> &'static Terms {
        match self {
            Platform::Youtube => &TABLE[0],
            Platform::Facebook => &TABLE[1],
            Platform::Twitch => &TABLE[2],
            Platform::Custom => &TABLE[3],
        }
    }
}

impl Terms {
    /// The rates for a format: those of the smallest band that holds it, or of the largest where none does.
    pub fn band(&self, house: &House) -> Option<&'static Band> {
        let pixels = house.width * house.height;
        let holds = |band: &&Band| pixels <= band.pixels_max && house.rate.num <= band.fps_max * house.rate.den;
        self.bands.iter().find(holds).or(self.bands.last())
    }
}

/// What a broadcast is sent with: the channel's format under the limits of its destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Output {
    /// The format; it differs from the channel's in the rate of the picture alone.
    pub house: House,
    /// Why it differs; none where it does not.
    #[cfg_attr(feature = "schema", schema(required))]
    pub lowered: Option<Lowered>,
}

/// The rate of the picture is lower than the channel's format says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lowered {
    /// What the channel's format says, kilobits per second.
    pub from_kbps: u32,
    /// The strictest destinations, in their order; never empty.
    pub by: Vec<Party>,
}

/// A destination that sets a limit, as it was called then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Party {
    /// Which.
    pub id: DestinationId,
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub platform: Platform,
}

/// A destination asks for more than a format has. It is told, and nothing is held up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TooLow {
    /// Which destination.
    pub destination: DestinationId,
    /// What it asks for at least, kilobits per second.
    pub kbps_min: u32,
}

/// The format under the limits of the destinations that take part: the strictest caps it.
pub fn cap(house: &House, destinations: &[Destination]) -> Output {
    let limits = || {
        let enabled = destinations.iter().filter(|one| one.enabled);
        enabled.filter_map(|one| Some((one, kbps_max(house, one)?))).filter(|(_, max)| *max < house.video_kbps)
    };
    let Some(strictest) = limits().map(|(_, max)| max).min() else {
        return Output { house: house.clone(), lowered: None };
    };
    let by = limits().filter(|(_, max)| *max == strictest).map(|(one, _)| Party {
        id: one.id.clone(),
        name: one.name.clone(),
        platform: one.platform(),
    });
    let lowered = Lowered { from_kbps: house.video_kbps, by: by.collect() };
    Output { house: House { video_kbps: strictest, ..house.clone() }, lowered: Some(lowered) }
}

/// Highest rate of the picture that a destination takes in a format, kilobits per second; none where no limit is known.
pub fn kbps_max(house: &House, destination: &Destination) -> Option<u32> {
    destination.platform().terms().band(house).map(|band| band.kbps_max)
}

/// The destinations that take part and ask for more than the format has.
pub fn too_low(house: &House, destinations: &[Destination]) -> Vec<TooLow> {
    let enabled = destinations.iter().filter(|one| one.enabled);
    let asks = enabled.filter_map(|one| {
        let kbps_min = one.platform().terms().band(house)?.kbps_min;
        (kbps_min > house.video_kbps).then(|| TooLow { destination: one.id.clone(), kbps_min })
    });
    asks.collect()
}

#[cfg(test)]
#[path = "platform_tests.rs"]
mod tests;
