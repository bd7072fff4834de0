//! What was found, for people and as `target/bench/program.json`.

use super::contest::Run;
use harness::figures::median;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// All runs at one effort of x264.
pub(crate) struct Effort {
    name: String,
    ours: Vec<Run>,
    ffmpeg: Vec<Run>,
}

fn costs(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.cpu_per_s).collect()
}

fn memory_mib(runs: &[Run]) -> f64 {
    median(&runs.iter().map(|run| run.pss_kib as f64 / 1024.0).collect::<Vec<_>>())
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl Effort {
    pub(crate) fn new(name: &str) -> Effort {
        Effort { name: name.to_owned(), ours: Vec::new(), ffmpeg: Vec::new() }
    }

    pub(crate) fn add(&mut self, ours: bool, run: Run) {
        if ours { &mut self.ours } else { &mut self.ffmpeg }.push(run);
    }

    /// Ours over ffmpeg, pair by pair.
    fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.ffmpeg).map(|(ours, theirs)| ours.cpu_per_s / theirs.cpu_per_s).collect()
    }

    /// The median of the pairs' ratios.
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.ratios())
    }

    fn spread(&self) -> (f64, f64) {
        let ratios = self.ratios();
        (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max))
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        let (least, most) = self.spread();
        format!(
            "{}: channel {:.3}, ffmpeg {:.3} CPU s per s of stream (medians of {}): ratio {:.2}, from {least:.2} to {most:.2}; channel {:.0} MiB, ffmpeg {:.0} MiB PSS{}",
            self.name,
            median(&costs(&self.ours)),
            median(&costs(&self.ffmpeg)),
            self.ours.len(),
            self.ratio(),
            memory_mib(&self.ours),
            memory_mib(&self.ffmpeg),
            match self.differences().as_slice() {
                [] => String::new(),
                differences => format!("; x264 differs in {}", differences.join(", ")),
            }
        )
    }

    /// Options of x264 in which the two sides differ.
    fn differences(&self) -> Vec<String> {
        let (Some(ours), Some(theirs)) = (self.ours.first(), self.ffmpeg.first()) else { return Vec::new() };
        let mut keys: Vec<&String> = ours.options.keys().chain(theirs.options.keys()).collect();
        keys.sort();
        keys.dedup();
        let of = |run: &Run, key: &str| run.options.get(key).cloned().unwrap_or_else(|| "-".into());
        let differ = keys.into_iter().filter(|key| ours.options.get(*key) != theirs.options.get(*key));
        differ.map(|key| format!("{key} ({} against {})", of(ours, key), of(theirs, key))).collect()
    }

    fn json(&self) -> Value {
        let (least, most) = self.spread();
        let list = |values: Vec<f64>| values.into_iter().map(rounded).collect::<Vec<_>>();
        let side = |runs: &[Run]| {
            json!({
                "cpu_s_per_s": rounded(median(&costs(runs))),
                "cpu_s_per_s_runs": list(costs(runs)),
                "pss_mib": memory_mib(runs).round(),
                "machine_busy_runs": list(runs.iter().map(|run| run.busy).collect()),
            })
        };
        json!({
            "channel": side(&self.ours),
            "ffmpeg": side(&self.ffmpeg),
            "ratio": rounded(self.ratio()),
            "ratio_runs": list(self.ratios()),
            "ratio_least": rounded(least),
            "ratio_most": rounded(most),
            "x264": self.ours.first().map(|run| &run.options),
            "x264_differences": self.differences(),
        })
    }
}

/// Writes the file. The whole's ratio is the worst effort's. Figures of a run that was cut short go beside those of whole
/// runs, never over them, and say so.
pub(crate) fn write(efforts: &[Effort], seconds: u64, complete: bool) -> PathBuf {
    let figures: serde_json::Map<String, Value> =
        efforts.iter().map(|effort| (effort.name.clone(), effort.json())).collect();
    let report = json!({
        "name": "program",
        "complete": complete,
        "date": said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        "machine": machine(),
        "job": "1080p30, one RTSP camera, logo + text + clock, x264 4500 kbps, AAC 160 kbps, two RTMP destinations",
        "seconds_per_run": seconds,
        "pairs": efforts.first().map_or(0, |effort| effort.ours.len()),
        "unit": "CPU seconds (user + system) per second of stream",
        "figures": figures,
        "ratio_vs_ffmpeg": rounded(efforts.iter().map(Effort::ratio).fold(0.0, f64::max)),
    });
    let folder = harness::place::target().join("bench");
    std::fs::create_dir_all(&folder).expect("make target/bench");
    let path = folder.join(if complete { "program.json" } else { "program-partial.json" });
    let text = serde_json::to_string_pretty(&report).expect("figures are plain");
    std::fs::write(&path, text + "\n").expect("write the figures");
    path
}

fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: String, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let board = read("/proc/device-tree/model").trim_matches('\0').to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "board": board,
        "cpu": field(read("/proc/cpuinfo"), "model name"),
        "cores": cores,
        "memory": field(read("/proc/meminfo"), "MemTotal"),
        "kernel": said("uname", &["-srm"]),
        "system": field(read("/etc/os-release").replace('=', ":"), "PRETTY_NAME").replace('"', ""),
        "ffmpeg": said("ffmpeg", &["-version"]),
        "gstreamer": said("gst-launch-1.0", &["--version"]),
    })
}

/// The first line that a program says; empty where it is not installed.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
