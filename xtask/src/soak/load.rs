//! Load for the processors.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// One busy thread per core, until it is dropped.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn on_every_core() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let is_over = Arc::<AtomicBool>::default();
        let threads = (0..cores).map(|_| busy(Arc::clone(&is_over))).collect();
        Self { is_over, threads }
    }
}

fn busy(is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut number = 1_u64;
        while !is_over.load(Ordering::Relaxed) {
            for _ in 0..100_000 {
                number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        }
    })
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A busy thread cannot panic and returns nothing.
            drop(thread.join());
        }
    }
}
