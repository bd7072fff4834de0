//! The peer: ffmpeg with overlay filters and the tee muxer.

use super::contest::{AUDIO_KBPS, CLOCK_SIZE, KEYFRAME, TEXT, TEXT_SIZE, THREADS, VIDEO_KBPS, X264};
use harness::process::{Process, tied};
use std::path::Path;

/// Starts ffmpeg on the camera at `camera`, sending to `destinations`.
pub(crate) fn start(folder: &Path, effort: &str, camera: &str, logo: &Path, destinations: &[String]) -> Process {
    let text = folder.join("text.txt");
    std::fs::write(&text, TEXT).expect("write the text");
    let font = "font=DejaVu Sans:fontcolor=white";
    let (size, clock) = (1080 * u32::from(TEXT_SIZE) / 1000, 1080 * u32::from(CLOCK_SIZE) / 1000);
    // The same places and boxes as the channel's: a margin of 4 %.
    let graph = format!(
        "[0:v][1:v]overlay=x=77:y=43,\
         drawtext={font}:textfile={}:fontsize={size}:x=77+20:y=h-43-th-10:box=1:boxcolor=0x102030@0.75:boxborderw=18,\
         drawtext={font}:text='%{{localtime\\:%T}}':fontsize={clock}:x=w-77-tw:y=43[v]",
        text.display()
    );
    let tee: Vec<String> =
        destinations.iter().map(|url| format!("[f=flv:flvflags=no_duration_filesize]{url}")).collect();
    let (video, audio) = (format!("{VIDEO_KBPS}k"), format!("{AUDIO_KBPS}k"));
    let buffer = format!("{}k", VIDEO_KBPS * 2);
    let mut command = tied("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-rtsp_transport", "tcp", "-i", camera]);
    command.arg("-i").arg(logo).args(["-filter_complex", &graph, "-map", "[v]", "-map", "0:a"]);
    command.args(["-fps_mode", "cfr", "-r", "30", "-pix_fmt", "yuv420p"]);
    command.args(["-c:v", "libx264", "-preset", effort, "-tune", "zerolatency", "-profile:v", "high"]);
    command.args(["-b:v", &video, "-maxrate", &video, "-bufsize", &buffer, "-g", &KEYFRAME.to_string()]);
    command.args(["-threads:v", &THREADS.to_string(), "-x264-params", X264]);
    command.args(["-c:a", "aac", "-b:a", &audio, "-ar", "48000", "-ac", "2", "-flags", "+global_header"]);
    command.args(["-f", "tee", &tee.join("|")]);
    Process::start("ffmpeg", folder, &mut command)
}
