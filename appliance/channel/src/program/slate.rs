//! The slate of the program. It is painted on a thread of its own; the tick shows what is ready.
//!
//! ```text
//! look wanted ──► painted ──► shown        text alone: in a few milliseconds; a picture must be read and scaled first
//!                    └── no such picture, or none that can be read ──► text alone, and a fault
//! ```
//! Under bad input there is always a slate: the text slate of the first look is painted before the program begins, and
//! an older one stays until the newer is ready. A picture that failed is tried anew with the next spec.

use super::overlay::Painter;
use crate::source::made::buffer_of;
use automation::fault::{Code, Fault};
use automation::spec::ChannelSpec;
use gstreamer as gst;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How the slate looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    title: String,
    text: String,
    /// Path of the picture's file.
    picture: Option<String>,
}

impl Look {
    /// What a spec says of it.
    pub(super) fn of(spec: &ChannelSpec) -> Look {
        let path = |asset| spec.assets.get(asset).cloned().unwrap_or_default();
        Look {
            title: spec.name.clone(),
            text: spec.messages.slate.clone(),
            picture: spec.slate_picture.as_ref().map(path),
        }
    }
}

/// A slate that is ready.
struct Painted {
    look: Look,
    buffer: gst::Buffer,
    fault: Option<Fault>,
}

/// The slate, and what is being painted.
pub(super) struct Slate {
    looks: Sender<Look>,
    painted: Receiver<Painted>,
    wanted: Look,
    shown: Painted,
}

impl Slate {
    /// Paints the text of a look, and starts the thread that paints from then on. Slates have this size.
    pub(super) fn start(painter: Arc<Painter>, width: u32, height: u32, look: Look) -> Slate {
        let (looks, todo) = channel::<Look>();
        let (done, painted) = channel();
        let text = Look { picture: None, ..look.clone() };
        let shown = paint(&painter, text, width, height);
        let work = move || {
            while let Ok(look) = todo.recv() {
                // Only the newest counts.
                let look = todo.try_iter().last().unwrap_or(look);
                if done.send(paint(&painter, look, width, height)).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("slate".into()).spawn(work) {
            tracing::error!(%error, "no thread for the slate");
        }
        let slate = Slate { looks, painted, wanted: look, shown };
        if slate.wanted != slate.shown.look {
            let _ = slate.looks.send(slate.wanted.clone());
        }
        slate
    }

    /// From the next paint on it looks like this.
    pub(super) fn want(&mut self, look: Look) {
        self.collect();
        if look != self.wanted || self.shown.fault.is_some() {
            let _ = self.looks.send(look.clone());
            self.wanted = look;
        }
    }

    /// The picture as it is now.
    pub(super) fn buffer(&mut self) -> gst::Buffer {
        self.collect();
        self.shown.buffer.clone()
    }

    /// Why its picture is not shown.
    pub(super) fn fault(&mut self) -> Option<Fault> {
        self.collect();
        self.shown.fault.clone()
    }

    fn collect(&mut self) {
        // One that is no more wanted has a successor on its way.
        if let Some(newest) = self.painted.try_iter().last().filter(|newest| newest.look == self.wanted) {
            self.shown = newest;
        }
    }
}

fn paint(painter: &Painter, look: Look, width: u32, height: u32) -> Painted {
    let picture = look.picture.as_ref().map(|path| painter.slate_picture(path, &look.text, width, height));
    let (picture, error) = match picture {
        Some(Ok(picture)) => (Some(picture), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let fault = error.map(|error| {
        tracing::warn!(%error, "the slate's picture cannot be shown");
        let text = format!("The slate's picture cannot be shown: {error}. The slate has its text alone.");
        Fault::new(Code::SlatePicture, "slate_picture").with_text(text)
    });
    let picture = picture.unwrap_or_else(|| painter.slate(&look.title, &look.text, width, height));
    Painted { look, buffer: buffer_of(picture), fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::mpsc::RecvTimeoutError;
    use std::time::{Duration, Instant};

    const LIMIT: Duration = Duration::from_secs(30);

    fn look(text: &str, picture: Option<&Path>) -> Look {
        let picture = picture.map(|path| path.display().to_string());
        Look { title: "Harbour House".into(), text: text.into(), picture }
    }

    /// A picture without any shade: its whole area is white.
    fn white() -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 64, 36);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[255; 64 * 36]).unwrap();
        out
    }

    fn middle(slate: &mut Slate) -> u8 {
        let buffer = slate.buffer();
        let map = buffer.map_readable().unwrap();
        map.as_slice()[18 * 64 + 2]
    }

    fn until(what: &str, mut is: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < LIMIT, "waited in vain for {what}");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    #[test]
    fn whoever_asks_never_waits_for_the_picture() {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // A pipe without a writer: who reads it waits.
        let pipe = folder.path().join("picture");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let mut slate = Slate::start(Arc::new(Painter::without_fonts()), 64, 36, look("", None));
        let (go, gone) = channel::<()>();
        let writer = std::thread::spawn(move || {
            // Where the one who asks waits after all, it is let go, and the test fails.
            let asked = gone.recv_timeout(LIMIT) != Err(RecvTimeoutError::Timeout);
            std::fs::write(pipe, white()).unwrap();
            asked
        });
        slate.want(look("", Some(&folder.path().join("picture"))));
        assert!(middle(&mut slate) < 60 && slate.fault().is_none(), "the slate before it stays meanwhile");
        go.send(()).unwrap();
        assert!(writer.join().unwrap(), "it waited for its picture");
        until("the picture", || middle(&mut slate) > 230);
        assert_eq!(slate.fault(), None);
    }

    #[test]
    fn a_bad_picture_is_named_and_tried_anew_with_the_next_spec() {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.png");
        let mut slate = Slate::start(Arc::new(Painter::new()), 64, 36, look("soon", Some(&path)));
        until("the fault", || slate.fault().is_some());
        let fault = slate.fault().unwrap();
        assert_eq!((fault.code, fault.subject.as_str()), (Code::SlatePicture, "slate_picture"));
        assert_eq!(
            fault.text,
            "The slate's picture cannot be shown: the picture's file is gone. The slate has its text alone."
        );
        let text = slate.buffer();
        let text = text.map_readable().unwrap();
        let lettered = text.as_slice()[..64 * 36].iter().any(|level| *level > 120);
        assert!(lettered && text.as_slice()[..64 * 36].iter().all(|level| *level > 16), "text, and no black");
        std::fs::write(&path, b"no picture at all").unwrap();
        slate.want(look("soon", Some(&path)));
        until("the other fault", || slate.fault().is_some_and(|fault| fault.text.contains("neither PNG nor JPEG")));
        std::fs::write(&path, white()).unwrap();
        slate.want(look("soon", Some(&path)));
        until("the picture", || middle(&mut slate) > 230 && slate.fault().is_none());
        slate.want(look("soon", None));
        until("the text", || middle(&mut slate) < 60);
    }

    #[test]
    fn of_many_looks_the_newest_stays() {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("white.png");
        std::fs::write(&path, white()).unwrap();
        let mut slate = Slate::start(Arc::new(Painter::without_fonts()), 64, 36, look("", None));
        for n in 0..50 {
            slate.want(look(&n.to_string(), None));
        }
        slate.want(look("", Some(&path)));
        until("the newest", || middle(&mut slate) > 230);
        assert_eq!(slate.shown.look, slate.wanted);
    }
}
