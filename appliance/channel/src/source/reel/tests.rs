use super::super::media::tests::{film_as, house, luma, wait_for};
use super::*;
use gstreamer as gst;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One tick of the house, nanoseconds.
fn tick_ns(n: u64) -> u64 {
    house().rate.tick_ns(n)
}

/// A film in which picture `n` has this luma, with a tone; a file of its own.
fn film(folder: &Path, name: &str, seconds: u32, luma: &str, hz: u32) -> PathBuf {
    let own = folder.join(name);
    std::fs::create_dir_all(&own).unwrap();
    let inputs = [format!("color=c=black:s=160x90:r=30,geq=lum={luma}:cb=128:cr=128"), format!("sine=f={hz}:r=48000")];
    let made = film_as(&own, &[&inputs[0], &inputs[1]], seconds, &["-qp", "8"]);
    let path = folder.join(format!("{name}.mp4"));
    std::fs::rename(made, &path).unwrap();
    path
}

/// 60 pictures that grow lighter.
fn light(folder: &Path) -> PathBuf {
    film(folder, "light", 2, "20+3*N", 500)
}

/// 30 pictures that grow darker.
fn dark(folder: &Path) -> PathBuf {
    film(folder, "dark", 1, "220-5*N", 2000)
}

fn still(folder: &Path) -> PathBuf {
    let path = folder.join("still.png");
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "color=c=0x404040:s=320x180"])
        .args(["-frames:v", "1"])
        .arg(&path)
        .status();
    assert!(made.expect("start ffmpeg; ./dev setup installs it").success());
    path
}

/// Waits until every file has been measured; the ticks of the items.
fn lengths(reel: &Reel) -> Vec<Option<u64>> {
    wait_for("every file to be measured", || {
        let inner = hold(&reel.desk.inner);
        inner.files.iter().all(|file| file.item != Item::Unknown).then_some(())
    });
    let inner = hold(&reel.desk.inner);
    let ticks = |file: &usize| match inner.files[*file].item {
        Item::Plays(ticks) => Some(ticks),
        _ => None,
    };
    inner.items.iter().map(ticks).collect()
}

/// Waits until tick `n` of the showing that began at `began` has the picture with this luma. In the program a second has
/// thirty ticks, and pictures are there in time; one that was passed over never comes.
fn see(reel: &Reel, began: i64, n: u64, wanted: i32) {
    let mut seen = None;
    let begun = std::time::Instant::now();
    while seen.is_none_or(|seen: i32| (seen - wanted).abs() > 1) {
        assert!(begun.elapsed() < Duration::from_secs(10), "tick {n}: luma {seen:?}, not {wanted}");
        let picture =
            reel.part(began, tick_ns(n)).and_then(|part| part.player.store.look(part.at_ns + tick_ns(1) / 2).picture);
        seen = picture.map(|picture| i32::from(luma(&picture.buffer)));
        std::thread::park_timeout(Duration::from_millis(3));
    }
}

/// Waits until what follows stands ready on its first picture, for a seam that is near.
fn next_is_ready(reel: &Reel) {
    wait_for("the next player", || {
        let inner = hold(&reel.desk.inner);
        let showing = inner.showing.as_ref()?;
        let last = showing.seats.back()?;
        let ready = house().rate.tick_ns(last.leg.begins) > showing.at_ns && last.player.store.first().is_some();
        ready.then_some(())
    });
}

/// Where each item is seen, as a strip of lumas of one round.
fn strip(lengths: &[Option<u64>], lumas: &[&dyn Fn(u64) -> i32]) -> Vec<i32> {
    let mut strip = Vec::new();
    for (ticks, luma) in lengths.iter().zip(lumas) {
        strip.extend((0..ticks.unwrap_or(0)).map(luma));
    }
    strip
}

/// The last picture of `light` and of `dark` stands where their sound is longer.
fn lighter(n: u64) -> i32 {
    20 + 3 * n.min(59) as i32
}

fn darker(n: u64) -> i32 {
    220 - 5 * n.min(29) as i32
}

fn grey(_: u64) -> i32 {
    71
}

#[test]
fn films_and_stills_follow_each_other_tick_by_tick_and_so_does_their_sound() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = [light(folder.path()), still(folder.path()), dark(folder.path()), still(folder.path())];
    let reel = Reel::start(&paths, 1000, &house());
    let lengths = lengths(&reel);
    assert!(lengths[0].is_some_and(|ticks| (60..=61).contains(&ticks)), "{lengths:?}");
    assert!(lengths[2].is_some_and(|ticks| (30..=31).contains(&ticks)), "{lengths:?}");
    assert_eq!((lengths[1], lengths[3]), (Some(30), Some(30)));
    let strip = strip(&lengths, &[&lighter, &grey, &darker, &grey]);
    let round = strip.len() as u64;
    let mut sound = Vec::new();
    for n in 0..2 * round + 10 {
        let leg = hold(&reel.desk.inner).playlist().at(n).unwrap();
        if n + 1 == leg.ends() {
            next_is_ready(&reel);
        }
        see(&reel, 7, n, strip[(n % round) as usize]);
        // Its film's sound is there as far as its pictures are.
        let part = reel.part(7, tick_ns(n)).unwrap();
        if part.player.has_sound() && n + 2 < leg.ends() {
            wait_for("its sound", || {
                let to_frames = part.player.store.counts().1;
                (to_frames >= (n + 2 - leg.begins) * 1600).then_some(())
            });
        }
        let mut out = [0f32; 3200];
        reel.listen(7, tick_ns(n), &mut out);
        sound.push(out);
    }
    assert_eq!((reel.fault(), reel.unplayable()), (None, None));
    assert_eq!(reel.facts(), ((160, 90), true));
    // 500 Hz and 2000 Hz: rises of 20 ticks in the midst of each item.
    let mut begins = 0;
    let items = lengths.iter().flatten().zip([500, 0, 2000, 0]).cycle().take(8);
    for (item, (ticks, hz)) in items.enumerate() {
        let middle = &sound[begins + 5..begins + 25];
        let left: Vec<f32> = middle.iter().flat_map(|out| out.chunks_exact(2).map(|frame| frame[0])).collect();
        let rises = left.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
        assert!(rises.abs_diff(hz * 20 / 30) <= 3, "item {item}: {rises} rises, {hz} Hz");
        begins += *ticks as usize;
    }
}

#[test]
fn films_of_another_rate_with_b_frames_and_without_sound_begin_and_end_on_their_ticks() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pictures = "color=c=black:s=160x90:r=25,geq=lum=20+8*N:cb=128:cr=128";
    let mute = film_as(folder.path(), &[pictures], 1, &["-qp", "8", "-bf", "2"]);
    let reel = Reel::start(&[mute.clone(), mute, still(folder.path())], 1000, &house());
    assert_eq!(lengths(&reel), [Some(30), Some(30), Some(30)]);
    // The nearest picture, of 40 ms each.
    let film = |n: u64| 20 + 8 * ((tick_ns(n) + tick_ns(1) / 2) / 40_000_000) as i32;
    for n in 0..130 {
        if n % 30 == 29 {
            next_is_ready(&reel);
        }
        see(&reel, 0, n, if n % 90 < 60 { film(n % 30) } else { grey(n) });
    }
    assert_eq!((reel.fault(), reel.facts()), (None, ((160, 90), false)));
}

#[test]
fn sound_of_a_stretch_over_a_seam_is_of_both_items() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reel = Reel::start(&[dark(folder.path()), light(folder.path())], 1000, &house());
    let ticks = lengths(&reel)[0].unwrap();
    see(&reel, 0, 0, darker(0));
    next_is_ready(&reel);
    let ready = || {
        let inner = hold(&reel.desk.inner);
        let seats = &inner.showing.as_ref()?.seats;
        seats.iter().all(|seat| seat.player.store.counts().1 >= 40_000).then_some(())
    };
    wait_for("the sound of both", ready);
    // As after a pause of the machine: a second in one go, half a second before the seam.
    let mut out = vec![0f32; 96_000];
    reel.listen(0, tick_ns(ticks - 15), &mut out);
    let left: Vec<f32> = out.chunks_exact(2).map(|frame| frame[0]).collect();
    let rises = |part: &[f32]| part.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
    let (before, behind) = (rises(&left[4_000..16_000]), rises(&left[30_000..42_000]));
    assert!(before.abs_diff(500) <= 10, "a quarter of a second of 2000 Hz: {before}");
    assert!(behind.abs_diff(125) <= 5, "a quarter of a second of 500 Hz: {behind}");
}

#[test]
fn a_showing_in_mid_list_begins_where_its_lengths_say() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reel = Reel::start(&[light(folder.path()), still(folder.path()), dark(folder.path())], 1000, &house());
    let lengths = lengths(&reel);
    let strip = strip(&lengths, &[&lighter, &grey, &darker]);
    let round = strip.len() as u64;
    let far = 1_000 * round;
    for (began, at) in [(0, far + 20), (1, far + 70), (2, far + 95), (3, 5 * round + 50)] {
        let mut n = at;
        // Ticks pass while its player is made; it is aimed ahead of them.
        while reel.part(began, tick_ns(n)).is_none() {
            std::thread::park_timeout(Duration::from_millis(33));
            n += 1;
        }
        n = n.max(at + 12);
        for n in n..n + 40 {
            let inner = hold(&reel.desk.inner);
            let leg = inner.playlist().at(n).unwrap();
            drop(inner);
            if n + 1 == leg.ends() {
                next_is_ready(&reel);
            }
            see(&reel, began, n, strip[(n % round) as usize]);
        }
    }
}

#[test]
fn what_cannot_be_played_is_left_out_named_and_tried_again() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (gone, text) = (folder.path().join("gone.mp4"), folder.path().join("text.mp4"));
    std::fs::write(&text, "no film at all").unwrap();
    let paths = [gone.clone(), still(folder.path()), text, gone.clone(), dark(folder.path())];
    let reel = Reel::start(&paths, 1000, &house());
    let found = lengths(&reel);
    assert_eq!((found[0], found[1], found[2], found[3]), (None, Some(30), None, None));
    let fault = reel.fault().expect("a fault");
    assert_eq!(fault.code, Code::MediaMissing);
    assert!(
        fault.text.contains("Files 1, 4 of 5: The file is gone.") && fault.text.contains(" File 3 of 5: "),
        "{fault:?}"
    );
    assert!(fault.text.starts_with("The playlist goes on"), "{fault:?}");
    assert_eq!(reel.unplayable(), None);
    see(&reel, 0, 0, grey(0));
    next_is_ready(&reel);
    see(&reel, 0, 30, darker(0));
    assert_eq!(hold(&reel.desk.inner).files[0].retry.attempt(), 1, "it is not tried at once");
    // It is uploaded again, and its wait is over.
    std::fs::rename(light(folder.path()), &gone).unwrap();
    hold(&reel.desk.inner).files[0].retry.hurry();
    reel.desk.changed.notify_all();
    wait_for("its length", || lengths(&reel)[3]);
    assert!(reel.fault().is_some_and(|fault| fault.text.contains("Files 1, 4")), "it has not been played yet");
    // In a later round: what follows now has been chosen already.
    let mut n = 30;
    wait_for("it in the list", || {
        let part = reel.part(0, tick_ns(n))?;
        part.player.store.look(part.at_ns);
        n += 1;
        let inner = hold(&reel.desk.inner);
        let seat = inner.showing.as_ref()?.seat(house().rate, tick_ns(n - 1))?;
        [0, 3].contains(&seat.leg.item).then_some(())
    });
    wait_for("the fault of one alone", || {
        let part = reel.part(0, tick_ns(n))?;
        part.player.store.look(part.at_ns);
        n += 1;
        reel.fault().filter(|fault| !fault.text.contains("Files 1, 4"))
    });
}

#[test]
fn a_list_of_which_nothing_can_be_played_is_unplayable_until_something_can() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
    let reel = Reel::start(&[a.clone(), b], 1000, &house());
    let fault = wait_for("the fault", || reel.unplayable());
    assert_eq!(fault.code, Code::MediaMissing);
    assert!(fault.text.contains(" File 1 of 2: ") && fault.text.contains(" File 2 of 2: "), "{fault:?}");
    assert!(reel.part(0, 0).is_none() && reel.part(0, 3_000_000_000).is_none());
    std::fs::rename(dark(folder.path()), &a).unwrap();
    hold(&reel.desk.inner).files[0].retry.hurry();
    reel.desk.changed.notify_all();
    wait_for("its end", || reel.unplayable().is_none().then_some(()));
    assert!(reel.fault().is_some_and(|fault| fault.text.contains("File 2 of 2")));
    see(&reel, 9, 0, darker(0));
}

#[test]
fn a_film_that_breaks_off_gives_way_at_once() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // More than queues hold.
    let noise = "nullsrc=s=160x90:r=30,geq=lum='random(1)*255':cb=128:cr=128";
    let long = film_as(folder.path(), &[noise, "sine=f=500:r=48000"], 12, &["-qp", "8"]);
    let reel = Reel::start(&[long.clone(), still(folder.path())], 1000, &house());
    assert!(lengths(&reel).iter().all(Option::is_some));
    wait_for("a player", || reel.part(0, 0));
    next_is_ready(&reel);
    // Its index has been read; what it points to is gone.
    std::fs::OpenOptions::new().write(true).open(&long).unwrap().set_len(0).unwrap();
    // Of its 360 ticks; on a busy machine they go by faster than it is read, and the last ones are waited for.
    let last = 330;
    let mut n = 0;
    let seam = wait_for("the seam, long before its time", || {
        let part = reel.part(0, tick_ns(n))?;
        let picture = part.player.store.look(part.at_ns + tick_ns(1) / 2).picture;
        let mut out = [0f32; 3200];
        reel.listen(0, tick_ns(n), &mut out);
        n = last.min(n + 1);
        picture.filter(|_| part.player.size() == (320, 180)).map(|_| n)
    });
    assert!(reel.fault().is_some_and(|fault| fault.text.contains("File 1 of 2")), "{:?}", reel.fault());
    assert_eq!(reel.unplayable(), None);
    // What is left plays on, after itself.
    for n in seam..seam + 70 {
        if (n - seam) % 10 == 0 {
            std::thread::park_timeout(Duration::from_millis(300));
        }
        see(&reel, 0, n, grey(n));
    }
}

#[test]
fn a_list_that_is_edited_knows_at_once_what_was_measured() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = [dark(folder.path()), still(folder.path())];
    let before = lengths(&Reel::start(&paths, 1000, &house()));
    // No thread of its own has run yet.
    let edited = Reel::start(&[paths[1].clone(), folder.path().join("gone.mp4"), paths[0].clone()], 2000, &house());
    let items: Vec<Item> = hold(&edited.desk.inner).files.iter().map(|file| file.item).collect();
    assert_eq!((items[0], items[2]), (Item::Plays(60), Item::Plays(before[0].unwrap())));
    assert_eq!(lengths(&edited)[1], None, "what could not be measured is not kept");
    assert_eq!(known::length(&folder.path().join("gone.mp4")), None);
    std::fs::remove_file(&paths[0]).unwrap();
    hold(&edited.desk.inner).broke(2, Fault::new(Code::MediaMissing, ""));
    assert_eq!(known::length(&paths[0]), None, "what breaks off is measured anew");
}

#[test]
fn a_showing_gives_way_to_one_that_began_before_it_once_it_is_off_air() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reel = Reel::start(&[light(folder.path()), dark(folder.path())], 1000, &house());
    assert!(lengths(&reel).iter().all(Option::is_some));
    // Pinned at tick 900, while a cue has run since tick 100.
    see(&reel, 900, 0, lighter(0));
    let (end, _ended) = std::sync::mpsc::channel();
    let started = |at_ns: u64| {
        let player = Player::open_once(&folder.path().join("light.mp4"), &house(), at_ns, &end, Box::new(|_| {}));
        let leg = hold(&reel.desk.inner).playlist().at(tick_at(house().rate, at_ns)).unwrap();
        (player.unwrap(), Job { leg, from_ns: at_ns, place: Place::Start(100, at_ns) })
    };
    let shown = || hold(&reel.desk.inner).showing.as_ref().map(|showing| showing.began);
    let (player, job) = started(tick_ns(50));
    {
        let mut inner = hold(&reel.desk.inner);
        inner.showing.as_mut().unwrap().asked = running();
        inner.seat(player, &job);
    }
    assert_eq!(shown(), Some(900), "on air, it keeps its place");
    let (player, job) = started(tick_ns(50));
    {
        let mut inner = hold(&reel.desk.inner);
        inner.showing.as_mut().unwrap().asked = running();
    }
    std::thread::park_timeout(Duration::from_millis(crate::source::media::OFF_AIR_MS + 50));
    hold(&reel.desk.inner).seat(player, &job);
    assert_eq!(shown(), Some(100));
    see(&reel, 100, 55, lighter(55));
}

/// A film whose pictures, 60 that grow lighter, begin 0.8 s after its sound and end last; for a track that begins late
/// an MP4 has an empty edit.
fn late(folder: &Path) -> PathBuf {
    let path = folder.join("late.mp4");
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-t", "1", "-i", "sine=f=500:r=48000"])
        .args(["-itsoffset", "0.8", "-f", "lavfi", "-t", "2"])
        .args(["-i", "color=c=black:s=160x90:r=30,geq=lum=20+3*N:cb=128:cr=128", "-map", "0", "-map", "1"])
        .args(["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-qp", "8", "-c:a", "aac"])
        .arg(&path)
        .status();
    assert!(made.expect("start ffmpeg; ./dev setup installs it").success());
    path
}

#[test]
fn a_film_whose_pictures_begin_late_by_its_edit_list_is_played_whole() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reel = Reel::start(&[late(folder.path()), still(folder.path())], 1000, &house());
    assert_eq!(lengths(&reel), [Some(84), Some(30)]);
    for n in 0..130 {
        if [83, 113].contains(&n) {
            next_is_ready(&reel);
        }
        let in_film = n % 114;
        see(&reel, 0, n, if in_film < 84 { lighter(in_film.saturating_sub(24)) } else { grey(n) });
    }
    assert_eq!((reel.fault(), reel.unplayable()), (None, None));
}

#[test]
fn a_film_in_fragments_is_played_whole() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pictures = "color=c=black:s=160x90:r=30,geq=lum=20+7*mod(N\\,30):cb=128:cr=128";
    let flags = "frag_keyframe+empty_moov+default_base_moof+skip_trailer";
    let how = ["-qp", "8", "-g", "15", "-movflags", flags];
    let film = film_as(folder.path(), &[pictures], 3, &how);
    let reel = Reel::start(&[film, still(folder.path())], 1000, &house());
    assert_eq!(lengths(&reel), [Some(90), Some(30)]);
    for n in 0..180 {
        let at = n % 120;
        if [89, 119].contains(&at) {
            next_is_ready(&reel);
        }
        see(&reel, 0, n, if at < 90 { 20 + 7 * (at % 30) as i32 } else { grey(n) });
    }
    assert_eq!((reel.fault(), reel.unplayable()), (None, None));
}

#[test]
fn what_is_not_known_is_measured_before_what_is_tried_again() {
    let reel = Reel::start(&["a", "b", "c"].map(PathBuf::from), 1000, &house());
    let mut inner = hold(&reel.desk.inner);
    let now = running();
    let first = |inner: &mut Inner, items: [Item; 3]| {
        for (file, item) in inner.files.iter_mut().zip(items) {
            (file.item, file.retry) = (item, Backoff::new(RETRY));
        }
        inner.to_measure(now)
    };
    assert_eq!(first(&mut inner, [Item::Skipped, Item::Plays(1), Item::Unknown]), Some(2));
    assert_eq!(first(&mut inner, [Item::Skipped, Item::Skipped, Item::Plays(1)]), Some(0));
    assert_eq!(first(&mut inner, [Item::Plays(1); 3]), None);
}

#[test]
fn the_sound_of_what_has_not_begun_waits_for_its_seam() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reel = Reel::start(&[still(folder.path()), dark(folder.path())], 2000, &house());
    let ticks = lengths(&reel)[0].unwrap();
    // Begun anew ten ticks before the seam: its player is aimed beyond it.
    wait_for("a player", || reel.part(5, tick_ns(ticks - 10)));
    wait_for("its sound", || {
        let inner = hold(&reel.desk.inner);
        let seat = inner.showing.as_ref()?.seats.front()?;
        assert_eq!(seat.leg.begins, ticks);
        (seat.player.store.counts().1 >= 20_000).then_some(())
    });
    let mut sound = Vec::new();
    for n in ticks - 10..ticks + 10 {
        let mut out = [0f32; 3200];
        reel.listen(5, tick_ns(n), &mut out);
        sound.extend(out.chunks_exact(2).map(|frame| frame[0]));
    }
    assert!(sound[..15_990].iter().all(|sample| *sample == 0.0), "silence up to the seam");
    let rises = sound[16_000..].windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
    // It is aimed two ticks beyond the seam.
    assert!((480..=670).contains(&rises), "a third of a second of 2000 Hz, less two ticks or three: {rises}");
}
