//! What one channel shall be.

use super::{Destination, House, SoundFrom, Source, SourceChecks, Timeline, TimelineDraft, Wrongs, check};
use crate::clock::Running;
use crate::id::{AssetId, ChannelId, SessionId, SourceId};
use crate::wall::{WallClock, Zone};
use core::net::{IpAddr, Ipv4Addr};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

fn loopback() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// The spec of a channel's worker as it travels. Parse it to [`ChannelSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpecDraft {
    /// Rises by one with every change; older is refused.
    pub generation: u64,
    /// The channel.
    pub channel: ChannelId,
    /// Its name; the venue's name on the slate.
    pub name: String,
    /// The format of its program. Changes only while no session runs.
    pub house: House,
    /// Its sources, at most 64.
    pub sources: Vec<Source>,
    /// The address of this machine on which sources wait that are sent to: the loopback where nobody else may reach us.
    #[serde(default = "loopback")]
    pub listen: IpAddr,
    /// Files on this machine by asset: absolute paths.
    pub assets: BTreeMap<AssetId, String>,
    /// What happens when a source is lost.
    pub failover: Failover,
    /// What runs; without one, `failover.primary` is on air.
    pub timeline: Option<Timeline>,
    /// The time of day, for a timeline that follows it; none while it is not known.
    #[serde(default)]
    pub wall: Option<WallClock>,
    /// The zone whose time texts show, where they do; none is the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// What a person has put on air by hand.
    pub manual: Option<Manual>,
    /// Whether a person has cleared what lies over the picture: nothing does until it is brought back.
    #[serde(default)]
    pub overlays_cleared: bool,
    /// The broadcast, from GO LIVE to END.
    pub live: Option<Live>,
    /// Where the program goes while `live`; at most 16.
    pub destinations: Vec<Destination>,
    /// What the audience is told.
    pub messages: Messages,
    /// The source that is heard with every live picture; none is the sound of the picture's own source.
    #[serde(default)]
    pub sound: Option<SoundFrom>,
    /// The picture of the slate, PNG or JPEG, in place of the name (CT-12); none is the slate of text.
    #[serde(default)]
    pub slate_picture: Option<AssetId>,
}

/// What happens when a source is lost (D-16): hold the last picture while deciding → the steps of the ladder in their
/// order → the slate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Failover {
    /// On air where no timeline says otherwise.
    pub primary: Option<SourceId>,
    /// Takes the program from the timeline while it is online and stable (LP-03, LP-15, LP-17).
    pub live_input: Option<SourceId>,
    /// The loop: an uploaded file, or a publisher of role `loop`.
    #[serde(rename = "loop")]
    pub looped: Option<SourceId>,
    /// What stands in for a lost source, tried in this order; what is left out never does. Below them is the slate.
    pub ladder: Vec<Fallback>,
    /// How long the last picture bridges before a live source counts as lost, milliseconds, 100 to 5000.
    pub holdoff_ms: u32,
    /// How long a source must be whole before it returns, milliseconds, 0 to 60,000.
    pub stable_ms: u32,
    /// What a source that sends is checked for.
    pub checks: SourceChecks,
}

impl Default for Failover {
    fn default() -> Failover {
        Failover {
            primary: None,
            live_input: None,
            looped: None,
            ladder: vec![Fallback::LiveInput, Fallback::Backup, Fallback::Loop],
            holdoff_ms: 300,
            stable_ms: 5000,
            checks: SourceChecks::default(),
        }
    }
}

/// A step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Fallback {
    /// The live input, once it is stable.
    LiveInput,
    /// The backups of the source, one after the other; under a person's choice then what automation would show.
    Backup,
    /// The loop.
    Loop,
}

/// What a person put on air by hand. Manual beats automatic (D-21).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Manual {
    /// Which source; none is the slate.
    pub source: Option<SourceId>,
    /// For how long.
    pub hold: Hold,
    /// When it was said.
    pub at: Running,
}

/// How long a manual choice holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Hold {
    /// Until the running timeline's next video cue begins; without a running timeline, until released.
    Take,
    /// Until released.
    Pin,
}

/// A broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// Its id; destinations make one connection each for it.
    pub session: SessionId,
    /// When it goes live: now plus the countdown. The timeline's position is counted from here.
    pub at: Running,
    /// How long it had been live before `at`, nanoseconds: it goes on after the box was restarted.
    #[serde(default)]
    pub ahead_ns: u64,
    /// Since when the timeline stands still, where it does.
    pub paused_at: Option<Running>,
    /// How long it has stood still before, nanoseconds.
    pub paused_ns: u64,
}

impl Live {
    /// Milliseconds since it went live; 0 during the countdown.
    pub fn since_ms(&self, now: Running) -> u64 {
        if now < self.at { 0 } else { self.ahead_ns.saturating_add(now.0 - self.at.0) / 1_000_000 }
    }
}

/// Messages to the audience (D-6): the slate speaks by default, the others only to the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Messages {
    /// The slate's line below the venue's name, or over the foot of its picture; empty for none.
    pub slate: String,
    /// Whether "Switched to backup camera" is shown for 5 s.
    pub backup: bool,
}

impl Default for Messages {
    fn default() -> Messages {
        Messages { slate: "Technical difficulties – we'll be right back".into(), backup: false }
    }
}

/// A channel's spec without fault: every id that is named exists, and every number is in its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ChannelSpecDraft", into = "ChannelSpecDraft")]
pub struct ChannelSpec(ChannelSpecDraft);

impl ChannelSpec {
    /// The timeline of a draft, if it is without fault and every source and file that it names is there, of the
    /// right kind. For refusing a timeline before it is stored.
    pub fn check_timeline(
        draft: &TimelineDraft,
        sources: &[Source],
        has_asset: impl Fn(&AssetId) -> bool,
    ) -> Result<Timeline, Wrongs> {
        let by_itself = check::timeline(draft);
        let with_others = check::sources_of_timeline(draft, sources, &has_asset);
        let mut wrongs: Vec<_> = by_itself.err().into_iter().chain(with_others.err()).flat_map(|w| w.0).collect();
        if wrongs.is_empty() {
            return Timeline::try_from(draft.clone());
        }
        wrongs.truncate(check::WRONGS_MAX);
        Err(Wrongs(wrongs))
    }
}

impl std::ops::Deref for ChannelSpec {
    type Target = ChannelSpecDraft;
    fn deref(&self) -> &ChannelSpecDraft {
        &self.0
    }
}

impl From<ChannelSpec> for ChannelSpecDraft {
    fn from(spec: ChannelSpec) -> ChannelSpecDraft {
        spec.0
    }
}

impl TryFrom<ChannelSpecDraft> for ChannelSpec {
    type Error = Wrongs;
    fn try_from(draft: ChannelSpecDraft) -> Result<ChannelSpec, Wrongs> {
        check::channel(&draft)?;
        Ok(ChannelSpec(draft))
    }
}
