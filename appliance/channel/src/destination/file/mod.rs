//! Files on the box: MPEG-TS, or MP4 in fragments. Both are whole up to what was last made to last, so a power cut
//! costs about a second, or that and a fragment, and nothing has to be repaired.
//!
//! A part begins on a keyframe, with its time at 0. When its time or its size is up, the next keyframe begins another
//! one. Filler, which keeps the rate of a still picture up for platforms, is left out.

mod folder;
mod packed;
mod seam;

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
use packed::Packed;
use seam::{Seam, Side};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a file is made to last, milliseconds: each time the medium may take long.
const SYNC_MS: u64 = 1_000;
/// How often the limits of the folder are looked at, milliseconds.
const ROOM_MS: u64 = 2_000;
/// A part has at most this share of what the folder keeps: the oldest ones can go without taking all.
const PARTS_KEPT: u64 = 4;
/// For the last fragment to be packed, at the end of a part, and how long one look for it takes.
const FINISH_MS: u64 = 1_000;
const FINISH_STEP: gst::ClockTime = gst::ClockTime::from_mseconds(10);
/// For what still waits at the end, milliseconds: a slow medium is not waited for longer.
const DRAIN_MS: u64 = 2_000;
/// Bytes of a NAL unit's length, and the type of filler (ITU-T H.264, table 7-1).
const LENGTH_BYTES: usize = 4;
const NAL_FILLER: u8 = 12;

/// What is to be written where.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The folder, and the beginning of its files' names.
    pub(super) folder: PathBuf,
    /// What is there as long as the disk is that the folder is on; none for what the box runs from.
    pub(super) disk: Option<PathBuf>,
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
        Folder::new(self.folder.clone(), &self.stem, ending, limits).on(self.disk.clone())
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
    /// The part is over, and its last sound is still to come.
    seam: Option<Seam>,
    /// By the program time of packets: what is older than some time settles.
    ledger: Ledger,
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
    packed: Packed,
    /// When it was last made to last, and its bytes then.
    synced: Running,
    synced_bytes: u64,
}

impl Part {
    /// Writes the next piece that came out of the muxer, waiting for it for at most `wait`. Its bytes; none where nothing
    /// came.
    fn write(&mut self, wait: gst::ClockTime) -> Result<Option<u64>, Fault> {
        let Some(sample) = self.end.try_pull_sample(wait) else { return Ok(None) };
        let Some(buffer) = sample.buffer() else { return Ok(Some(0)) };
        let bytes = buffer.map_readable().map_err(|_| Fault::new(Code::Internal, ""))?;
        self.file.write_all(&bytes).map_err(|error| judge(&error, "A file cannot be written"))?;
        self.bytes += bytes.len() as u64;
        if let Some(since) = buffer.pts() {
            self.packed.came(self.begun_ns + since.nseconds());
        }
        Ok(Some(bytes.len() as u64))
    }

    fn is_due(&self, now: Running) -> bool {
        self.bytes > self.synced_bytes && now.ms_since(self.synced) >= SYNC_MS
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|error| judge(&error, "A file cannot be written"))?;
        (self.synced, self.synced_bytes) = (running(), self.bytes);
        Ok(())
    }
}

impl Writer {
    /// Makes the folder ready; the first file begins with the first keyframe.
    pub(super) fn open(order: Order, hub: &Arc<Hub>, intake: Intake, format: &Format) -> Result<Writer, Fault> {
        let mut folder = order.place();
        folder.prepare()?;
        Ok(Writer {
            order,
            folder,
            hub: hub.clone(),
            format: format.clone(),
            intake,
            part: None,
            seam: None,
            ledger: Ledger::default(),
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
            self.take(packet)?;
            self.write()?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, packet: Packet) -> Result<(), Fault> {
        if let Some(seam) = &mut self.seam {
            return match seam.take(packet) {
                Side::Before(packet) => self.push(&packet),
                Side::Held => Ok(()),
                Side::After(held) => {
                    self.seam = None;
                    self.end_part()?;
                    held.iter().try_for_each(|packet| self.push(packet))
                }
            };
        }
        if is_key(&packet) && self.part.as_ref().is_some_and(|part| self.is_over(part, &packet)) {
            self.seam = Some(Seam::new(packet));
            return Ok(());
        }
        self.push(&packet)
    }

    /// Hands a packet to the muxer. Where no file is being written, a keyframe begins one.
    fn push(&mut self, packet: &Packet) -> Result<(), Fault> {
        if self.part.is_none() && is_key(packet) {
            self.part = Some(self.begin_part(packet)?);
        }
        let Some(part) = &mut self.part else { return Ok(()) };
        // Sound that was heard before the first picture belongs to nobody.
        let Some(since_ns) = packet.pts_ns.checked_sub(part.begun_ns) else { return Ok(()) };
        if is_key(packet) {
            part.packed.key(packet.pts_ns);
        }
        self.ledger.note(packet.pts_ns + 1, packet.pts_ns);
        part.mux.push(packet, without_filler(packet)?, since_ns);
        Ok(())
    }

    fn is_over(&self, part: &Part, packet: &Packet) -> bool {
        let ns = u64::from(self.order.part_minutes) * 60_000_000_000;
        let bytes = self.order.keep_mb * 1_000_000 / PARTS_KEPT;
        packet.pts_ns >= part.begun_ns + ns || part.bytes >= bytes
    }

    fn begin_part(&mut self, first: &Packet) -> Result<Part, Fault> {
        self.folder.make_room(None)?;
        let end = gst_app::AppSink::builder().sync(false).async_(false).build();
        let mux = Mux::start(self.order.container, &self.format, end.upcast_ref())?;
        let path = self.folder.next(&stamp())?;
        let made = File::options().write(true).create_new(true).open(&path);
        let file = made.map_err(|error| judge(&error, "A file cannot be made"))?;
        self.folder.sync().map_err(|error| judge(&error, "A file cannot be made"))?;
        tracing::info!(file = %path.display(), "a file begins");
        let packed = Packed::new(self.order.container);
        let begun_ns = first.pts_ns;
        Ok(Part { mux, end, file, path, begun_ns, bytes: 0, packed, synced: running(), synced_bytes: 0 })
    }

    /// Writes what came out of the muxer, and makes it last when it is time.
    fn write(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        if let Some((error, detail)) = part.mux.error() {
            tracing::warn!(%error, detail, "a file's muxer failed");
            return Err(Fault::new(Code::Internal, ""));
        }
        while let Some(bytes) = part.write(gst::ClockTime::ZERO)? {
            self.written += bytes;
        }
        if part.is_due(running()) { self.make_last() } else { Ok(()) }
    }

    fn make_last(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        part.sync()?;
        self.lasting = self.written;
        self.flowing |= self.ledger.settle(part.packed.until_ns());
        Ok(())
    }

    /// Ends the file with all that belongs to it.
    fn end_part(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        part.mux.finish();
        let limit = running().plus_ms(FINISH_MS);
        while !part.end.is_eos() && running() < limit {
            self.written += part.write(FINISH_STEP)?.unwrap_or(0);
        }
        let whole = part.end.is_eos();
        self.make_last()?;
        let Some(part) = self.part.take() else { return Ok(()) };
        let (file, bytes) = (part.path.display(), part.bytes);
        if whole {
            self.flowing |= self.ledger.settle(u64::MAX);
            tracing::info!(%file, bytes, "a file is whole");
        } else {
            tracing::warn!(%file, bytes, "a file misses its end: it was not packed in time");
        }
        Ok(())
    }

    /// Writes what still waits, all of it into the file that is there.
    fn drain(&mut self) -> Result<(), Fault> {
        let limit = running().plus_ms(DRAIN_MS);
        while running() < limit
            && let Some((packet, _)) = self.intake.next(Duration::ZERO)
        {
            self.take(packet)?;
            self.write()?;
        }
        let held = self.seam.take().map_or(Vec::new(), Seam::end);
        held.iter().try_for_each(|packet| self.push(packet))
    }

    /// After a fault: what is written stays, what is not goes with the file, and a file with nothing in it goes too.
    fn give_up(&mut self) {
        let Some(part) = self.part.take() else { return };
        let kept = part.file.sync_data().and_then(|()| match part.bytes {
            0 => std::fs::remove_file(&part.path),
            _ => Ok(()),
        });
        if let Err(error) = kept {
            tracing::debug!(%error, file = %part.path.display(), "the end of a file that cannot be written");
        }
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
                self.give_up();
                Turn::Failed(self.folder.cause(fault))
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
        let seam = || self.seam.as_ref().map(Seam::oldest_ns);
        self.ledger.oldest_ns().or_else(seam).or_else(|| self.intake.oldest_ns())
    }

    fn dropped(&self) -> u64 {
        self.intake.dropped()
    }

    fn goodbye(mut self: Box<Self>) {
        if let Err(fault) = self.drain().and_then(|()| self.end_part()) {
            tracing::warn!(fault = fault.text, "the last file could not be ended");
            self.give_up();
        }
    }
}

fn is_key(packet: &Packet) -> bool {
    packet.track == Track::Video && packet.key
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
