//! Tables from Parquet files: some threads unpack, each its share of the row groups, while another reads the rows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};

use super::super::table_from::TableFrom;
use super::Reading;
use super::arrow::BatchReader;
use crate::error::{Error, ErrorKind, Result};

/// Rows that are unpacked at a time: what is unpacked stays in the cache while it is read.
const BATCH_ROWS: usize = 1 << 15;
/// Batches of one thread that may wait to be read: those of a usual row group, so that no thread waits for another.
const WAITING: usize = 32;

type Unpacked = std::result::Result<RecordBatch, String>;

impl Reading<'_> {
    pub(super) fn parquet(&mut self, table: &TableFrom, path: &Path) -> Result<()> {
        let what = path.display().to_string();
        let what = what.as_str();
        // Each reader has a file of its own: copies of one handle would share its place in the file.
        let open = || File::open(path).map_err(|source| ErrorKind::Io { path: what.to_owned(), source });
        let told = |error: ParquetError| faulty(what, &error.to_string());
        let packed =
            Packed::new(&open()?, |column| table.reads(column, &self.timeline.account)).map_err(told)?;
        let mut rows = BatchReader::new(self, table, &packed.names)?;
        let n_groups = packed.metadata.metadata().num_row_groups();
        let n_threads = rayon::current_num_threads().clamp(1, n_groups.max(1));
        // A file that says more rows than there is room for, is found out when it is read.
        let _ = self.events.try_reserve_exact(packed.n_rows().saturating_mul(table.all_events().len()));
        let mut readers = Vec::new();
        for thread in 0..n_threads {
            let mut own = Vec::new();
            for group in (thread..n_groups).step_by(n_threads) {
                own.push(packed.reader(open()?, group).map_err(told)?);
            }
            readers.push(own);
        }
        std::thread::scope(|scope| {
            let mut receivers = Vec::new();
            let mut threads = Vec::new();
            for own in readers {
                let (sender, receiver) = sync_channel(WAITING);
                threads.push(scope.spawn(move || unpack(own, &sender)));
                receivers.push(receiver);
            }
            // In the order of the file, so that nothing depends on which thread is faster.
            let read = (0..n_groups).try_for_each(|group| {
                let n_rows = packed.metadata.metadata().row_group(group).num_rows();
                read_group(&receivers[group % n_threads], n_rows, |batch| rows.batch(self, batch), what)
            });
            drop(receivers);
            // One that gave up has sent too few rows, which is the error that is told.
            threads.into_iter().for_each(|thread| drop(thread.join()));
            read
        })?;
        rows.finish(self);
        Ok(())
    }
}

fn read_group(
    receiver: &Receiver<Unpacked>,
    n_rows: i64,
    mut read: impl FnMut(&RecordBatch) -> Result<()>,
    what: &str,
) -> Result<()> {
    let mut n_read = 0;
    while n_read < n_rows {
        let batch = receiver.recv().map_err(|_| faulty(what, "it has fewer rows than it says"))?;
        let batch = batch.map_err(|text| faulty(what, &text))?;
        n_read += batch.num_rows() as i64;
        read(&batch)?;
    }
    Ok(())
}

/// Ends early where nobody receives any more.
fn unpack(readers: Vec<ParquetRecordBatchReader>, sender: &SyncSender<Unpacked>) {
    for batch in readers.into_iter().flatten() {
        if sender.send(batch.map_err(|error| error.to_string())).is_err() {
            return;
        }
    }
}

/// A file with the columns that are wanted of it; texts come as dictionaries, as they mostly are in the file.
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

    fn n_rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    fn reader(
        &self,
        file: File,
        group: usize,
    ) -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
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
