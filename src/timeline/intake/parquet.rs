//! Tables from Parquet files: some threads unpack, each its share of the row groups, while another reads the rows.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use arrow_schema::{DataType, Field, Schema};

use super::super::file::Timeline;
use super::super::table_from::TableFrom;
use super::arrow::{Batch, BatchReader, Columns};
use super::{Reading, is_parquet};
use crate::error::{Error, ErrorKind, Result};

/// Rows that are unpacked at a time: what is unpacked stays in the cache while it is read.
const BATCH_ROWS: usize = 1 << 15;
/// Batches of one thread that may wait to be read: those of a usual row group, so that no thread waits for another.
const WAITING: usize = 32;
/// Files that are unpacked at a time: each is open once a thread, and a process may have few files open.
const FILES_AT_A_TIME: usize = 4;

type Unpacked = Result<Batch>;

/// A file that is being unpacked.
pub(super) struct Unpacking {
    what: String,
    names: Vec<String>,
    /// Rows of each row group.
    groups: Vec<i64>,
    /// One a thread; each sends its share of the row groups, in order.
    receivers: Vec<Receiver<Unpacked>>,
}

impl Unpacking {
    /// Begins to unpack; threads that nobody receives from any more end.
    pub fn begin<'scope>(
        scope: &'scope Scope<'scope, '_>,
        timeline: &Timeline,
        table: &TableFrom,
        path: &Path,
    ) -> Result<Self> {
        let what = path.display().to_string();
        // Each thread has a file of its own: copies of one handle would share its place in the file.
        let open = || File::open(path).map_err(|source| ErrorKind::Io { path: what.clone(), source });
        let told = |error: ParquetError| faulty(&what, &error.to_string());
        let packed = Packed::new(&open()?, |column| table.reads(column, &timeline.account)).map_err(told)?;
        let columns = Columns::new(timeline, table, &packed.names)?;
        let groups: Vec<i64> =
            packed.metadata.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        let n_threads = rayon::current_num_threads().clamp(1, groups.len().max(1));
        let mut receivers = Vec::new();
        for thread in 0..n_threads {
            let (sender, receiver) = sync_channel(WAITING);
            let (file, packed) = (open()?, packed.clone());
            let (columns, what) = (columns.clone(), what.clone());
            let own = (thread..groups.len()).step_by(n_threads);
            scope.spawn(move || unpack(&packed, &file, own, &columns, &what, &sender));
            receivers.push(receiver);
        }
        Ok(Unpacking { what, names: packed.names, groups, receivers })
    }
}

impl Reading<'_> {
    pub(super) fn parquet(&mut self, table: &TableFrom, path: &Path) -> Result<()> {
        std::thread::scope(|scope| {
            let unpacking = Unpacking::begin(scope, self.timeline, table, path)?;
            self.unpacked(table, unpacking)
        })
    }

    /// Reads tables from files, one after the other, while those that are Parquet are being unpacked.
    pub(super) fn files(&mut self, files: &[(&TableFrom, PathBuf)]) -> Result<()> {
        std::thread::scope(|scope| {
            let begin = |(table, path): &(&TableFrom, PathBuf)| match is_parquet(path) {
                true => Unpacking::begin(scope, self.timeline, table, path).map(Some),
                false => Ok(None),
            };
            let mut beginning = files.iter().map(begin);
            let mut begun = VecDeque::new();
            for (table, path) in files {
                for file in beginning.by_ref().take(FILES_AT_A_TIME - begun.len()) {
                    begun.push_back(file?);
                }
                match begun.pop_front().flatten() {
                    Some(unpacking) => self.unpacked(table, unpacking)?,
                    None => self.file(&table.title(), path).map(drop)?,
                }
            }
            Ok(())
        })
    }

    /// Reads a table from a file that is being unpacked.
    pub(super) fn unpacked(&mut self, table: &TableFrom, unpacking: Unpacking) -> Result<()> {
        let Unpacking { what, names, groups, receivers } = unpacking;
        let mut rows = BatchReader::new(self, table, &names)?;
        // A file that says more rows than there is room for, is found out when it is read.
        let n_rows = usize::try_from(groups.iter().sum::<i64>()).unwrap_or(0);
        let _ = self.events.try_reserve_exact(n_rows.saturating_mul(table.all_events().len()));
        // In the order of the file, so that nothing depends on which thread is faster.
        for (group, n_rows) in groups.iter().enumerate() {
            let receiver = &receivers[group % receivers.len()];
            read_group(receiver, *n_rows, |batch| rows.batch(self, batch), &what)?;
        }
        rows.finish(self);
        Ok(())
    }
}

fn read_group(
    receiver: &Receiver<Unpacked>,
    n_rows: i64,
    mut read: impl FnMut(&Batch),
    what: &str,
) -> Result<()> {
    let mut n_read = 0;
    while n_read < n_rows {
        // One that gave up has sent too few rows.
        let batch = receiver.recv().map_err(|_| faulty(what, "it has fewer rows than it says"))??;
        n_read += batch.n_rows as i64;
        read(&batch);
    }
    Ok(())
}

/// Ends early where nobody receives any more.
fn unpack(
    packed: &Packed,
    file: &File,
    groups: impl Iterator<Item = usize>,
    columns: &Columns,
    what: &str,
    sender: &SyncSender<Unpacked>,
) {
    for group in groups {
        let send = |batch: Unpacked| sender.send(batch).is_ok();
        let goes_on = match packed.reader(file, group) {
            Ok(mut reader) => reader.all(|batch| {
                let batch = batch.map_err(|error| faulty(what, &error.to_string()));
                send(batch.and_then(|batch| columns.batch(&batch)))
            }),
            Err(error) => send(Err(faulty(what, &error.to_string()))),
        };
        if !goes_on {
            return;
        }
    }
}

/// A file with the columns that are wanted of it; texts come as dictionaries, as they mostly are in the file.
#[derive(Clone)]
struct Packed {
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    names: Vec<String>,
}

impl Packed {
    fn new(file: &File, wanted: impl Fn(&str) -> bool) -> std::result::Result<Self, ParquetError> {
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
        let fields: Vec<Arc<Field>> = metadata.schema().fields().iter().map(as_words).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.schema().metadata().clone()));
        let options = ArrowReaderOptions::new().with_schema(schema.clone());
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
        let columns: Vec<usize> =
            (0..schema.fields().len()).filter(|at| wanted(schema.field(*at).name())).collect();
        let names = columns.iter().map(|at| schema.field(*at).name().clone()).collect();
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        Ok(Packed { metadata, mask, names })
    }

    fn reader(
        &self,
        file: &File,
        group: usize,
    ) -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, self.metadata.clone())
            .with_projection(self.mask.clone())
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()
    }
}

fn as_words(field: &Arc<Field>) -> Arc<Field> {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(words))
        }
        _ => field.clone(),
    }
}

fn faulty(what: &str, problem: &str) -> Error {
    ErrorKind::Records(format!("{what}: {problem}")).into()
}
