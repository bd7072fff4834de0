//! Rules of a destination by itself.

use super::{Check, NAME_CHARS_MAX};
use crate::secret::Secret;
use crate::spec::{Destination, DestinationKind, Wrongs};

/// Longest stream key, characters: YouTube's has 24, Facebook's about 120.
const KEY_CHARS_MAX: usize = 512;
/// Longest stream id, bytes: what SRT can carry.
const STREAM_ID_BYTES_MAX: usize = 512;
/// Lengths of a passphrase, bytes, that libsrt takes.
const PASSPHRASE_BYTES: std::ops::RangeInclusive<usize> = 10..=79;
/// Longest text of certificates, bytes: an authority with its predecessor has about 4 KiB.
const AUTHORITY_BYTES_MAX: usize = 32 << 10;
/// Longest name of a folder, characters.
const FOLDER_CHARS_MAX: usize = 64;
/// Longest session that can be asked for: RTMP's time forces a new one by day 20.
const RENEW_HOURS_MAX: i64 = 480;

/// A destination by itself.
pub(crate) fn destination(destination: &Destination) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.line("name", &destination.name, 1, NAME_CHARS_MAX);
    if let Some(hours) = destination.renew_hours {
        check.within("renew_hours", i64::from(hours), 1..=RENEW_HOURS_MAX);
        let ends = !matches!(destination.kind, DestinationKind::File { .. });
        check.must(ends, "renew_hours", "files have no longest session: leave it out");
    }
    match &destination.kind {
        DestinationKind::Rtmp { url: _, key, authority } => {
            check.length("key", key.expose(), 0, KEY_CHARS_MAX);
            no_blanks(&mut check, "key", key);
            if let Some(pem) = authority {
                let ok = pem.len() <= AUTHORITY_BYTES_MAX && pem.contains("-----BEGIN CERTIFICATE-----");
                check.must(ok, "authority", "must be certificates in PEM form, up to 32 KiB");
            }
        }
        DestinationKind::Srt { url: _, passphrase, stream_id, latency_ms } => {
            let bytes = passphrase.expose().len();
            let ok = passphrase.is_empty() || PASSPHRASE_BYTES.contains(&bytes);
            check.must(ok, "passphrase", format!("must have 10 to 79 characters, not {bytes}"));
            let bytes = stream_id.expose().len();
            let ok = bytes <= STREAM_ID_BYTES_MAX;
            check.must(ok, "stream_id", format!("must have up to {STREAM_ID_BYTES_MAX} characters, not {bytes}"));
            for (place, secret) in [("passphrase", passphrase), ("stream_id", stream_id)] {
                let clean = !secret.expose().chars().any(char::is_control);
                check.must(clean, place, "must be one line: copy it again");
            }
            check.within("latency_ms", i64::from(*latency_ms), 20..=8_000);
        }
        DestinationKind::File { medium: _, folder, container: _, part_minutes, keep_mb, leave_mb } => {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            let ok = (1..=FOLDER_CHARS_MAX).contains(&folder.len()) && folder.bytes().all(plain);
            check.must(ok, "folder", "must have 1 to 64 of a-z, 0-9, - and _, for example evenings");
            check.within("part_minutes", i64::from(*part_minutes), 1..=240);
            let megabytes = |mb: u64| i64::try_from(mb).unwrap_or(i64::MAX);
            check.within("keep_mb", megabytes(*keep_mb), 10..=100_000_000);
            check.within("leave_mb", megabytes(*leave_mb), 1..=1_000_000);
        }
    }
    check.done()
}

fn no_blanks(check: &mut Check, place: &str, secret: &Secret) {
    let clean = !secret.expose().chars().any(|c| c.is_whitespace() || c.is_control());
    check.must(clean, place, "must not hold a space or a line break: copy it again");
}
