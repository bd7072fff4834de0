//! Makes small pictures of the program and of every source, on a thread of its own, while somebody watches.

use super::Event;
use crate::lock::hold;
use crate::preview::jpeg;
use crate::program::tick::{Viewer, lend};
use crate::source::Source;
use automation::id::SourceId;
use automation::spec::House;
use automation::wire::PREVIEW_PROGRAM;
use gstreamer as gst;
use gstreamer_video as gst_video;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Time between two pictures of the program: 8 a second.
const PROGRAM_EVERY: Duration = Duration::from_millis(125);
/// Every fourth time the sources have their turn: 2 a second.
const SOURCES_EVERY: u32 = 4;
/// Widths in pixels, and JPEG quality.
const PROGRAM_WIDTH: u32 = 640;
const SOURCE_WIDTH: u32 = 320;
const QUALITY: u8 = 70;

struct Scene {
    viewer: Viewer,
    sources: BTreeMap<SourceId, Arc<Source>>,
    info: gst_video::VideoInfo,
}

/// The thread that makes previews.
pub(super) struct Previews {
    scene: Arc<Mutex<Option<Scene>>>,
    wanted: Arc<AtomicBool>,
}

impl Previews {
    pub(super) fn start(events: Sender<Event>) -> Previews {
        let previews = Previews { scene: Arc::default(), wanted: Arc::default() };
        let (scene, wanted) = (previews.scene.clone(), previews.wanted.clone());
        let thread = std::thread::Builder::new().name("previews".into());
        let _ = thread.spawn(move || run(&scene, &wanted, &events));
        previews
    }

    pub(super) fn wanted(&self, on: bool) {
        self.wanted.store(on, Ordering::Relaxed);
    }

    pub(super) fn show(&self, viewer: Viewer, sources: BTreeMap<SourceId, Arc<Source>>, house: &House) {
        let Ok(info) = gst_video::VideoInfo::from_caps(&crate::encoder::picture_caps(house)) else { return };
        *hold(&self.scene) = Some(Scene { viewer, sources, info });
    }
}

fn run(scene: &Mutex<Option<Scene>>, wanted: &AtomicBool, events: &Sender<Event>) {
    for turn in 0u32.. {
        let begun = Instant::now();
        if wanted.load(Ordering::Relaxed) {
            let pictures = pictures(scene, turn.is_multiple_of(SOURCES_EVERY));
            for (name, width, buffer, info) in pictures {
                let mut made = Vec::new();
                lend(&info, &buffer, &mut |picture| made = jpeg(picture, width, QUALITY));
                if !made.is_empty() && events.send(Event::Preview(name, made)).is_err() {
                    return;
                }
            }
        }
        std::thread::sleep(PROGRAM_EVERY.saturating_sub(begun.elapsed()));
    }
}

type Shot = (String, u32, gst::Buffer, gst_video::VideoInfo);

/// Collects the buffers under the lock; the work is done outside it.
fn pictures(scene: &Mutex<Option<Scene>>, with_sources: bool) -> Vec<Shot> {
    let scene = hold(scene);
    let Some(scene) = scene.as_ref() else { return Vec::new() };
    let mut shots = Vec::new();
    if let Some(buffer) = scene.viewer.view().picture {
        shots.push((PREVIEW_PROGRAM.to_owned(), PROGRAM_WIDTH, buffer, scene.info.clone()));
    }
    if with_sources {
        for (id, source) in &scene.sources {
            let picture = match &**source {
                Source::Live(live) => live.shared.store.first(),
                Source::Media(files) => files.thumbnail(),
                Source::Made(made) => Some(made.picture()),
            };
            if let Some(picture) = picture {
                shots.push((format!("source/{id}"), SOURCE_WIDTH, picture.buffer, scene.info.clone()));
            }
        }
    }
    shots
}
