//! Times the picture kernels at 1080p, and writes what the painter draws to a folder as JPEG:
//! `cargo run -p channel --example pictures -- FOLDER`.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use automation::spec::{Anchor, TextOverlay};
use channel::preview::jpeg;
use channel::program::overlay::Painter;
use channel::program::picture::{I420, blend, mix, towards_black};
use std::hint::black_box;
use std::time::Instant;

const RUNS: u32 = 200;

fn time(what: &str, mut run: impl FnMut()) {
    run();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        (0..RUNS / 5).for_each(|_| run());
        best = best.min(begun.elapsed().as_secs_f64() * 1000.0 / f64::from(RUNS / 5));
    }
    println!("{what:<42} {best:8.3} ms");
}

fn main() -> std::io::Result<()> {
    let (w, h) = (1920, 1080);
    let begun = Instant::now();
    let painter = Painter::new();
    println!("{:<42} {:8.3} ms", "fonts", begun.elapsed().as_secs_f64() * 1000.0);
    let bars = painter.bars(w, h);
    let slate = painter.slate("Harbour House", "Technical difficulties – we'll be right back", w, h);
    let style = TextOverlay {
        text: String::new(),
        anchor: Anchor::BottomLeft,
        size: 45,
        colour: "#ffffff".into(),
        background: Some("#102030c0".into()),
    };
    let third = "Tide: High 3:45 PM\nالمد العالي · גאות · 日本 · Прилив";
    let text = painter.text(&style, third, w, h).map_err(std::io::Error::other)?;
    let clock = TextOverlay { anchor: Anchor::TopRight, background: None, ..style.clone() };
    let clock = painter.text(&clock, "12:34:56", w, h).map_err(std::io::Error::other)?;
    let message = painter.message("Switched to backup camera", w, h).map_err(std::io::Error::other)?;
    let mut out = I420::new(w, h);
    time("copy", || out.copy_from(&black_box(&bars).as_ref()));
    time("mix", || mix(&mut out, &black_box(&bars).as_ref(), &slate.as_ref(), 100));
    time("towards black", || towards_black(&mut out, &black_box(&bars).as_ref(), 100));
    time(&format!("blend text {:?}", text.size()), || blend(&mut out, black_box(&text), 256));
    time(&format!("blend text {:?}, half opaque", text.size()), || blend(&mut out, black_box(&text), 128));
    time("draw text", || drop(black_box(painter.text(&style, third, w, h))));
    time("draw a slate", || drop(black_box(painter.slate("Harbour House", "We'll be right back", w, h))));
    for (width, name) in [(480, "jpeg 480"), (640, "jpeg 640"), (320, "jpeg 320")] {
        time(name, || drop(black_box(jpeg(&black_box(&bars).as_ref(), width, 70))));
    }
    let Some(folder) = std::env::args().nth(1).map(std::path::PathBuf::from) else { return Ok(()) };
    let mut overlaid = bars.clone();
    [&text, &clock, &message].into_iter().for_each(|sprite| blend(&mut overlaid, sprite, 256));
    let long = painter.slate(
        "Die Fischerei- und Hafenverwaltungsgesellschaft von Nordseeheilbad Sankt Peter",
        "Bei uns gibt es gerade technische Schwierigkeiten, aber wir sind schon dabei und gleich wieder für Sie da. Vielen Dank für Ihre Geduld!",
        w,
        h,
    );
    for (name, picture) in [("slate", &slate), ("long", &long), ("overlays", &overlaid)] {
        std::fs::write(folder.join(name).with_extension("jpg"), jpeg(&picture.as_ref(), w, 92))?;
    }
    Ok(())
}
