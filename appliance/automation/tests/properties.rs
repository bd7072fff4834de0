//! Properties of the small parts: sums of ticks, frames on the wire, waits, addresses, ids, documents.

use automation::backoff::{Backoff, Steps};
use automation::clock::Running;
use automation::id::ChannelId;
use automation::playlist::{Item, Leg, Playlist};
use automation::spec::{Rate, RtmpUrl};
use automation::wire::{Deframer, FRAME_BYTES_MAX, Frame, FromChannel, ToChannel, decode, encode, encode_preview};
use proptest::prelude::*;

fn any_rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        Just(Rate { num: 30_000, den: 1001 }),
        Just(Rate { num: 60_000, den: 1001 }),
        (10..=60u32).prop_map(|num| Rate { num, den: 1 }),
        (1..=1001u32, 10..=60u32).prop_map(|(den, fps)| Rate { num: fps * den, den }),
    ]
}

/// Ticks of three years at 60 pictures per second.
const TICKS: u64 = 6_000_000_000;

proptest! {
    #[test]
    fn ticks_and_samples_never_drift(rate in any_rate(), n in 0..TICKS) {
        // Exactly floor(n·den·10⁹/num) and floor(n·48000·den/num), whatever came before.
        let (num, den) = (u128::from(rate.num), u128::from(rate.den));
        prop_assert_eq!(u128::from(rate.tick_ns(n)), u128::from(n) * den * 1_000_000_000 / num);
        prop_assert_eq!(u128::from(rate.samples(n)), u128::from(n) * den * 48_000 / num);
        // Sound of a second's ticks is a second of sound.
        let second = u64::from(rate.num);
        prop_assert_eq!(rate.samples(n + second) - rate.samples(n), 48_000 * u64::from(rate.den));
        prop_assert_eq!(rate.tick_ns(n + second) - rate.tick_ns(n), 1_000_000_000 * u64::from(rate.den));
        // One tick's share is even to the sample and to the nanosecond.
        let share = rate.samples(n + 1) - rate.samples(n);
        prop_assert!((share * u64::from(rate.num)).abs_diff(48_000 * u64::from(rate.den)) < u64::from(rate.num));
        prop_assert!(rate.tick_ns(n + 1) > rate.tick_ns(n));
    }

    #[test]
    fn the_nearest_tick_is_at_most_half_a_tick_away(rate in any_rate(), ms in 0..100_000_000_000u64) {
        let tick = rate.nearest_tick(ms);
        let half_ns = rate.tick_ns(1) / 2 + 1;
        prop_assert!(rate.tick_ns(tick).abs_diff(ms * 1_000_000) <= half_ns);
        prop_assert!(rate.nearest_tick(ms + 1) >= tick);
        prop_assert_eq!(rate.nearest_tick(rate.tick_ns(tick).div_ceil(1_000_000)), tick, "a tick's own time");
    }

    #[test]
    fn frames_come_whole_however_the_bytes_are_cut(
        frames in prop::collection::vec(any_frame(), 0..8),
        cuts in prop::collection::vec(1..64usize, 1..50),
    ) {
        let mut bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.0.clone()).collect();
        let mut deframer = Deframer::default();
        let mut found = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        while !bytes.is_empty() {
            let rest = bytes.split_off(cuts.next().unwrap().min(bytes.len()));
            deframer.push(&bytes);
            bytes = rest;
            while let Some(frame) = deframer.next_frame().unwrap() {
                found.push(frame);
            }
        }
        prop_assert_eq!(found, frames.into_iter().map(|frame| frame.1).collect::<Vec<_>>());
        prop_assert!(deframer.next_frame().unwrap().is_none());
    }

    #[test]
    fn garbage_on_the_wire_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut deframer = Deframer::default();
        deframer.push(&bytes);
        while let Ok(Some(frame)) = deframer.next_frame() {
            if let Frame::Message(message) = frame {
                let _ = decode::<ToChannel>(&message);
                let _ = decode::<FromChannel>(&message);
            }
        }
    }

    #[test]
    fn waits_double_to_their_cap(first in 1..10_000u64, times in 1..10u32, tries in 1..200u32) {
        let cap_ms = first << times;
        let mut backoff = Backoff::new(Steps { first_ms: first, cap_ms });
        let mut now = Running(5);
        prop_assert!(backoff.is_due(now));
        for n in 0..tries {
            let wait = backoff.failed(now);
            prop_assert_eq!(wait, (first << n.min(times)).min(cap_ms));
            prop_assert_eq!(backoff.attempt(), n + 1);
            prop_assert!(!backoff.is_due(Running(now.plus_ms(wait).0 - 1)));
            now = now.plus_ms(wait);
            prop_assert_eq!(backoff.deadline(), Some(now));
            prop_assert!(backoff.is_due(now));
        }
        backoff.failed(now);
        backoff.hurry();
        prop_assert!(backoff.is_due(now) && backoff.attempt() == tries + 1, "hurry forgives nothing");
        backoff.succeeded();
        prop_assert_eq!(backoff.failed(now), first);
    }

    #[test]
    fn sound_rtmp_addresses_are_taken_apart(
        tls in any::<bool>(),
        host in "[a-z0-9][a-z0-9.-]{0,20}|\\[[0-9a-f:]{2,20}\\]",
        port in prop::option::of(1..=65535u16),
        path in "[a-zA-Z0-9_/?=&.-]{1,40}",
    ) {
        let scheme = if tls { "rtmps" } else { "rtmp" };
        let colon = port.map_or(String::new(), |port| format!(":{port}"));
        let text = format!("{scheme}://{host}{colon}/{path}");
        let url = RtmpUrl::parse(&text).unwrap();
        prop_assert_eq!((url.as_str(), url.tls()), (text.as_str(), tls));
        prop_assert_eq!(url.port(), port.unwrap_or(if tls { 443 } else { 1935 }));
        prop_assert_eq!(url.host(), host.trim_matches(['[', ']']));
        let json = serde_json::to_string(&url).unwrap();
        prop_assert_eq!(serde_json::from_str::<RtmpUrl>(&json).unwrap(), url);
    }

    #[test]
    fn any_text_is_an_address_or_a_reason(text in "(rtmps?://)?\\PC{0,40}") {
        match RtmpUrl::parse(&text) {
            Ok(url) => prop_assert!(!url.host().is_empty() && url.port() > 0 && !text.contains(char::is_whitespace)),
            Err(bad) => prop_assert!(bad.to_string().starts_with("the address must look like rtmp://host/app")),
        }
    }

    #[test]
    fn ids_are_safe_in_paths_and_urls(text in "\\PC{0,70}") {
        match ChannelId::new(text.clone()) {
            Ok(id) => {
                prop_assert_eq!(id.as_str(), text.as_str());
                prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b)));
                prop_assert!((1..=64).contains(&text.len()));
            }
            Err(bad) => prop_assert!(bad.text.chars().count() <= 64),
        }
    }
}

/// Items of short lists, some of which are left out.
fn any_items() -> impl Strategy<Value = Vec<Option<u64>>> {
    prop::collection::vec(prop::option::weighted(0.8, 1..40u64), 1..9)
}

fn known(items: &[Option<u64>]) -> Vec<Item> {
    items.iter().map(|ticks| ticks.map_or(Item::Skipped, Item::Plays)).collect()
}

proptest! {
    #[test]
    fn a_playlist_is_at_each_tick_where_a_film_strip_of_it_would_be(items in any_items(), rounds in 1..4usize) {
        let list = Playlist::new(known(&items));
        let mut strip = Vec::new();
        for _ in 0..rounds {
            for (item, ticks) in items.iter().enumerate().filter_map(|(item, ticks)| Some((item, (*ticks)?))) {
                let leg = Leg { item, begins: strip.len() as u64, ticks };
                strip.extend(std::iter::repeat_n(leg, ticks as usize));
            }
        }
        for (position, leg) in strip.iter().enumerate() {
            prop_assert_eq!(list.at(position as u64), Some(*leg), "tick {}", position);
        }
        // Who goes from seam to seam comes by the same places as who asks for each tick.
        let mut going = list.at(0);
        while let Some(leg) = going.filter(|leg| leg.ends() < strip.len() as u64) {
            going = list.after(leg.item, leg.ends(), leg.ends());
            prop_assert_eq!(going, Some(strip[leg.ends() as usize]));
        }
        // However late: where one more round is.
        let late = 1_000_000_007 * list.round().unwrap();
        for (position, leg) in strip.iter().enumerate() {
            let there = Leg { begins: leg.begins + late, ..*leg };
            prop_assert_eq!(list.at(position as u64 + late), Some(there));
        }
    }

    #[test]
    fn what_is_known_of_a_playlist_stays_true_when_more_is(
        items in any_items(), unknown in prop::collection::vec(any::<bool>(), 9), position in 0..300u64,
    ) {
        let mut some = known(&items);
        some.iter_mut().zip(&unknown).filter(|(_, unknown)| **unknown).for_each(|(item, _)| *item = Item::Unknown);
        if let Some(leg) = Playlist::new(some).at(position) {
            prop_assert_eq!(Playlist::new(known(&items)).at(position), Some(leg));
        }
    }
}

/// A frame's bytes, and the frame.
fn any_frame() -> impl Strategy<Value = (Vec<u8>, Frame)> {
    let message = "\\PC{0,200}".prop_map(|text| {
        let bytes = encode(&text);
        (bytes, Frame::Message(serde_json::to_vec(&text).unwrap()))
    });
    let preview = ("[a-z/0-9]{0,30}", prop::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(name, jpeg)| (encode_preview(&name, &jpeg), Frame::Preview { name, jpeg }));
    prop_oneof![message, preview]
}

#[test]
fn a_frame_that_is_too_large_ends_the_connection_before_it_is_kept() {
    let mut deframer = Deframer::default();
    deframer.push(&(FRAME_BYTES_MAX as u32 + 1).to_be_bytes());
    assert!(deframer.next_frame().unwrap_err().to_string().contains("larger than"));
}

#[test]
fn bad_addresses_say_what_is_wrong() {
    for (text, reason) in [
        ("http://host/app", "neither rtmp:// nor rtmps://"),
        ("rtmp://host", "the application after the host is missing"),
        ("rtmp://host/", "the application after the host is missing"),
        ("rtmp:///app", "the host is missing"),
        ("rtmp://user:secret@host/app", "user and password do not belong into it"),
        ("rtmp://host:0/app", "the port is no number"),
        ("rtmp://host:65536/app", "the port is no number"),
        ("rtmp://[::1/app", "the bracket of the IPv6 address is not closed"),
        ("rtmp://[::1]x/app", "there may only be a port"),
        ("rtmp://ho st/app", "it holds a space"),
    ] {
        let bad = RtmpUrl::parse(text).unwrap_err().to_string();
        assert!(bad.contains(reason) && !bad.contains("secret"), "{text}: {bad}");
    }
    assert!(RtmpUrl::parse(&format!("rtmp://host/{}", "x".repeat(1024))).is_err());
}
