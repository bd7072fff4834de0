//! Small pictures on their way to pages: the newest of each name, for as many as look. A slow page skips pictures,
//! and holds up nobody. A worker makes them only while somebody looks.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Names of pictures that are kept: the program and the most sources that a channel has.
const PICTURES_MAX: usize = 65;

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `program` or `source/<id>`.
    pub name: String,
    /// A JPEG file.
    pub jpeg: Bytes,
}

#[derive(Default)]
struct Wall {
    count: u64,
    pictures: BTreeMap<String, (u64, Bytes)>,
}

struct Inner {
    wall: Mutex<Wall>,
    hung: watch::Sender<u64>,
    visitors: watch::Sender<usize>,
}

/// The newest pictures of one channel. Cheap to clone.
#[derive(Clone)]
pub struct Gallery {
    inner: Arc<Inner>,
}

impl Default for Gallery {
    fn default() -> Gallery {
        let inner = Inner { wall: Mutex::default(), hung: watch::Sender::new(0), visitors: watch::Sender::new(0) };
        Gallery { inner: Arc::new(inner) }
    }
}

impl Gallery {
    /// A new picture takes the place of the older one of its name.
    pub fn hang(&self, name: String, jpeg: Bytes) {
        let count = {
            let mut wall = self.inner.wall.lock().unwrap_or_else(|poison| poison.into_inner());
            wall.count += 1;
            let count = wall.count;
            if wall.pictures.len() >= PICTURES_MAX && !wall.pictures.contains_key(&name) {
                let oldest = wall.pictures.iter().min_by_key(|(_, (at, _))| *at).map(|(name, _)| name.clone());
                oldest.map(|name| wall.pictures.remove(&name));
            }
            wall.pictures.insert(name, (count, jpeg));
            count
        };
        self.inner.hung.send_replace(count);
    }

    /// Takes every picture down: the worker has gone, and old pictures would lie.
    pub fn clear(&self) {
        self.inner.wall.lock().unwrap_or_else(|poison| poison.into_inner()).pictures.clear();
    }

    /// How many look now, whenever that changes.
    pub fn visitors(&self) -> watch::Receiver<usize> {
        self.inner.visitors.subscribe()
    }

    /// Begins to look.
    pub fn visit(&self) -> Visit {
        self.inner.visitors.send_modify(|count| *count += 1);
        Visit { gallery: self.clone(), hung: self.inner.hung.subscribe(), seen: 0 }
    }
}

/// Somebody who looks, until dropped.
pub struct Visit {
    gallery: Gallery,
    hung: watch::Receiver<u64>,
    seen: u64,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.gallery.inner.visitors.send_modify(|count| *count -= 1);
    }
}

impl Visit {
    /// Waits until there are pictures that this one has not seen, and answers them, oldest first.
    pub async fn next(&mut self) -> Vec<Picture> {
        loop {
            self.hung.borrow_and_update();
            let fresh = self.fresh();
            if !fresh.is_empty() {
                return fresh;
            }
            if self.hung.changed().await.is_err() {
                // Its sender lives as long as the gallery that we hold.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits for the picture of a name.
    pub async fn wait_for(&mut self, name: &str) -> Bytes {
        loop {
            if let Some(picture) = self.next().await.into_iter().find(|picture| picture.name == name) {
                return picture.jpeg;
            }
        }
    }

    fn fresh(&mut self) -> Vec<Picture> {
        let wall = self.gallery.inner.wall.lock().unwrap_or_else(|poison| poison.into_inner());
        let mut fresh: Vec<(u64, Picture)> = wall
            .pictures
            .iter()
            .filter(|(_, (at, _))| *at > self.seen)
            .map(|(name, (at, jpeg))| (*at, Picture { name: name.clone(), jpeg: jpeg.clone() }))
            .collect();
        self.seen = wall.count;
        fresh.sort_by_key(|(at, _)| *at);
        fresh.into_iter().map(|(_, picture)| picture).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pictures: Vec<Picture>) -> Vec<(String, Vec<u8>)> {
        pictures.into_iter().map(|picture| (picture.name, picture.jpeg.to_vec())).collect()
    }

    #[tokio::test]
    async fn a_slow_visitor_sees_the_newest_of_each_name() {
        let gallery = Gallery::default();
        gallery.hang("program".into(), Bytes::from_static(b"1"));
        let mut visit = gallery.visit();
        gallery.hang("source/a".into(), Bytes::from_static(b"2"));
        gallery.hang("program".into(), Bytes::from_static(b"3"));
        assert_eq!(names(visit.next().await), [("source/a".into(), b"2".to_vec()), ("program".into(), b"3".to_vec())]);
        let waiting = tokio::spawn(async move { visit.next().await });
        gallery.hang("source/a".into(), Bytes::from_static(b"4"));
        assert_eq!(names(waiting.await.unwrap()), [("source/a".into(), b"4".to_vec())]);
    }

    #[test]
    fn it_knows_how_many_look_and_keeps_few() {
        let gallery = Gallery::default();
        let first = gallery.visit();
        let second = gallery.visit();
        assert_eq!(*gallery.visitors().borrow(), 2);
        drop((first, second));
        assert_eq!(*gallery.visitors().borrow(), 0);
        for i in 0..100 {
            gallery.hang(format!("source/{i}"), Bytes::new());
        }
        assert_eq!(gallery.inner.wall.lock().unwrap().pictures.len(), PICTURES_MAX);
        gallery.clear();
        assert!(gallery.inner.wall.lock().unwrap().pictures.is_empty());
    }
}
