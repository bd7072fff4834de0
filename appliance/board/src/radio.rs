//! Whose radio rules are in force: the country that its owner, or the page, has said. Until somebody says, the kernel uses what is
//! allowed everywhere: low power, and no channels of 5 GHz of its own.
//!
//! ```text
//! medium ──► /data/board/wifi-country ──► kernel ──► what is in force, for the page
//! page ──► wish ──┘ the later word counts
//! ```
//! Done before anything uses a radio, and again when the page wishes another country.

use crate::edges::sync;
use crate::preseed::is_country;
use crate::regulatory;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The country's file, in the folder of the board's own files.
pub const FILE: &str = "wifi-country";
/// How long the kernel may take to read its table of rules.
const IN_FORCE_MAX: Duration = Duration::from_secs(3);
/// The module that knows radios; it is loaded with the first one, and this is before.
const MODULE: &str = "cfg80211";

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of the board's own files on the data partition.
    pub data: PathBuf,
    /// What the page wishes. Its folder belongs to who serves the page.
    pub wish: PathBuf,
    /// What is in force, for everybody to read.
    pub told: PathBuf,
}

/// Puts it in force. Answers the country, where there is one.
pub fn apply(places: &Places) -> io::Result<Option<String>> {
    let Some(country) = wanted(places)? else { return Ok(None) };
    // It may be a part of the kernel, or loaded.
    let _ = std::process::Command::new("/usr/sbin/modprobe").arg(MODULE).status();
    let done = put_in_force(&country);
    let in_force = regulatory::in_force().unwrap_or_default();
    tell(&places.told, &in_force)?;
    done.map(|()| Some(country))
}

fn put_in_force(country: &str) -> io::Result<()> {
    regulatory::request(country)?;
    let begin = Instant::now();
    while regulatory::in_force()? != country {
        if begin.elapsed() > IN_FORCE_MAX {
            return Err(io::Error::other(format!("the kernel knows no rules for {country}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The country that is wanted. A wish of the page's is taken over, and gone then, whatever it was.
pub fn wanted(places: &Places) -> io::Result<Option<String>> {
    let kept = places.data.join(FILE);
    if let Some(text) = read(&places.wish)? {
        if is_country(&text) {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(places.data.join(".wifi-country.new"))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(places.data.join(".wifi-country.new"), &kept)?;
            sync(&places.data)?;
        }
        fs::remove_file(&places.wish)?;
    }
    Ok(read(&kept)?.filter(|country| is_country(country)))
}

/// What a file says, and no more than a few bytes of it; none where there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(16).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// Tells what is in force: whole, or as it was.
fn tell(path: &Path, country: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
    writeln!(file, "{country}")?;
    drop(file);
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_counts_and_nonsense_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        let places = Places { data: folder.path().to_owned(), wish: of("wish"), told: of("told") };
        assert_eq!(wanted(&places).unwrap(), None);
        fs::write(of(FILE), "GB").unwrap();
        assert_eq!(wanted(&places).unwrap().as_deref(), Some("GB"));
        fs::write(of("wish"), "DE\n").unwrap();
        assert_eq!(wanted(&places).unwrap().as_deref(), Some("DE"));
        assert!(!of("wish").exists(), "it is kept");
        assert_eq!(wanted(&places).unwrap().as_deref(), Some("DE"));
        for nonsense in ["de", "", "../../etc/passwd", "DEU"] {
            fs::write(of("wish"), nonsense).unwrap();
            assert_eq!(wanted(&places).unwrap().as_deref(), Some("DE"), "{nonsense}");
            assert!(!of("wish").exists());
        }
        tell(&of("told"), "DE").unwrap();
        assert_eq!(fs::read_to_string(of("told")).unwrap(), "DE\n");
    }
}
