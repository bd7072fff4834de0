//! Asks beside its owner's thread whether somebody listens: a resolver that hangs holds up nobody.
//!
//! ```text
//! ask ──nobody asks yet──► a thread: name, then each address, by its way (mostly a bare TCP connect) ──► answer, taken once
//!  └──one is on its way──► nothing: never a second one beside it
//! ```

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::Duration;

/// How long a connect to one address may take.
const LIMIT: Duration = Duration::from_millis(700);

/// How to ask a host and port.
pub(crate) type Way = fn(&str, u16) -> bool;

/// Somebody who knocks, one door at a time.
#[derive(Debug)]
pub(crate) struct Knock {
    way: Way,
    on_its_way: Option<Errand>,
}

#[derive(Debug)]
struct Errand {
    host: String,
    port: u16,
    answer: Receiver<bool>,
}

impl Knock {
    /// By a bare TCP connect.
    pub(crate) fn new() -> Knock {
        Knock::by(listens)
    }

    /// In a way of its own.
    pub(crate) fn by(way: Way) -> Knock {
        Knock { way, on_its_way: None }
    }

    /// Begins to ask, unless an earlier one has not come back yet.
    pub(crate) fn ask(&mut self, host: &str, port: u16) {
        if self.on_its_way.is_some() {
            return;
        }
        let (answer, heard) = channel();
        let (way, name) = (self.way, host.to_owned());
        let thread = std::thread::Builder::new().name("knock".into());
        match thread.spawn(move || answer.send(way(&name, port))) {
            Ok(_) => self.on_its_way = Some(Errand { host: host.to_owned(), port, answer: heard }),
            Err(error) => tracing::warn!(%error, "no thread for a knock"),
        }
    }

    /// Whether somebody listens there, once it is known. What was asked of another address is forgotten.
    pub(crate) fn answer(&mut self, host: &str, port: u16) -> Option<bool> {
        let answer = match self.on_its_way.as_ref()?.answer.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Ok(listens) => Some(listens),
            Err(TryRecvError::Disconnected) => None,
        };
        let asked = self.on_its_way.take()?;
        answer.filter(|_| asked.host == host && asked.port == port)
    }

    /// Asks, and waits for the answer no longer than `limit`; none where it is not known by then.
    pub(crate) fn ask_within(&mut self, host: &str, port: u16, limit: Duration) -> Option<bool> {
        self.ask(host, port);
        let heard = self.on_its_way.as_ref()?.answer.recv_timeout(limit);
        if heard == Err(RecvTimeoutError::Timeout) {
            return None;
        }
        let asked = self.on_its_way.take()?;
        heard.ok().filter(|_| asked.host == host && asked.port == port)
    }
}

fn listens(host: &str, port: u16) -> bool {
    let Ok(mut addresses) = (host, port).to_socket_addrs() else { return false };
    addresses.any(|address| TcpStream::connect_timeout(&address, LIMIT).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard};
    use std::time::Instant;

    fn wait(knock: &mut Knock, host: &str, port: u16) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(listens) = knock.answer(host, port) {
                return listens;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no answer");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    #[test]
    fn who_listens_is_heard_and_who_does_not_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mut knock = Knock::new();
        assert_eq!(knock.answer("127.0.0.1", port), None, "nobody was asked");
        knock.ask("127.0.0.1", port);
        assert!(wait(&mut knock, "127.0.0.1", port));
        assert_eq!(knock.answer("127.0.0.1", port), None, "an answer is given once");
        let limit = Duration::from_secs(20);
        assert_eq!(knock.ask_within("127.0.0.1", port, limit), Some(true));
        drop(listener);
        assert_eq!(knock.ask_within("127.0.0.1", port, limit), Some(false));
        knock.ask("127.0.0.1", port);
        assert!(!wait(&mut knock, "127.0.0.1", port));
        // A name that stands for nothing (RFC 6761, section 6.4).
        knock.ask("nowhere.invalid", port);
        assert!(!wait(&mut knock, "nowhere.invalid", port));
    }

    /// While it is held, the resolver hangs.
    static LINE: Mutex<()> = Mutex::new(());
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn hangs(host: &str, _port: u16) -> bool {
        ASKED.fetch_add(1, Ordering::SeqCst);
        drop(LINE.lock());
        host == "old.example"
    }

    #[test]
    fn a_resolver_that_hangs_holds_up_nobody_and_is_asked_once() {
        let mut knock = Knock::by(hangs);
        let line: MutexGuard<'_, ()> = LINE.lock().expect("nobody else holds it");
        // Where it waited here, this test would never end.
        for _ in 0..100 {
            knock.ask("old.example", 1935);
            assert_eq!(knock.answer("old.example", 1935), None);
        }
        assert_eq!(knock.ask_within("old.example", 1935, Duration::from_millis(1)), None);
        // Another address is wanted meanwhile: the old answer tells nothing of it.
        knock.ask("new.example", 1935);
        drop(line);
        let begun = Instant::now();
        while knock.on_its_way.is_some() {
            assert_eq!(knock.answer("new.example", 1935), None);
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not come back");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        knock.ask("new.example", 1935);
        assert!(!wait(&mut knock, "new.example", 1935));
    }
}
