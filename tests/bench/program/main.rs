//! What a channel costs, against ffmpeg doing the same: one camera at 1080p30 over RTSP, logo, text and clock over it,
//! x264 and AAC, two RTMP destinations at real nginx-rtmp servers.
//!
//! ```text
//! for each effort, for each pair: channel, ffmpeg (then ffmpeg, channel, so that neither always comes first)
//!   start → both platforms record → CPU seconds of the process over a window of real time → end
//! ```
//! A figure is CPU seconds (user and system, all threads) per second of stream. Both encoders are x264 with the same
//! options: what x264 wrote about itself into each recording is compared, and a run that fell behind is an error.
//!
//! Arguments: `--pairs N` (5), `--seconds S` (20), `--effort superfast|veryfast` (both). A run of fewer pairs, shorter
//! windows or one effort proves nothing: its figures go to `program-partial.json`, and no ratio is judged.
#![allow(clippy::print_stdout, reason = "it prints what it measures")]

mod contest;
mod cost;
mod ffmpeg;
mod film;
mod ours;
mod report;

use contest::Contest;
use report::Effort;
use std::process::ExitCode;

/// What the channel may cost at most, as a share of what ffmpeg costs.
const RATIO_MAX: f64 = 1.15;

/// Pairs, seconds and efforts of a whole run.
const PAIRS: usize = 5;
const SECONDS: u64 = 20;
const EFFORTS: [&str; 2] = ["superfast", "veryfast"];

/// What the command line says.
struct Wanted {
    pairs: usize,
    seconds: u64,
    efforts: Vec<String>,
}

impl Wanted {
    fn parse() -> Result<Wanted, String> {
        let mut wanted = Wanted { pairs: PAIRS, seconds: SECONDS, efforts: EFFORTS.map(String::from).to_vec() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--pairs" => wanted.pairs = number(&value()?)?.clamp(1, 100) as usize,
                "--seconds" => wanted.seconds = number(&value()?)?.clamp(5, 600),
                "--effort" => wanted.efforts = vec![value()?],
                _ => return Err(format!("{word} is not known; --pairs N, --seconds S, --effort superfast|veryfast")),
            }
        }
        Ok(wanted)
    }

    /// Whether it is enough to be believed.
    fn complete(&self) -> bool {
        let all = EFFORTS.iter().all(|effort| self.efforts.iter().any(|wanted| wanted == effort));
        all && self.pairs >= PAIRS && self.seconds >= SECONDS
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn main() -> ExitCode {
    let wanted = match Wanted::parse() {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let contest = Contest::set_up(wanted.seconds);
    let mut efforts = Vec::new();
    for name in &wanted.efforts {
        let mut effort = Effort::new(name);
        for pair in 0..wanted.pairs {
            let ours_first = pair % 2 == 0;
            for ours in [ours_first, !ours_first] {
                let run = contest.run(name, ours);
                let who = if ours { "channel" } else { "ffmpeg" };
                println!(
                    "{name}, pair {}: {who:7} {:.3} CPU s per s of stream, {:.0} MiB PSS ({:.0} % of the machine busy)",
                    pair + 1,
                    run.cpu_per_s,
                    run.pss_kib as f64 / 1024.0,
                    run.busy * 100.0,
                );
                effort.add(ours, run);
            }
        }
        println!("{}", effort.line());
        efforts.push(effort);
    }
    let path = report::write(&efforts, wanted.seconds, wanted.complete());
    println!("written: {}", path.display());
    if !wanted.complete() {
        println!("This was no whole run: {PAIRS} pairs of {SECONDS} s at each effort are. Nothing is judged by it.");
        return ExitCode::SUCCESS;
    }
    let worst = efforts.iter().map(Effort::ratio).fold(0.0, f64::max);
    if worst > RATIO_MAX {
        eprintln!("the channel costs {worst:.2} of what ffmpeg does; {RATIO_MAX} is the most");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
