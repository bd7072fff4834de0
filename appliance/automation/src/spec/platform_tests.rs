//! Each row is a format, the destinations that take part, and what becomes of it.

use super::*;
use crate::spec::{DestinationKind, KEYFRAME_S, Rate};

/// `1080p60 6000`: lines of a picture 16 to 9, pictures per second, kilobits per second.
fn house(text: &str) -> House {
    let (format, kbps) = text.split_once(' ').unwrap();
    let (lines, fps) = format.split_once('p').unwrap();
    let height: u32 = lines.parse().unwrap();
    let width = (height * 16 / 9).next_multiple_of(2);
    let rate = match fps.split_once('/') {
        Some((num, den)) => Rate { num: num.parse().unwrap(), den: den.parse().unwrap() },
        None => Rate { num: fps.parse().unwrap(), den: 1 },
    };
    House { width, height, rate, video_kbps: kbps.parse().unwrap(), ..House::default() }
}

/// `youtube`, or `-youtube` for one that is switched off; a word with a colon is an address.
fn destination(word: &str) -> Destination {
    let (name, enabled) = word.strip_prefix('-').map_or((word, true), |name| (name, false));
    let preset = TABLE.iter().find(|terms| terms.name.eq_ignore_ascii_case(name));
    let url = preset.and_then(|terms| terms.url).unwrap_or(if name.contains(':') { name } else { "rtmp://own/live" });
    let id = DestinationId::new(name.split(':').next().unwrap()).unwrap();
    let kind = DestinationKind::Rtmp { url: RtmpUrl::parse(url).unwrap(), key: Default::default(), authority: None };
    Destination { id, name: name.into(), enabled, renew_hours: None, kind }
}

/// `6000 for twitch; facebook asks 4500`, in one line.
fn told(house: &House, destinations: &[Destination]) -> String {
    let output = cap(house, destinations);
    assert_eq!(House { video_kbps: house.video_kbps, ..output.house.clone() }, *house, "nothing else changes");
    let mut told = output.house.video_kbps.to_string();
    if let Some(lowered) = &output.lowered {
        assert_eq!(lowered.from_kbps, house.video_kbps);
        let by: Vec<&str> = lowered.by.iter().map(|party| party.id.as_str()).collect();
        told += &format!(" for {}", by.join(" and "));
    }
    for low in too_low(&output.house, destinations) {
        told += &format!("; {} asks {}", low.destination, low.kbps_min);
    }
    told
}

fn check(format: &str, destinations: &str, expected: &str) {
    let destinations: Vec<_> = destinations.split_whitespace().map(destination).collect();
    assert_eq!(told(&house(format), &destinations), expected, "{format} to {destinations:?}");
}

#[test]
fn the_strictest_destination_that_takes_part_caps() {
    check("1080p30 4500", "", "4500");
    check("1080p30 4500", "youtube facebook twitch own", "4500");
    check("1080p60 6000", "youtube facebook twitch own", "6000");
    check("1080p60 8000", "youtube", "8000");
    check("1080p60 8000", "youtube twitch facebook", "6000 for twitch");
    check("1080p60 8000", "youtube -twitch facebook", "8000");
    check("1080p60 8000", "own", "8000");
    check("1080p30 8000", "facebook", "6000 for facebook");
    check("1080p30 8000", "facebook twitch", "6000 for facebook and twitch");
    check("1080p30000/1001 8000", "facebook", "6000 for facebook");
    check("1080p60000/1001 8000", "facebook", "8000");
    check("1080p25 8000", "facebook", "6000 for facebook");
    check("720p60 8000", "facebook twitch", "6000 for facebook and twitch");
    check("720p30 8000", "facebook twitch", "4000 for facebook");
    check("480p30 8000", "facebook", "2000 for facebook");
    check("360p25 8000", "facebook", "1000 for facebook");
    check("480p60 8000", "facebook", "6000 for facebook");
    check("1088p60 8000", "facebook twitch", "6000 for twitch");
}

#[test]
fn a_format_below_what_a_platform_asks_is_told_and_sent() {
    check("1080p30 2500", "facebook youtube", "2500; facebook asks 3000");
    check("1080p30 2500", "-facebook youtube", "2500");
    check("1080p60 4000", "facebook", "4000; facebook asks 4500");
    check("720p30 1500", "facebook", "1500");
}

#[test]
fn an_address_tells_its_platform() {
    let check = |url: &str, expected: Platform| {
        assert_eq!(Platform::of(&RtmpUrl::parse(url).unwrap()), expected, "{url}");
    };
    for terms in &TABLE {
        assert_eq!(terms.platform.terms(), terms, "the table's order");
        assert_eq!(terms.keyframe_s, KEYFRAME_S, "{}: what the encoder does", terms.name);
        let Some(url) = terms.url else { continue };
        check(url, terms.platform);
        assert!(url.starts_with("rtmps://"), "{url}: encrypted");
        assert!(!terms.source.is_empty() && terms.looked_up.len() == 10, "{}", terms.name);
    }
    check("rtmp://a.rtmp.youtube.com/live2", Platform::Youtube);
    check("rtmp://B.RTMP.YouTube.com./live2?backup=1", Platform::Youtube);
    check("rtmps://rtmp-api.facebook.com:443/rtmp/", Platform::Facebook);
    check("rtmp://live.twitch.tv/app", Platform::Twitch);
    check("rtmp://fra05.contribute.live-video.net/app", Platform::Twitch);
    check("rtmps://601c62c19c9e.global-contribute.live-video.net:443/app", Platform::Custom);
    check("rtmp://youtube.com.example.org/live2", Platform::Custom);
    check("rtmp://notyoutube.com/live2", Platform::Custom);
    check("rtmp://192.0.2.7/live", Platform::Custom);
    check("rtmp://[2001:db8::1]/live", Platform::Custom);
}

#[test]
fn the_loudest_sound_of_a_house_is_taken_everywhere() {
    let loudest = House { audio_kbps: 256, ..House::default() };
    assert!(loudest.check().is_ok() && House { audio_kbps: 257, ..House::default() }.check().is_err());
    for terms in &TABLE {
        assert!(terms.audio_kbps_max.is_none_or(|max| max >= loudest.audio_kbps), "{}: cap the sound too", terms.name);
    }
}

#[test]
fn bands_come_smallest_first_and_the_default_format_fits_all() {
    for terms in &TABLE {
        assert!(terms.bands.is_sorted_by_key(|band| (band.pixels_max, band.fps_max)), "{}", terms.name);
        let fits = terms.band(&House::default()).is_none_or(|band| (band.kbps_min..=band.kbps_max).contains(&4500));
        assert!(fits, "{}", terms.name);
    }
}
