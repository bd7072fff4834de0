//! `bandstand doctor`: looks at what Bandstand stands upon, changes nothing, and says what to do. It may be run beside a broadcast.
//! The page is answered the same by [`Doctor`], since nobody has a shell on our own image.

use crate::clock::Clock;
use crate::store;
use crate::system::{self, storage};
use crate::units::Post;
use serde::Serialize;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// What must be free on the storage, bytes: what uploads leave free.
const FREE_BYTES_MIN: u64 = crate::media::FREE_BYTES_MIN;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of the database, files and keys.
    pub state: PathBuf,
    /// Folder of sockets.
    pub run: PathBuf,
    /// Folder below which the machine's own files are: `/` but in tests.
    pub machine: PathBuf,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// As it should be.
    Well,
    /// Not as it should be; broadcasts go on.
    Warning,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// What was looked at: `folder`, `database`, `storage`, `clock`, `network`, `workers` or `updates`.
    pub what: &'static str,
    /// How it is.
    pub how: How,
    /// What was found.
    pub text: String,
    /// What to do; empty where it is well.
    pub remedy: &'static str,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.how {
            How::Well => "ok     ",
            How::Warning => "WARNING",
            How::Wrong => "WRONG  ",
        };
        write!(f, "{mark} {:<9} {}", self.what, self.text)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " {}", self.remedy) }
    }
}

fn well(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { what, how: How::Well, text: text.into(), remedy: "" }
}

fn warning(what: &'static str, text: impl Into<String>, remedy: &'static str) -> Finding {
    Finding { what, how: How::Warning, text: text.into(), remedy }
}

fn wrong(what: &'static str, text: impl Into<String>, remedy: &'static str) -> Finding {
    Finding { what, how: How::Wrong, text: text.into(), remedy }
}

/// Looks on behalf of the page: one look at a time, since a card that does not answer holds it up, and the page would ask again.
pub struct Doctor {
    places: Places,
    looking: Arc<Semaphore>,
}

/// Why there is nothing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoFindings {
    /// A look is under way.
    Looking,
    /// It takes longer than anybody waits; it is a card or disk that does not answer.
    Stuck,
}

impl Doctor {
    /// A doctor who looks there.
    pub fn new(places: Places) -> Doctor {
        Doctor { places, looking: Arc::new(Semaphore::new(1)) }
    }

    /// Looks at everything, for no longer than `limit`. A look that takes longer goes on, and no other begins until it is done.
    pub async fn examine(&self, limit: Duration) -> Result<Vec<Finding>, NoFindings> {
        let turn = self.looking.clone().try_acquire_owned().map_err(|_| NoFindings::Looking)?;
        let places = self.places.clone();
        let look = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            examine(&places)
        });
        match tokio::time::timeout(limit, look).await {
            Ok(Ok(findings)) => Ok(findings),
            Ok(Err(_)) | Err(_) => Err(NoFindings::Stuck),
        }
    }
}

/// Looks at everything.
pub fn examine(places: &Places) -> Vec<Finding> {
    let mut findings = vec![
        folder(&places.state),
        database(&places.state),
        room(places),
        clock(&places.machine),
        network(&places.machine),
        workers(&places.run),
    ];
    findings.extend(updates(&places.machine));
    findings
}

fn folder(state: &Path) -> Finding {
    const WHAT: &str = "folder";
    let name = state.display();
    let about = match std::fs::metadata(state) {
        Ok(about) if about.is_dir() => about,
        Ok(_) => return wrong(WHAT, format!("{name} is no folder."), "Name another one with --state."),
        Err(error) => {
            return wrong(WHAT, format!("{name}: {error}."), "Name the folder with --state, or start Bandstand once.");
        }
    };
    // Access, and not permission bits: root may do what these forbid, and a read-only medium forbids what these allow.
    if rustix::fs::access(state, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_err() {
        return wrong(
            WHAT,
            format!("{name} cannot be written."),
            "Run this as the user that Bandstand runs as; else check the medium.",
        );
    }
    match about.permissions().mode() & 0o077 {
        0 => well(WHAT, format!("{name} is ours alone.")),
        _ => warning(WHAT, format!("Others may look into {name}."), "Bandstand takes that away when it starts."),
    }
}

fn database(state: &Path) -> Finding {
    const WHAT: &str = "database";
    match store::examine(state) {
        Ok(text) => well(WHAT, text),
        Err(text) => wrong(WHAT, text, "Keep a copy of the folder, and send the report to support."),
    }
}

fn room(places: &Places) -> Finding {
    const WHAT: &str = "storage";
    let Some(about) = storage::of(&places.machine, &places.state) else {
        return wrong(WHAT, "It does not answer.", "Check the card or disk.");
    };
    let free = format!("{} MB of {} MB are free.", about.free_bytes / 1_000_000, about.bytes / 1_000_000);
    match about.errors {
        Some(count) if count > 0 => wrong(WHAT, format!("{count} errors. {free}"), "Put in a new card soon."),
        _ if about.free_bytes < FREE_BYTES_MIN => wrong(WHAT, free, "Delete recordings or files that are not needed."),
        _ => well(WHAT, free),
    }
}

fn clock(machine: &Path) -> Finding {
    const WHAT: &str = "clock";
    match Clock::of(machine).map(|clock| clock.now()) {
        Ok(now) if now.wall_trusted => well(WHAT, "It is right, as the network or a battery's clock says."),
        Ok(_) => warning(WHAT, "Nobody has confirmed the time.", "Connect the box to the internet."),
        Err(error) => wrong(WHAT, format!("{error}."), "Restart the box."),
    }
}

fn network(machine: &Path) -> Finding {
    const WHAT: &str = "network";
    let names = crate::api::tls::names(&machine.join("proc"));
    let addresses: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.parse::<std::net::IpAddr>().is_ok_and(|address| !address.is_loopback()))
        .collect();
    match addresses.is_empty() {
        true => wrong(WHAT, "The box has no address.", "Plug in a network cable, or set up the Wi-Fi."),
        false => well(WHAT, format!("Reachable at {}.", addresses.join(", "))),
    }
}

fn workers(run: &Path) -> Finding {
    const WHAT: &str = "workers";
    let names: Vec<String> = std::fs::read_dir(run)
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    let posts: Vec<Post> = names.iter().filter_map(|name| Post::of_socket(name)).collect();
    let (alive, away): (Vec<_>, Vec<_>) = posts.iter().partition(|post| UnixStream::connect(post.socket(run)).is_ok());
    let list = |posts: &[&Post]| posts.iter().map(|post| post.to_string()).collect::<Vec<_>>().join(", ");
    if posts.is_empty() {
        warning(WHAT, "None runs.", "Start Bandstand.")
    } else if away.is_empty() {
        well(WHAT, format!("They answer: {}.", list(&alive)))
    } else {
        wrong(
            WHAT,
            format!("Not there: {}.", list(&away)),
            "They are started again by themselves; if they are not, restart the box.",
        )
    }
}

/// Of our own image alone: another machine is updated by its own means.
fn updates(machine: &Path) -> Option<Finding> {
    const WHAT: &str = "updates";
    Some(match system::obstacle_of(machine)? {
        Ok(()) => well(WHAT, "The board's own start program knows how to try them."),
        Err(obstacle) => warning(WHAT, obstacle.text, obstacle.remedy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn places(folder: &Path) -> Places {
        let places = Places { state: folder.join("state"), run: folder.join("run"), machine: folder.join("machine") };
        std::fs::create_dir_all(&places.state).unwrap();
        std::fs::set_permissions(&places.state, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::create_dir_all(&places.run).unwrap();
        let write = |name: &str, text: &str| {
            let path = places.machine.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/sys/kernel/random/boot_id", "one\n");
        write("proc/sys/kernel/hostname", "hall\n");
        write("proc/net/fib_trie", "  |-- 192.0.2.7\n     /32 host LOCAL\n");
        write("run/systemd/timesync/synchronized", "");
        places
    }

    fn hows(places: &Places) -> Vec<(&'static str, How)> {
        examine(places).iter().map(|finding| (finding.what, finding.how)).collect()
    }

    #[tokio::test]
    async fn a_box_that_is_well_is_called_so() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let _store = Store::open(&places.state).unwrap();
        let _worker = std::os::unix::net::UnixListener::bind(places.run.join("channel-main.sock")).unwrap();
        for finding in examine(&places) {
            assert_eq!((finding.how, finding.remedy), (How::Well, ""), "{finding}");
        }
    }

    #[tokio::test]
    async fn the_page_waits_for_no_medium_and_has_one_look_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let doctor = Doctor::new(places.clone());
        let limit = Duration::from_secs(15);
        assert_eq!(doctor.examine(limit).await.map(|findings| findings.len()), Ok(6));
        // A file that does not answer: a pipe that nobody writes to yet.
        let stuck = places.machine.join("proc/net/fib_trie");
        std::fs::remove_file(&stuck).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&stuck).status().unwrap();
        assert!(made.success());
        assert_eq!(doctor.examine(Duration::from_millis(1)).await, Err(NoFindings::Stuck));
        assert_eq!(doctor.examine(limit).await, Err(NoFindings::Looking));
        // It answers late: the look that nobody waits for ends, and gives its turn back.
        std::fs::write(&stuck, "").unwrap();
        drop(tokio::time::timeout(limit, doctor.looking.acquire()).await.unwrap());
        std::fs::remove_file(&stuck).unwrap();
        assert_eq!(doctor.examine(limit).await.map(|findings| findings.len()), Ok(6));
    }

    #[test]
    fn a_board_that_takes_no_update_is_named_and_another_machine_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let said = |slots: &str| {
            let path = places.machine.join("run/bandstand-board/slots.json");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, slots).unwrap();
            examine(&places).into_iter().find(|finding| finding.what == "updates").map(|finding| finding.to_string())
        };
        assert_eq!(hows(&places).len(), 6);
        let new = r#"{"booted": "A", "trial": false, "bootloader": {"built": "2025-05-08", "fault": null}}"#;
        assert_eq!(
            said(new).as_deref(),
            Some("ok      updates   The board's own start program knows how to try them.")
        );
        let fault = r#"{"code": "bootloader_too_old", "text": "", "remedy": ""}"#;
        let old =
            format!(r#"{{"booted": "A", "trial": false, "bootloader": {{"built": "2021-04-29", "fault": {fault}}}}}"#);
        let told = said(&old).unwrap();
        assert!(told.starts_with("WARNING updates   The board's own start program is from 2021 and"), "{told}");
        assert!(told.ends_with("Misc utility images, Bootloader."), "{told}");
    }

    #[test]
    fn what_is_wrong_is_named_with_a_remedy_and_nothing_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut places = places(folder.path());
        std::fs::write(places.state.join(store::DATABASE), "no database").unwrap();
        std::fs::remove_dir_all(places.machine.join("run")).unwrap();
        std::fs::write(places.machine.join("proc/net/fib_trie"), "").unwrap();
        drop(std::os::unix::net::UnixListener::bind(places.run.join("ingest.sock")).unwrap());
        let expected = [
            ("folder", How::Well),
            ("database", How::Wrong),
            ("storage", How::Well),
            ("clock", How::Warning),
            ("network", How::Wrong),
            ("workers", How::Wrong),
        ];
        assert_eq!(hows(&places), expected);
        assert!(examine(&places).iter().all(|finding| finding.how == How::Well || !finding.remedy.is_empty()));
        let files: Vec<_> =
            std::fs::read_dir(&places.state).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(files, [store::DATABASE], "it left something behind");
        places.state = folder.path().join("absent");
        assert_eq!(hows(&places)[..3], [("folder", How::Wrong), ("database", How::Wrong), ("storage", How::Wrong)]);
    }
}
