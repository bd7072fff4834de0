//! Everything that is wanted, as one value: a valid spec per channel, the door's, and the documents that show them.

use super::channels::{StoredChannel, StoredLive};
use super::sources::StoredSource;
use super::{Context, assets, channels, destinations, settings, sources, timelines};
use crate::doc::{
    CameraDoc, ChannelDoc, DestinationDoc, DestinationKindDoc, LiveDoc, ManualDoc, PanelDoc, Publish, SourceDoc,
    SourceKindDoc,
};
use crate::refusal::Refusal;
use automation::follow::CameraIdentity;
use automation::id::{AssetId, ChannelId, SourceId};
use automation::spec::platform;
use automation::spec::{
    ChannelSpec, ChannelSpecDraft, Destination, DestinationKind, IngestSpec, IngestStream, Manual, Overlay, Source,
    SourceKind, SrtMode, Start, Timeline, Track,
};
use automation::wall::{WallClock, Zone};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What is wanted of the whole box.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The venue's name.
    pub venue: String,
    /// The button and the lamp on the box.
    pub panel: Option<PanelDoc>,
    /// What the door admits.
    pub ingest: IngestSpec,
    /// How running time and wall clock lie to each other, where that is known.
    pub wall: Option<WallClock>,
    /// The name of the time zone that was chosen; none is the machine's own.
    pub time_zone: Option<String>,
    /// The zone that is in force, as its rule; none before it was looked for.
    pub zone: Option<Zone>,
    /// Every channel, oldest first.
    pub channels: Vec<WantedChannel>,
}

/// What is wanted of one channel.
#[derive(Clone, Debug)]
pub struct WantedChannel {
    /// For its worker, with secrets.
    pub spec: ChannelSpec,
    /// For operators. Addresses of the door are filled in where it is answered.
    pub doc: ChannelDoc,
    /// Whether its broadcast has to be put right once wall time is known.
    pub awaits_clock: bool,
    /// Which camera a source is, where a camera told.
    pub cameras: BTreeMap<SourceId, CameraIdentity>,
}

impl Wanted {
    /// One channel.
    pub fn channel(&self, id: &ChannelId) -> Result<&WantedChannel, Refusal> {
        let found = self.channels.iter().find(|channel| channel.doc.id == *id);
        found.ok_or_else(|| Refusal::not_found("channel", id))
    }

    /// A channel that is on air, or shall be; also one whose broadcast a power cut broke off and that has not come back yet.
    pub fn on_air(&self) -> Option<&WantedChannel> {
        self.channels.iter().find(|channel| channel.doc.live.is_some())
    }
}

/// Reads everything. A channel that would be inconsistent refuses, with every wrong place.
pub(super) fn load(connection: &Connection, context: &Context) -> Result<Wanted, Refusal> {
    let venue = settings::venue(connection)?.unwrap_or_default();
    let files: BTreeMap<AssetId, String> = assets::all(connection)?
        .into_iter()
        .map(|asset| (asset.doc.id, context.assets.join(asset.file).display().to_string()))
        .collect();
    let time = Time::of(connection)?;
    let mut ingest = IngestSpec { generation: settings::ingest_generation(connection)?, streams: Vec::new() };
    let mut wanted = Vec::new();
    for channel in channels::all(connection)? {
        let stored = sources::of(connection, context, &channel.id)?;
        let destinations = destinations::of(connection, context, &channel.id)?;
        let timeline = timelines::of(connection, &channel.id)?.into_iter().find(|timeline| timeline.loaded);
        let timeline = timeline.map(|stored| stored.timeline);
        ingest.streams.extend(stored.iter().filter_map(|stored| stream(&channel.id, stored)));
        let doc = document(&channel, &stored, &destinations, timeline.as_ref());
        let awaits_clock = channel.live.as_ref().is_some_and(|live| live.provisional || !live.at_known);
        let cameras = stored.iter().filter_map(|one| Some((one.source.id.clone(), one.camera.clone()?))).collect();
        let spec = spec(channel, stored, destinations, timeline, &files, context.listen, &time)?;
        wanted.push(WantedChannel { spec, doc, awaits_clock, cameras });
    }
    let (panel, time_zone) = (settings::panel(connection)?, settings::time_zone(connection)?);
    Ok(Wanted { venue, panel, ingest, wall: time.wall, time_zone, zone: time.zone, channels: wanted })
}

/// What is known of the time.
pub struct Time {
    /// How running time and wall clock lie to each other.
    wall: Option<WallClock>,
    /// The zone that is in force.
    zone: Option<Zone>,
}

impl Time {
    /// What is stored.
    pub fn of(connection: &Connection) -> Result<Time, Refusal> {
        Ok(Time { wall: settings::wall(connection)?, zone: settings::zone(connection)? })
    }
}

/// Whether something of a timeline shows the time of day.
pub fn tells_time(timeline: &Timeline) -> bool {
    let tells = |track: &Track| match track {
        Track::Overlay { cues, .. } => cues.iter().any(|cue| match &cue.overlay {
            Overlay::Text(text) => text.tells_time(),
            Overlay::Image(_) => false,
        }),
        Track::Video { .. } => false,
    };
    timeline.draft().tracks.iter().any(tells)
}

fn stream(channel: &ChannelId, stored: &StoredSource) -> Option<IngestStream> {
    let SourceKind::Rtmp { stream, .. } = &stored.source.kind else { return None };
    let digest = Sha256::digest(stored.token.expose().as_bytes());
    let token_sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(IngestStream { name: stream.clone(), channel: channel.clone(), token_sha256 })
}

/// The valid spec of a channel with everything that belongs to it.
pub fn spec(
    channel: StoredChannel,
    sources: Vec<StoredSource>,
    destinations: Vec<Destination>,
    timeline: Option<Timeline>,
    files: &BTreeMap<AssetId, String>,
    listen: IpAddr,
    time: &Time,
) -> Result<ChannelSpec, Refusal> {
    // Whoever does not follow the time of day is not told when it is set.
    let daily = timeline.as_ref().is_some_and(|timeline| timeline.draft().start != Start::GoLive);
    let tells_time = timeline.as_ref().is_some_and(tells_time);
    let house = channel.output(&destinations).house;
    let sources: Vec<Source> = sources.into_iter().map(|stored| stored.source).collect();
    let mut used = assets_of(&sources, timeline.as_ref());
    used.extend(channel.slate_picture.clone());
    let draft = ChannelSpecDraft {
        generation: channel.generation,
        channel: channel.id,
        name: channel.name,
        house,
        sources,
        listen,
        assets: files
            .iter()
            .filter(|(id, _)| used.contains(*id))
            .map(|(id, file)| (id.clone(), file.clone()))
            .collect(),
        failover: channel.failover,
        timeline,
        wall: time.wall.clone().filter(|_| daily),
        zone: time.zone.clone().filter(|_| tells_time),
        manual: channel.manual.map(|manual| Manual { source: manual.source, hold: manual.hold, at: manual.at }),
        overlays_cleared: channel.overlays_cleared,
        live: channel.live.as_ref().map(StoredLive::spec),
        destinations,
        messages: channel.messages,
        sound: channel.sound,
        slate_picture: channel.slate_picture,
    };
    Ok(ChannelSpec::try_from(draft)?)
}

/// The files that sources and a timeline use.
pub fn assets_of(sources: &[Source], timeline: Option<&Timeline>) -> BTreeSet<AssetId> {
    let media = sources.iter().flat_map(|source| source.kind.assets()).cloned();
    let tracks = timeline.map(|timeline| timeline.draft().tracks.as_slice()).unwrap_or_default();
    let cues = tracks.iter().flat_map(|track| match track {
        Track::Overlay { cues, .. } => cues.as_slice(),
        Track::Video { .. } => &[],
    });
    let images = cues.filter_map(|cue| match &cue.overlay {
        Overlay::Image(image) => Some(image.asset.clone()),
        Overlay::Text(_) => None,
    });
    media.chain(images).collect()
}

fn document(
    channel: &StoredChannel,
    sources: &[StoredSource],
    destinations: &[Destination],
    timeline: Option<&Timeline>,
) -> ChannelDoc {
    let output = channel.output(destinations);
    ChannelDoc {
        id: channel.id.clone(),
        name: channel.name.clone(),
        house: channel.house.clone(),
        too_low: platform::too_low(&output.house, destinations),
        output,
        failover: channel.failover.clone(),
        messages: channel.messages.clone(),
        sound: channel.sound.clone(),
        slate_picture: channel.slate_picture.clone(),
        timeline: timeline.map(|timeline| timeline.draft().id.clone()),
        sources: sources.iter().map(source_document).collect(),
        destinations: destinations.iter().map(destination_document).collect(),
        manual: channel.manual.as_ref().map(|manual| ManualDoc { source: manual.source.clone(), hold: manual.hold }),
        overlays_cleared: channel.overlays_cleared,
        live: channel.live.as_ref().map(|live| LiveDoc {
            session: live.session.clone(),
            started_by: live.started_by.clone(),
            at_ms: live.at_ms,
            paused: live.paused_at.is_some(),
        }),
    }
}

/// What the API shows of a source.
pub fn source_document(stored: &StoredSource) -> SourceDoc {
    let source = &stored.source;
    let kind = match &source.kind {
        SourceKind::Camera { url, user, password, transport, any_certificate, latency_ms } => SourceKindDoc::Camera {
            url: url.clone(),
            user: user.clone(),
            has_password: !password.is_empty(),
            transport: *transport,
            any_certificate: *any_certificate,
            latency_ms: *latency_ms,
        },
        SourceKind::Rtmp { stream, role, latency_ms } => SourceKindDoc::Rtmp {
            stream: stream.clone(),
            role: *role,
            latency_ms: *latency_ms,
            publish: Publish { key: format!("{stream}?token={}", stored.token.expose()), ..Publish::default() },
        },
        SourceKind::Srt { mode, host, port, stream_id, passphrase, latency_ms } => SourceKindDoc::Srt {
            mode: *mode,
            host: host.clone(),
            port: *port,
            stream_id: stream_id.clone(),
            has_passphrase: !passphrase.is_empty(),
            latency_ms: *latency_ms,
            address: (*mode == SrtMode::Listener).then(String::new),
        },
        SourceKind::Udp { port, group, latency_ms } => {
            SourceKindDoc::Udp { port: *port, group: group.clone(), latency_ms: *latency_ms, address: String::new() }
        }
        SourceKind::Pull { url, query, user, password, latency_ms } => SourceKindDoc::Pull {
            url: url.clone(),
            has_query: !query.is_empty(),
            user: user.clone(),
            has_password: !password.is_empty(),
            latency_ms: *latency_ms,
        },
        SourceKind::Capture { video, sound, latency_ms } => {
            SourceKindDoc::Capture { video: video.clone(), sound: sound.clone(), latency_ms: *latency_ms }
        }
        SourceKind::Media { asset, then, still_ms } => {
            SourceKindDoc::Media { asset: asset.clone(), then: then.clone(), still_ms: *still_ms }
        }
        SourceKind::Slate { title, text } => SourceKindDoc::Slate { title: title.clone(), text: text.clone() },
        SourceKind::TestPattern { pattern } => SourceKindDoc::TestPattern { pattern: *pattern },
    };
    SourceDoc {
        id: source.id.clone(),
        name: source.name.clone(),
        backup: source.backup.clone(),
        ptz: source.ptz.clone(),
        sound_only: source.is_sound_only(),
        camera: stored.camera.as_ref().map(CameraDoc::from),
        kind,
    }
}

/// What the API shows of a destination.
pub fn destination_document(destination: &Destination) -> DestinationDoc {
    DestinationDoc {
        id: destination.id.clone(),
        name: destination.name.clone(),
        platform: destination.platform(),
        enabled: destination.enabled,
        renew_hours: destination.renew_hours,
        kind: match &destination.kind {
            DestinationKind::Rtmp { url, key, authority } => DestinationKindDoc::Rtmp {
                url: url.as_str().to_owned(),
                has_key: !key.is_empty(),
                authority: authority.clone(),
            },
            DestinationKind::Srt { url, passphrase, stream_id, latency_ms } => DestinationKindDoc::Srt {
                url: url.as_str().to_owned(),
                has_passphrase: !passphrase.is_empty(),
                has_stream_id: !stream_id.is_empty(),
                latency_ms: *latency_ms,
            },
            DestinationKind::File { medium, folder, container, part_minutes, keep_mb, leave_mb } => {
                DestinationKindDoc::File {
                    medium: *medium,
                    folder: folder.clone(),
                    container: *container,
                    part_minutes: *part_minutes,
                    keep_mb: *keep_mb,
                    leave_mb: *leave_mb,
                }
            }
        },
    }
}
