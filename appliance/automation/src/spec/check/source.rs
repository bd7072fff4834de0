//! Rules of a source by itself.

use super::{Check, address};
use crate::spec::{
    CAPTURE_SOUND_AUTO, CAPTURE_SOUND_NONE, LATENCY_MS_MAX, PLAYLIST_MAX, Ptz, PtzControl, SETTLE_MS_MAX,
    SRT_LATENCY_MS_MIN, STILL_MS_MAX, STILL_MS_MIN, Source, SourceKind, SrtMode, Transport, Wrongs,
};
use core::net::IpAddr;

/// Longest user name and password, characters: ONVIF cameras take 32, some more.
const CREDENTIAL_CHARS_MAX: usize = 200;
/// Longest token of a profile, characters (ONVIF's `ReferenceToken` has 64; some cameras do not keep to it).
const PROFILE_CHARS_MAX: usize = 200;
/// Longest line of a slate, characters: more cannot be read from a sofa.
pub(super) const SLATE_CHARS_MAX: usize = 200;
/// SRT's passphrase, characters (draft-sharabayko-srt-01, section 6.1.1: `SRTO_PASSPHRASE`).
const PASSPHRASE_CHARS: std::ops::RangeInclusive<usize> = 10..=79;
/// Longest stream id of SRT, bytes (`SRTO_STREAMID`).
const STREAM_ID_BYTES_MAX: usize = 512;
/// Longest query of an address, bytes: signed addresses of CDNs stay below.
const QUERY_BYTES_MAX: usize = 2048;
/// Ports below are the system's: a worker may not open them.
const OWN_PORT_MIN: u16 = 1024;
/// Longest name of a stream at the door: `<channel>_obs` with the longest id of a channel and a number.
const STREAM_CHARS_MAX: usize = 80;

/// Longest identity of a capture device, characters: serial numbers have up to 126, and sockets lie behind hubs.
const DEVICE_CHARS_MAX: usize = 300;

/// A source by itself: whether what it names exists is the channel's question.
pub(crate) fn source(source: &Source) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.name("name", &source.name);
    match &source.kind {
        SourceKind::Camera { url, user, password, transport, any_certificate: _, latency_ms } => {
            if let Err(reason) = address::rtsp(url) {
                check.wrong("url", format!("the address must look like rtsp://host/path: {reason}"));
            }
            // What travels beside the connection, TLS does not cover.
            let covered = *transport != Transport::Udp || !url.starts_with("rtsps://");
            check.must(covered, "transport", "must not be UDP with rtsps://: pictures would travel unencrypted");
            check.line("user", user, 0, CREDENTIAL_CHARS_MAX);
            check.line("password", password.expose(), 0, CREDENTIAL_CHARS_MAX);
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Rtmp { stream, role, latency_ms } => {
            let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            let ok = !stream.is_empty() && stream.len() <= STREAM_CHARS_MAX && stream.bytes().all(sound);
            check.must(ok, "stream", "must have 1 to 80 of a-z, 0-9, - and _, for example main_obs");
            let channel = stream.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix(role.ending());
            let named = !ok || channel.is_some_and(|channel| !channel.is_empty());
            let ending = role.ending();
            check.must(named, "stream", format!("must end in {ending}, for example main{ending} or main{ending}2"));
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Srt { mode, host, port, stream_id, passphrase, latency_ms } => {
            match mode {
                SrtMode::Caller => {
                    if let Err(reason) = address::host(host) {
                        check.wrong("host", reason);
                    }
                    check.must(*port > 0, "port", "must be from 1 to 65535");
                }
                SrtMode::Listener => {
                    check.must(host.is_empty(), "host", "must be empty: a listener waits to be called");
                    own_port(&mut check, *port);
                }
            }
            let id = stream_id.expose();
            let fits = id.len() <= STREAM_ID_BYTES_MAX && !id.chars().any(char::is_control);
            check.must(fits, "stream_id", format!("must be one line of at most {STREAM_ID_BYTES_MAX} bytes"));
            let chars = passphrase.expose().chars().count();
            let fits = passphrase.is_empty() || PASSPHRASE_CHARS.contains(&chars);
            check.must(fits, "passphrase", format!("must have 10 to 79 characters, not {chars}"));
            let plain = passphrase.expose().chars().all(|c| c == ' ' || c.is_ascii_graphic());
            check.must(plain, "passphrase", "must hold letters, digits and signs of ASCII only");
            let latency_limits = i64::from(SRT_LATENCY_MS_MIN)..=i64::from(LATENCY_MS_MAX);
            check.within("latency_ms", i64::from(*latency_ms), latency_limits);
        }
        SourceKind::Udp { port, group, latency_ms } => {
            own_port(&mut check, *port);
            let multicast = group.is_empty() || group.parse::<IpAddr>().is_ok_and(|group| group.is_multicast());
            check.must(multicast, "group", "must be a multicast address such as 239.1.1.1, or empty");
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Pull { url, query, user, password, latency_ms } => {
            if let Err(reason) = address::pull(url) {
                check.wrong(
                    "url",
                    format!("the address must look like https://host/path or rtmp://host/app/stream: {reason}"),
                );
            }
            let fits = query.expose().len() <= QUERY_BYTES_MAX;
            let clean = !query.expose().chars().any(|c| c.is_whitespace() || c.is_control());
            check.must(fits && clean, "url", "what follows the ? must have at most 2048 characters and no space");
            check.line("user", user, 0, CREDENTIAL_CHARS_MAX);
            check.line("password", password.expose(), 0, CREDENTIAL_CHARS_MAX);
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Capture { video, sound, latency_ms } => {
            check.line("video", video, 0, DEVICE_CHARS_MAX);
            check.line("sound", sound, 1, DEVICE_CHARS_MAX);
            let named = ![CAPTURE_SOUND_AUTO, CAPTURE_SOUND_NONE].contains(&sound.as_str());
            check.must(!video.is_empty() || named, "sound", "choose a video device, a sound device, or both");
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Slate { title, text } => {
            check.line("title", title, 0, SLATE_CHARS_MAX);
            check.line("text", text, 0, SLATE_CHARS_MAX);
        }
        SourceKind::Media { asset: _, then, still_ms } => {
            let count = 1 + then.len();
            let reason = format!("a playlist may have {PLAYLIST_MAX} files, not {count}: make two sources of it");
            check.must(count <= PLAYLIST_MAX, "then", reason);
            check.within("still_ms", i64::from(*still_ms), i64::from(STILL_MS_MIN)..=i64::from(STILL_MS_MAX));
        }
        SourceKind::TestPattern { .. } => {}
    }
    if source.sound_only {
        sound_only(&mut check, source);
    }
    if let Some(wanted) = &source.ptz {
        ptz(&mut check, wanted, &source.kind);
    }
    if source.is_sound_only() {
        check.must(source.ptz.is_none(), "ptz", "a source with sound only has no camera that can be moved");
        check.must(
            source.backup.is_none(),
            "backup",
            "a source with sound only is never on air, so nothing stands in for it",
        );
    }
    let itself = source.backup.as_ref() == Some(&source.id);
    check.must(!itself, "backup", "a source cannot be its own backup");
    check.done()
}

/// A source of which only the sound is used.
fn sound_only(check: &mut Check, source: &Source) {
    check.must(source.kind.is_live(), "sound_only", "only a source that sends in its own time can be heard by itself");
    let silent = matches!(&source.kind, SourceKind::Capture { sound, .. } if sound == CAPTURE_SOUND_NONE);
    check.must(!silent, "sound", "choose a sound device: only its sound is used");
}

fn own_port(check: &mut Check, port: u16) {
    check.must(port >= OWN_PORT_MIN, "port", format!("must be from {OWN_PORT_MIN} to 65535, not {port}"));
}

/// The head of a source's camera.
fn ptz(check: &mut Check, ptz: &Ptz, kind: &SourceKind) {
    check.must(kind.is_live(), "ptz", "only a live source has a camera that can be moved");
    check.within("ptz.settle_ms", i64::from(ptz.settle_ms), 0..=i64::from(SETTLE_MS_MAX));
    match &ptz.control {
        PtzControl::Onvif { device, service, profile } => {
            let camera = matches!(kind, SourceKind::Camera { .. });
            let reason = "the user and password of ONVIF are those of an IP camera: use Visca with this kind of source";
            check.must(camera, "ptz.protocol", reason);
            for (place, url) in [("ptz.device", device), ("ptz.service", service)] {
                if let Err(reason) = address::http(url) {
                    check.wrong(place, format!("the address must look like http://host/path: {reason}"));
                }
            }
            check.line("ptz.profile", profile, 1, PROFILE_CHARS_MAX);
        }
        PtzControl::Visca { address: at, .. } => {
            if let Err(reason) = address::socket(at) {
                let like = "the address must look like host:port, for example 192.0.2.7:52381";
                check.wrong("ptz.address", format!("{like}: {reason}"));
            }
        }
    }
}
