//! Timelines, with a row per track and per cue (VS-99 to VS-101).

use super::{from_json, id, to_json};
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::id::{ChannelId, TimelineId};
use automation::spec::{
    Action, Cue, Overlay, OverlayCue, Start, Timeline, TimelineDraft, Track, Transition, TransitionKind,
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// Timelines of one channel.
pub const TIMELINES_MAX: usize = 200;

/// A stored timeline.
#[derive(Clone, Debug)]
pub struct StoredTimeline {
    /// The timeline.
    pub timeline: Timeline,
    /// Whether the channel has it loaded (`is_active`).
    pub loaded: bool,
    /// What it is for, in a person's words.
    pub description: String,
    /// Name of who made it.
    pub created_by: String,
    /// When it was made, wall clock.
    pub created_at_ms: i64,
    /// When it was last changed, wall clock.
    pub modified_at_ms: i64,
}

/// `action_type` of an overlay's cue.
const SHOW_OVERLAY: &str = "show_overlay";

/// `action_params` of an overlay's cue.
#[derive(Serialize, Deserialize)]
struct OverlayParams {
    overlay: Overlay,
    opacity: f32,
    fade_in_ms: i64,
    fade_out_ms: i64,
}

/// The timelines of a channel, oldest first.
pub fn of(connection: &Connection, channel: &ChannelId) -> Result<Vec<StoredTimeline>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, duration_ms, repeat, is_active, description, created_by, created_at_ms, modified_at_ms,
                start_at_ms
         FROM timelines WHERE channel_id = ?1 ORDER BY rowid",
    )?;
    let mut rows = statement.query([channel.as_str()])?;
    let mut timelines = Vec::new();
    while let Some(row) = rows.next()? {
        let timeline: TimelineId = id(row.get(0)?)?;
        let tracks = tracks(connection, channel, &timeline)?;
        let start = match row.get(9)? {
            None => Start::GoLive,
            Some(at_ms) => Start::Daily { at_ms },
        };
        let draft = TimelineDraft {
            id: timeline,
            name: row.get(1)?,
            duration_ms: row.get(2)?,
            repeat: row.get(3)?,
            start,
            tracks,
        };
        let timeline = Timeline::try_from(draft).map_err(|wrongs| Refusal::failed(Code::StorageFailed, wrongs))?;
        timelines.push(StoredTimeline {
            timeline,
            loaded: row.get(4)?,
            description: row.get(5)?,
            created_by: row.get(6)?,
            created_at_ms: row.get(7)?,
            modified_at_ms: row.get(8)?,
        });
    }
    Ok(timelines)
}

/// One timeline.
pub fn get(connection: &Connection, channel: &ChannelId, timeline: &TimelineId) -> Result<StoredTimeline, Refusal> {
    let found = of(connection, channel)?.into_iter().find(|stored| stored.timeline.draft().id == *timeline);
    found.ok_or_else(|| Refusal::not_found("timeline", timeline))
}

fn tracks(connection: &Connection, channel: &ChannelId, timeline: &TimelineId) -> Result<Vec<Track>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, track_type, track_name, layer, is_enabled FROM timeline_tracks
         WHERE channel_id = ?1 AND timeline_id = ?2 ORDER BY track_order",
    )?;
    let mut rows = statement.query([channel.as_str(), timeline.as_str()])?;
    let mut tracks = Vec::new();
    while let Some(row) = rows.next()? {
        let (track, name, enabled): (i64, String, bool) = (row.get(0)?, row.get(2)?, row.get(4)?);
        tracks.push(match row.get::<_, String>(1)?.as_str() {
            "overlay" => Track::Overlay { name, enabled, layer: row.get(3)?, cues: overlay_cues(connection, track)? },
            _ => Track::Video { name, enabled, cues: video_cues(connection, track)? },
        });
    }
    Ok(tracks)
}

fn video_cues(connection: &Connection, track: i64) -> Result<Vec<Cue>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, start_ms, duration_ms, action_params, transition_type, transition_duration_ms
         FROM timeline_cues WHERE track_id = ?1 ORDER BY cue_order",
    )?;
    let mut rows = statement.query([track])?;
    let mut cues = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: TransitionKind = from_json(&format!("\"{}\"", row.get::<_, String>(4)?))?;
        cues.push(Cue {
            id: id(row.get(0)?)?,
            at_ms: row.get(1)?,
            duration_ms: row.get(2)?,
            action: from_json(&row.get::<_, String>(3)?)?,
            transition: Transition { kind, duration_ms: row.get(5)? },
        });
    }
    Ok(cues)
}

fn overlay_cues(connection: &Connection, track: i64) -> Result<Vec<OverlayCue>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, start_ms, duration_ms, action_params FROM timeline_cues WHERE track_id = ?1 ORDER BY cue_order",
    )?;
    let mut rows = statement.query([track])?;
    let mut cues = Vec::new();
    while let Some(row) = rows.next()? {
        let params: OverlayParams = from_json(&row.get::<_, String>(3)?)?;
        cues.push(OverlayCue {
            id: id(row.get(0)?)?,
            at_ms: row.get(1)?,
            duration_ms: row.get(2)?,
            overlay: params.overlay,
            opacity: params.opacity,
            fade_in_ms: params.fade_in_ms,
            fade_out_ms: params.fade_out_ms,
        });
    }
    Ok(cues)
}

/// Adds a timeline, or writes a changed one in its place.
pub fn put(
    connection: &Connection,
    channel: &ChannelId,
    timeline: &Timeline,
    description: &str,
    by: &str,
    at_ms: i64,
) -> Result<(), Refusal> {
    let draft = timeline.draft();
    connection.execute(
        "INSERT INTO timelines
            (id, channel_id, name, description, duration_ms, repeat, created_at_ms, modified_at_ms, created_by,
             start_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)
         ON CONFLICT (channel_id, id) DO UPDATE SET
            name = ?3, description = ?4, duration_ms = ?5, repeat = ?6, modified_at_ms = ?7,
            start_at_ms = ?9",
        params![
            draft.id.as_str(),
            channel.as_str(),
            draft.name,
            description,
            draft.duration_ms,
            draft.repeat,
            at_ms,
            by,
            match draft.start {
                Start::GoLive => None,
                Start::Daily { at_ms } => Some(at_ms),
            }
        ],
    )?;
    connection.execute(
        "DELETE FROM timeline_tracks WHERE channel_id = ?1 AND timeline_id = ?2",
        params![channel.as_str(), draft.id.as_str()],
    )?;
    for (order, track) in draft.tracks.iter().enumerate() {
        put_track(connection, channel, &draft.id, order, track)?;
    }
    Ok(())
}

fn put_track(
    connection: &Connection,
    channel: &ChannelId,
    timeline: &TimelineId,
    order: usize,
    track: &Track,
) -> Result<(), Refusal> {
    let (kind, name, layer, enabled) = match track {
        Track::Video { name, enabled, .. } => ("video", name, 1, *enabled),
        Track::Overlay { name, enabled, layer, .. } => ("overlay", name, *layer, *enabled),
    };
    connection.execute(
        "INSERT INTO timeline_tracks (channel_id, timeline_id, track_order, track_type, track_name, layer, is_enabled)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![channel.as_str(), timeline.as_str(), order as i64, kind, name, layer, enabled],
    )?;
    let track_id = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached(
        "INSERT INTO timeline_cues (track_id, cue_order, id, start_ms, duration_ms, action_type, action_params,
            transition_type, transition_duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    match track {
        Track::Video { cues, .. } => {
            for (order, cue) in cues.iter().enumerate() {
                let action = match cue.action {
                    Action::ShowCamera { .. } => "show_camera",
                    Action::ShowMedia { .. } => "show_media",
                };
                let transition = to_json(&cue.transition.kind);
                insert.execute(params![
                    track_id,
                    order as i64,
                    cue.id.as_str(),
                    cue.at_ms,
                    cue.duration_ms,
                    action,
                    to_json(&cue.action),
                    transition.trim_matches('"'),
                    cue.transition.duration_ms
                ])?;
            }
        }
        Track::Overlay { cues, .. } => {
            for (order, cue) in cues.iter().enumerate() {
                let params = OverlayParams {
                    overlay: cue.overlay.clone(),
                    opacity: cue.opacity,
                    fade_in_ms: cue.fade_in_ms,
                    fade_out_ms: cue.fade_out_ms,
                };
                insert.execute(params![
                    track_id,
                    order as i64,
                    cue.id.as_str(),
                    cue.at_ms,
                    cue.duration_ms,
                    SHOW_OVERLAY,
                    to_json(&params),
                    "cut",
                    0
                ])?;
            }
        }
    }
    Ok(())
}

/// Makes a timeline the channel's; none unloads.
pub fn load(connection: &Connection, channel: &ChannelId, timeline: Option<&TimelineId>) -> Result<(), Refusal> {
    connection.execute("UPDATE timelines SET is_active = 0 WHERE channel_id = ?1", [channel.as_str()])?;
    if let Some(timeline) = timeline {
        connection.execute(
            "UPDATE timelines SET is_active = 1 WHERE channel_id = ?1 AND id = ?2",
            params![channel.as_str(), timeline.as_str()],
        )?;
    }
    Ok(())
}

/// Deletes a timeline. Its broadcasts keep its name, and no longer its id, which another one may get.
pub fn delete(connection: &Connection, channel: &ChannelId, timeline: &TimelineId) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE timeline_executions SET timeline_id = NULL WHERE channel_id = ?1 AND timeline_id = ?2",
        params![channel.as_str(), timeline.as_str()],
    )?;
    connection.execute(
        "DELETE FROM timelines WHERE channel_id = ?1 AND id = ?2",
        params![channel.as_str(), timeline.as_str()],
    )?;
    Ok(())
}
