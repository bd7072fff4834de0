//! A house for tests: the real store, commands, reconciler and API, in a folder of its own, on a free port. Workers
//! are peers on the real sockets (see `peer`); who starts them is written down and nothing more.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

pub mod client;
pub mod files;
pub mod peer;
pub mod schema;
pub mod zoneinfo;

use automation::access_point::Times;
use client::Client;
use control::api::{Beneath, Desk, listen};
use control::clock::Clock;
use control::commands::Commands;
use control::doctor::{Doctor, Places};
use control::network::{Eyes, Network};
use control::reconciler::{Galleries, Reconciler, Tools};
use control::sign_in::Doorkeeper;
use control::store::Store;
use control::system::System;
use control::units::{Bounds, Post, UnitError, Units};
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Longest wait for a state.
pub const LIMIT: Duration = Duration::from_secs(10);
/// Name and password of the first account.
pub const ACCOUNT: (&str, &str) = ("ann", "a long password");

/// Waits until something is there.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Hands that start nothing and write down what they were asked for.
#[derive(Default)]
pub struct Hands {
    asked: Mutex<Vec<String>>,
}

impl Hands {
    /// What they were asked for so far: `start channel-main`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Units for Hands {
    fn start<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        self.asked.lock().unwrap().push(format!("start {post}"));
        Box::pin(async { Ok(()) })
    }

    fn stop<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        self.asked.lock().unwrap().push(format!("stop {post}"));
        Box::pin(async { Ok(()) })
    }

    fn started(&self, _post: &Post) -> Option<u32> {
        None
    }

    fn bounds(&self, _post: &Post) -> Option<Bounds> {
        None
    }

    fn end_with_control(&self) -> bool {
        false
    }
}

/// A running `control`.
pub struct House {
    folder: PathBuf,
    /// What the hands were asked for.
    pub hands: Arc<Hands>,
    /// The commands themselves.
    pub commands: Commands,
    /// The store.
    pub store: Store,
    /// The running reconciler.
    pub reconciler: Reconciler,
    /// Somebody who is signed in, if anybody has claimed the box.
    pub client: Client,
    door: Arc<Doorkeeper>,
    close: watch::Sender<bool>,
}

impl House {
    /// Opens a house in a folder.
    pub async fn open(folder: &Path) -> House {
        let system = System::new(folder, &folder.join("state"), &Clock::new().unwrap(), None);
        House::open_on(folder, system).await
    }

    /// The same on a system that is given.
    pub async fn open_on(folder: &Path, system: System) -> House {
        // Its network is somebody else's.
        let clock = Clock::new().unwrap();
        let network = Network::new(&folder.join("nowhere"), &folder.join("state"), &clock, None, Times::default());
        House::open_with(folder, system, network).await
    }

    /// The same with a network that is given.
    pub async fn open_with(folder: &Path, system: System, network: Network) -> House {
        House::open_all(folder, system, network, Clock::new().unwrap()).await
    }

    /// The same on a machine whose clock and time zones are below `root`.
    pub async fn open_in(folder: &Path, root: &Path) -> House {
        let system = System::new(folder, &folder.join("state"), &Clock::new().unwrap(), None);
        let clock = Clock::rooted(root).unwrap();
        let network = Network::new(&folder.join("nowhere"), &folder.join("state"), &clock, None, Times::default());
        House::open_all(folder, system, network, clock).await
    }

    async fn open_all(folder: &Path, system: System, network: Network, clock: Clock) -> House {
        let (state, run) = (folder.join("state"), folder.join("run"));
        std::fs::create_dir_all(&state).unwrap();
        std::fs::create_dir_all(&run).unwrap();
        let store = Store::open(&state).unwrap();
        control::media::prepare(&store.context().assets).unwrap();
        let commands = Commands::new(store.clone(), clock.clone());
        commands.start(Some("Town Hall".into())).await.unwrap();
        let door = Arc::new(Doorkeeper::new(store.clone(), clock.clone(), &state).unwrap());
        let hands = Arc::new(Hands::default());
        let galleries = Galleries::default();
        let zones = clock.zones();
        let tools =
            Tools { run, units: hands.clone(), commands: commands.clone(), clock, galleries: galleries.clone() };
        let reconciler = Reconciler::start(tools, store.wanted());
        let (close, closing) = watch::channel(false);
        let board = reconciler.board();
        let (system, network) = (Arc::new(system), Arc::new(network));
        tokio::spawn(system.clone().resume());
        tokio::spawn(network.clone().keep(Eyes { door: door.clone(), wanted: store.wanted() }));
        let doctor =
            Doctor::new(Places { state: folder.join("state"), run: folder.join("run"), machine: folder.to_owned() });
        let beneath = Beneath { doctor, system, network, panel_fault: watch::channel(None).1, zones, rtmp_port: 1935 };
        let desk = Desk::new(commands.clone(), store.clone(), door.clone(), board, galleries, beneath, closing.clone());
        let listener = listen::loopback("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = Client::new(listener.local_addr().unwrap());
        tokio::spawn(listen::serve(Arc::new(desk), listener, None, closing));
        House { folder: folder.to_owned(), hands, commands, store, reconciler, client, door, close }
    }

    /// Opens a house in a folder, and makes the first account.
    pub async fn claimed(folder: &Path) -> House {
        let house = House::open(folder).await;
        house.claim().await;
        house
    }

    /// Makes the first account.
    pub async fn claim(&self) {
        let code = self.first_code().await;
        let body = serde_json::json!({"code": code, "name": ACCOUNT.0, "password": ACCOUNT.1});
        let answer = self.client.post("/session/claim", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Signs in by the first account.
    pub async fn sign_in(&self) {
        self.client.post("/session", serde_json::json!({"name": ACCOUNT.0, "password": ACCOUNT.1})).await.ok();
    }

    /// The first sign-in code.
    pub async fn first_code(&self) -> String {
        self.door.first_code().await.unwrap().unwrap().expose().to_owned()
    }

    /// Adds two sources to the channel `main`: bars, and a slate named `card`.
    pub async fn with_sources(&self) {
        let all = "/channels/main/sources";
        let bars = serde_json::json!({"name": "Bars", "kind": "test_pattern", "pattern": "bars"});
        assert_eq!(self.client.post(all, bars).await.ok()["id"], "bars");
        let card = serde_json::json!({"name": "Card", "kind": "slate", "title": "Soon"});
        assert_eq!(self.client.post(all, card).await.ok()["id"], "card");
    }

    /// Folder of sockets.
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Folder of the database.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Ends what listens and streams.
    pub fn close(&self) {
        let _ = self.close.send(true);
    }
}
