//! Tells what a recording shows and lets hear: `cargo run -p tests --example read_recording FILE`.
#![allow(clippy::print_stdout, reason = "it prints what it finds")]

use harness::recording::Recording;

fn main() {
    let path = std::env::args().nth(1).expect("name a recording");
    let recording = Recording::read_shapes(path.as_ref(), &[(16, 9), (4, 3), (11, 9), (9, 16)]);
    for stretch in recording.stretches() {
        let run = &recording.pictures[stretch.first..stretch.end];
        let counters: Vec<Option<u32>> = run.iter().map(|p| p.mark.map(|mark| mark.counter)).collect();
        let steps = counters.windows(2).enumerate().filter(|(_, pair)| pair[0].map(|n| n + 1) != pair[1]);
        println!("source {} from {} ms, {} pictures", stretch.source, run[0].pts_ms, run.len());
        for (at, pair) in steps {
            println!("  {} ms: {:?} then {:?}", run[at + 1].pts_ms, pair[0], pair[1]);
        }
        for flash in recording.flashes(&stretch) {
            println!("  flash {} ms: sound after {:?}", flash.at_ms, flash.sound_after_ms);
        }
    }
}
