//! The tick: one picture and its share of sound, for ever.
//!
//! ```text
//! tick n is due at start + n·den/num; its PTS is n·den/num and no clock reading
//! ```
//! Nothing here waits for a source. Only the encoder may hold it up, and then `automation::lateness` says what becomes of
//! the ticks that are late.

use super::eyes::{self, Eyes};
use super::layers::Layers;
use super::overlay::Painter;
use super::phase::Phase;
use super::picture::{self, I420, I420Ref, PlaneRef};
use super::pool::{Pool, Pooled};
use super::slate::{Look, Slate};
use super::sound::{self, Ears};
use super::sound_mix::{Meter, full_scale};
use crate::clock::running;
use crate::encoder::{Encoder, hub::Hub, picture_caps};
use crate::lock::hold;
use crate::source::Source;
use crate::source::made::describe;
use crate::source::reel::Part;
use automation::clock::Running;
use automation::director::{CameraMove, Director, Picture as Base, Shown};
use automation::fault::{Code, Fault};
use automation::id::SourceId;
use automation::lateness::{self, Late};
use automation::spec::{ChannelSpec, House, SoundFrom};
use automation::status::{Meters, OnAir, OverlayStatus, ProgramStatus, SourceState, TimelineStatus};
use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Movements of cameras that wait to be taken up: more than there are sources.
const MOVES_MAX: usize = 128;
/// How often the view is refreshed, in nanoseconds.
const VIEW_EVERY_NS: u64 = 100_000_000;

/// What the rest of the worker tells the mixer.
pub enum Order {
    /// A new spec is in force.
    Spec(Arc<ChannelSpec>),
    /// A source was started, or taken away.
    Source(SourceId, Option<Arc<Source>>),
    /// A camera's movement was not begun.
    NotMoved(SourceId),
    /// End.
    Quit,
}

/// What the mixer shows of itself.
#[derive(Clone, Debug)]
pub struct View {
    /// Health.
    pub program: ProgramStatus,
    /// What the audience sees.
    pub on_air: OnAir,
    /// Where the timeline stands.
    pub timeline: Option<TimelineStatus>,
    /// Overlays on air.
    pub overlays: Vec<OverlayStatus>,
    /// Sound.
    pub meters: Meters,
    /// What the director knows of each source.
    pub sources: BTreeMap<SourceId, SourceState>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// The last picture of the program.
    pub picture: Option<gst::Buffer>,
}

/// The running mixer.
pub struct Program {
    orders: Sender<Order>,
    view: Arc<Mutex<View>>,
    moves: Receiver<CameraMove>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// When tick 0 was.
    pub start: Running,
}

impl Program {
    /// Starts the encoder and the tick.
    pub fn start(spec: &Arc<ChannelSpec>, painter: Arc<Painter>, hub: &Arc<Hub>) -> Result<Program, Fault> {
        let start = running();
        let (orders, inbox) = channel();
        let (movers, moves) = sync_channel(MOVES_MAX);
        let encoder = Encoder::start(&spec.house, hub)?;
        let mut mixer = Mixer::new(spec, painter, encoder, hub.clone(), inbox, movers, start)?;
        let view = mixer.view.clone();
        let thread = std::thread::Builder::new()
            .name("tick".into())
            .spawn(move || mixer.run())
            .map_err(|error| Fault::new(Code::Internal, "").with_text(error.to_string()))?;
        Ok(Program { orders, view, moves, thread: Some(thread), start })
    }

    /// Tells the mixer something.
    pub fn tell(&self, order: Order) {
        // A mixer that has ended has said why in its view; the worker ends then.
        let _ = self.orders.send(order);
    }

    /// The newest view.
    pub fn view(&self) -> View {
        hold(&self.view).clone()
    }

    /// Movements that cameras shall begin now.
    pub fn moves(&self) -> impl Iterator<Item = CameraMove> {
        self.moves.try_iter()
    }

    /// A handle that only looks.
    pub fn viewer(&self) -> Viewer {
        Viewer(self.view.clone())
    }

    /// Whether the tick has stopped, which only an encoder's failure can do.
    pub fn ended(&self) -> bool {
        self.thread.as_ref().is_none_or(std::thread::JoinHandle::is_finished)
    }
}

/// Looks at a program.
#[derive(Clone)]
pub struct Viewer(Arc<Mutex<View>>);

impl Viewer {
    /// The newest view.
    pub fn view(&self) -> View {
        hold(&self.0).clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Mixer {
    house: House,
    info: gst_video::VideoInfo,
    start: Running,
    inbox: Receiver<Order>,
    moves: SyncSender<CameraMove>,
    director: Director,
    sources: BTreeMap<SourceId, Arc<Source>>,
    /// The newest due picture of each live source.
    newest: BTreeMap<SourceId, gst::Buffer>,
    phases: BTreeMap<SourceId, Phase>,
    eyes: Eyes,
    slate: Slate,
    layers: Layers,
    ears: Ears,
    /// The source that is heard with every live picture, as the spec says.
    sound: Option<SoundFrom>,
    meter: Meter,
    encoder: Encoder,
    hub: Arc<Hub>,
    pool: Arc<Pool>,
    last: Option<gst::Buffer>,
    view: Arc<Mutex<View>>,
    seen: Seen,
}

/// Counters between two views.
#[derive(Default)]
struct Seen {
    status: ProgramStatus,
    next_view_ns: u64,
    rate_since: Option<(Running, u64, u64)>,
}

impl Mixer {
    fn new(
        spec: &Arc<ChannelSpec>,
        painter: Arc<Painter>,
        encoder: Encoder,
        hub: Arc<Hub>,
        inbox: Receiver<Order>,
        moves: SyncSender<CameraMove>,
        start: Running,
    ) -> Result<Mixer, Fault> {
        let house = spec.house.clone();
        let info = gst_video::VideoInfo::from_caps(&picture_caps(&house))
            .map_err(|error| Fault::new(Code::EncoderFailed, "").with_text(error.to_string()))?;
        let mut director = Director::new(house.rate, start);
        director.spec(spec);
        let slate = Slate::start(painter.clone(), house.width, house.height, Look::of(spec));
        let view = View {
            program: ProgramStatus { encoder: encoder.name.clone(), ..ProgramStatus::default() },
            on_air: director.on_air(),
            timeline: None,
            overlays: Vec::new(),
            meters: Meters::default(),
            sources: BTreeMap::new(),
            faults: Vec::new(),
            picture: None,
        };
        let layers = Layers::new(painter, house.width, house.height);
        let seen = Seen { status: view.program.clone(), ..Seen::default() };
        let mut mixer = Mixer {
            info,
            start,
            inbox,
            moves,
            director,
            sources: BTreeMap::new(),
            newest: BTreeMap::new(),
            phases: BTreeMap::new(),
            eyes: Eyes::default(),
            slate,
            layers,
            ears: Ears::default(),
            sound: spec.sound.clone(),
            meter: Meter::default(),
            encoder,
            hub,
            pool: Arc::default(),
            last: None,
            view: Arc::new(Mutex::new(view)),
            seen,
            house,
        };
        mixer.layers.spec(spec);
        Ok(mixer)
    }

    fn run(&mut self) {
        urgent();
        let (mut n, mut late_before_ns, mut used_before_ns) = (0, 0, used_ns());
        loop {
            let late_ns = self.wait_for(n);
            // What was said while it waited counts for this tick.
            if !self.orders() {
                return;
            }
            let used_by_now_ns = used_ns();
            if let Some(ns) = lateness::stood_still(late_before_ns, late_ns, used_by_now_ns - used_before_ns) {
                tracing::warn!(ms = ns / 1_000_000, "the process stood still");
                self.director.stood_still(ns);
            }
            (late_before_ns, used_before_ns) = (late_ns, used_by_now_ns);
            let late = lateness::judge(self.house.rate, n, late_ns);
            let from = n;
            if let Late::LeaveOut(ticks) = late {
                tracing::warn!(tick = n, ticks, late_ms = late_ns / 1_000_000, "ticks left out");
                self.seen.status.missing += ticks;
                late_before_ns = lateness::left_over(self.house.rate, n, late_ns, ticks);
                n += ticks;
            }
            let produced = self.picture(n, late == Late::Repeat);
            if produced.and_then(|()| self.sound(from, n)).is_err() {
                let fault = self.encoder.fault().unwrap_or_else(|| Fault::new(Code::EncoderFailed, ""));
                tracing::error!(fault = fault.text, "the encoder stopped");
                hold(&self.view).faults.push(fault);
                return;
            }
            n += 1;
            self.seen.status.tick = n;
            self.show(n);
        }
    }

    /// Takes what was told. False: end.
    fn orders(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Spec(spec)) => self.take_spec(&spec),
                Ok(Order::Source(id, Some(source))) => {
                    // Its last picture bridges until the new one has its first.
                    self.phases.remove(&id);
                    self.sources.insert(id, source);
                }
                Ok(Order::Source(id, None)) => {
                    self.newest.remove(&id);
                    self.phases.remove(&id);
                    self.sources.remove(&id);
                }
                Ok(Order::NotMoved(id)) => self.director.not_moved(&id),
                Ok(Order::Quit) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn take_spec(&mut self, spec: &Arc<ChannelSpec>) {
        if spec.house.video_kbps != self.house.video_kbps {
            tracing::info!(from = self.house.video_kbps, to = spec.house.video_kbps, "the encoder is retuned");
            self.encoder.retune(spec.house.video_kbps);
            self.house.video_kbps = spec.house.video_kbps;
        }
        self.sound.clone_from(&spec.sound);
        self.director.spec(spec);
        self.layers.spec(spec);
        self.slate.want(Look::of(spec));
    }

    /// Waits until tick `n` is due. Answers how late it is, nanoseconds.
    fn wait_for(&mut self, n: u64) -> u64 {
        let due = self.start.0 + self.house.rate.tick_ns(n);
        let now = running().0;
        if now < due {
            std::thread::sleep(Duration::from_nanos(due - now));
            return 0;
        }
        let late_ns = now - due;
        if lateness::counts(self.house.rate, late_ns) {
            self.seen.status.late += 1;
            self.seen.status.late_ms_worst = self.seen.status.late_ms_worst.max(late_ns / 1_000_000);
        }
        late_ns
    }

    /// Makes the picture of tick `n` and hands it over.
    fn picture(&mut self, n: u64, repeat: bool) -> Result<(), gst::FlowError> {
        let at = Running(self.start.0 + self.house.rate.tick_ns(n));
        self.look_at_sources(at);
        let frame = self.director.frame(n);
        for movement in self.director.moves() {
            // Whoever moves cameras is not waited for: a picture must go out.
            if self.moves.try_send(movement.clone()).is_err() {
                tracing::warn!(source = %movement.source, "a camera's movement is left out");
            }
        }
        self.ears.on_air(&frame.picture, frame.sound.as_ref(), |id| {
            matches!(self.sources.get(id).map(|s| &**s), Some(Source::Media(_)))
        });
        let buffer = match &self.last {
            Some(last) if repeat => last.clone(),
            _ => self.compose(n, at, &frame),
        };
        let mut stamped = buffer.copy();
        {
            let stamped = stamped.get_mut().expect("a copy has one owner");
            let (begin, end) = (self.house.rate.tick_ns(n), self.house.rate.tick_ns(n + 1));
            stamped.set_pts(gst::ClockTime::from_nseconds(begin));
            stamped.set_dts(gst::ClockTime::NONE);
            stamped.set_duration(gst::ClockTime::from_nseconds(end - begin));
            stamped.unset_flags(gst::BufferFlags::all());
        }
        self.last = Some(buffer);
        self.encoder.picture(stamped)
    }

    fn look_at_sources(&mut self, at: Running) {
        let looks = self.eyes.are_due(at);
        for (id, source) in &self.sources {
            match &**source {
                Source::Live(live) => {
                    let (decoder, store) = (&live.shared.decoder, &live.shared.store);
                    decoder.want(self.director.is_awake(id));
                    let phase = self.phases.entry(id.clone()).or_default();
                    let looked = store.look(at.0 + phase.ahead_ns(&self.house));
                    let asleep = decoder.is_asleep(looked.picture.as_ref().map(|picture| picture.due_ns));
                    let behind = asleep || decoder.is_behind();
                    let buffered_to = decoder.buffered_to(at);
                    self.director.asleep(id, asleep);
                    buffered_to.inspect(|to| self.director.buffered(id, *to));
                    if behind {
                        // Its pictures are there, though not decoded in time.
                        buffered_to.inspect(|to| self.director.picture(id, at.min(*to)));
                    } else {
                        phase.took(looked.taken);
                    }
                    let heard = self.ears.hears(id);
                    phase.lag.passed(self.house.rate.tick_ns(1), heard);
                    if let (1.., Some(picture)) = (looked.taken, looked.picture) {
                        let late_ns = at.0 as i64 - picture.due_ns as i64;
                        phase.lag.shown(late_ns, phase.ahead_ns(&self.house), self.house.rate.tick_ns(1));
                        // One that is shown ahead of its time begins to bridge a gap when it is shown.
                        self.director.picture(id, Running(picture.due_ns.min(at.0)));
                        self.newest.insert(id.clone(), picture.buffer);
                        self.eyes.fresh(id);
                    }
                    if live.shared.sound_only && store.sounds(heard_at_ns(at.0, self.sound.as_ref(), id, 0)) {
                        // What is only heard is there while its sound flows.
                        self.director.picture(id, at);
                    }
                    if looks {
                        let picture = self.newest.get(id).filter(|_| self.eyes.take(id));
                        let mut points = None;
                        picture.inspect(|buffer| lend(&self.info, buffer, &mut |p| points = Some(eyes::sample(p))));
                        self.director.look(id, at, points.as_ref(), live.shared.store.was_silent());
                    }
                    if !heard {
                        store.pass(heard_at_ns(at.0, self.sound.as_ref(), id, phase.lag.ns()));
                    }
                }
                Source::Media(files) => self.director.unplayable(id, files.unplayable()),
                Source::Made(_) => {}
            }
        }
    }

    fn compose(&mut self, n: u64, at: Running, frame: &automation::director::Frame) -> gst::Buffer {
        let sprites = self.layers.at(&frame.overlays, at);
        match &frame.picture {
            Base::One(shown) => {
                let base = self.shown(shown, n);
                if sprites.is_empty() {
                    return base;
                }
                self.paint(|out, of| {
                    of(&base, &mut |picture| out.copy_from(picture));
                    sprites.iter().for_each(|(sprite, opacity)| picture::blend(out, sprite, *opacity));
                })
            }
            Base::Mix { from, to, weight, through_black } => {
                let (a, b, weight) = (self.shown(from, n), self.shown(to, n), *weight);
                self.paint(|out, of| {
                    if *through_black {
                        let (side, black) = if weight < 128 { (&a, weight * 2) } else { (&b, (256 - weight) * 2) };
                        of(side, &mut |p| picture::towards_black(out, p, black.min(256)));
                    } else {
                        of(&a, &mut |pa| of(&b, &mut |pb| picture::mix(out, pa, pb, weight)));
                    }
                    sprites.iter().for_each(|(sprite, opacity)| picture::blend(out, sprite, *opacity));
                })
            }
        }
    }

    /// The picture of a source at tick `n`; what it showed last, or the slate, where there is none.
    fn shown(&mut self, shown: &Shown, n: u64) -> gst::Buffer {
        let Some(id) = &shown.source else { return self.slate.buffer() };
        match self.sources.get(id).map(|s| &**s) {
            Some(Source::Made(made)) => return made.picture().buffer,
            Some(Source::Media(files)) => {
                let position = position_ns(&self.house, shown, n);
                if let Some(Part { player, at_ns }) = files.part(shown.began, position) {
                    // Half a tick ahead: the nearest picture, whichever way the file rounds its times.
                    let look_at = at_ns + self.house.rate.tick_ns(1) / 2;
                    let picture = player.store.look(look_at).picture.or_else(|| player.store.first());
                    if let Some(picture) = picture {
                        self.newest.insert(id.clone(), picture.buffer);
                    }
                }
            }
            Some(Source::Live(_)) | None => {}
        }
        self.newest.get(id).cloned().unwrap_or_else(|| self.slate.buffer())
    }

    /// Paints into a buffer of our own. The second argument of `how` lends the planes of a source's buffer.
    fn paint(&self, how: impl FnOnce(&mut I420, &dyn Fn(&gst::Buffer, &mut dyn FnMut(&I420Ref<'_>)))) -> gst::Buffer {
        let mut out = I420 { width: self.house.width, height: self.house.height, data: self.pool.take(&self.house) };
        how(&mut out, &|buffer, with| lend(&self.info, buffer, with));
        let mut buffer = gst::Buffer::from_mut_slice(Pooled { data: Some(out.data), pool: self.pool.clone() });
        describe(&mut buffer, self.house.width, self.house.height);
        buffer
    }

    /// Hands over the sound of ticks `from..=n`, a second at a time: a machine that slept skips hours.
    fn sound(&mut self, from: u64, n: u64) -> Result<(), gst::FlowError> {
        let (first, end) = (self.house.rate.samples(from), self.house.rate.samples(n + 1));
        sound::stretches(first, end).try_for_each(|(begin, end)| self.stretch(from, begin - first, begin, end))
    }

    /// Hands over samples `first..end`, which lie `into` samples after the beginning of tick `tick`.
    fn stretch(&mut self, tick: u64, into: u64, first: u64, end: u64) -> Result<(), gst::FlowError> {
        let mut out = vec![0f32; ((end - first) * 2) as usize];
        let begin_ns = first * 1_000_000_000 / 48_000;
        let (house, sound, phases) = (&self.house, self.sound.as_ref(), &self.phases);
        let begin = self.start.0 + begin_ns;
        self.ears.listen(&self.sources, &mut out, first, |shown, source| match (source, &shown.source) {
            (Source::Live(_), Some(id)) => {
                heard_at_ns(begin, sound, id, phases.get(id).map_or(0, |phase| phase.lag.ns()))
            }
            _ => position_ns(house, shown, tick) + into * 1_000_000_000 / 48_000,
        });
        out.iter_mut().for_each(|sample| *sample = full_scale(*sample));
        self.meter.push(&out);
        let bytes: Vec<u8> = out.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        {
            let buffer = buffer.get_mut().expect("a new buffer has one owner");
            buffer.set_pts(gst::ClockTime::from_nseconds(begin_ns));
            buffer.set_duration(gst::ClockTime::from_nseconds((end - first) * 1_000_000_000 / 48_000));
        }
        self.encoder.sound(buffer)
    }

    fn show(&mut self, n: u64) {
        let at_ns = self.house.rate.tick_ns(n);
        if at_ns < self.seen.next_view_ns {
            return;
        }
        self.seen.next_view_ns = at_ns + VIEW_EVERY_NS;
        let now = running();
        let bytes = self.hub.video_bytes();
        self.seen.status.encoded_bytes = bytes;
        let (since, tick0, bytes0) = *self.seen.rate_since.get_or_insert((now, n, bytes));
        let ms = now.ms_since(since);
        if ms >= 2_000 {
            self.seen.status.fps = ((n - tick0) * 1000) as f32 / ms as f32;
            self.seen.status.kbps = ((bytes - bytes0) * 8 / ms) as u32;
            self.seen.rate_since = Some((now, n, bytes));
        }
        let mut faults = self.director.faults();
        faults.extend(self.layers.faults());
        faults.extend(self.slate.fault());
        if self.seen.status.missing > 0 {
            let text =
                format!("The box was too slow: {} pictures are missing from the program.", self.seen.status.missing);
            faults.push(Fault::new(Code::TicksMissing, "").with_text(text));
        }
        let next = View {
            program: self.seen.status.clone(),
            on_air: self.director.on_air(),
            timeline: self.director.timeline(),
            overlays: self.director.overlays(),
            meters: self.meter.meters(),
            sources: self.sources.keys().map(|id| (id.clone(), self.director.source_state(id))).collect(),
            faults,
            picture: self.last.clone(),
        };
        *hold(&self.view) = next;
    }
}

/// The processor time of this process, nanoseconds.
fn used_ns() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64
}

/// Position in a clip at tick `n`, nanoseconds.
fn position_ns(house: &House, shown: &Shown, n: u64) -> u64 {
    house.rate.tick_ns(u64::try_from(n as i64 - shown.began).unwrap_or(0))
}

/// Lends the planes of a buffer in the house format.
pub fn lend(info: &gst_video::VideoInfo, buffer: &gst::Buffer, with: &mut dyn FnMut(&I420Ref<'_>)) {
    let Ok(frame) = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info) else { return };
    let plane = |i: u32| {
        let data = frame.plane_data(i).unwrap_or_default();
        PlaneRef { data, stride: frame.plane_stride()[i as usize].unsigned_abs() as usize }
    };
    with(&I420Ref { width: info.width(), height: info.height(), y: plane(0), u: plane(1), v: plane(2) });
}

/// The moment of its store at which a live source is heard at `at_ns`: held back as the spec says where it is heard in
/// place of others, and else by as much as its own pictures lag.
fn heard_at_ns(at_ns: u64, sound: Option<&SoundFrom>, source: &SourceId, lag_ns: i64) -> u64 {
    let chosen = sound.filter(|sound| sound.source == *source);
    let back_ns = chosen.map_or(lag_ns, |sound| i64::from(sound.delay_ms) * 1_000_000);
    at_ns.saturating_add_signed(-back_ns)
}

/// The tick must not wait for other work of the machine. Where the system does not grant it, it goes on without.
fn urgent() {
    use thread_priority::unix::{
        RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    };
    let Ok(priority) = thread_priority::ThreadPriorityValue::try_from(20u8) else { return };
    let granted = set_thread_priority_and_policy(
        thread_native_id(),
        thread_priority::ThreadPriority::Crossplatform(priority),
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin),
    );
    if let Err(error) = granted {
        tracing::info!(?error, "no real-time priority for the tick");
    }
}
