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
use rustix::fs::{Mode, OFlags};
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

/// Puts it in force. Answers the country, where there is one. What the page wishes is kept once the kernel has taken it: else what
/// was kept before stays in force.
pub fn apply(places: &Places) -> io::Result<Option<String>> {
    let (wish, kept) = (wished(places), kept(places)?);
    let Some(country) = wish.clone().or(kept.clone()) else { return Ok(None) };
    // It may be a part of the kernel, or loaded.
    let _ = std::process::Command::new("/usr/sbin/modprobe").arg(MODULE).status();
    let done = match put_in_force(&country) {
        Ok(()) if wish.is_some() => keep(places, &country),
        Err(cause) if wish.is_some() => {
            // What was refused is said, whatever comes of this.
            let _ = kept.map(|kept| put_in_force(&kept));
            Err(cause)
        }
        done => done,
    };
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
        // Looked at again and again until it is so: the kernel reads its table when it likes.
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// What the page wishes. It is gone then, whatever it was.
fn wished(places: &Places) -> Option<String> {
    let wish = read(&places.wish).unwrap_or_default();
    // Where it cannot go, it is read again at the next start, and that is all.
    let _ = fs::remove_file(&places.wish);
    wish.filter(|country| is_country(country))
}

/// What was kept.
fn kept(places: &Places) -> io::Result<Option<String>> {
    Ok(read(&places.data.join(FILE))?.filter(|country| is_country(country)))
}

fn keep(places: &Places, country: &str) -> io::Result<()> {
    let draft = places.data.join(".wifi-country.new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(country.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, places.data.join(FILE))?;
    sync(&places.data)
}

/// What a file says, and no more than a few bytes of it; none where there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    // The page's folder is the page's: what lies there may be a link, or a pipe that nobody writes into.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map(fs::File::from).map_err(io::Error::from);
    let file = match opened {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
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
    fn a_wish_is_read_once_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        let places = Places { data: folder.path().to_owned(), wish: of("wish"), told: of("told") };
        assert_eq!((wished(&places), kept(&places).unwrap()), (None, None));
        keep(&places, "GB").unwrap();
        assert_eq!(kept(&places).unwrap().as_deref(), Some("GB"));
        fs::write(of("wish"), "DE\n").unwrap();
        assert_eq!(wished(&places).as_deref(), Some("DE"));
        assert_eq!((wished(&places), kept(&places).unwrap().as_deref()), (None, Some("GB")), "nobody has taken it yet");
        for nonsense in ["de", "", "../../etc/passwd", "DEU"] {
            fs::write(of("wish"), nonsense).unwrap();
            assert_eq!(wished(&places), None, "{nonsense}");
            assert!(!of("wish").exists());
        }
        // A link leads to somebody else's file, and a pipe to nothing.
        fs::write(of("secret"), "DE").unwrap();
        std::os::unix::fs::symlink(of("secret"), of("wish")).unwrap();
        assert_eq!((wished(&places), of("secret").exists(), of("wish").is_symlink()), (None, true, false));
        rustix::fs::mknodat(rustix::fs::CWD, of("wish"), rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!((wished(&places), of("wish").exists()), (None, false));
        tell(&of("told"), "DE").unwrap();
        assert_eq!(fs::read_to_string(of("told")).unwrap(), "DE\n");
    }
}
