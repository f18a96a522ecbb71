//! The one generator of chance behind fitted models and intervals: the same numbers for a seed in every release.

/// SplitMix64 (Steele, Lea and Flood 2014, fig. 14), made from its seed.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    /// The `number`-th of many generators of one seed: what one draws tells nothing of another.
    pub(crate) fn nth(seed: u64, number: usize) -> Self {
        let of_number = SplitMix64(!(number as u64)).next();
        SplitMix64(SplitMix64(seed).next() ^ of_number)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number below `n`, by the high half of a product.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A random choice of `n` items and those left over, both in their order (Knuth, The Art of Computer Programming,
    /// volume 2, algorithm 3.4.2 S).
    pub(crate) fn choose<T: Copy>(&mut self, items: &[T], n: usize) -> (Vec<T>, Vec<T>) {
        let n = n.min(items.len());
        let (mut chosen, mut others) = (Vec::with_capacity(n), Vec::with_capacity(items.len() - n));
        for (at, &item) in items.iter().enumerate() {
            let takes = self.below(items.len() - at) < n - chosen.len();
            if takes { chosen.push(item) } else { others.push(item) }
        }
        (chosen, others)
    }

    /// Puts a random choice of `n` items, in random order, at the front.
    pub(crate) fn shuffle_front<T>(&mut self, items: &mut [T], n: usize) {
        for at in 0..n.min(items.len()) {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_numbers() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_choice_has_as_many_as_asked_for_and_each_item_as_often() {
        let items: Vec<usize> = (0..20).collect();
        let mut times = [0; 20];
        for number in 0..4000 {
            let (chosen, others) = SplitMix64::nth(7, number).choose(&items, 5);
            assert!(chosen.len() == 5 && chosen.is_sorted() && others.is_sorted());
            let mut all = [chosen.clone(), others].concat();
            all.sort_unstable();
            assert_eq!(all, items);
            chosen.iter().for_each(|&item| times[item] += 1);
        }
        assert!(times.iter().all(|&times| (850..1150).contains(&times)), "{times:?}");
        assert_eq!(SplitMix64(1).choose(&items, 99).0, items);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..50).collect();
        SplitMix64(3).shuffle_front(&mut items, 20);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
