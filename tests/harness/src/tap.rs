//! A tap on the way to a far side: passes TCP connections on and keeps what the near side said.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens on a port of its own; it ends with the program.
#[derive(Debug)]
pub struct Tap {
    port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tap {
    /// Before the TCP port `behind` of the loopback.
    pub fn before(behind: u16) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the tap's port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let book = heard.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", behind)) else { continue };
                pass(near, far, &book);
            }
        });
        Tap { port, heard }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the near side has said so far on each connection that it made, the oldest first.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().expect("nobody panics with the book open").clone()
    }
}

fn pass(mut near: TcpStream, mut far: TcpStream, book: &Arc<Mutex<Vec<Vec<u8>>>>) {
    let (Ok(mut back_near), Ok(mut back_far)) = (near.try_clone(), far.try_clone()) else { return };
    let number = {
        let mut book = book.lock().expect("nobody panics with the book open");
        book.push(Vec::new());
        book.len() - 1
    };
    let book = book.clone();
    std::thread::spawn(move || {
        let mut bytes = [0u8; 16_384];
        while let Ok(n @ 1..) = near.read(&mut bytes) {
            book.lock().expect("nobody panics with the book open")[number].extend_from_slice(&bytes[..n]);
            if far.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = far.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back_far, &mut back_near);
        let _ = back_near.shutdown(Shutdown::Write);
    });
}
