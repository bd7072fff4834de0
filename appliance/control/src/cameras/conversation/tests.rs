//! Conversations with a head that answers as a test wants, by Visca on connections.

use super::*;
use automation::id::{ChannelId, SourceId};
use automation::spec::ViscaTransport;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

const ALONG: Move = Move::Along { pan: 1.0, tilt: 0.0, zoom: 0.0, at_most_ms: 2000 };
const TAKEN: &[u8] = &[0x90, 0x41, 0xFF];
const FULL: &[u8] = &[0x90, 0x60, 0x03, 0xFF];

/// A camera, and what it has heard.
struct Far {
    address: String,
    heard: Arc<Mutex<Vec<&'static str>>>,
}

impl Far {
    /// A camera that answers each command with what `answer` gives for its name and how often it came before.
    fn start(answer: impl Fn(&str, usize) -> &'static [u8] + Send + Sync + 'static) -> Far {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Far { address: listener.local_addr().unwrap().to_string(), heard: Arc::default() };
        let (heard, answer) = (far.heard.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, answer) = (heard.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &heard, &*answer));
            }
        });
        far
    }

    fn heard(&self) -> Vec<&'static str> {
        self.heard.lock().unwrap().clone()
    }

    async fn until(&self, what: &str, as_wanted: impl Fn(&[&str]) -> bool) {
        until(&format!("{what}: {:?}", self.heard), || as_wanted(&self.heard())).await;
    }

    fn conversation(&self, permits: &Arc<Semaphore>) -> Arc<Conversation> {
        let control = PtzControl::Visca { address: self.address.clone(), transport: ViscaTransport::Tcp };
        let place = (ChannelId::new("main").unwrap(), SourceId::new("one").unwrap());
        let ptz = Ptz { control, settle_ms: 0 };
        Arc::new(Conversation::new(&ptz, Credentials::default(), place, permits.clone()).unwrap())
    }
}

fn serve(mut stream: TcpStream, heard: &Mutex<Vec<&'static str>>, answer: &impl Fn(&str, usize) -> &'static [u8]) {
    let (mut message, mut byte) = (Vec::new(), [0u8]);
    while stream.read_exact(&mut byte).is_ok() {
        message.push(byte[0]);
        if byte[0] != 0xFF {
            continue;
        }
        let name = match message[1..] {
            [0x01, 0x06, 0x01, _, _, 0x03, 0x03, _] => "stop",
            [0x01, 0x06, 0x01, ..] => "drive",
            [0x01, 0x04, 0x07, 0x00, _] => "lens stop",
            [0x01, 0x04, 0x3F, ..] => "recall",
            _ => "other",
        };
        message.clear();
        let before = {
            let mut heard = heard.lock().unwrap();
            heard.push(name);
            heard.iter().filter(|one| **one == name).count() - 1
        };
        if stream.write_all(answer(name, before)).is_err() {
            return;
        }
    }
}

async fn until(what: &str, as_wanted: impl Fn() -> bool) {
    let begun = Instant::now();
    while !as_wanted() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn permits(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count))
}

fn spawn(conversation: &Arc<Conversation>, movement: Move) -> tokio::task::JoinHandle<Result<(), CameraError>> {
    let conversation = conversation.clone();
    tokio::spawn(async move { conversation.order(movement).await })
}

#[tokio::test]
async fn a_stop_goes_before_movements_that_wait() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let far = Far::start(move |name, _| {
        if name == "recall" {
            let _ = gate.lock().unwrap().recv_timeout(Duration::from_secs(10));
        }
        TAKEN
    });
    let head = far.conversation(&permits(8));
    let first = spawn(&head, Move::Preset("1".into()));
    far.until("the preset is with the camera", |heard| heard == ["recall"]).await;
    let orders = [ALONG, Move::Step { pan: 1.0, tilt: 0.0, zoom: 0.0 }, Move::Preset("2".into()), Move::Stop];
    let waiting: Vec<_> = orders.into_iter().map(|movement| spawn(&head, movement)).collect();
    let after = |order| lock(&head.orders).must_be_watched(order, &Move::Stop, &Err(CameraError::Silent));
    until("all are given", || after(5)).await;
    open.send(()).unwrap();
    for order in std::iter::once(first).chain(waiting) {
        order.await.unwrap().unwrap();
    }
    assert_eq!(far.heard(), ["recall", "stop", "lens stop"], "nothing moves it once it was to stop");
}

#[tokio::test]
async fn a_list_of_presets_and_a_renewal_that_fails_leave_no_head_turning() {
    let far = Far::start(|name, before| if (name, before) == ("drive", 1) { FULL } else { TAKEN });
    let head = far.conversation(&permits(8));
    head.order(ALONG).await.unwrap();
    assert!(head.order(ALONG).await.is_err(), "the camera refuses the renewal");
    assert_eq!(head.presets().await.unwrap().len(), 16);
    far.until("it is stopped", |heard| heard.ends_with(&["stop", "lens stop"])).await;
}

#[tokio::test]
async fn a_movement_is_stopped_although_whoever_gave_it_has_gone() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let far = Far::start(move |name, _| {
        if name == "drive" {
            let _ = gate.lock().unwrap().recv_timeout(Duration::from_secs(10));
        }
        TAKEN
    });
    let head = far.conversation(&permits(8));
    let call = spawn(&head, ALONG);
    far.until("the movement is with the camera", |heard| heard == ["drive"]).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    open.send(()).unwrap();
    far.until("it is stopped", |heard| heard.ends_with(&["stop", "lens stop"])).await;
}

#[tokio::test]
async fn a_stop_that_fails_is_told_again() {
    let far = Far::start(|name, before| if name == "stop" && before < 2 { FULL } else { TAKEN });
    let head = far.conversation(&permits(8));
    let error = head.order(Move::Stop).await.unwrap_err();
    assert_eq!(error.to_string(), "it says: it has too much to do at once");
    far.until("it is told until it stops", |heard| heard == ["stop", "lens stop"].repeat(3)).await;
}

#[tokio::test]
async fn a_head_that_is_silent_keeps_no_other_waiting() {
    let (silent, well) = (Far::start(|_, _| &[]), Far::start(|_, _| TAKEN));
    let permits = permits(2);
    let (first, second) = (silent.conversation(&permits), well.conversation(&permits));
    let waiting: Vec<_> = (0..3).map(|_| spawn(&first, Move::Stop)).collect();
    silent.until("it is asked", |heard| !heard.is_empty()).await;
    let after = |order| lock(&first.orders).must_be_watched(order, &Move::Stop, &Err(CameraError::Silent));
    until("all are given", || after(3)).await;
    second.order(Move::Stop).await.unwrap();
    assert!(waiting.iter().all(|order| !order.is_finished()), "the other has answered nothing yet");
    for order in waiting {
        order.abort();
    }
}
