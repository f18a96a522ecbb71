//! Which users and names were met on a walk, and small numbers for large keys.

use super::stream::NOBODY;

/// Which users, names and pairs of both were met on a walk.
#[derive(Default)]
pub(super) struct Marks {
    users: Vec<u32>,
    names: Vec<u32>,
    pairs: Vec<u32>,
    /// The number of the walk; what was met on it bears it.
    now: u32,
}

impl Marks {
    /// Makes room for so many of each.
    pub fn fit(&mut self, n_users: u32, n_names: usize, n_pairs: u32) {
        for (marks, n) in [
            (&mut self.users, n_users as usize),
            (&mut self.names, n_names),
            (&mut self.pairs, n_pairs as usize),
        ] {
            marks.resize(marks.len().max(n), 0);
        }
    }

    /// Begins another walk.
    pub fn next(&mut self) {
        if self.now == u32::MAX {
            for marks in [&mut self.users, &mut self.names, &mut self.pairs] {
                marks.fill(0);
            }
            self.now = 0;
        }
        self.now += 1;
    }

    /// How many of these users are met for the first time.
    pub fn users(&mut self, users: &[u32]) -> u32 {
        new(&mut self.users, users, self.now)
    }

    pub fn names(&mut self, names: &[u32]) -> u32 {
        new(&mut self.names, names, self.now)
    }

    pub fn pairs(&mut self, pairs: &[u32]) -> u32 {
        new(&mut self.pairs, pairs, self.now)
    }
}

fn new(marks: &mut [u32], codes: &[u32], now: u32) -> u32 {
    let mut n_new = 0;
    for &code in codes.iter().filter(|code| **code != NOBODY) {
        let mark = &mut marks[code as usize];
        n_new += u32::from(*mark != now);
        *mark = now;
    }
    n_new
}

/// Numbers from 0 for keys in the order in which they are met; cleared without touching what is there.
#[derive(Default)]
pub(super) struct Dense {
    slots: Vec<Slot>,
    mask: usize,
    epoch: u32,
    pub n_codes: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    epoch: u32,
    code: u32,
}

impl Dense {
    /// Forgets all, and makes room for so many keys.
    pub fn clear(&mut self, n_keys: usize) {
        let n_slots = (2 * n_keys).next_power_of_two().max(16);
        if self.slots.len() < n_slots || self.epoch == u32::MAX {
            self.slots = vec![Slot::default(); n_slots];
            self.epoch = 0;
        }
        self.mask = n_slots - 1;
        self.epoch += 1;
        self.n_codes = 0;
    }

    pub fn code(&mut self, key: u64) -> u32 {
        let mut at = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & self.mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.epoch != self.epoch {
                *slot = Slot { key, epoch: self.epoch, code: self.n_codes };
                self.n_codes += 1;
                return self.n_codes - 1;
            }
            if slot.key == key {
                return slot.code;
            }
            at = (at + 1) & self.mask;
        }
    }
}
