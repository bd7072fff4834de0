//! The pictures of a file, one after the other, as the machine's ffmpeg decodes them.

use crate::barcode::{self, Area};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A picture: 4:2:0, 8 bits, rows without padding.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Luma.
    pub y: &'a [u8],
    /// Blue difference, half as wide and high.
    pub u: &'a [u8],
    /// Red difference, half as wide and high.
    pub v: &'a [u8],
}

impl Frame<'_> {
    /// Mean of Y, U and V in a rectangle of pixels, 0 to 255 each.
    pub fn mean(&self, area: Area) -> [f64; 3] {
        let (x, y) = ((area.x, area.x + area.width), (area.y, area.y + area.height));
        let half = |(begin, end): (usize, usize)| (begin / 2, end.div_ceil(2));
        let chroma = |plane: &[u8]| barcode::mean(plane, self.width.div_ceil(2), half(x), half(y));
        [barcode::mean(self.y, self.width, x, y), chroma(self.u), chroma(self.v)]
    }
}

/// Calls `with` for every picture of a file in order of presentation; answers how many there are.
pub fn each(path: &Path, mut with: impl FnMut(&Frame<'_>)) -> usize {
    let (width, height) = size(path);
    let arguments = ["-map", "0:v", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"];
    let mut child = ffmpeg(path, &arguments);
    let mut out = child.stdout.take().expect("its output is a pipe");
    let chroma = width.div_ceil(2) * height.div_ceil(2);
    let mut planes = vec![0u8; width * height + 2 * chroma];
    let mut count = 0;
    while out.read_exact(&mut planes).is_ok() {
        let (y, rest) = planes.split_at(width * height);
        let (u, v) = rest.split_at(chroma);
        with(&Frame { width, height, y, u, v });
        count += 1;
    }
    child.wait().expect("wait for ffmpeg");
    count
}

/// Starts ffmpeg on a file, with its output in a pipe.
pub(crate) fn ffmpeg(path: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"]).arg(path).args(arguments);
    command.stdout(Stdio::piped()).spawn().expect("start ffmpeg; ./dev setup installs it")
}

/// Width and height of the video.
fn size(path: &Path) -> (usize, usize) {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"]);
    let output = command.arg(path).output().expect("start ffprobe; ./dev setup installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.trim().split(',').map(|n| n.parse::<usize>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(width)), Some(Ok(height))) => (width, height),
        _ => panic!("{} has no video: {text}{}", path.display(), String::from_utf8_lossy(&output.stderr)),
    }
}
