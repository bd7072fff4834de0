//! The real process, and the far sides that talk to it: `control`, a channel, ffmpeg, GStreamer.

use automation::fault::Code;
use automation::id::ChannelId;
use automation::spec::{IngestSpec, IngestStream};
use automation::status::IngestStatus;
use automation::wire::{self, Deframer, Frame, FromIngest, ToIngest};
use sha2::{Digest as _, Sha256};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything: the machine may be slow and shared.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// Asks until the answer comes.
pub(crate) fn wait<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A child process that does not outlive its test.
pub(crate) struct Program {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Program {
    fn start(command: &mut Command, log: PathBuf) -> Program {
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Program { child, log }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait("the end of a program", || self.child.try_wait().unwrap())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `bandstand-ingest` in a run folder of its own.
pub(crate) struct Ingest {
    pub(crate) program: Program,
    pub(crate) control: Control,
    pub(crate) port: u16,
    pub(crate) run: TempDir,
}

impl Ingest {
    /// One with a spec: names and tokens.
    pub(crate) fn start(streams: &[(&str, &str)]) -> Ingest {
        let run = tempfile::tempdir().unwrap();
        let mut ingest = Ingest::start_in(run, "127.0.0.1:0");
        ingest.control.take(spec(1, streams));
        ingest.port = ingest.control.until("an open port", |status| (status.port != 0).then_some(status.port));
        ingest
    }

    pub(crate) fn start_in(run: TempDir, listen: &str) -> Ingest {
        let mut program = launch(run.path(), listen);
        let control = Control::dial(run.path(), &mut program);
        Ingest { program, control, port: 0, run }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn url(&self, key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{key}", self.port)
    }

    pub(crate) fn log_of(&self, name: &str) -> PathBuf {
        self.run.path().join(format!("{name}.log"))
    }

    /// A real ffmpeg that publishes H.264 and AAC in real time for ever, with a keyframe each second.
    pub(crate) fn ffmpeg(&self, name: &str, url: &str, more: &[&str]) -> Program {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "info", "-re", "-stream_loop", "-1", "-i"]).arg(clip());
        command.args(["-c", "copy"]).args(more).args(["-f", "flv", url]);
        Program::start(&mut command, self.log_of(name))
    }

    /// GStreamer's publisher, with its own encoders.
    pub(crate) fn gstreamer(&self, url: &str) -> Program {
        let mut command = Command::new("gst-launch-1.0");
        let pipeline = "flvmux name=m streamable=true ! rtmp2sink name=s \
            videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=15/1 \
            ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! m.video \
            audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! m.audio";
        for word in pipeline.split_whitespace() {
            command.arg(if word == "name=s" { format!("location={url}") } else { word.to_owned() });
        }
        Program::start(&mut command, self.log_of("gstreamer"))
    }

    pub(crate) fn reader(&self, stream: &str) -> Reader {
        Reader::dial(self.run.path(), stream)
    }

    /// Waits until somebody publishes a stream.
    pub(crate) fn until_published(&mut self, stream: &str) {
        self.control.until("a publisher", |status| status.publishers.iter().any(|p| p.stream == stream).then_some(()));
    }

    /// Waits until nobody publishes anything.
    pub(crate) fn until_free(&mut self) {
        self.control.until("no publisher", |status| status.publishers.is_empty().then_some(()));
    }

    /// Waits for a fault, and answers its text.
    pub(crate) fn until_fault(&mut self, code: Code, subject: &str) -> String {
        self.control.until("a fault", |status| {
            let fault = status.faults.iter().find(|fault| fault.code == code && fault.subject == subject);
            fault.map(|fault| fault.text.clone())
        })
    }
}

pub(crate) fn launch(run: &Path, listen: &str) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bandstand-ingest"));
    command.arg("--run").arg(run).args(["--listen", listen]).env("RUST_LOG", "trace");
    Program::start(&mut command, run.join("ingest.log"))
}

pub(crate) fn spec(generation: u64, streams: &[(&str, &str)]) -> IngestSpec {
    let stream = |(name, token): &(&str, &str)| IngestStream {
        name: (*name).into(),
        channel: ChannelId::new("main").unwrap(),
        token_sha256: Sha256::digest(token.as_bytes()).iter().map(|b| format!("{b:02x}")).collect(),
    };
    IngestSpec { generation, streams: streams.iter().map(stream).collect() }
}

/// A connection to the control socket.
pub(crate) struct Control {
    stream: UnixStream,
    deframer: Deframer,
    pub(crate) generation_at_hello: u64,
}

impl Control {
    pub(crate) fn dial(run: &Path, program: &mut Program) -> Control {
        let stream = wait("the control socket", || {
            assert!(program.is_running(), "it ended: {}", program.log());
            UnixStream::connect(run.join("ingest.sock")).ok()
        });
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut control = Control { stream, deframer: Deframer::default(), generation_at_hello: 0 };
        let FromIngest::Hello { version, pid, generation } = control.next().unwrap() else { panic!("no hello") };
        assert_eq!((version, pid), (wire::VERSION, program.child.id()));
        control.generation_at_hello = generation;
        control.say(&ToIngest::Hello { version: wire::VERSION });
        control
    }

    pub(crate) fn say(&mut self, message: &ToIngest) {
        self.stream.write_all(&wire::encode(message)).unwrap();
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next message; none at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<FromIngest> {
        let mut bytes = [0; 4_096];
        loop {
            if let Some(frame) = self.deframer.next_frame().unwrap() {
                let Frame::Message(message) = frame else { panic!("a preview") };
                return Some(wire::decode(&message).unwrap());
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                read => self.deframer.push(&bytes[..read.expect("a status comes each second")]),
            }
        }
    }

    /// Waits until a status says something.
    pub(crate) fn until<T>(&mut self, what: &str, mut look: impl FnMut(&IngestStatus) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            let message = self.next().unwrap_or_else(|| panic!("the connection ended before {what}"));
            if let FromIngest::Status { status } = message {
                if let Some(found) = look(&status) {
                    return found;
                }
                assert!(Instant::now() < end, "waited in vain for {what}: {status:?}");
            }
        }
    }

    /// Sends a spec and waits until it is in force.
    pub(crate) fn take(&mut self, spec: IngestSpec) {
        let generation = spec.generation;
        self.say(&ToIngest::Spec { spec });
        self.until("the spec", |status| (status.generation == generation).then_some(()));
    }

    /// Sends a spec and waits for its refusal.
    pub(crate) fn is_refused(&mut self, spec: IngestSpec) -> Code {
        let generation = spec.generation;
        self.say(&ToIngest::Spec { spec });
        loop {
            if let FromIngest::Refused { generation: refused, fault } = self.next().unwrap() {
                assert_eq!(refused, generation);
                return fault.code;
            }
        }
    }
}

/// One tag, as the reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct ReadTag {
    pub(crate) kind: u8,
    pub(crate) timestamp_ms: u32,
    pub(crate) body: Vec<u8>,
}

impl ReadTag {
    pub(crate) fn is_picture(&self) -> bool {
        self.kind == 9 && self.body[1] == 1
    }

    pub(crate) fn is_keyframe(&self) -> bool {
        self.is_picture() && self.body[0] >> 4 == 1
    }
}

/// A channel that reads a stream.
pub(crate) struct Reader {
    pub(crate) stream: UnixStream,
    file: Vec<u8>,
    at: usize,
}

impl Reader {
    pub(crate) fn dial(run: &Path, stream: &str) -> Reader {
        let mut socket = UnixStream::connect(run.join("ingest-streams.sock")).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        writeln!(socket, "{{\"stream\":\"{stream}\"}}").unwrap();
        Reader { stream: socket, file: Vec::new(), at: 0 }
    }

    /// What was read up to the last tag that was asked for: a file for ffprobe.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.file[..self.at]
    }

    fn fill(&mut self, length: usize) -> bool {
        let mut bytes = [0; 16 << 10];
        while self.file.len() < self.at + length {
            match self.stream.read(&mut bytes).expect("the stream goes on or ends") {
                0 => return false,
                n => self.file.extend_from_slice(&bytes[..n]),
            }
        }
        true
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        self.fill(length).then(|| {
            self.at += length;
            self.file[self.at - length..self.at].to_vec()
        })
    }

    /// The file header's flags.
    pub(crate) fn begin(&mut self) -> u8 {
        let head = self.take(13).expect("a file header");
        assert_eq!((&head[..4], &head[5..]), (&b"FLV\x01"[..], &[0, 0, 0, 9, 0, 0, 0, 0][..]));
        head[4]
    }

    /// The next tag; none at the end.
    pub(crate) fn tag(&mut self) -> Option<ReadTag> {
        let head = self.take(11)?;
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        let timestamp_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let body = self.take(length as usize)?;
        assert_eq!(self.take(4)?, (length + 11).to_be_bytes());
        Some(ReadTag { kind: head[0], timestamp_ms, body })
    }

    /// Reads on until some pictures have come.
    pub(crate) fn pictures(&mut self, count: usize) -> Vec<ReadTag> {
        let mut pictures = Vec::new();
        while pictures.len() < count {
            pictures.extend(Some(self.tag().expect("the stream goes on")).filter(ReadTag::is_picture));
        }
        pictures
    }

    /// Reads to the end.
    pub(crate) fn until_end(&mut self) {
        let end = Instant::now() + LIMIT;
        while self.tag().is_some() {
            assert!(Instant::now() < end, "the stream does not end");
        }
    }
}

/// What ffprobe finds in bytes: codec names, and the count of video packets.
pub(crate) fn ffprobe(file: &[u8], run: &Path) -> (Vec<String>, usize) {
    let path = run.join("probe.flv");
    std::fs::write(&path, file).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new("ffprobe").args(["-v", "error", "-of", "csv=p=0"]).args(args).arg(&path).output();
        let output = output.unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut codecs: Vec<String> =
        run(&["-show_entries", "stream=codec_name"]).lines().map(|line| line.trim_matches(',').to_owned()).collect();
    codecs.sort();
    let packets = run(&["-count_packets", "-select_streams", "v:0", "-show_entries", "stream=nb_read_packets"]);
    (codecs, packets.trim().trim_matches(',').parse().unwrap())
}

/// Eight seconds of a small picture and a tone, encoded once; a keyframe each second.
fn clip() -> &'static Path {
    static CLIP: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = CLIP.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        let sources = "testsrc2=size=320x180:rate=25:duration=8[out0];sine=frequency=440:duration=8[out1]";
        let done = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", sources])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"])
            .args(["-pix_fmt", "yuv420p", "-c:a", "aac"])
            .arg(&path)
            .status();
        assert!(done.unwrap().success());
        (folder, path)
    });
    path
}
