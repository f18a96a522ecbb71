//! Runs a training beside Python: the GIL is free, Ctrl-C and a failing callback cancel it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use keepwell::model::{OnProgress, Progress};
use pyo3::prelude::*;

use crate::error::Result;

/// How often Python is asked for a pending Ctrl-C and told the progress.
const TICK: Duration = Duration::from_millis(50);

/// What the thread that trains and the thread that listens tell each other.
#[derive(Default)]
struct Shared {
    /// Set by the listener: end the training.
    cancelled: AtomicBool,
    /// Set by the trainer: how far it is, if that was not told yet.
    latest: Mutex<Option<Progress>>,
}

impl Shared {
    fn note(&self, now: Progress) -> ControlFlow<()> {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        if self.cancelled.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn take(&self) -> Option<Progress> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Trains on a thread of its own while this one listens for Ctrl-C and tells `progress` (done, stage).
///
/// # Errors
/// Those of the training; `KeyboardInterrupt`, or what `progress` raised.
pub fn train<T: Send>(
    py: Python<'_>,
    progress: Option<Bound<'_, PyAny>>,
    fit: impl FnOnce(OnProgress<'_>) -> keepwell::Result<T> + Send,
) -> Result<T> {
    let shared = Shared::default();
    let progress = progress.map(Bound::unbind);
    let (fitted, listened) = py.detach(|| train_and_listen(&shared, progress.as_ref(), fit));
    listened?;
    let fitted = fitted?;
    tell(py, progress.as_ref(), Some(Progress { done: 1.0, stage: "done" }))?;
    Ok(fitted)
}

fn train_and_listen<T: Send>(
    shared: &Shared,
    progress: Option<&Py<PyAny>>,
    fit: impl FnOnce(OnProgress<'_>) -> keepwell::Result<T> + Send,
) -> (keepwell::Result<T>, PyResult<()>) {
    std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        let trained = scope.spawn(move || {
            // Dropped when the training ends, also by a panic: that is what the listener waits for.
            let _done = done;
            fit(&|now| shared.note(now))
        });
        let listened = listen(shared, progress, &is_done);
        (trained.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), listened)
    })
}

/// Until the training is done; what Python raises cancels it.
fn listen(shared: &Shared, progress: Option<&Py<PyAny>>, is_done: &mpsc::Receiver<()>) -> PyResult<()> {
    while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(TICK) {
        let heard = Python::attach(|py| py.check_signals().and_then(|()| tell(py, progress, shared.take())));
        if heard.is_err() {
            shared.cancelled.store(true, Ordering::Relaxed);
            return heard;
        }
    }
    Ok(())
}

fn tell(py: Python<'_>, progress: Option<&Py<PyAny>>, now: Option<Progress>) -> PyResult<()> {
    match (progress, now) {
        (Some(progress), Some(now)) => progress.call1(py, (now.done, now.stage)).map(|_| ()),
        _ => Ok(()),
    }
}
