//! Threads that stay awake while trees grow.
//!
//! A tree is thousands of short pieces of work with a little between them that one thread does alone. Rayon's threads go
//! to sleep within microseconds, and to wake one takes longer than many a piece.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long the others are waited for; who comes later does not stay awake.
const PATIENCE: Duration = Duration::from_micros(200);
/// Looks for work in vain after which other programs are let through between two looks.
const EAGER_LOOKS: usize = 10_000;

thread_local! {
    /// Whether this thread does the work or stays awake already.
    static IS_TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether some thread of the process keeps others awake: two at a time would hold up each other's parts.
static IS_KEPT: AtomicBool = AtomicBool::new(false);

/// Runs `work` on this thread while up to `n_threads - 1` others of rayon's current pool look for what it shares out;
/// off a pool, or while the same is done elsewhere, it just runs `work`.
pub(super) fn keep_awake<T>(n_threads: usize, work: impl FnOnce() -> T) -> T {
    let is_of_pool = rayon::current_thread_index().is_some();
    if n_threads < 2 || !is_of_pool || IS_TAKEN.get() || IS_KEPT.swap(true, Ordering::Acquire) {
        return work();
    }
    let (n_asked, n_there, is_over) = (n_threads - 1, AtomicUsize::new(0), AtomicBool::new(false));
    rayon::in_place_scope(|scope| {
        let _over = Over(&is_over);
        IS_TAKEN.set(true);
        for _ in 0..n_asked {
            scope.spawn(|_| {
                n_there.fetch_add(1, Ordering::Relaxed);
                stay(&is_over);
            });
        }
        // None may be left to take while there is work: a thread that waits for a part of it would never come back.
        let all_are_there = || n_there.load(Ordering::Relaxed) == n_asked;
        let start = Instant::now();
        while !all_are_there() && start.elapsed() < PATIENCE {
            spin_loop();
        }
        while !all_are_there() {
            rayon::yield_now();
        }
        work()
    })
}

/// Ends the others' waiting, however the work ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        IS_TAKEN.set(false);
        IS_KEPT.store(false, Ordering::Release);
        self.0.store(true, Ordering::Release);
    }
}

/// Does what there is to do until all is over.
fn stay(is_over: &AtomicBool) {
    if IS_TAKEN.replace(true) {
        return;
    }
    let mut looks = 0;
    while !is_over.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(Yield::Executed) {
            looks = 0;
            continue;
        }
        looks += 1;
        spin_loop();
        if looks > EAGER_LOOKS {
            std::thread::yield_now();
        }
    }
    IS_TAKEN.set(false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    fn sum_of_squares(n: usize) -> usize {
        (0..100).map(|_| (0..n).into_par_iter().map(|i| i * i % 7).sum::<usize>()).sum()
    }

    #[test]
    fn work_shared_out_within_comes_to_its_end_in_pools_of_any_size() {
        let expected = sum_of_squares(1000);
        for n_threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            for n_asked in [1, 2, 3, 9] {
                let found = pool.install(|| keep_awake(n_asked, || sum_of_squares(1000)));
                assert_eq!(found, expected, "{n_asked} of {n_threads} threads");
            }
            // Several at a time in one pool, and one within another.
            let several =
                || (0..6).into_par_iter().map(|_| keep_awake(3, || sum_of_squares(300))).sum::<usize>();
            let found = pool.install(|| keep_awake(2, several));
            assert_eq!(found, 6 * sum_of_squares(300));
        }
    }

    #[test]
    fn a_panic_ends_the_waiting() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let panics = || keep_awake(2, || -> usize { panic!("in the midst of it") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.install(panics))).is_err());
        assert_eq!(pool.install(|| keep_awake(2, || 7)), 7);
    }
}
