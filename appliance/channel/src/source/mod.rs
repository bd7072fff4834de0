//! Sources: one file per kind, all ending in raw pictures in the house size and format with 48 kHz stereo sound.
//!
//! Each has its own pipeline and threads. Nothing they do can stop the tick: the mixer only looks at what they have
//! put into their stores.

mod camera;
mod capture;
mod chain;
mod enhanced;
pub mod files;
mod flv;
mod formats;
mod fragments;
mod hls;
mod known;
pub mod live;
pub mod made;
pub mod media;
mod meter;
mod mpegts;
mod player;
mod pull;
pub mod reel;
mod rtmp;
mod sound_queue;
mod srt;
pub mod standby;
pub mod store;
mod udp;

use crate::program::overlay::Painter;
use automation::spec::{ChannelSpec, House, Source as SourceSpec, SourceKind, SrtMode};
use files::Files;
use live::{Live, Use};
use made::Made;
use media::Media;
use reel::Reel;
use std::path::{Path, PathBuf};

/// Elements that decoders of a stream would find by themselves, and that fetch more by themselves: GStreamer 1.22's end the
/// whole process where a server does what they do not expect.
const FETCH_BY_THEMSELVES: [&str; 6] = ["hlsdemux", "dashdemux", "mssdemux", "hlsdemux2", "dashdemux2", "mssdemux2"];

/// Prepares GStreamer for sources, once for the process.
pub fn prepare() {
    use gstreamer::prelude::PluginFeatureExtManual;
    let registry = gstreamer::Registry::get();
    for name in FETCH_BY_THEMSELVES {
        if let Some(element) = registry.lookup_feature(name) {
            element.set_rank(gstreamer::Rank::NONE);
        }
    }
}

/// A running source.
#[derive(Debug)]
pub enum Source {
    /// A camera or a publisher: it sends in its own time.
    Live(Live),
    /// Files: they are pulled.
    Media(Files),
    /// Made by us.
    Made(Made),
}

/// Whether two kinds make the same of their files and of the far side: a single file plays on whatever time stills of a
/// list are to stand for.
pub fn alike(one: &SourceKind, other: &SourceKind) -> bool {
    match (one, other) {
        (SourceKind::Media { asset: a, then: b, .. }, SourceKind::Media { asset, then, .. })
            if b.is_empty() && then.is_empty() =>
        {
            a == asset
        }
        (one, other) => one == other,
    }
}

impl Source {
    /// Starts the source of a spec. Never fails: what is wrong becomes its fault.
    pub fn start(spec: &ChannelSpec, source: &SourceSpec, run: &Path, painter: &Painter) -> Source {
        let house: &House = &spec.house;
        let use_of = &Use { name: source.id.as_str(), house, sound_only: source.is_sound_only() };
        match &source.kind {
            SourceKind::Camera { url, user, password, transport, any_certificate, latency_ms } => {
                let camera = camera::Camera::new(url, user, password, *transport, *any_certificate);
                Source::Live(Live::start(use_of, *latency_ms, camera))
            }
            SourceKind::Rtmp { stream, latency_ms, .. } => {
                let rtmp = rtmp::Rtmp { socket: run.join("ingest-streams.sock"), stream: stream.clone() };
                Source::Live(Live::start(use_of, *latency_ms, rtmp))
            }
            SourceKind::Srt { mode, host, port, stream_id, passphrase, latency_ms } => {
                let (stream_id, passphrase) = (stream_id.clone(), passphrase.clone());
                let far = match mode {
                    SrtMode::Caller => srt::Far::Calls(host.clone()),
                    SrtMode::Listener => srt::Far::CallsUs(spec.listen),
                };
                let srt = srt::Srt { far, port: *port, stream_id, passphrase, latency_ms: *latency_ms };
                Source::Live(Live::start(use_of, srt::JITTER_MS, srt))
            }
            SourceKind::Udp { port, group, latency_ms } => {
                let udp = udp::Udp { listen: spec.listen, port: *port, group: group.parse().ok() };
                Source::Live(Live::start(use_of, *latency_ms, udp))
            }
            SourceKind::Pull { url, query, user, password, latency_ms } => {
                let pull = pull::Pull::new(url, query, user, password);
                Source::Live(Live::start(use_of, *latency_ms, pull))
            }
            SourceKind::Capture { video, sound, latency_ms } => {
                Source::Live(Live::start(use_of, *latency_ms, capture::Capture::new(video, sound, house)))
            }
            SourceKind::Media { still_ms, .. } => {
                let path = |asset| spec.assets.get(asset).map(PathBuf::from).unwrap_or_default();
                let paths: Vec<PathBuf> = source.kind.assets().map(path).collect();
                Source::Media(match paths.as_slice() {
                    [path] => Files::One(Media::start(path, house)),
                    paths => Files::List(Reel::start(paths, *still_ms, house)),
                })
            }
            SourceKind::Slate { title, text } => Source::Made(Made::slate(painter, house, title, text)),
            SourceKind::TestPattern { pattern } => Source::Made(Made::pattern(painter, house, *pattern)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_stills_is_nothing_to_a_single_file() {
        let media = |then: &[&str], still_ms: u32| {
            let source = serde_json::json!({"kind": "media", "asset": "a", "then": then, "still_ms": still_ms});
            serde_json::from_value::<SourceKind>(source).unwrap()
        };
        assert!(alike(&media(&[], 1000), &media(&[], 2000)));
        assert!(alike(&media(&["b"], 1000), &media(&["b"], 1000)));
        assert!(!alike(&media(&["b"], 1000), &media(&["b"], 2000)));
        assert!(!alike(&media(&[], 1000), &media(&["b"], 1000)));
    }
}
