//! A venue in virtual time: one director, its deliveries, `control` with its plan, cameras and platforms, all from
//! one seed, stepped from event to event. The director is asked where something can change, and in samples between.
//!
//! Everything that is random comes from the seed, so a seed replays to the letter. After each frame and each event
//! the rules of [`rules`] are checked; at the end all trouble stops, and what is must reach what is wanted.

mod control;
mod far_side;
mod random;
mod rules;
mod sources;
mod venue;
mod worker;
mod world;

pub(crate) use rules::Broken;

/// How a seed is played. The last ten break something on purpose, so that tests see the rules catch it.
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
