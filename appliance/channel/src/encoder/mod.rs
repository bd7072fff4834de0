//! One elementary stream that never changes within a session, and the hub behind it.

mod h264_x264;
mod hardware;
pub mod hub;
mod level;

use automation::fault::{Code, Fault};
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use hub::{Hub, Packet, Track};
use std::sync::Arc;

/// Pictures that may wait for the encoder: when it falls behind, the mixer waits, and then repeats pictures.
const PICTURES_WAITING_MAX: u64 = 6;

/// Samples by which `avenc_aac` is late: its priming frame. Taken out once, here.
const AAC_DELAY_SAMPLES: u64 = 1024;

/// The encoder pipeline of a channel.
pub struct Encoder {
    pipeline: gst::Pipeline,
    video: gst_app::AppSrc,
    sound: gst_app::AppSrc,
    x264: gst::Element,
    /// Which encoder, for the operator.
    pub name: String,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::EncoderFailed, "").with_text(format!("The encoder cannot be started: {what}: {error}"))
}

/// Whether an encoder of one format can go over to another one as it runs: nothing but the rate of the picture
/// differs, and both have the same level, which stands in the SPS.
pub fn retunes(from: &House, to: &House) -> bool {
    let same = *from == House { video_kbps: from.video_kbps, ..to.clone() };
    same && h264_x264::same_level(from, to)
}

impl Encoder {
    /// Builds and starts it.
    pub fn start(house: &House, hub: &Arc<Hub>) -> Result<Encoder, Fault> {
        let pipeline = gst::Pipeline::new();
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let video = gst_app::AppSrc::builder()
            .name("pictures")
            .caps(&picture_caps(house))
            .format(gst::Format::Time)
            .block(true)
            .max_buffers(PICTURES_WAITING_MAX)
            .max_bytes(0)
            .build();
        let sound = gst_app::AppSrc::builder()
            .name("sound")
            .caps(&sound_caps())
            .format(gst::Format::Time)
            .block(true)
            .max_bytes(0)
            .max_time(gst::ClockTime::from_seconds(10))
            .build();
        let x264 = h264_x264::element(house).map_err(|e| failed("x264", e))?;
        let video_sink = sink(
            hub,
            Track::Video,
            gst::Caps::builder("video/x-h264")
                .field("stream-format", "avc")
                .field("alignment", "au")
                .field("profile", "high")
                .build(),
        );
        let convert = gst::ElementFactory::make("audioconvert").build().map_err(|e| failed("audioconvert", e))?;
        let aac = gst::ElementFactory::make("avenc_aac")
            .property("bitrate", (house.audio_kbps * 1000) as i32)
            .build()
            .map_err(|e| failed("avenc_aac", e))?;
        let sound_sink = sink(hub, Track::Sound, gst::Caps::builder("audio/mpeg").field("mpegversion", 4i32).build());
        let chains: [&[&gst::Element]; 2] = [
            &[video.upcast_ref(), &x264, video_sink.upcast_ref()],
            &[sound.upcast_ref(), &convert, &aac, sound_sink.upcast_ref()],
        ];
        for chain in chains {
            pipeline.add_many(chain.iter().copied()).map_err(|e| failed("pipeline", e))?;
            gst::Element::link_many(chain.iter().copied()).map_err(|e| failed("pipeline", e))?;
        }
        pipeline.set_state(gst::State::Playing).map_err(|e| failed("start", e))?;
        Ok(Encoder { pipeline, video, sound, x264, name: h264_x264::describe(house) })
    }

    /// Hands over the picture of a tick. `buffer` carries its PTS. Waits while the encoder is behind.
    pub fn picture(&self, buffer: gst::Buffer) -> Result<(), gst::FlowError> {
        self.video.push_buffer(buffer).map(|_| ())
    }

    /// Hands over sound. `buffer` carries its PTS. Waits where more than 10 s would wait.
    pub fn sound(&self, buffer: gst::Buffer) -> Result<(), gst::FlowError> {
        self.sound.push_buffer(buffer).map(|_| ())
    }

    /// Goes over to another rate of the picture, kilobits per second, without a break and with the same parameters.
    pub fn retune(&self, video_kbps: u32) {
        h264_x264::retune(&self.x264, video_kbps);
    }

    /// What went wrong since the last call.
    pub fn fault(&self) -> Option<Fault> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else { return None };
        Some(Fault::new(Code::EncoderFailed, "").with_text(format!("The encoder stopped: {}", error.error())))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Raw pictures in the house size: I420, BT.709, video range.
pub fn picture_caps(house: &House) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", house.width as i32)
        .field("height", house.height as i32)
        .field("framerate", gst::Fraction::new(house.rate.num as i32, house.rate.den as i32))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("interlace-mode", "progressive")
        .field("colorimetry", "bt709")
        .field("chroma-site", "mpeg2")
        .build()
}

/// Sound of the house: 48 kHz, stereo, 32-bit float, interleaved.
pub fn sound_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("rate", 48_000i32)
        .field("channels", 2i32)
        .field("layout", "interleaved")
        .field("channel-mask", gst::Bitmask::new(3))
        .build()
}

fn sink(hub: &Arc<Hub>, track: Track, caps: gst::Caps) -> gst_app::AppSink {
    let hub = hub.clone();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(caps) = sample.caps()
            && let Err(why) = hub.format(track, caps)
        {
            gst::element_error!(sink, gst::StreamError::Format, ("{why}"));
            return Err(gst::FlowError::NotNegotiated);
        }
        if let Some(packet) = packet(track, &sample) {
            hub.push(packet);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    gst_app::AppSink::builder()
        .caps(&caps)
        .sync(false)
        .async_(false)
        .callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build())
        .build()
}

/// x264enc begins its timestamps at 1000 h; only the running time is the program's.
fn packet(track: Track, sample: &gst::Sample) -> Option<Packet> {
    let buffer = sample.buffer_owned()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let mut pts_ns = segment.to_running_time(buffer.pts()?)?.nseconds();
    if track == Track::Sound {
        // What comes before tick 0 is priming: nobody shall hear it.
        pts_ns = pts_ns.checked_sub(AAC_DELAY_SAMPLES * 1_000_000_000 / 48_000)?;
    }
    let key = track == Track::Sound || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    Some(Packet { track, pts_ns, key, data: buffer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::spec::Rate;
    use std::time::{Duration, Instant};

    #[test]
    fn only_another_rate_within_a_level_is_taken_over() {
        let check = |change: fn(&mut House), expected: bool| {
            let from = House { width: 640, height: 360, video_kbps: 900, ..House::default() };
            let mut to = from.clone();
            change(&mut to);
            assert_eq!((retunes(&from, &to), retunes(&to, &from)), (expected, expected), "{to:?}");
        };
        check(|_| {}, true);
        check(|to| to.video_kbps = 2000, true);
        check(|to| to.video_kbps = 8000, false);
        check(|to| to.audio_kbps = 128, false);
        check(|to| to.rate.num = 25, false);
        check(|to| to.height = 480, false);
    }

    /// The fourth byte of the decoder configuration is ten times the level (ISO/IEC 14496-15, 5.2.4).
    #[test]
    fn the_level_that_is_chosen_stands_in_the_stream() {
        gst::init().unwrap();
        // 1080p60 at 6000 kbit/s is the most that is offered (D-3).
        for (width, height, fps, video_kbps, level) in
            [(1920, 1080, 60, 6000, 42), (1920, 1080, 10, 800, 40), (320, 180, 30, 800, 13)]
        {
            let rate = Rate { num: fps, den: 1 };
            let house = House { width, height, rate, video_kbps, ..House::default() };
            let hub = Arc::new(Hub::default());
            let encoder = Encoder::start(&house, &hub).expect("x264 is installed");
            let mut picture = gst::Buffer::with_size((width * height * 3 / 2) as usize).unwrap();
            picture.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
            encoder.picture(picture).unwrap();
            // A buffer that is not filled holds anything, and there is sound that the encoder never comes to an end with.
            let mut sound = gst::Buffer::from_mut_slice(vec![0u8; 48_000 * 8]);
            sound.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
            encoder.sound(sound).unwrap();
            encoder.video.end_of_stream().unwrap();
            let begun = Instant::now();
            let format = loop {
                if let Some(format) = hub.known_format() {
                    break format;
                }
                assert!(begun.elapsed() < Duration::from_secs(30), "no format: {:?}", encoder.fault());
                std::thread::sleep(Duration::from_millis(5));
            };
            let caps = format.video.structure(0).unwrap();
            let config = caps.get::<gst::Buffer>("codec_data").unwrap().into_mapped_buffer_readable().unwrap();
            assert_eq!(config[3], level, "{width}x{height} at {fps}");
        }
    }

    /// What another rate would change is what a platform knows the session by.
    #[test]
    fn another_rate_as_it_runs_changes_no_parameter() {
        gst::init().unwrap();
        const RATES: [u32; 4] = [900, 2000, 600, 900];
        let house = House { width: 640, height: 360, video_kbps: RATES[0], ..House::default() };
        let hub = Arc::new(Hub::default());
        let feed = hub.join();
        let encoder = Encoder::start(&house, &hub).expect("x264 is installed");
        let mut parameters = std::collections::BTreeSet::new();
        let (mut formats, mut bytes, mut taken) = (Vec::new(), vec![0u64; RATES.len()], 0usize);
        let mut take = |wanted: usize| {
            let begun = Instant::now();
            while taken < wanted {
                assert!(begun.elapsed() < Duration::from_secs(60), "{taken} of {wanted} pictures");
                let packet = feed.next(Duration::from_millis(5)).filter(|p| p.track == hub::Track::Video);
                let Some(packet) = packet else { continue };
                bytes[taken / 120] += packet.data.size() as u64;
                taken += 1;
                let data = packet.data.map_readable().unwrap();
                for unit in units(&data) {
                    // Sequence and picture parameter sets (H.264, table 7-1).
                    if matches!(unit[0] & 0x1f, 7 | 8) {
                        parameters.insert(unit.to_vec());
                    }
                }
            }
            formats.push(hub.known_format().expect("both tracks have begun"));
        };
        let mut noise = 1u32;
        for (n, rate) in RATES.iter().enumerate() {
            encoder.retune(*rate);
            for n in n as u64 * 120..(n as u64 + 1) * 120 {
                let mut picture = gst::Buffer::with_size(640 * 360 * 3 / 2).unwrap();
                let whole = picture.get_mut().unwrap();
                whole.set_pts(gst::ClockTime::from_nseconds(house.rate.tick_ns(n)));
                // Noise takes every bit that it is given.
                whole.map_writable().unwrap().iter_mut().for_each(|byte| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *byte = 96 + (noise >> 26) as u8;
                });
                encoder.picture(picture).unwrap();
                let mut sound = gst::Buffer::from_mut_slice(vec![0u8; 1600 * 8]);
                sound.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(n * 1600 * 1_000_000_000 / 48_000));
                encoder.sound(sound).unwrap();
                if n % 30 == 29 {
                    take((n as usize + 1).saturating_sub(60));
                }
            }
        }
        encoder.video.end_of_stream().unwrap();
        take(RATES.len() * 120);
        assert!(formats.windows(2).all(|pair| pair[0] == pair[1]), "{formats:?}");
        assert!(parameters.len() <= 2, "one set of each kind at most: {parameters:?}");
        assert!(bytes[1] > bytes[0] * 3 / 2 && bytes[2] < bytes[1] / 2, "the rate was another one: {bytes:?}");
    }

    /// The units of a picture, each behind its length in four bytes (ISO/IEC 14496-15, 5.3.2).
    fn units(mut data: &[u8]) -> Vec<&[u8]> {
        let mut units = Vec::new();
        while let Some((length, rest)) = data.split_first_chunk::<4>() {
            let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            units.push(unit);
            data = rest;
        }
        units
    }

    /// A platform that gets 24 kbit/s of a still slate thinks that the stream has died.
    #[test]
    fn a_still_slate_is_sent_at_the_rate_asked_over_any_ten_seconds() {
        gst::init().unwrap();
        const SECONDS: u64 = 16;
        let house = House { width: 640, height: 360, video_kbps: 1500, ..House::default() };
        let hub = Arc::new(Hub::default());
        let feed = hub.join();
        let encoder = Encoder::start(&house, &hub).expect("x264 is installed");
        let mut grey = gst::Buffer::with_size(640 * 360 * 3 / 2).unwrap();
        grey.get_mut().unwrap().map_writable().unwrap().fill(128);
        let mut sent = Vec::new();
        let mut take = |wanted: usize| {
            let begun = Instant::now();
            while sent.len() < wanted {
                if let Some(packet) = feed.next(Duration::from_millis(5)).filter(|p| p.track == hub::Track::Video) {
                    sent.push((packet.pts_ns, packet.data.size() as u64));
                }
                assert!(begun.elapsed() < Duration::from_secs(60), "{} of {wanted} pictures", sent.len());
            }
        };
        for second in 0..SECONDS {
            let mut sound = gst::Buffer::with_size(48_000 * 8).unwrap();
            sound.get_mut().unwrap().map_writable().unwrap().fill(0);
            sound.get_mut().unwrap().set_pts(gst::ClockTime::from_seconds(second));
            encoder.sound(sound).unwrap();
            for n in second * 30..(second + 1) * 30 {
                let mut picture = grey.copy();
                picture.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(house.rate.tick_ns(n)));
                encoder.picture(picture).unwrap();
            }
            // The feed holds ten seconds; the encoder keeps some pictures back.
            take((second as usize * 30).saturating_sub(30));
        }
        encoder.video.end_of_stream().unwrap();
        take(SECONDS as usize * 30);
        let rates: Vec<u64> = (0..=(SECONDS - 10) * 30)
            .map(|from| {
                let window = &sent[from as usize..from as usize + 300];
                window.iter().map(|(_, bytes)| bytes).sum::<u64>() * 8 / 10_000
            })
            .collect();
        let (least, most) = (rates.iter().min().unwrap(), rates.iter().max().unwrap());
        assert!(*least >= 1350 && *most <= 1650, "{least} to {most} kbit/s of 1500");
    }
}
