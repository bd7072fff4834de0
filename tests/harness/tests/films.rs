//! The measuring itself is measured: made films are read back, and films with a flaw are noticed.

use harness::barcode::Mark;
use harness::clip::Clip;
use harness::mix::{self, Mix};
use harness::recording::{Picture, Recording};
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

/// How much later than its flash each beep of a source is heard; every one must be.
fn sound_after(recording: &Recording, source: u8) -> Vec<f64> {
    recording.flashes_of(source).iter().map(|flash| flash.sound_after_ms.expect("a beep")).collect()
}

#[test]
fn a_film_reads_back_frame_by_frame() {
    let recording = read(&Clip::new(2, 8));
    let marks: Vec<_> = recording.pictures.iter().map(|p| p.mark).collect();
    let whole: Vec<_> = (0..240).map(|counter| Some(Mark { source: 2, counter })).collect();
    assert_eq!(marks, whole);
    assert_eq!((recording.flv.missing(30.0), recording.flv.backward(), recording.black()), (0, 0, 0));
    assert_eq!(recording.beeps.iter().filter(|b| b.source == Some(2)).count(), 8);
    let offsets = sound_after(&recording, 2);
    assert!(offsets.len() >= 7 && offsets.iter().all(|ms| ms.abs() < 8.0), "{offsets:?}");
    assert_eq!(recording.beeps_without_picture(40.0), []);
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
    let offsets = sound_after(&read(&clip), 2);
    assert!(!offsets.is_empty() && offsets.iter().all(|offset| (offset - 80.0).abs() < 8.0), "{offsets:?}");
}

#[test]
fn a_beep_that_is_missing_or_of_another_source_is_noticed() {
    let desk = tempfile::tempdir().unwrap();
    let (picture, sound) = (Clip::new(2, 8).file(), Clip::new(3, 8).file());
    let inputs = ["-i", picture.to_str().unwrap(), "-i", sound.to_str().unwrap()];
    // The fourth beep is silenced; from 6 s on another source is heard.
    let graph = "[0:a]volume=0:enable='between(t,2.9,3.5)',volume=0:enable='gte(t,5.5)'[own];\
                 [1:a]volume=0:enable='lt(t,5.5)'[other];[own][other]amix=inputs=2:normalize=0[a]";
    let maps = ["-filter_complex", graph, "-map", "0:v", "-map", "[a]", "-c:v", "copy", "-c:a", "aac"];
    let recording = Recording::read(&flv(&desk, &[&inputs[..], &maps].concat()));
    let silent = recording.flashes_of(2).into_iter().filter(|flash| flash.sound_after_ms.is_none());
    assert_eq!(silent.map(|flash| flash.at_ms / 1000).collect::<Vec<_>>(), [3, 6, 7]);
    let stray = recording.beeps_without_picture(40.0);
    let stray: Vec<_> = stray.iter().map(|beep| (beep.source, (beep.at_ms / 1000.0).round())).collect();
    assert_eq!(stray, [(Some(3), 6.0), (Some(3), 7.0)]);
}

#[test]
fn a_mix_is_told_from_a_cut_and_a_fade_from_a_dissolve() {
    let desk = tempfile::tempdir().unwrap();
    let (a, b) = (Clip::new(1, 8).file(), Clip::new(2, 8).file());
    let inputs = ["-i", a.to_str().unwrap(), "-i", b.to_str().unwrap(), "-map", "[v]"];
    let encode = ["-c:v", "libx264", "-preset", "superfast", "-bf", "0", "-pix_fmt", "yuv420p"];
    let film = |how: &str| {
        // Frame 60 + n has weight (n + 1) of 31.
        let graph = format!("[0:v][1:v]blend=all_expr='{how}'[v]");
        let path = flv(&desk, &[&inputs[..4], &["-filter_complex", &graph], &inputs[4..], &encode].concat());
        Recording::read(&path).pictures
    };
    let dissolve = film("A+(B-A)*clip((N-59)/31,0,1)");
    let off = |pictures: &[Picture], at: usize, kind: Mix| mix::worst_off(pictures, at, 30, kind);
    assert!(off(&dissolve, 60, Mix::Dissolve) < 4.0, "{}", off(&dissolve, 60, Mix::Dissolve));
    assert!(off(&dissolve, 63, Mix::Dissolve) > 4.0, "three ticks early");
    assert!(off(&dissolve, 60, Mix::Fade) > 20.0);
    let cut = film("if(lt(N,75),A,B)");
    assert!(off(&cut, 60, Mix::Dissolve) > 20.0 && off(&cut, 60, Mix::Fade) > 20.0);
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
