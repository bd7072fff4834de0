//! The capture devices of this machine: what is plugged in, kept up to date for the page.

pub(crate) mod formats;
pub(crate) mod sysfs;

use crate::lock::hold;
use automation::capture::{CaptureDevice, CaptureFormat, CaptureMedia, summary};
use automation::spec::House;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use sysfs::Node;

/// How often the kernel's list is read: two folders.
const EVERY: Duration = Duration::from_millis(1_000);
/// Who has a device open is looked for every so many readings: it goes through our user's processes.
const USE_EVERY: u32 = 3;
/// How often a device that cannot be opened is tried for its formats: udev may not have given it to us yet.
const TRIES: u32 = 10;

/// The list of devices, read on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct Captures(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    house: Mutex<House>,
    devices: Mutex<Vec<CaptureDevice>>,
}

impl Captures {
    /// Begins to look.
    pub fn watch() -> Captures {
        let shared = Arc::<Shared>::default();
        let to = Arc::downgrade(&shared);
        if let Err(error) = std::thread::Builder::new().name("captures".into()).spawn(move || keep(&to)) {
            tracing::error!(%error, "no thread for capture devices");
        }
        Captures(shared)
    }

    /// What is plugged in now.
    pub fn devices(&self) -> Vec<CaptureDevice> {
        hold(&self.0.devices).clone()
    }

    /// The program for which formats are told: where a device leaves the choice to us, it is the program's.
    pub fn serve(&self, house: &House) {
        hold(&self.0.house).clone_from(house);
    }
}

fn keep(to: &Weak<Shared>) {
    let (mut look, mut turn) = (Look::default(), 0u32);
    while let Some(shared) = to.upgrade() {
        let nodes = sysfs::nodes(Path::new("/"));
        if turn.is_multiple_of(USE_EVERY) || nodes != look.nodes {
            look.used = nodes.iter().map(|node| is_open(&node.file)).collect();
        }
        look.nodes = nodes;
        let house = hold(&shared.house).clone();
        let devices = look.devices(&house);
        *hold(&shared.devices) = devices;
        drop(shared);
        turn = turn.wrapping_add(1);
        std::thread::sleep(EVERY);
    }
}

/// Whether a process that we may look into has it open.
fn is_open(file: &Path) -> bool {
    port_holder::file_holders(Path::new("/proc"), file).next().is_some()
}

/// What is known of the devices from one reading to the next.
#[derive(Debug, Default)]
struct Look {
    nodes: Vec<Node>,
    used: Vec<bool>,
    formats: BTreeMap<String, Formats>,
}

/// What a video device has told of its formats, under the node that it had then.
#[derive(Debug)]
enum Formats {
    Known(String, Vec<CaptureFormat>),
    /// It does not capture: a decoder, or what describes pictures.
    None(String),
    /// It could not be opened so often.
    Failed(String, u32),
}

impl Formats {
    fn is_of(&self, node: &Node) -> bool {
        match self {
            Formats::Known(of, _) | Formats::None(of) => *of == node.node,
            Formats::Failed(of, tries) => *of == node.node && *tries >= TRIES,
        }
    }
}

impl Look {
    fn devices(&mut self, house: &House) -> Vec<CaptureDevice> {
        let Look { nodes, used, formats } = self;
        formats.retain(|id, _| nodes.iter().any(|node| node.media == CaptureMedia::Video && node.id == *id));
        for node in nodes.iter().filter(|node| node.media == CaptureMedia::Video) {
            if !formats.get(&node.id).is_some_and(|known| known.is_of(node)) {
                let before = formats.remove(&node.id);
                formats.insert(node.id.clone(), ask(node, before, house));
            }
        }
        let device = |(node, used): (&Node, &bool)| {
            let formats = match (node.media, formats.get(&node.id)) {
                (CaptureMedia::Sound, _) => Vec::new(),
                (CaptureMedia::Video, Some(Formats::Known(_, formats))) => formats.clone(),
                (CaptureMedia::Video, Some(Formats::Failed(..))) => Vec::new(),
                (CaptureMedia::Video, _) => return None,
            };
            let sound = (node.media == CaptureMedia::Video).then(|| sound_of(nodes, node)).flatten();
            Some(CaptureDevice {
                id: node.id.clone(),
                name: node.name.clone(),
                media: node.media,
                formats,
                sound: sound.map(|sound| sound.id.clone()),
                in_use: *used,
            })
        };
        nodes.iter().zip(used.iter()).filter_map(device).collect()
    }
}

/// The sound device that belongs to a video device.
pub(crate) fn sound_of<'a>(nodes: &'a [Node], video: &Node) -> Option<&'a Node> {
    nodes.iter().find(|node| node.media == CaptureMedia::Sound && node.belongs_to(video))
}

fn ask(node: &Node, before: Option<Formats>, house: &House) -> Formats {
    use gstreamer::prelude::ElementExt;
    match formats::open("v4l2src", &node.node) {
        Ok(source) => {
            let found: Vec<CaptureFormat> =
                formats::offered(&source, house).into_iter().map(|offer| offer.format).collect();
            let _ = source.set_state(gstreamer::State::Null);
            Formats::Known(node.node.clone(), summary(&found))
        }
        Err((error, _)) if error.matches(gstreamer::ResourceError::NotFound) && is_there(node) => {
            Formats::None(node.node.clone())
        }
        Err(_) => {
            let tries = if let Some(Formats::Failed(of, tries)) = before
                && of == node.node
            {
                tries
            } else {
                0
            };
            Formats::Failed(node.node.clone(), tries + 1)
        }
    }
}

fn is_there(node: &Node) -> bool {
    node.file.exists()
}
