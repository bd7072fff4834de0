//! The house format: everything a platform could see as a change, fixed for a session (D-3, D-17).

use super::{Wrong, Wrongs};
use serde::{Deserialize, Serialize};

/// Pictures per second as a fraction, for example 30/1 or 30000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rate {
    /// Numerator.
    pub num: u32,
    /// Denominator.
    pub den: u32,
}

impl Rate {
    /// Start of tick `n` in nanoseconds after tick 0, exactly n·den/num rounded down.
    pub fn tick_ns(self, n: u64) -> u64 {
        (u128::from(n) * u128::from(self.den) * 1_000_000_000 / u128::from(self.num)) as u64
    }

    /// Samples of 48 kHz sound that belong to ticks `0..n`: floor(n·48000·den/num).
    pub fn samples(self, n: u64) -> u64 {
        (u128::from(n) * 48_000 * u128::from(self.den) / u128::from(self.num)) as u64
    }

    /// The tick nearest to `ms` milliseconds; a tie goes to the later one.
    pub fn nearest_tick(self, ms: u64) -> u64 {
        let (num, den) = (u128::from(self.num), u128::from(self.den) * 1000);
        ((u128::from(ms) * num * 2 + den) / (den * 2)) as u64
    }
}

/// How hard the software encoder works: x264's presets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Effort {
    /// Least.
    Ultrafast,
    /// The default.
    #[default]
    Superfast,
    /// Half as much again.
    Veryfast,
}

/// The format of a channel's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HouseDraft")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct House {
    /// Pixels, even, 64 to 1920.
    pub width: u32,
    /// Pixels, even, 64 to 1088.
    pub height: u32,
    /// Pictures per second, 10 to 60.
    pub rate: Rate,
    /// Kilobits per second of video, constant, 200 to 8000.
    pub video_kbps: u32,
    /// Kilobits per second of AAC, 96 to 256.
    pub audio_kbps: u32,
    /// Effort of the software encoder.
    #[serde(default)]
    pub effort: Effort,
}

/// Seconds between keyframes, on every platform (D-3).
pub const KEYFRAME_S: u32 = 2;

/// How long before the end of the countdown an audience sees what is on air, milliseconds. A broadcast begins on the last
/// keyframe, so that one group of pictures from before it is seen (decision 0006). Another one is for a camera's movement that
/// has begun before and goes on, and for the age of what is known.
pub const SEEN_BEFORE_MS: u64 = 2 * KEYFRAME_S as u64 * 1000;

impl House {
    /// Ticks between keyframes: 2 s, rounded to the nearest tick.
    pub fn keyframe_ticks(&self) -> u64 {
        self.rate.nearest_tick(u64::from(KEYFRAME_S) * 1000)
    }

    /// 720p30 at 3000 kbps: what a board without an encoder of its own is expected to carry.
    pub fn of_a_small_board() -> House {
        House { width: 1280, height: 720, video_kbps: 3000, ..House::default() }
    }
}

impl Default for House {
    /// 1080p30 at 4500 kbps (D-3).
    fn default() -> House {
        House {
            width: 1920,
            height: 1080,
            rate: Rate { num: 30, den: 1 },
            video_kbps: 4500,
            audio_kbps: 160,
            effort: Effort::Superfast,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HouseDraft {
    width: u32,
    height: u32,
    rate: Rate,
    video_kbps: u32,
    audio_kbps: u32,
    #[serde(default)]
    effort: Effort,
}

impl House {
    /// Whether every number is in its limits.
    pub fn check(&self) -> Result<(), Wrongs> {
        let mut wrongs = Vec::new();
        if !(64..=1920).contains(&self.width) || !self.width.is_multiple_of(2) {
            wrongs.push(Wrong::new("width", "must be even and from 64 to 1920"));
        }
        if !(64..=1088).contains(&self.height) || !self.height.is_multiple_of(2) {
            wrongs.push(Wrong::new("height", "must be even and from 64 to 1088"));
        }
        // A denominator up to 1001 is 30000/1001 and its kin; a larger one is a mistake.
        let Rate { num, den } = self.rate;
        let fps_ok = (1..=1001).contains(&den) && (10 * den..=60 * den).contains(&num);
        if !fps_ok {
            wrongs.push(Wrong::new("rate", "must be from 10 to 60 pictures per second"));
        }
        if !(200..=8000).contains(&self.video_kbps) {
            wrongs.push(Wrong::new("video_kbps", "must be from 200 to 8000"));
        }
        if !(96..=256).contains(&self.audio_kbps) {
            wrongs.push(Wrong::new("audio_kbps", "must be from 96 to 256"));
        }
        if wrongs.is_empty() { Ok(()) } else { Err(Wrongs(wrongs)) }
    }
}

impl TryFrom<HouseDraft> for House {
    type Error = Wrongs;
    fn try_from(d: HouseDraft) -> Result<House, Wrongs> {
        let house = House {
            width: d.width,
            height: d.height,
            rate: d.rate,
            video_kbps: d.video_kbps,
            audio_kbps: d.audio_kbps,
            effort: d.effort,
        };
        house.check()?;
        Ok(house)
    }
}
