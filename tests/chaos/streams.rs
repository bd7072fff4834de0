//! Far sides of the newer kinds: senders by SRT and RTP, a web server whose stream is fetched, an SRT listener, and the
//! medium of files.

use crate::observer::{Eye, now_ns};
use crate::schedule::Planned;
use crate::victim::{Slowed, Victim, heal, strike};
use crate::victims::{NEWS_NS, RECONNECT, is_delivered};
use harness::sender::Sender;
use harness::small_disk::SmallDisk;
use harness::srt::Listener;
use harness::toxiproxy::Way;
use harness::udp_relay::UdpRelay;
use harness::web::Web;
use std::sync::Arc;
use std::time::Instant;

/// A sender of datagrams behind its path. It begins again when it was turned away.
pub(crate) struct Feeder {
    pub(crate) id: &'static str,
    pub(crate) sender: Sender,
    pub(crate) relay: UdpRelay,
    pub(crate) started: Instant,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Feeder {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        if !strike(fault, self.sender.pid(), Some(&self.relay), &mut self.slowed) {
            self.sender.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, self.sender.pid(), Some(&self.relay), &mut self.slowed);
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        self.eye.is_online(self.id, self.since_ns)
    }

    fn tend(&mut self) {
        if self.sender.is_gone() && self.started.elapsed() > RECONNECT {
            self.sender.resume();
            self.started = Instant::now();
        }
    }
}

/// A web server behind its way, with the encoder that writes what it serves; that one is not struck.
pub(crate) struct Server {
    pub(crate) id: &'static str,
    pub(crate) web: Web,
    pub(crate) way: Way,
    pub(crate) _encoder: Sender,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Server {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        if !strike(fault, self.web.pid(), Some(&self.way), &mut self.slowed) {
            self.web.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, self.web.pid(), Some(&self.way), &mut self.slowed);
        self.web.resume();
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        self.eye.is_online(self.id, self.since_ns)
    }
}

/// An SRT listener behind its path.
pub(crate) struct Hearer {
    pub(crate) id: &'static str,
    pub(crate) listener: Listener,
    pub(crate) relay: Arc<UdpRelay>,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Hearer {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        if !strike(fault, self.listener.pid(), Some(&*self.relay), &mut self.slowed) {
            self.listener.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, self.listener.pid(), Some(&*self.relay), &mut self.slowed);
        self.listener.resume();
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        is_delivered(&self.eye, self.id, self.since_ns)
    }
}

/// The small file system under the files of a destination.
pub(crate) struct Medium {
    pub(crate) id: &'static str,
    pub(crate) disk: SmallDisk,
    pub(crate) eye: Eye,
    pub(crate) since_ns: u64,
}

impl Victim for Medium {
    fn strike(&mut self, _fault: &Planned) {
        self.since_ns = now_ns();
        self.disk.fill();
    }

    fn heal(&mut self, _fault: &Planned) {
        self.disk.free();
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        is_delivered(&self.eye, self.id, self.since_ns)
    }
}
