//! Splits by time: trained is on what was known by a cut, labels included; tested on what came after.

use jiff::Span;
use jiff::civil::Date;

use super::{GroupedFolds, TrainTest, check_labels, rows_where};
use crate::error::{ErrorKind, Result};

/// One split by time: train on rows whose label was known by the cut, test on rows known from the cut on.
///
/// A label covers `[as_of + gap, as_of + gap + horizon)` and is known `delay` days later. A row is trained on if that is
/// by the cut, tested on if its `as_of` is at the cut or after, never both. Rows between are purged: their labels look
/// past the cut.
///
/// ```
/// use jiff::civil::date;
/// use keepwell::frame::split::TimeSplit;
///
/// let as_of = [date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)];
/// let (train, test) = TimeSplit::new(date(2026, 6, 1)).horizon_days(90).split(&as_of)?;
/// assert_eq!((train, test), (vec![0], vec![2]));
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSplit {
    cut: Date,
    gap_days: u32,
    horizon_days: u32,
    delay_days: u32,
}

impl TimeSplit {
    /// Splits at the start of the day `cut`.
    pub fn new(cut: Date) -> Self {
        TimeSplit { cut, gap_days: 0, horizon_days: 0, delay_days: 0 }
    }

    /// Days between `as_of` and the start of the label's horizon. Default: 0.
    pub fn gap_days(mut self, days: u32) -> Self {
        self.gap_days = days;
        self
    }

    /// Length of the label's horizon in days. Default: 0.
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.horizon_days = days;
        self
    }

    /// Days after the horizon until its label is known: days of grace, facts that come late. Default: 0.
    pub fn delay_days(mut self, days: u32) -> Self {
        self.delay_days = days;
        self
    }

    /// The day from whose start on rows are tested.
    pub fn cut(&self) -> Date {
        self.cut
    }

    /// Train and test rows, by the date at which each row was known.
    ///
    /// An account may be on both sides, at other dates, as it will be when the model is used: it learns from what came of
    /// accounts that are still there. To leave accounts out too, see [`split_apart`](Self::split_apart).
    ///
    /// # Errors
    /// [`ErrorKind::NoRows`] if no row can be trained or none tested on.
    pub fn split(&self, as_of: &[Date]) -> Result<TrainTest> {
        let train = self.trained(as_of);
        let test = rows_where(as_of, |date| *date >= self.cut);
        check_side(
            "the train side of the split by time",
            "take a later cut, or a shorter gap and horizon",
            &train,
        )?;
        check_side("the test side of the split by time", "take an earlier cut", &test)?;
        Ok((train, test))
    }

    /// Train and test rows by time and account: no account is on both sides of a split, and each row from the cut on is
    /// tested in one of `n_splits`.
    ///
    /// This is for what a model shall say of accounts that it never saw, and for labels that are the same at all dates of
    /// an account. Leaving out of training all accounts that are tested would not do: those that are left are those
    /// that were gone by the cut.
    ///
    /// # Errors
    /// As [`split`](Self::split) for each of the splits and [`GroupedFolds::fold_of_rows`].
    pub fn split_apart(
        &self,
        as_of: &[Date],
        ids: &[impl AsRef<str>],
        labels: &[bool],
        n_splits: usize,
        random_state: u64,
    ) -> Result<Vec<TrainTest>> {
        check_labels(as_of.len(), ids.len())?;
        let fold_of_rows = GroupedFolds::new(n_splits, random_state).fold_of_rows(ids, labels)?;
        let (train, test) = self.split(as_of)?;
        let apart = |fold: usize| -> Result<TrainTest> {
            let is_in = |row: &&usize| fold_of_rows[**row] == fold;
            let train: Vec<usize> = train.iter().filter(|row| !is_in(row)).copied().collect();
            let test: Vec<usize> = test.iter().filter(is_in).copied().collect();
            let hint = "take fewer splits";
            check_side("the train side of a split by time and account", hint, &train)?;
            check_side("the test side of a split by time and account", hint, &test)?;
            Ok((train, test))
        };
        (0..n_splits).map(apart).collect()
    }

    /// The rows whose labels were known by the cut.
    fn trained(&self, as_of: &[Date]) -> Vec<usize> {
        let purged = [self.gap_days, self.horizon_days, self.delay_days].map(i64::from).iter().sum::<i64>();
        let last_known = Span::new().try_days(purged).and_then(|span| self.cut.checked_sub(span)).ok();
        // With a gap and horizon of 0 days a row at the cut would be on both sides.
        rows_where(as_of, |date| *date < self.cut && last_known.is_some_and(|last| *date <= last))
    }
}

/// Splits by time that walk forward: at each date, train on all rows whose label was known by then, and test on the rows
/// of that very date.
///
/// ```
/// use jiff::civil::date;
/// use keepwell::frame::split::WalkForward;
///
/// // Two accounts on the first of each month.
/// let as_of: Vec<_> = (1..=6).flat_map(|month| [date(2026, month, 1); 2]).collect();
/// let splits = WalkForward::new().horizon_days(60).split(&as_of)?;
/// let dates: Vec<_> = splits.iter().map(|split| split.as_of).collect();
/// assert_eq!(dates, [date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)]);
/// assert_eq!((&splits[0].train[..], &splits[0].test[..]), (&[0, 1][..], &[6, 7][..]));
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkForward {
    gap_days: u32,
    horizon_days: u32,
    delay_days: u32,
    first: Option<Date>,
    window_days: Option<u32>,
}

/// One step of a [`WalkForward`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedSplit {
    /// The date that is tested.
    pub as_of: Date,
    /// Rows to train on, ascending.
    pub train: Vec<usize>,
    /// The rows of the date, ascending.
    pub test: Vec<usize>,
}

impl WalkForward {
    /// Tests every date for which there is anything to train on.
    pub fn new() -> Self {
        WalkForward::default()
    }

    /// Days between `as_of` and the start of the label's horizon. Default: 0.
    pub fn gap_days(mut self, days: u32) -> Self {
        self.gap_days = days;
        self
    }

    /// Length of the label's horizon in days. Default: 0.
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.horizon_days = days;
        self
    }

    /// Days after the horizon until its label is known. Default: 0.
    pub fn delay_days(mut self, days: u32) -> Self {
        self.delay_days = days;
        self
    }

    /// The first date that is tested. Default: the first for which there is anything to train on.
    pub fn first(mut self, date: impl Into<Option<Date>>) -> Self {
        self.first = date.into();
        self
    }

    /// Trains on rows of so many days before the latest that can be trained on, and forgets older ones; `None` keeps all.
    /// Default: `None`.
    pub fn window_days(mut self, days: impl Into<Option<u32>>) -> Self {
        self.window_days = days.into();
        self
    }

    /// The split of each date, by the date at which each row was known.
    ///
    /// # Errors
    /// [`ErrorKind::NoRows`] where no date has anything to train on.
    pub fn split(&self, as_of: &[Date]) -> Result<Vec<DatedSplit>> {
        let mut dates = as_of.to_vec();
        dates.sort_unstable();
        dates.dedup();
        dates.retain(|date| self.first.is_none_or(|first| *date >= first));
        let splits: Vec<DatedSplit> = dates.into_iter().filter_map(|date| self.at(date, as_of)).collect();
        check_side(
            "every train side of the walk forward",
            "give it rows of more dates, or a shorter gap and horizon",
            &splits,
        )?;
        Ok(splits)
    }

    fn at(&self, date: Date, as_of: &[Date]) -> Option<DatedSplit> {
        let split = TimeSplit {
            cut: date,
            gap_days: self.gap_days,
            horizon_days: self.horizon_days,
            delay_days: self.delay_days,
        };
        let mut train = split.trained(as_of);
        let latest = train.iter().map(|&row| as_of[row]).max()?;
        if let Some(days) = self.window_days {
            let oldest = latest.saturating_sub(Span::new().days(i64::from(days)));
            train.retain(|&row| as_of[row] > oldest || as_of[row] == latest);
        }
        Some(DatedSplit { as_of: date, train, test: rows_where(as_of, |other| *other == date) })
    }
}

fn check_side<T>(what: &str, hint: &'static str, rows: &[T]) -> Result<()> {
    if rows.is_empty() {
        return Err(ErrorKind::NoRows { what: what.to_owned(), hint }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_row_is_trained_on_when_its_label_is_known_and_not_a_day_earlier() {
        let cut = TimeSplit::new(date(2026, 6, 30)).gap_days(10).horizon_days(30).delay_days(5);
        // 45 days before the cut, and 44.
        let as_of = [date(2026, 5, 16), date(2026, 5, 17), date(2026, 6, 29), date(2026, 6, 30)];
        assert_eq!(cut.split(&as_of).unwrap(), (vec![0], vec![3]));
    }

    #[test]
    fn no_account_is_on_both_sides_of_a_split_by_time_and_account() {
        let ids: Vec<String> = (0..40).map(|row| format!("A{}", row % 20)).collect();
        let as_of: Vec<Date> = (0..40).map(|row| date(2026, 1 + 6 * (row / 20) as i8, 1)).collect();
        let labels: Vec<bool> = (0..40).map(|row| row % 3 == 0).collect();
        let cut = TimeSplit::new(date(2026, 6, 1)).horizon_days(90);
        let splits = cut.split_apart(&as_of, &ids, &labels, 4, 7).unwrap();
        let mut tested: Vec<usize> = Vec::new();
        for (train, test) in splits {
            assert!(train.iter().all(|&row| row < 20 && test.iter().all(|&other| ids[other] != ids[row])));
            assert_eq!(train.len() + test.len(), 20);
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (20..40).collect::<Vec<_>>());
        assert!(cut.split_apart(&as_of, &ids[1..], &labels, 4, 7).is_err());
    }

    #[test]
    fn a_walk_forgets_what_is_older_than_its_window() {
        let as_of: Vec<Date> = (1..=6).map(|month| date(2026, month, 1)).collect();
        let walk = WalkForward::new().horizon_days(31).window_days(40).first(date(2026, 4, 1));
        let splits = walk.split(&as_of).unwrap();
        let train: Vec<&[usize]> = splits.iter().map(|split| &split.train[..]).collect();
        assert_eq!(train, [&[1, 2][..], &[1, 2], &[3, 4]]);
        assert!(splits.iter().zip(3..).all(|(split, row)| split.test == [row]));
        let text = WalkForward::new().horizon_days(400).split(&as_of).unwrap_err().to_string();
        assert_eq!(
            text,
            "every train side of the walk forward has no rows; give it rows of more dates, or a shorter gap and horizon"
        );
    }
}
