//! The measuring itself is measured: made films are read back, and films with a flaw are noticed.

use harness::barcode::Mark;
use harness::clip::Clip;
use harness::recording::Recording;
use std::path::PathBuf;
use std::process::Command;

/// Runs ffmpeg from the inputs to an FLV file, as a platform would record it.
fn flv(desk: &tempfile::TempDir, arguments: &[&str]) -> PathBuf {
    let out = desk.path().join("recording.flv");
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-y"]).args(arguments).args(["-f", "flv"]).arg(&out);
    assert!(command.status().expect("start ffmpeg").success(), "{arguments:?}");
    out
}

fn read(clip: &Clip) -> Recording {
    let desk = tempfile::tempdir().unwrap();
    Recording::read(&flv(&desk, &["-i", clip.file().to_str().unwrap(), "-c", "copy"]))
}

fn worst(offsets: &[(i64, f64)]) -> f64 {
    offsets.iter().map(|(_, offset)| offset.abs()).fold(0.0, f64::max)
}

#[test]
fn a_film_reads_back_frame_by_frame() {
    let recording = read(&Clip::new(2, 8));
    let marks: Vec<_> = recording.pictures.iter().map(|p| p.mark).collect();
    let whole: Vec<_> = (0..240).map(|counter| Some(Mark { source: 2, counter })).collect();
    assert_eq!(marks, whole);
    assert_eq!((recording.flv.missing(30.0), recording.flv.backward(), recording.black()), (0, 0, 0));
    assert_eq!(recording.beeps.iter().filter(|b| b.source == Some(2)).count(), 8);
    let offsets = recording.sound_after_picture(2);
    assert!(offsets.len() >= 7 && worst(&offsets) < 8.0, "{offsets:?}");
    assert!(recording.flv.keyframe_steps().iter().all(|step| *step == 1000));
    assert_eq!(recording.flv.parameter_changes(), 0);
}

#[test]
fn a_frame_left_out_is_noticed() {
    let mut clip = Clip::new(2, 8);
    clip.leave_out = Some(100);
    let recording = read(&clip);
    assert_eq!(recording.flv.missing(30.0), 1);
    assert!(!recording.pictures.iter().any(|p| p.mark == Some(Mark { source: 2, counter: 100 })));
}

#[test]
fn sound_that_is_late_is_noticed() {
    let mut clip = Clip::new(2, 8);
    clip.sound_late_ms = 80;
    let offsets = read(&clip).sound_after_picture(2);
    assert!(!offsets.is_empty() && offsets.iter().all(|(_, offset)| (offset - 80.0).abs() < 8.0), "{offsets:?}");
}

#[test]
fn marks_survive_scaling_boxing_and_a_low_bitrate() {
    let desk = tempfile::tempdir().unwrap();
    let clip = Clip::new(7, 8).sized(640, 480, 25);
    let filter = "scale=960:720,pad=1280:720:160:0,fps=30";
    let encode = ["-c:v", "libx264", "-preset", "superfast", "-b:v", "900k", "-bf", "0", "-vf", filter];
    let input = clip.file();
    let path = flv(&desk, &[&["-i", input.to_str().unwrap()][..], &encode, &["-c:a", "copy"]].concat());
    let recording = Recording::read(&path);
    let unread = recording.pictures.iter().filter(|p| p.mark.is_none_or(|m| m.source != 7)).count();
    assert_eq!(unread, 0, "of {}", recording.pictures.len());
}

#[test]
fn a_switch_and_black_are_found_on_their_picture() {
    let desk = tempfile::tempdir().unwrap();
    let (a, b) = (Clip::new(1, 8).file(), Clip::new(2, 8).file());
    let graph = "[0:v]trim=end_frame=45[a];color=black:s=640x360:r=30,trim=end_frame=10,format=yuv420p[k];\
                 [1:v]trim=end_frame=30[b];[a][k][b]concat=n=3,fps=30[v]";
    let inputs = ["-i", a.to_str().unwrap(), "-i", b.to_str().unwrap(), "-filter_complex", graph, "-map", "[v]"];
    let path = flv(&desk, &[&inputs[..], &["-c:v", "libx264", "-preset", "superfast", "-bf", "0"]].concat());
    let recording = Recording::read(&path);
    let switches: Vec<_> = recording.switches().iter().map(|s| (s.picture, s.from, s.to)).collect();
    assert_eq!(switches, [(45, Some(1), None), (55, None, Some(2))]);
    assert_eq!(recording.black(), 10);
    assert_eq!(recording.last_picture_stood()[0].1, 33);
}
