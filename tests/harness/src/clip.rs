//! Films made for measuring: each frame carries its number, each whole second a flash and a beep.
//!
//! Pictures and sound are drawn here and encoded by the machine's ffmpeg to MP4 with H.264 (or HEVC) and AAC. A film is made
//! once and kept under `target/clips`, named by all that it depends on.

use crate::barcode::{self, Area, Mark};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How long flash and beep last, milliseconds.
pub const FLASH_MS: u64 = 60;
/// Sound, samples per second.
pub const SAMPLES: u32 = 48_000;

/// Pitch of the beep of a source, hertz: 600 for source 0, then 200 more each.
pub fn pitch_hz(source: u8) -> u32 {
    600 + 200 * u32::from(source)
}

/// A film. Where its length is a multiple of 8 s it can be looped without a seam: frames and AAC packets both end there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// The source that its marks name.
    pub source: u8,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Pictures per second.
    pub fps: u32,
    /// Length, seconds.
    pub seconds: u32,
    /// Video, kilobits per second.
    pub kbps: u32,
    /// Whether it has a picture.
    pub video: bool,
    /// Whether it has sound.
    pub audio: bool,
    /// B-frames in a row, as OBS makes them.
    pub b_frames: u32,
    /// A frame to leave out: its time stays empty.
    pub leave_out: Option<u32>,
    /// Beeps come this much after their flash, milliseconds, 0 to 500.
    pub sound_late_ms: u32,
    /// HEVC instead of H.264.
    pub hevc: bool,
}

impl Clip {
    /// 640x360 at 30 fps with sound.
    pub fn new(source: u8, seconds: u32) -> Clip {
        Clip {
            source,
            width: 640,
            height: 360,
            fps: 30,
            seconds,
            kbps: 800,
            video: true,
            audio: true,
            b_frames: 0,
            leave_out: None,
            sound_late_ms: 0,
            hevc: false,
        }
    }

    /// The same in another size.
    pub fn sized(mut self, width: usize, height: usize, fps: u32) -> Clip {
        (self.width, self.height, self.fps) = (width, height, fps);
        self
    }

    fn name(&self) -> String {
        let Clip { source, width, height, fps, seconds, kbps, .. } = self;
        let mut name = format!("s{source}-{width}x{height}-{fps}fps-{seconds}s-{kbps}k");
        for (is, suffix) in [(!self.video, "-dark"), (!self.audio, "-mute"), (self.hevc, "-hevc")] {
            if is {
                name.push_str(suffix);
            }
        }
        if self.b_frames > 0 {
            name.push_str(&format!("-b{}", self.b_frames));
        }
        if let Some(frame) = self.leave_out {
            name.push_str(&format!("-without{frame}"));
        }
        if self.sound_late_ms > 0 {
            name.push_str(&format!("-late{}", self.sound_late_ms));
        }
        name
    }

    /// The film as an MP4 file; made now where it is not there yet.
    pub fn file(&self) -> PathBuf {
        let folder = crate::place::target().join("clips");
        let path = folder.join(format!("{}.mp4", self.name()));
        if !path.exists() {
            std::fs::create_dir_all(&folder).expect("make target/clips");
            // Two tests may make the same film at once: each in its own folder, and the last rename wins.
            let desk = tempfile::tempdir_in(&folder).expect("make a folder in target/clips");
            let draft = desk.path().join("clip.mp4");
            self.encode(desk.path(), &draft);
            std::fs::rename(&draft, &path).expect("put the film in its place");
        }
        path
    }

    /// One of its pictures as a PNG file in `folder`.
    pub fn still(&self, frame: u32, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}-{frame}.png", self.name()));
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i"]).arg(self.file());
        ffmpeg.args(["-vf", &format!("select=eq(n\\,{frame})"), "-frames:v", "1"]).arg(&path);
        let status = ffmpeg.status().expect("start ffmpeg; ./dev setup installs it");
        assert!(status.success(), "ffmpeg could not take picture {frame} out of {}: {status}", self.name());
        path
    }

    fn encode(&self, desk: &Path, out: &Path) {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-hide_banner", "-loglevel", "error", "-y"]);
        if self.video {
            let size = format!("{}x{}", self.width, self.height);
            ffmpeg.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", &size]);
            ffmpeg.args(["-framerate", &self.fps.to_string(), "-i", "pipe:0"]);
        }
        if self.audio {
            let wav = desk.join("sound.wav");
            std::fs::write(&wav, self.sound()).expect("write the sound");
            ffmpeg.arg("-i").arg(&wav);
            ffmpeg.args(["-c:a", "aac", "-b:a", "128k"]);
        }
        if self.video {
            let (gop, b_frames) = (self.fps.to_string(), self.b_frames.to_string());
            let rate = format!("{}k", self.kbps);
            if self.hevc {
                let options = format!("keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:log-level=error");
                ffmpeg.args(["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", &options]);
            } else {
                ffmpeg.args(["-c:v", "libx264", "-preset", "superfast", "-profile:v", "high"]);
                ffmpeg.args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0", "-bf", &b_frames]);
            }
            ffmpeg.args(["-pix_fmt", "yuv420p"]);
            ffmpeg.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate, "-colorspace", "bt709"]);
            ffmpeg.args(["-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]);
            if let Some(frame) = self.leave_out {
                ffmpeg.args(["-vf", &format!("select=not(eq(n\\,{frame}))"), "-fps_mode", "passthrough"]);
            }
        }
        ffmpeg.args(["-movflags", "+faststart"]).arg(out);
        let stdin = if self.video { Stdio::piped() } else { Stdio::null() };
        let mut child = ffmpeg.stdin(stdin).spawn().expect("start ffmpeg; ./dev setup installs it");
        if let Some(pipe) = child.stdin.take() {
            self.draw(BufWriter::with_capacity(1 << 20, pipe)).expect("hand the pictures to ffmpeg");
        }
        let status = child.wait().expect("wait for ffmpeg");
        assert!(status.success(), "ffmpeg could not make the film {}: {status}", self.name());
    }

    fn draw(&self, mut out: impl Write) -> std::io::Result<()> {
        let (width, height) = (self.width, self.height);
        let (u, v) = colour(self.source);
        let chroma = [vec![u; width * height / 4], vec![v; width * height / 4]].concat();
        let mut luma = vec![0u8; width * height];
        for n in 0..self.fps * self.seconds {
            luma.fill(70);
            let bar = (n as usize * 4) % width;
            fill(&mut luma, width, (bar, (bar + width / 24).min(width)), (height / 3, height * 2 / 3), 150);
            let ms = u64::from(n) * 1000 / u64::from(self.fps);
            let flash = if ms % 1000 < FLASH_MS { 235 } else { 16 };
            let block = flash_block(Area { x: 0, y: 0, width, height });
            fill(&mut luma, width, (block.x, block.x + block.width), (block.y, block.y + block.height), flash);
            digits(&mut luma, width, height, n / self.fps);
            barcode::draw(&mut luma, width, height, Mark { source: self.source, counter: n });
            out.write_all(&luma)?;
            out.write_all(&chroma)?;
        }
        out.flush()
    }

    /// 16-bit stereo sound as a WAV file (RIFF, Microsoft's "Multimedia Programming Interface", 1991).
    fn sound(&self) -> Vec<u8> {
        let samples = SAMPLES * self.seconds;
        let bytes = samples * 4;
        let mut wav = Vec::with_capacity(44 + bytes as usize);
        wav.extend_from_slice(b"RIFF");
        wav.extend_from_slice(&(36 + bytes).to_le_bytes());
        wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
        wav.extend_from_slice(&SAMPLES.to_le_bytes());
        wav.extend_from_slice(&(SAMPLES * 4).to_le_bytes());
        wav.extend_from_slice(b"\x04\0\x10\0data");
        wav.extend_from_slice(&bytes.to_le_bytes());
        let pitch = f64::from(pitch_hz(self.source));
        let late = SAMPLES * self.sound_late_ms / 1000;
        let beep = (u64::from(SAMPLES) * FLASH_MS / 1000) as u32;
        for i in 0..samples {
            let since = (i + SAMPLES - late) % SAMPLES;
            let loud = since < beep && i >= late;
            let turn = std::f64::consts::TAU * pitch * f64::from(since) / f64::from(SAMPLES);
            let value = if loud { (turn.sin() * 16_000.0) as i16 } else { 0 };
            wav.extend_from_slice(&value.to_le_bytes());
            wav.extend_from_slice(&value.to_le_bytes());
        }
        wav
    }
}

impl Clip {
    /// The film made over by ffmpeg with `arguments`, as MPEG-TS; kept beside it by `name` and a hash of them.
    pub fn made_over(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let file = self.file();
        let mut hash = DefaultHasher::new();
        arguments.hash(&mut hash);
        let path = file.with_file_name(format!("{}-{name}-{:016x}.ts", self.name(), hash.finish()));
        if !path.exists() {
            let desk =
                tempfile::tempdir_in(crate::place::target().join("clips")).expect("make a folder in target/clips");
            let draft = desk.path().join("clip.ts");
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"]).arg(&file);
            ffmpeg.args(["-c:v", "libx264", "-preset", "superfast", "-g", "30", "-b:v", "800k", "-c:a", "copy"]);
            let status = ffmpeg.args(arguments).arg(&draft).status().expect("start ffmpeg; ./dev setup installs it");
            assert!(status.success(), "ffmpeg could not make {name} of {}: {status}", self.name());
            std::fs::rename(&draft, &path).expect("put the film in its place");
        }
        path
    }
}

/// Puts a film into the container that `to`'s ending names, without encoding it again.
pub fn remux(film: &Clip, to: &Path) {
    remux_as(film, to, &[]);
}

/// The same with more options of ffmpeg's for its output.
pub fn remux_as(film: &Clip, to: &Path, options: &[&str]) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i"]).arg(film.file());
    let status = ffmpeg.args(["-c", "copy"]).args(options).arg(to).status();
    let status = status.expect("start ffmpeg; ./dev setup installs it");
    assert!(status.success(), "ffmpeg could not write {}: {status}", to.display());
}

/// Where the flash stands in a picture that fills `area`: in its lower right, clear of the usual overlays.
pub fn flash_block(area: Area) -> Area {
    Area {
        x: area.x + area.width * 5 / 8,
        y: area.y + area.height * 5 / 8,
        width: area.width / 6,
        height: area.height / 8,
    }
}

/// Blue-difference and red-difference of a source's colour.
fn colour(source: u8) -> (u8, u8) {
    const WHEEL: [(u8, u8); 8] =
        [(170, 110), (100, 170), (90, 100), (160, 160), (128, 90), (90, 140), (180, 128), (128, 128)];
    WHEEL[usize::from(source) % WHEEL.len()]
}

fn fill(luma: &mut [u8], width: usize, x: (usize, usize), y: (usize, usize), value: u8) {
    for line in y.0..y.1 {
        luma[line * width + x.0..line * width + x.1].fill(value);
    }
}

/// Seconds for people, four digits of seven segments in the lower left.
fn digits(luma: &mut [u8], width: usize, height: usize, seconds: u32) {
    // Segments a to g, as data sheets of such displays name them.
    const LIT: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];
    let (tall, wide) = (height / 5, height / 10);
    let (pen, top) = ((height / 60).max(2), height * 7 / 10);
    for place in 0..4 {
        let lit = LIT[(seconds / 10u32.pow(3 - place as u32) % 10) as usize];
        let left = width / 16 + place * (wide + 3 * pen);
        let (right, middle, bottom) = (left + wide, top + tall / 2, top + tall);
        let segments = [
            ((left, right), (top, top + pen)),
            ((right - pen, right), (top, middle)),
            ((right - pen, right), (middle, bottom)),
            ((left, right), (bottom - pen, bottom)),
            ((left, left + pen), (middle, bottom)),
            ((left, left + pen), (top, middle)),
            ((left, right), (middle, middle + pen)),
        ];
        for (i, (x, y)) in segments.into_iter().enumerate() {
            if lit >> i & 1 == 1 {
                fill(luma, width, x, y, 220);
            }
        }
    }
}
