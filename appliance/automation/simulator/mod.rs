//! A venue in virtual time: one director, its deliveries, `control` with its plan, cameras and platforms, all from
//! one seed, stepped from event to event. The director is asked where something can change, and in samples between.
//!
//! Everything that is random comes from the seed, so a seed replays to the letter. After each frame and each event
//! the rules of [`rules`] are checked; at the end all trouble stops, and what is must reach what is wanted.

mod control;
mod far_side;
mod feed;
mod random;
mod rules;
mod sources;
mod venue;
mod worker;
mod world;

pub(crate) use rules::Broken;

/// How a seed is played. All from the fourth on break something on purpose, so that tests see
/// the rules catch it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// A whole day instead of an evening.
    pub(crate) day: bool,
    /// Ask the director at each tick: slow, and the same transcript.
    pub(crate) every_tick: bool,
    /// Let the wall clock alone.
    pub(crate) steady_wall: bool,
    /// The status tells no fault.
    pub(crate) hides_faults: bool,
    /// The worker takes older specs.
    pub(crate) takes_older: bool,
    /// The worker thinks that it gets pictures of cameras that are dead.
    pub(crate) dead_cameras_seem_alive: bool,
    /// The edge tries each 200 ms.
    pub(crate) storms: bool,
    /// `control` sends its first spec, and never again.
    pub(crate) never_plans: bool,
    /// The director is told nothing of what a person wants.
    pub(crate) deaf_to_hands: bool,
    /// The edge dials again beside a connection that carries media.
    pub(crate) dials_twice: bool,
    /// The edge gives up connections that are sound.
    pub(crate) restless: bool,
    /// Nobody looks at what cameras show.
    pub(crate) sees_nothing: bool,
    /// Each picture is mixed with itself.
    pub(crate) always_mixes: bool,
    /// Nobody hears that a source is silent.
    pub(crate) hears_nothing: bool,
    /// A source's first picture says for ever how its time lies to ours.
    pub(crate) ignores_clocks: bool,
    /// What comes is due now sooner, now later.
    pub(crate) scrambles_times: bool,
    /// Sound is heard as it comes, whenever it is due.
    pub(crate) plays_sound_as_it_comes: bool,
    /// A break is heard in each stretch of sound.
    pub(crate) sound_stutters: bool,
    /// Who fetches waits ten times as long as it should.
    pub(crate) fetches_patiently: bool,
    /// The status never says that a source comes and goes; or says it of all.
    pub(crate) forgets_losses: bool,
    pub(crate) counts_twice: bool,
    /// The status of files says nothing of a full disk.
    pub(crate) hides_full_disk: bool,
    /// What was fetched is handed on at once.
    pub(crate) hands_on_unpaced: bool,
    /// A full disk breaks connections to platforms, too.
    pub(crate) disk_breaks_all: bool,
    /// Nobody asks whether there is room for files again.
    pub(crate) never_asks_for_room: bool,
    /// The watchdog is fed whatever the worker does.
    pub(crate) feeds_regardless: bool,
    /// The watchdog bites a worker that works.
    pub(crate) bites_at_once: bool,
    /// A worker that begins anew begins the timeline anew.
    pub(crate) rewinds: bool,
    /// A worker takes each spec for that of another broadcast.
    pub(crate) forgets_broadcast: bool,
    /// Sessions are renewed whenever somebody looks.
    pub(crate) renews_at_will: bool,
    /// All sessions that are due are renewed at once.
    pub(crate) renews_together: bool,
    /// No session is ever renewed.
    pub(crate) never_renews: bool,
    /// A planned new session is taken for a failure.
    pub(crate) renews_by_failure: bool,
}

/// How a seed went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What happened, line by line.
    pub(crate) transcript: Vec<String>,
    /// The rule that did not hold, if one did not; then the transcript ends there.
    pub(crate) broken: Option<Broken>,
    /// Frames that were made.
    pub(crate) frames: u64,
    /// Milliseconds of virtual time.
    pub(crate) played_ms: u64,
}

/// Plays a seed.
pub(crate) fn play(seed: u64, options: Options) -> Outcome {
    world::World::new(seed, options).play()
}
