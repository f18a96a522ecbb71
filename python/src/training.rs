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

/// Trains on a thread of its own while this one listens for Ctrl-C and tells `progress` (done, stage).
///
/// # Errors
/// Those of the training; `KeyboardInterrupt`, or what `progress` raised.
pub fn train<T: Send>(
    py: Python<'_>,
    progress: Option<Bound<'_, PyAny>>,
    fit: impl FnOnce(OnProgress<'_>) -> keepwell::Result<T> + Send,
) -> Result<T> {
    let (cancelled, latest) = (AtomicBool::new(false), Mutex::new(None));
    let on_progress = |now: Progress| {
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        if cancelled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (on_progress, progress) = (&on_progress, progress.map(Bound::unbind));
    let mut raised = None;
    let fitted = py.detach(|| {
        std::thread::scope(|scope| {
            let (done, is_done) = mpsc::channel();
            let trained = scope.spawn(move || {
                let fitted = fit(on_progress);
                // The listener may have nothing left to hear: then nobody waits.
                let _ = done.send(());
                fitted
            });
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(TICK) {
                let now = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
                if raised.is_none() {
                    raised = Python::attach(|py| listen(py, progress.as_ref(), now)).err();
                    cancelled.store(raised.is_some(), Ordering::Relaxed);
                }
            }
            trained.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    if let Some(raised) = raised {
        return Err(raised.into());
    }
    tell(py, progress.as_ref(), Some(Progress { done: 1.0, stage: "done" }))?;
    Ok(fitted?)
}

fn listen(py: Python<'_>, progress: Option<&Py<PyAny>>, now: Option<Progress>) -> PyResult<()> {
    py.check_signals()?;
    tell(py, progress, now)
}

fn tell(py: Python<'_>, progress: Option<&Py<PyAny>>, now: Option<Progress>) -> PyResult<()> {
    match (progress, now) {
        (Some(progress), Some(now)) => progress.call1(py, (now.done, now.stage)).map(|_| ()),
        _ => Ok(()),
    }
}
