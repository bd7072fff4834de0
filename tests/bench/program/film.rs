//! What the camera sees, and the logo: made once by ffmpeg, kept under `target/clips`.

use harness::place::target;
use std::path::PathBuf;
use std::process::Command;

/// Length of the film, seconds; a multiple of 8, as the cameras' server wants it.
pub(crate) const SECONDS: u32 = 16;
/// Size of the logo, pixels: an even share of 1080 lines, so that neither side scales it per picture.
pub(crate) const LOGO: (u32, u32) = (260, 130);
/// The logo's height in thousandths of the picture's, which comes to `LOGO.1`.
pub(crate) const LOGO_SIZE: u16 = 120;

/// A moving test picture with grain, which gives decoder and encoder as much to do as a street does; 1080p30, 6 Mbps,
/// and a tone.
pub(crate) fn camera() -> PathBuf {
    let seconds = SECONDS.to_string();
    let picture = "testsrc2=size=1920x1080:rate=30,noise=alls=10:allf=t,format=yuv420p";
    let rest = "-c:v libx264 -preset superfast -profile:v high -g 30 -keyint_min 30 -sc_threshold 0 -bf 0 -b:v 6M \
                -maxrate 6M -bufsize 6M -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv \
                -c:a aac -b:a 128k -movflags +faststart";
    let mut arguments = vec!["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    arguments.extend(["-ac", "2", "-t", &seconds]);
    arguments.extend(rest.split_whitespace());
    made("bench-1080p30-6000k.mp4", &arguments)
}

/// A logo with soft edges.
pub(crate) fn logo() -> PathBuf {
    let (w, h) = LOGO;
    let source = format!(
        "color=c=0x2a9fd8:size={w}x{h},format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*min(1,min(min(X,W-X),min(Y,H-Y))/24)'"
    );
    made("bench-logo.png", &["-f", "lavfi", "-i", &source, "-frames:v", "1"])
}

fn made(name: &str, arguments: &[&str]) -> PathBuf {
    let folder = target().join("clips");
    let path = folder.join(name);
    if !path.exists() {
        std::fs::create_dir_all(&folder).expect("make target/clips");
        let draft = folder.join(format!("draft-{name}"));
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]).args(arguments).arg(&draft);
        let status = ffmpeg.status().expect("start ffmpeg; ./dev setup installs it");
        assert!(status.success(), "ffmpeg could not make {name}: {status}");
        std::fs::rename(&draft, &path).expect("put the file in its place");
    }
    path
}
