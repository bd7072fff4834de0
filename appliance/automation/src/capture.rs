//! Capture devices of this machine: by what they are known again, and in which of its formats one is read.

use crate::spec::{House, Rate};
use serde::{Deserialize, Serialize};

/// Formats that are told of one device, at most.
pub const FORMATS_MAX: usize = 24;

/// A device that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CaptureDevice {
    /// Its identity, see [`find`]; it stays when the device is plugged in again.
    pub id: String,
    /// Its name, as its maker gave it.
    pub name: String,
    /// What it captures.
    pub media: CaptureMedia,
    /// In what formats it gives its pictures, without the many that differ in nothing that is seen; none of sound.
    pub formats: Vec<CaptureFormat>,
    /// The sound device that belongs to it, of a device with pictures: that of the same USB device.
    pub sound: Option<String>,
    /// Whether a program has it open: this one or another.
    pub in_use: bool,
}

/// What a device captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum CaptureMedia {
    /// Pictures: a webcam, an HDMI grabber.
    Video,
    /// Sound: a mixing desk, a microphone, the sound of a grabber.
    Sound,
}

/// A format in which a device gives its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CaptureFormat {
    /// How they are coded.
    pub coding: Coding,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second.
    pub rate: Rate,
}

/// How pictures are coded; the less work to decode, the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Coding {
    /// Not at all, with half or a quarter of the colours' pixels, as the program has them.
    Raw,
    /// Not at all, in another form, which costs a conversion: RGB, for example.
    RawOther,
    /// Each picture by itself: Motion JPEG.
    Jpeg,
    /// H.264.
    H264,
}

impl Rate {
    fn mhz(self) -> u128 {
        u128::from(self.num) * 1_000 / u128::from(self.den.max(1))
    }
}

/// The format that serves a program best; none where there is none. As much of the program's pixels and pictures per second
/// as the device can give comes first; then the least beyond them; then the least work.
pub fn pick(formats: &[CaptureFormat], house: &House) -> Option<usize> {
    let wanted = house.rate.mhz();
    let judged = |format: &CaptureFormat| {
        let rate = format.rate.mhz();
        // 59.94 is as good as 60, and 29.97 as 30.
        let covered_rate = if rate * 1_000 >= wanted * 998 { wanted } else { rate };
        let (width, height) = (format.width.min(house.width), format.height.min(house.height));
        let covered = u128::from(width) * u128::from(height) * covered_rate;
        let whole = u128::from(format.width) * u128::from(format.height) * rate;
        (covered, std::cmp::Reverse(whole), std::cmp::Reverse(format.coding))
    };
    (0..formats.len()).max_by_key(|at| (judged(&formats[*at]), std::cmp::Reverse(*at)))
}

/// What a person needs to see of a device's formats: of each coding and size the quickest, the largest first.
pub fn summary(formats: &[CaptureFormat]) -> Vec<CaptureFormat> {
    let mut told: Vec<CaptureFormat> = Vec::new();
    for format in formats {
        match told
            .iter_mut()
            .find(|one| (one.coding, one.width, one.height) == (format.coding, format.width, format.height))
        {
            Some(one) if one.rate.mhz() < format.rate.mhz() => *one = *format,
            Some(_) => {}
            None => told.push(*format),
        }
    }
    told.sort_by_key(|format| (std::cmp::Reverse(u64::from(format.width) * u64::from(format.height)), format.coding));
    told.truncate(FORMATS_MAX);
    told
}

/// The device that has this identity, of those that are there; `id` tells each one's.
///
/// An identity is `what@where#which`: what it is (maker, product and serial number by USB; else nothing), into which socket it
/// is plugged, and which of the device's inputs. The same socket is the same device. In another socket it is known again
/// where only one device is the same: two of a kind without numbers of their own are told apart by their sockets alone.
pub fn find<'a, T>(devices: &'a [T], wanted: &str, id: impl Fn(&T) -> &str) -> Option<&'a T> {
    if let Some(same) = devices.iter().find(|device| id(device) == wanted) {
        return Some(same);
    }
    let parts = |id: &str| -> Option<(String, String)> {
        let (what, rest) = id.split_once('@')?;
        let (_, which) = rest.rsplit_once('#')?;
        (!what.is_empty()).then(|| (what.to_owned(), which.to_owned()))
    };
    let wanted = parts(wanted)?;
    let mut same = devices.iter().filter(|device| parts(id(device)).as_ref() == Some(&wanted));
    same.next().filter(|_| same.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(coding: Coding, width: u32, height: u32, num: u32, den: u32) -> CaptureFormat {
        CaptureFormat { coding, width, height, rate: Rate { num, den } }
    }

    fn house(width: u32, height: u32, fps: u32) -> House {
        House { width, height, rate: Rate { num: fps, den: 1 }, ..House::default() }
    }

    #[test]
    fn the_format_that_serves_the_program_best_is_picked() {
        use Coding::{H264, Jpeg, Raw, RawOther};
        // A common USB grabber: raw pictures are too many for USB 2.
        let grabber = [
            format(Raw, 1920, 1080, 5, 1),
            format(Raw, 1280, 720, 10, 1),
            format(Raw, 640, 480, 30, 1),
            format(Jpeg, 1920, 1080, 60, 1),
            format(Jpeg, 1920, 1080, 30, 1),
            format(Jpeg, 1280, 720, 60, 1),
            format(Jpeg, 1280, 720, 30, 1),
            format(Jpeg, 640, 480, 30, 1),
        ];
        let webcam = [
            format(H264, 1920, 1080, 30, 1),
            format(Jpeg, 1920, 1080, 30, 1),
            format(Raw, 640, 480, 30, 1),
            format(Raw, 640, 360, 30, 1),
        ];
        let board = [format(RawOther, 1920, 1080, 60, 1), format(Raw, 1920, 1080, 60, 1)];
        let pal = [format(Raw, 1920, 1080, 25, 1), format(Raw, 1280, 720, 50, 1)];
        let ntsc = [format(Jpeg, 1920, 1080, 30, 1), format(Raw, 1920, 1080, 30_000, 1001)];
        for (what, formats, house, want) in [
            ("1080p30", &grabber[..], house(1920, 1080, 30), Some(4)),
            ("1080p60", &grabber, house(1920, 1080, 60), Some(3)),
            ("1080p50 of 60", &grabber, house(1920, 1080, 50), Some(3)),
            ("720p30", &grabber, house(1280, 720, 30), Some(6)),
            ("360p30: what is a little larger, raw", &grabber, house(640, 360, 30), Some(2)),
            ("JPEG before H.264", &webcam, house(1920, 1080, 30), Some(1)),
            ("the very size", &webcam, house(640, 360, 30), Some(3)),
            ("no conversion", &board, house(1920, 1080, 30), Some(1)),
            (
                "more pixels beat more pictures where both fall short by themselves",
                &pal,
                house(1920, 1080, 30),
                Some(0),
            ),
            ("29.97 is 30", &ntsc, house(1920, 1080, 30), Some(1)),
            ("a tie is the first one", &[grabber[4], grabber[4]], house(1920, 1080, 30), Some(0)),
            ("nothing", &[], house(1920, 1080, 30), None),
        ] {
            assert_eq!(pick(formats, &house), want, "{what}");
        }
    }

    #[test]
    fn a_person_is_told_each_size_once() {
        use Coding::{Jpeg, Raw};
        let told = summary(&[
            format(Raw, 640, 480, 15, 1),
            format(Raw, 640, 480, 30, 1),
            format(Raw, 640, 480, 5, 1),
            format(Jpeg, 1920, 1080, 30, 1),
        ]);
        assert_eq!(told, [format(Jpeg, 1920, 1080, 30, 1), format(Raw, 640, 480, 30, 1)]);
        let many: Vec<_> = (1..100).map(|n| format(Raw, n * 16, n * 9, 30, 1)).collect();
        assert_eq!((summary(&many).len(), summary(&many)[0].width), (FORMATS_MAX, 99 * 16));
    }

    #[test]
    fn a_device_is_known_again_where_nothing_else_can_be_meant() {
        let check = |there: &[&str], wanted: &str, want: Option<&str>| {
            assert_eq!(find(there, wanted, |id| id).copied(), want, "{wanted} of {there:?}");
        };
        let (here, elsewhere) = ("534d:2109:@0000:00:14.0:1.2#0", "534d:2109:@0000:00:14.0:3#0");
        check(&[elsewhere, here], here, Some(here));
        check(&[elsewhere], here, Some(elsewhere));
        check(&[elsewhere, "534d:2109:@0000:00:14.0:4#0"], here, None);
        check(&["534d:2109:@0000:00:14.0:3#1"], here, None);
        check(&["534d:2109:77@0000:00:14.0:3#0"], here, None);
        check(&["@platform/vivid.1#0"], "@platform/vivid.0#0", None);
        check(&["@platform/vivid.0#0"], "@platform/vivid.0#0", Some("@platform/vivid.0#0"));
        check(&[], here, None);
        check(&[here], "nonsense", None);
    }
}
