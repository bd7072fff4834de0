//! Files of a tz database: RFC 9636, version 2.

use std::path::Path;

/// Berlin's rule.
pub const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
/// India's.
pub const KOLKATA: &str = "IST-5:30";

/// A zone's file: its time from moments on, seconds since 1970 and seconds east, and the rule behind the last.
pub fn file(changes: &[(i64, i32)], rule: &str) -> Vec<u8> {
    // As the rule calls its usual time.
    let name = match rule.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        _ if rule.is_empty() => "LMT",
        Some((name, _)) => name,
        None => rule.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default(),
    };
    let name = format!("{name}\0");
    let head = |times: usize, types: usize| {
        let counts = [0, 0, 0, times as u32, types as u32, name.len() as u32];
        let counts: Vec<u8> = counts.into_iter().flat_map(u32::to_be_bytes).collect();
        [b"TZif2".as_slice(), &[0; 15], &counts].concat()
    };
    let one = |east_s: i32| [east_s.to_be_bytes().as_slice(), &[0, 0]].concat();
    let mut bytes = [head(0, 1), one(0), b"LMT\0".to_vec(), head(changes.len(), changes.len() + 1)].concat();
    bytes.extend(changes.iter().flat_map(|(at_s, _)| at_s.to_be_bytes()));
    bytes.extend((1..=changes.len()).map(|kind| kind as u8));
    bytes.extend(one(0));
    bytes.extend(changes.iter().flat_map(|(_, east_s)| one(*east_s)));
    bytes.extend(format!("{name}\n{rule}\n").into_bytes());
    bytes
}

/// Writes a small database below a machine's root.
pub fn write(root: &Path) {
    let folder = root.join("usr/share/zoneinfo");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    put("UTC", &file(&[], "UTC0"));
    put("Europe/Berlin", &file(&[(0, 3600)], BERLIN));
    put("Asia/Kolkata", &file(&[(0, 19_800)], KOLKATA));
    put("Africa/Broken", b"TZif");
    put("posixrules", &file(&[], "UTC0"));
    put(
        "zone.tab",
        b"# code\tplace\tzone\nDE\t+5230+01322\tEurope/Berlin\tmost of it\nIN\t+2232+08822\tAsia/Kolkata\n",
    );
    put("tzdata.zi", b"# version\nZ Asia/Kolkata 5:30 - IST\nL Asia/Kolkata Asia/Calcutta\nL Nowhere/Else Old/Name\n");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("usr/share/secret"), file(&[], "UTC0")).unwrap();
}
