//! Locks that outlive a thread that died in them: what they guard is plain data, whole after every statement.

use std::sync::{LockResult, Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to the last holder.
pub(crate) fn hold<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    whole(mutex.lock())
}

/// The guard of a lock or of a wait, whatever happened to the last holder.
pub(crate) fn whole<G>(result: LockResult<G>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}
