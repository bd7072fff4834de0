//! Files on the box: MPEG-TS, or MP4 in fragments. Both are whole up to what was last made to last, so a power cut
//! costs a second or a fragment, and nothing has to be repaired.
//!
//! A part begins on a keyframe, with its time at 0. When its time or its size is up, the next keyframe begins another
//! one. Filler, which keeps the rate of a still picture up for platforms, is left out.

mod folder;

use super::carrier::{Carrier, Intake, Ledger, TURN, Turn, unchanged};
use super::mux::Mux;
use crate::clock::running;
use crate::encoder::hub::{Format, Hub, Packet, Track};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::Container;
use folder::{Folder, Limits, judge};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often MPEG-TS is made to last, milliseconds. MP4 is at each fragment.
const SYNC_MS: u64 = 1_000;
/// How often the limits of the folder are looked at, milliseconds.
const ROOM_MS: u64 = 2_000;
/// A part has at most this share of what the folder keeps: the oldest ones can go without taking all.
const PARTS_KEPT: u64 = 4;
/// For the last fragment to be packed, at the end of a part.
const FINISH_MS: u64 = 1_000;
/// Bytes of a NAL unit's length, and the type of filler (ITU-T H.264, table 7-1).
const LENGTH_BYTES: usize = 4;
const NAL_FILLER: u8 = 12;

/// What is to be written where.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The folder, and the beginning of its files' names.
    pub(super) folder: PathBuf,
    pub(super) stem: String,
    pub(super) container: Container,
    pub(super) part_minutes: u32,
    pub(super) keep_mb: u64,
    pub(super) leave_mb: u64,
}

impl Order {
    /// The folder with its limits.
    fn place(&self) -> Folder {
        let ending = match self.container {
            Container::Ts => "ts",
            Container::Mp4 => "mp4",
        };
        let bytes = |mb: u64| mb.saturating_mul(1_000_000);
        let limits = Limits { keep: bytes(self.keep_mb), leave: bytes(self.leave_mb) };
        Folder::new(self.folder.clone(), &self.stem, ending, limits)
    }
}

/// A row of files, from the beginning of a broadcast to its end.
pub(super) struct Writer {
    order: Order,
    folder: Folder,
    hub: Arc<Hub>,
    format: Format,
    intake: Intake,
    part: Option<Part>,
    /// Packets by their number.
    ledger: Ledger,
    count: u64,
    written: u64,
    lasting: u64,
    flowing: bool,
    looked: Running,
}

/// The file that is being written.
struct Part {
    mux: Mux,
    end: gst_app::AppSink,
    file: File,
    path: PathBuf,
    begun_ns: u64,
    bytes: u64,
    /// Number of the last packet that is surely in the file, once what came out of the muxer is.
    packed: u64,
    /// Number of the last keyframe that was handed over.
    key: u64,
    synced: Running,
}

impl Writer {
    /// Makes the folder ready; the first file begins with the first keyframe.
    pub(super) fn open(order: Order, hub: &Arc<Hub>, format: &Format) -> Result<Writer, Fault> {
        let folder = order.place();
        folder.prepare()?;
        Ok(Writer {
            order,
            folder,
            hub: hub.clone(),
            format: format.clone(),
            intake: Intake::join_unpaced(hub),
            part: None,
            ledger: Ledger::default(),
            count: 0,
            written: 0,
            lasting: 0,
            flowing: false,
            looked: running(),
        })
    }

    fn carry(&mut self) -> Result<(), Fault> {
        let until = running().plus_ms(TURN.as_millis() as u64);
        loop {
            let left = Duration::from_nanos(until.0.saturating_sub(running().0));
            let Some((packet, _)) = self.intake.next(left) else { return Ok(()) };
            self.take(&packet)?;
            self.write(false)?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, packet: &Packet) -> Result<(), Fault> {
        let key = packet.track == Track::Video && packet.key;
        if key && self.part.as_ref().is_some_and(|part| self.is_over(part, packet)) {
            self.end_part()?;
        }
        if self.part.is_none() {
            if !key {
                return Ok(());
            }
            self.part = Some(self.begin_part(packet)?);
        }
        let Some(part) = &mut self.part else { return Ok(()) };
        // Sound that was heard before the first picture belongs to the part before.
        let Some(since_ns) = packet.pts_ns.checked_sub(part.begun_ns) else { return Ok(()) };
        self.count += 1;
        self.ledger.note(self.count, packet.pts_ns);
        if key {
            part.key = self.count;
        }
        part.mux.push(packet, without_filler(packet)?, since_ns);
        Ok(())
    }

    fn is_over(&self, part: &Part, packet: &Packet) -> bool {
        let ns = u64::from(self.order.part_minutes) * 60_000_000_000;
        let bytes = self.order.keep_mb * 1_000_000 / PARTS_KEPT;
        packet.pts_ns >= part.begun_ns + ns || part.bytes >= bytes
    }

    fn begin_part(&self, first: &Packet) -> Result<Part, Fault> {
        self.folder.make_room(None)?;
        let path = self.folder.next(&stamp())?;
        let made = File::options().write(true).create_new(true).open(&path);
        let file = made.map_err(|error| judge(&error, "A file cannot be made"))?;
        self.folder.sync().map_err(|error| judge(&error, "A file cannot be made"))?;
        let end = gst_app::AppSink::builder().sync(false).async_(false).build();
        let mux = Mux::start(self.order.container, &self.format, end.upcast_ref())?;
        tracing::info!(file = %path.display(), "a file begins");
        let (bytes, packed, key) = (0, self.count, self.count);
        Ok(Part { mux, end, file, path, begun_ns: first.pts_ns, bytes, packed, key, synced: running() })
    }

    /// Writes what came out of the muxer, and makes it last when it is time, or `now`.
    fn write(&mut self, now: bool) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        if let Some((error, detail)) = part.mux.error() {
            tracing::warn!(%error, detail, "a file's muxer failed");
            return Err(Fault::new(Code::Internal, ""));
        }
        let mut came = false;
        while let Some(sample) = part.end.try_pull_sample(gst::ClockTime::ZERO) {
            let Some(buffer) = sample.buffer() else { continue };
            let bytes = buffer.map_readable().map_err(|_| Fault::new(Code::Internal, ""))?;
            part.file.write_all(&bytes).map_err(|error| judge(&error, "A file cannot be written"))?;
            part.bytes += bytes.len() as u64;
            self.written += bytes.len() as u64;
            came = true;
        }
        if came {
            part.packed = match self.order.container {
                // The last one may wait for its other track.
                Container::Ts => self.count.saturating_sub(1),
                // A fragment comes out whole when the keyframe after it goes in.
                Container::Mp4 => part.key.saturating_sub(1),
            };
        }
        let due = match self.order.container {
            Container::Ts => running().ms_since(part.synced) >= SYNC_MS,
            Container::Mp4 => came,
        };
        if due || now {
            part.file.sync_data().map_err(|error| judge(&error, "A file cannot be written"))?;
            part.synced = running();
            self.lasting = self.written;
            self.flowing |= self.ledger.settle(part.packed);
        }
        Ok(())
    }

    /// Ends the file with all that belongs to it.
    fn end_part(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        part.mux.finish();
        let limit = running().plus_ms(FINISH_MS);
        while !part.end.is_eos() && running() < limit {
            // What comes is written below; waiting for it here would lose it.
            if let Some(sample) = part.end.try_pull_sample(gst::ClockTime::from_mseconds(10))
                && let Some(bytes) = sample.buffer().and_then(|buffer| buffer.map_readable().ok())
            {
                part.file.write_all(&bytes).map_err(|error| judge(&error, "A file cannot be written"))?;
                part.bytes += bytes.len() as u64;
                self.written += bytes.len() as u64;
            }
        }
        part.packed = self.count;
        self.write(true)?;
        self.ledger.settle(self.count);
        if let Some(part) = self.part.take() {
            tracing::info!(file = %part.path.display(), bytes = part.bytes, "a file is whole");
        }
        Ok(())
    }

    fn look_for_room(&mut self) -> Result<(), Fault> {
        let now = running();
        if now.ms_since(self.looked) < ROOM_MS {
            return Ok(());
        }
        self.looked = now;
        self.folder.make_room(self.part.as_ref().map(|part| part.path.as_path()))
    }
}

impl Carrier for Writer {
    fn turn(&mut self) -> Turn {
        let turn = unchanged(&self.format, self.hub.known_format().as_ref())
            .and_then(|()| self.carry())
            .and_then(|()| self.look_for_room());
        match turn {
            Ok(()) if self.flowing => Turn::Flowing,
            Ok(()) => Turn::Connecting,
            Err(fault) => {
                // What is written stays; what is not goes with the part.
                let _ = self.part.take().map(|part| part.file.sync_data());
                Turn::Failed(fault)
            }
        }
    }

    fn time_ms(&self) -> u64 {
        self.intake.since_ms()
    }

    fn sent(&self) -> u64 {
        self.written
    }

    fn acked(&self) -> u64 {
        self.lasting
    }

    fn oldest_ns(&self) -> Option<u64> {
        self.ledger.oldest_ns().or_else(|| self.intake.oldest_ns())
    }

    fn dropped(&self) -> u64 {
        self.intake.dropped()
    }

    fn goodbye(mut self: Box<Self>) {
        if let Err(fault) = self.end_part() {
            tracing::warn!(fault = fault.text, "the last file could not be ended");
        }
    }
}

/// The time of day in a file's name, UTC; a clock that was never set says so.
fn stamp() -> String {
    const FIRST_YEAR: i16 = 2026;
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    if now.year() < FIRST_YEAR { "undated".to_owned() } else { now.strftime("%Y%m%d-%H%M%S").to_string() }
}

/// A picture without NAL units of filler; sound as it is.
fn without_filler(packet: &Packet) -> Result<gst::Buffer, Fault> {
    let mut copy = packet.data.copy();
    if packet.track == Track::Sound {
        return Ok(copy);
    }
    let bytes = packet.data.map_readable().map_err(|_| Fault::new(Code::Internal, ""))?;
    if let Some(rest) = strip(&bytes) {
        copy = gst::Buffer::from_mut_slice(rest);
        copy.make_mut().set_flags(packet.data.flags());
    }
    Ok(copy)
}

/// The NAL units that are no filler; none where all of them stay, or where the lengths cannot be.
fn strip(mut units: &[u8]) -> Option<Vec<u8>> {
    let whole = units.len();
    let mut rest = Vec::new();
    while let Some((length, tail)) = units.split_first_chunk::<LENGTH_BYTES>() {
        let unit = tail.get(..u32::from_be_bytes(*length) as usize)?;
        if unit.first().is_some_and(|head| head & 0x1F != NAL_FILLER) {
            rest.extend_from_slice(length);
            rest.extend_from_slice(unit);
        }
        units = &tail[unit.len()..];
    }
    (units.is_empty() && rest.len() < whole).then_some(rest)
}

/// For a knock: whether files can be written there now.
pub(super) fn is_ready(order: &Order) -> bool {
    order.place().is_ready()
}

/// Where the files of a channel's destination lie below the box's files.
pub(super) fn path(files: &Path, channel: &str, folder: &str) -> PathBuf {
    files.join(channel).join(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_is_left_out_and_nothing_else() {
        let unit = |head: u8, n: usize| {
            let mut out = (n as u32).to_be_bytes().to_vec();
            out.extend(std::iter::once(head).chain(std::iter::repeat_n(0xFF, n - 1)));
            out
        };
        let (slice, filler) = (unit(0x41, 5), unit(12, 300));
        assert_eq!(strip(&[slice.clone(), filler.clone(), slice.clone()].concat()), Some(slice.repeat(2)));
        assert_eq!(strip(&slice.repeat(2)), None, "nothing to leave out");
        assert_eq!(strip(&[slice.clone(), vec![0, 0, 1]].concat()), None, "lengths that cannot be are left alone");
        assert_eq!(strip(&[vec![0, 0, 9, 9, 12], slice].concat()), None);
    }
}
