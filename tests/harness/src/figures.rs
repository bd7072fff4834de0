//! What a scenario measured, for people: shown at once, and kept for the summary of `./dev test`.

use std::io::Write;

/// Notes one figure of `scenario` under `target/e2e`.
pub fn note(scenario: &str, figure: &str) {
    eprintln!("{scenario}: {figure}");
    let folder = crate::place::target().join("e2e");
    std::fs::create_dir_all(&folder).expect("make target/e2e");
    let file = std::fs::File::options().create(true).append(true).open(folder.join(format!("{scenario}.txt")));
    writeln!(file.expect("open the figures"), "  {scenario}: {figure}").expect("write a figure");
}

/// The middle one; the mean of the two in the middle where their number is even. Panics without any.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
