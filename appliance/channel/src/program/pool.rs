//! Memory for the pictures that we paint ourselves.

use crate::lock::hold;
use automation::spec::House;
use std::sync::{Arc, Mutex};

/// Picture buffers of our own that wait for their next use.
const POOL_MAX: usize = 8;

/// Picture memory that comes back when the encoder has done with it: fresh memory would cost a page fault for
/// every four kilobytes.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    pub(super) fn take(&self, house: &House) -> Vec<u8> {
        let free = hold(&self.0).pop();
        free.unwrap_or_else(|| vec![0; (house.width * house.height * 3 / 2) as usize])
    }
}

/// Picture memory in use; it goes back to its pool by itself.
pub(super) struct Pooled {
    pub(super) data: Option<Vec<u8>>,
    pub(super) pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }
}

impl AsMut<[u8]> for Pooled {
    fn as_mut(&mut self) -> &mut [u8] {
        self.data.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(data) = self.data.take() {
            let mut free = hold(&self.pool.0);
            if free.len() < POOL_MAX {
                free.push(data);
            }
        }
    }
}
